"""What must be true of the money at every moment; asked by the tests, the nightly task and a command.

The numbers are those of reliability.md section 4. Each check is one SQL statement, so it sees one moment; it
runs inside the scope of one seller and names every object for which it does not hold.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from django.db import connection

from marketplace import clock
from marketplace.actors import SYSTEM_ACTOR
from marketplace.fsm import MACHINES
from marketplace.models import Seller
from marketplace.tenancy import current_seller_id, scope
from refunds.gateways import ProviderRefund, ProviderStatus
from refunds.models import RefundRequest

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Breach:
    """One object for which an invariant does not hold."""

    invariant: str
    about: str
    text: str

    def __str__(self) -> str:
        return f"{self.invariant} {self.about}: {self.text}"


Check = Callable[[], list[Breach]]


def postings_add_up_to_zero() -> list[Breach]:
    """I1: the lines of a posting add up to zero, per currency; and each budget is the sum of its lines."""
    return _ask(
        "I1",
        """
        SELECT 'posting ' || posting, 'adds up to ' || sum(amount_minor) || ' ' || currency
        FROM refunds_ledgerline WHERE seller_id = %(seller)s GROUP BY posting, currency HAVING sum(amount_minor) <> 0
        UNION ALL
        SELECT 'budget ' || b.id, 'row ' || (b.cap_minor, b.reserved_minor, b.refunded_minor, b.disputed_minor,
            b.over_recovery_minor)::text || ', lines ' || (l.cap, l.reserved, l.refunded, l.disputed, l.over)::text
        FROM refunds_refundbudget b CROSS JOIN LATERAL (
            SELECT coalesce(-sum(amount_minor) FILTER (WHERE account = 'OUTSIDE'), 0) AS cap,
                coalesce(sum(amount_minor) FILTER (WHERE account = 'RESERVED'), 0) AS reserved,
                coalesce(sum(amount_minor) FILTER (WHERE account = 'REFUNDED'), 0) AS refunded,
                coalesce(sum(amount_minor) FILTER (WHERE account = 'DISPUTED'), 0) AS disputed,
                coalesce(-sum(amount_minor) FILTER (WHERE account = 'OVER_RECOVERY'), 0) AS over,
                coalesce(sum(amount_minor) FILTER (WHERE account = 'CAPTURED'), 0) AS captured
            FROM refunds_ledgerline WHERE seller_id = b.seller_id AND budget_id = b.id) l
        WHERE b.seller_id = %(seller)s AND (
            (b.cap_minor, b.reserved_minor, b.refunded_minor, b.disputed_minor, b.over_recovery_minor)
            IS DISTINCT FROM (l.cap, l.reserved, l.refunded, l.disputed, l.over) OR l.captured < 0)
        """,
    )


def never_more_than_paid() -> list[Breach]:
    """I2: reserved + refunded + disputed <= paid, but for facts, whose excess is named; and rows = refunds."""
    return _ask(
        "I2",
        """
        SELECT 'budget ' || b.id, 'cap ' || b.cap_minor || ', out ' || (b.reserved_minor + b.refunded_minor
            + b.disputed_minor) || ', over-recovery ' || b.over_recovery_minor || ', refunds under way '
            || r.reserved || ', done ' || r.refunded
        FROM refunds_refundbudget b CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount_minor) FILTER (WHERE status IN
                    ('VALIDATING', 'REVIEW', 'ON_HOLD', 'RESERVED', 'SUBMITTED', 'UNKNOWN')), 0) AS reserved,
                coalesce(sum(amount_minor) FILTER (WHERE status = 'COMPLETED'), 0) AS refunded
            FROM refunds_refundrequest WHERE seller_id = b.seller_id AND budget_id = b.id) r
        WHERE b.seller_id = %(seller)s AND (b.reserved_minor <> r.reserved OR b.refunded_minor <> r.refunded
            OR b.over_recovery_minor
               <> greatest(0, b.reserved_minor + b.refunded_minor + b.disputed_minor - b.cap_minor))
        UNION ALL
        SELECT r.public_id, 'amount ' || r.amount_minor || ', lines ' || coalesce(sum(l.amount_minor), 0)
        FROM refunds_refundrequest r
        LEFT JOIN refunds_refundline l ON l.seller_id = r.seller_id AND l.refund_id = r.id
        WHERE r.seller_id = %(seller)s GROUP BY r.id HAVING coalesce(sum(l.amount_minor), 0) <> r.amount_minor
        """,
    )


def history_tells_the_row() -> list[Breach]:
    """I4: versions 1..n without a gap, times in order, each move from where the last one led, the end = the row."""
    found: list[Breach] = []
    for machine, model in sorted(MACHINES.items()):
        found += _ask(
            "I4",
            f"""
            SELECT o.public_id, 'row ' || o.status || ' v' || o.version || ', history '
                || coalesce(string_agg(h.source || '>' || h.target, ' ' ORDER BY h.version), 'none')
            FROM "{model._meta.db_table}" o
            LEFT JOIN (
                SELECT *, lag(version, 1, 0) OVER w AS last_version, lag(target, 1, '') OVER w AS last_target,
                    lag(at) OVER w AS last_at
                FROM marketplace_statetransition WHERE seller_id = %(seller)s AND machine = %(machine)s
                WINDOW w AS (PARTITION BY object_id ORDER BY version)
            ) h ON h.object_id = o.id
            WHERE o.seller_id = %(seller)s GROUP BY o.id
            HAVING count(h.id) <> o.version OR bool_or(h.version <> h.last_version + 1)
                OR bool_or(h.source <> h.last_target) OR coalesce(bool_or(h.at < h.last_at), false)
                OR max(h.target) FILTER (WHERE h.version = o.version) IS DISTINCT FROM o.status
            """,
            machine=machine,
        )
    return found


def everything_has_an_owner() -> list[Breach]:
    """I5: what is not finished has a next moment, a lease, an outbox row or a person who sees it."""
    return _ask(
        "I5",
        """
        SELECT r.public_id, r.status || ', next ' || coalesce(r.next_attempt_at::text, 'never') || ', lease '
            || coalesce(r.leased_until::text, 'none')
        FROM refunds_refundrequest r JOIN marketplace_seller s ON s.id = r.seller_id
        WHERE r.seller_id = %(seller)s AND (
            r.status = 'VALIDATING'
            OR (r.status = 'RESERVED' AND r.gateway <> 'manual' AND r.next_attempt_at IS NULL)
            OR (r.status = 'SUBMITTED' AND r.next_attempt_at IS NULL)
            OR (r.status = 'UNKNOWN' AND r.next_attempt_at IS NULL AND r.person_asked_at IS NULL)
            OR (r.status = 'ON_HOLD' AND r.hold_reason = '')
            OR (r.status = 'ON_HOLD' AND r.hold_reason = 'MONEY_STOP' AND NOT s.is_money_stopped)
            OR (r.status IN ('RESERVED', 'SUBMITTED', 'UNKNOWN') AND NOT s.is_money_stopped
                AND r.next_attempt_at < %(now)s - interval '1 hour')
            OR (r.status IN ('COMPLETED', 'FAILED', 'CANCELLED', 'VALIDATION_FAILED')
                AND (r.settled_at IS NULL OR r.next_attempt_at IS NOT NULL)))
        UNION ALL
        SELECT 'event ' || public_id, name || ', due since ' || next_at
        FROM marketplace_outboxevent WHERE seller_id = %(seller)s AND handled_at IS NULL AND parked_at IS NULL
            AND next_at < %(now)s - interval '1 hour'
        """,
    )


def what_was_accepted_exists() -> list[Breach]:
    """I10: a refund that was answered with yes is there."""
    return _ask(
        "I10",
        """
        SELECT 'key ' || k.key, 'was answered with ' || coalesce(k.answer ->> 'public_id', 'no id')
        FROM marketplace_idempotencykey k
        WHERE k.seller_id = %(seller)s AND k.operation = 'refund.create' AND k.status = 201 AND NOT EXISTS (
            SELECT 1 FROM refunds_refundrequest r
            WHERE r.seller_id = k.seller_id AND r.public_id = k.answer ->> 'public_id')
        """,
    )


CHECKS: list[Check] = [
    postings_add_up_to_zero,
    never_more_than_paid,
    history_tells_the_row,
    everything_has_an_owner,
    what_was_accepted_exists,
]


def breaches() -> list[Breach]:
    """All checks that need no provider, in the current seller's scope."""
    return [breach for check in CHECKS for breach in check()]


