"""The money stop of a seller, and closing a difference that a person has looked at."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from marketplace import clock, events
from marketplace.actors import SYSTEM_ACTOR, Actor, ActorKind, Permission
from marketplace.errors import Forbidden, NotFound, Refused
from marketplace.models import Seller
from marketplace.moves import save_transitions
from marketplace.tenancy import current_seller_id
from refunds.models import Discrepancy, HoldReason, RefundRequest
from refunds.services.asking import EXECUTE


@transaction.atomic
def stop_payouts(*, by: Actor, reason: str) -> Seller:
    """Nothing is sent for this seller until payouts are resumed; requests and reservations go on."""
    by.require(Permission.REVIEW_REFUND)
    return _set_money_stop(True, by, reason)


@transaction.atomic
def resume_payouts(*, by: Actor, reason: str) -> Seller:
    """Payouts go on, and what was held by the stop is sent. What a red invariant stopped, support resumes."""
    if by.kind not in {ActorKind.SUPPORT, ActorKind.SYSTEM}:
        raise Forbidden(_("Support resumes payouts after looking at the books."))
    seller = _set_money_stop(False, by, reason)
    held = RefundRequest.objects.filter(status="ON_HOLD", hold_reason=HoldReason.MONEY_STOP)
    by_gateway = held.exclude(gateway="manual").order_by("id").values_list("id", flat=True)
    by_hand = held.filter(gateway="manual").order_by("id").values_list("id", flat=True)
    for ids, at in ((list(by_gateway), clock.now()), (list(by_hand), None)):
        save_transitions(
            RefundRequest,
            "release",
            ids,
            by=SYSTEM_ACTOR,
            reason_code="payouts_resumed",
            values={"hold_reason": "", "next_attempt_at": at},
        )
    events.ring_after_commit(EXECUTE)
    return seller


@transaction.atomic
def close_discrepancy(pk: int, *, by: Actor, note: str) -> Discrepancy:
    """A person has looked at it and says what it was."""
    by.require(Permission.REVIEW_REFUND)
    found: Discrepancy | None = Discrepancy.objects.select_for_update(no_key=True).filter(pk=pk).first()
    if found is None:
        raise NotFound
    if not note.strip():
        raise Refused(_("Say in a few words what it was."), code="reason_missing")
    if found.closed_at is None:
        found.closed_at, found.closed_by, found.closing_note = clock.now(), by.label[:160], note.strip()[:500]
        found.save(update_fields=["closed_at", "closed_by", "closing_note"])
    return found


def _set_money_stop(is_stopped: bool, by: Actor, reason: str) -> Seller:
    if not reason.strip():
        raise Refused(_("Say in a few words why."), code="reason_missing")
    seller = Seller.objects.select_for_update().get(pk=current_seller_id())
    if seller.is_money_stopped != is_stopped:
        seller.is_money_stopped = is_stopped
        seller.save(update_fields=["is_money_stopped"])
        name = "payouts.stopped" if is_stopped else "payouts.resumed"
        events.announce(name, seller, {"actor": by.label, "reason": reason.strip()[:500]})
    return seller
