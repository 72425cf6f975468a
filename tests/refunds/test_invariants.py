"""The invariants find what they are for; a red one about money stops the payouts of its seller alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO

import psycopg2
import pytest
from django.core.management import CommandError, call_command

from marketplace import clock, events
from marketplace.actors import Actor
from marketplace.models import OutboxEvent, Seller
from marketplace.tenancy import scope
from refunds import invariants, tasks
from refunds.gateways import ProviderRefund, ProviderStatus
from refunds.models import RefundRequest
from tests import databases
from tests.cast import Shop
from tests.refunds.sandbox_fixture import SandboxProcess
from tests.refunds.steps import ask, breaches, fresh, sent

pytestmark = pytest.mark.django_db(transaction=True)
Break = Callable[[str], None]


@pytest.fixture
def damage(database_addresses: databases.Addresses) -> Break:
    """Do with a statement what nobody can do through the application: triggers and constraints switched off."""

    def run(statement: str) -> None:
        connection = psycopg2.connect(database_addresses.admin)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute("SET session_replication_role = replica")
                cursor.execute(statement)
        finally:
            connection.close()

    return run


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE refunds_ledgerline SET amount_minor = amount_minor + 1 WHERE account = 'REFUNDED'", "I1"),
        ("DELETE FROM refunds_ledgerline WHERE account = 'REFUNDED'", "I1"),
        ("UPDATE refunds_refundbudget SET refunded_minor = 0", "I1"),
        ("UPDATE refunds_refundbudget SET refunded_minor = 0", "I2"),
        ("UPDATE refunds_refundrequest SET amount_minor = amount_minor + 1", "I2"),
        ("UPDATE refunds_refundline SET amount_minor = 1", "I2"),
        ("UPDATE refunds_refundrequest SET status = 'FAILED' WHERE status = 'COMPLETED'", "I2"),
        ("UPDATE refunds_refundrequest SET status = 'FAILED' WHERE status = 'COMPLETED'", "I4"),
        ("UPDATE refunds_refundrequest SET version = version + 1", "I4"),
        ("DELETE FROM marketplace_statetransition WHERE version = 2", "I4"),
        ("DELETE FROM marketplace_statetransition WHERE version = 4", "I4"),
        ("UPDATE marketplace_statetransition SET source = 'REVIEW' WHERE version = 3", "I4"),
        ("UPDATE marketplace_statetransition SET at = at - interval '1 day' WHERE version = 3", "I4"),
        ("UPDATE refunds_refundrequest SET next_attempt_at = NULL WHERE status = 'RESERVED'", "I5"),
        ("UPDATE refunds_refundrequest SET status = 'SUBMITTED', attempts = 1, next_attempt_at = NULL", "I5"),
        ("UPDATE refunds_refundrequest SET status = 'UNKNOWN', attempts = 1, next_attempt_at = NULL", "I5"),
        ("UPDATE refunds_refundrequest SET status = 'VALIDATING'", "I5"),
        ("UPDATE refunds_refundrequest SET status = 'ON_HOLD', hold_reason = ''", "I5"),
        ("UPDATE refunds_refundrequest SET status = 'ON_HOLD', hold_reason = 'MONEY_STOP'", "I5"),
        ("UPDATE refunds_refundrequest SET next_attempt_at = now() - interval '61 minutes'", "I5"),
        ("UPDATE refunds_refundrequest SET settled_at = NULL", "I5"),
        ("UPDATE marketplace_outboxevent SET next_at = now() - interval '61 minutes'", "I5"),
        ("UPDATE refunds_refundrequest SET public_id = 'ba-gone' || id", "I10"),
    ],
)
def test_damage_is_found(
    acme: Shop, owner: Actor, sandbox: SandboxProcess, damage: Break, statement: str, found: str
) -> None:
    sent(acme, owner, 1_000, token="one")
    ask(acme, owner, 2_000, token="two")
    assert breaches(acme) == []

    damage(statement)

    assert found in {text.split()[0] for text in breaches(acme)}


def test_an_overdue_refund_of_stopped_payouts_is_no_orphan(acme: Shop, owner: Actor) -> None:
    ask(acme, owner)
    events.drain_all()
    with clock.override(clock.now() + timedelta(hours=2)):
        assert [text.split()[0] for text in breaches(acme) if text.startswith("I5 ba-")] == ["I5"]
        Seller.objects.update(is_money_stopped=True)
        assert [text for text in breaches(acme) if text.startswith("I5 ba-")] == []


# --- I3, against the provider's list


def payout(refund: RefundRequest, **other: object) -> ProviderRefund:
    values: dict[str, object] = {
        "provider_refund_id": refund.provider_refund_id,
        "payment_reference": refund.payment_reference,
        "amount": refund.amount_minor,
        "currency": "GBP",
        "status": ProviderStatus.SETTLED,
        "created_at": datetime(2026, 11, 22, tzinfo=UTC),
        "key": str(refund.provider_key),
    }
    return ProviderRefund(**(values | other))  # type: ignore[arg-type]


def test_payouts_and_refunds_are_one_to_one(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    done = sent(acme, owner, 1_000)
    sandbox.control("timeout_after", delay=1)
    unknown = sent(acme, owner, 2_000)
    rows = [done, unknown]
    ours, lost = payout(done), payout(unknown, provider_refund_id="re_lost")

    def judged(*payouts: ProviderRefund) -> list[str]:
        return [breach.about for breach in invariants.payouts_match(rows, payouts)]

    assert judged(ours) == []
    assert judged(ours, lost) == []
    assert judged(ours, payout(done, provider_refund_id="re_2", status=ProviderStatus.FAILED)) == []
    assert judged() == [done.public_id]
    assert judged(ours, ours) == [done.provider_refund_id]
    assert judged(ours, lost, payout(unknown, provider_refund_id="re_again")) == ["re_again"]
    assert judged(payout(done, amount=999)) == [done.public_id]
    assert judged(ours, payout(done, provider_refund_id="re_x", key="")) == ["re_x"]
    assert judged(payout(done, status=ProviderStatus.FAILED)) == [done.public_id]


# --- the command and the guard


def test_the_command_says_that_all_is_well(acme: Shop, globex: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    sent(acme, owner)
    out = StringIO()
    call_command("check_invariants", "--with-provider", stdout=out)
    assert out.getvalue().splitlines() == [
        "acme: 1 refunds, 0 breaches",
        "globex: 0 refunds, 0 breaches",
        "All invariants hold.",
    ]


def test_the_command_names_each_breach_and_fails(
    acme: Shop, globex: Shop, owner: Actor, sandbox: SandboxProcess, damage: Break
) -> None:
    refund = sent(acme, owner)
    sandbox.reset()
    damage("UPDATE refunds_refundbudget SET refunded_minor = 0")
    out = StringIO()
    with pytest.raises(CommandError) as failure:
        call_command("check_invariants", "--with-provider", stdout=out)
    assert failure.value.returncode == 1
    assert "acme: 1 refunds, 3 breaches" in out.getvalue()
    assert f"  I3 {refund.public_id}: done as" in out.getvalue()

    out = StringIO()
    call_command("check_invariants", "--seller", "globex", stdout=out)
    assert "acme" not in out.getvalue()
    with pytest.raises(CommandError, match="no seller"):
        call_command("check_invariants", "--seller", "nobody", stdout=StringIO())


def test_wrong_books_stop_the_payouts_of_their_seller(
    acme: Shop, globex: Shop, owner: Actor, stranger: Actor, damage: Break
) -> None:
    ask(acme, owner)
    ask(globex, stranger)
    assert tasks.check_invariants() == 0
    damage(f"UPDATE refunds_refundbudget SET reserved_minor = 0 WHERE seller_id = {acme.seller.pk}")

    assert tasks.check_invariants() == 2

    acme.seller.refresh_from_db()
    globex.seller.refresh_from_db()
    assert (acme.seller.is_money_stopped, globex.seller.is_money_stopped) == (True, False)
    with scope(acme.seller.pk):
        event = OutboxEvent.objects.get(name="payouts.stopped")
        assert "I1 budget" in event.payload["reason"]
    assert str(fresh(ask(acme, owner, 100)).status) == "ON_HOLD"


def test_an_orphan_alone_stops_nothing(acme: Shop, owner: Actor, damage: Break) -> None:
    ask(acme, owner)
    damage("UPDATE refunds_refundrequest SET next_attempt_at = NULL")
    assert tasks.check_invariants() == 1
    acme.seller.refresh_from_db()
    assert not acme.seller.is_money_stopped