def payouts_match(rows: Iterable[RefundRequest], payouts: Iterable[ProviderRefund]) -> Iterator[Breach]:
    """I3: payouts at the provider = refunds that are done, one to one, both ways, to the minor unit.

    `payouts`: the provider's whole list for the payments of `rows`. A refund in flight may have its one payout.
    """
    sent = [row for row in rows if row.gateway != "manual"]
    done = {row.provider_refund_id: row for row in sent if str(row.status) == "COMPLETED"}
    in_flight = {str(row.provider_key): row for row in sent if str(row.status) in {"SUBMITTED", "UNKNOWN"}}
    for payout in payouts:
        if payout.status is ProviderStatus.FAILED:
            continue
        amount = f"{payout.amount} {payout.currency}"
        row = done.pop(payout.provider_refund_id, None) or in_flight.pop(payout.key, None)
        if row is None:
            yield Breach("I3", payout.provider_refund_id, f"{amount} was paid; no refund here stands for it")
        elif (row.amount_minor, row.currency) != (payout.amount, payout.currency):
            yield Breach("I3", row.public_id, f"{amount} was paid for {row.amount_minor} {row.currency}")
    for left in done.values():
        yield Breach("I3", left.public_id, f"done as {left.provider_refund_id}, which the provider does not list")


def guard_all_sellers() -> int:
    """Check every seller; where the money is wrong, stop its payouts until support has looked. Returns breaches."""
    from refunds.services import stop_payouts

    total = 0
    for seller in Seller.objects.order_by("id"):
        with scope(seller.pk):
            found = breaches()
            for breach in found:
                log.error("Seller %s: %s", seller.slug, breach)
            about_money = [breach for breach in found if breach.invariant in {"I1", "I2"}]
            if about_money and not seller.is_money_stopped:
                stop_payouts(by=SYSTEM_ACTOR, reason="; ".join(str(breach) for breach in about_money)[:500])
        total += len(found)
    return total


def _ask(invariant: str, sql: str, **parameters: str) -> list[Breach]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"seller": current_seller_id(), "now": clock.now(), **parameters})
        return [Breach(invariant, about, text) for about, text in cursor.fetchall()]
