"""A machine that finds nothing proves nothing: each of these bugs is planted, and must be found."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import Phase

from marketplace.actors import Actor
from marketplace.tenancy import scope
from refunds import calling, deadlines, executor, ledger, reconciling, settling
from refunds.calling import Line
from refunds.executor import Claim, Plan
from refunds.gateways import Absent, Declined, Outcome, RefundAsk
from refunds.models import RefundBudget, RefundRequest
from tests.refunds.machine import run

pytestmark = pytest.mark.django_db(transaction=True)
Patch = pytest.MonkeyPatch


def a_new_key_at_every_call(patch: Patch) -> None:
    real = calling.ask_of
    patch.setattr(calling, "ask_of", lambda refund: replace(real(refund), key=str(uuid.uuid4())))


def repeats_without_a_look_and_a_key(patch: Patch) -> None:
    """As a client without idempotency does."""
    real = Line.refund

    def look_up(self: Line, ask: RefundAsk) -> Outcome:
        return Absent()

    patch.setattr(Line, "look_up", look_up)
    patch.setattr(Line, "refund", lambda self, ask: real(self, replace(ask, key=str(uuid.uuid4()))))


def unknown_is_taken_for_no(patch: Patch) -> None:
    def lose_track(refund: RefundRequest, why: str, retry_after: float | None, by: Actor) -> None:
        settling._fail(refund, "unknown", why, by)

    patch.setattr(settling, "_lose_track", lose_track)


def absent_is_taken_for_no(patch: Patch) -> None:
    """Although the call may still be on its way."""
    real = Line.look_up

    def look_up(self: Line, ask: RefundAsk) -> Outcome:
        outcome = real(self, ask)
        return Declined("absent", "Not there.") if isinstance(outcome, Absent) else outcome

    patch.setattr(Line, "look_up", look_up)


def unknown_is_taken_for_yes(patch: Patch) -> None:
    def lose_track(refund: RefundRequest, why: str, retry_after: float | None, by: Actor) -> None:
        settling._settle(refund, f"re_{refund.public_id}", by)

    patch.setattr(settling, "_lose_track", lose_track)


def a_failed_refund_keeps_its_reservation(patch: Patch) -> None:
    def release(budget: RefundBudget, refund: RefundRequest) -> None:
        pass

    patch.setattr(ledger, "release", release)


def a_refund_is_made_without_a_reservation(patch: Patch) -> None:
    def reserve(budget: RefundBudget, refund: RefundRequest) -> None:
        pass

    patch.setattr(ledger, "reserve", reserve)


def the_budget_is_read_without_a_lock_and_written_blindly(patch: Patch) -> None:
    """The columns change, the books do not."""

    def settle(budget: RefundBudget, refund: RefundRequest) -> None:
        RefundBudget.objects.filter(pk=budget.pk).update(
            reserved_minor=budget.reserved_minor - refund.amount_minor,
            refunded_minor=budget.refunded_minor + refund.amount_minor,
        )

    patch.setattr(ledger, "settle", settle)


def payouts_made_elsewhere_are_overlooked(patch: Patch) -> None:
    def record(*details: object) -> None:
        pass

    patch.setattr(reconciling, "_record", record)


def a_dead_worker_is_never_missed(patch: Patch) -> None:
    """Nobody wrote down when to look again."""
    real = executor.prepare

    def prepare(claim: Claim) -> Plan | None:
        plan = real(claim)
        if plan is not None:
            with scope(claim.seller_id):
                RefundRequest.objects.filter(pk=claim.refund_id).update(next_attempt_at=None)
        return plan

    patch.setattr(executor, "prepare", prepare)


def late_checks_are_left_out(patch: Patch) -> None:
    """Sent although a later file says that less was paid."""

    def passes(refund: RefundRequest) -> bool:
        return True

    patch.setattr(executor, "_passes_late_checks", passes)


def repeats_go_on_when_the_key_is_old(patch: Patch) -> None:
    patch.setattr(deadlines, "may_repeat", lambda *times: bool(times))


SOON_FOUND = [a_new_key_at_every_call, unknown_is_taken_for_no]
LATER_FOUND = [
    repeats_without_a_look_and_a_key,
    repeats_go_on_when_the_key_is_old,
    absent_is_taken_for_no,
    unknown_is_taken_for_yes,
    a_failed_refund_keeps_its_reservation,
    a_refund_is_made_without_a_reservation,
    the_budget_is_read_without_a_lock_and_written_blindly,
    payouts_made_elsewhere_are_overlooked,
    a_dead_worker_is_never_missed,
    late_checks_are_left_out,
]


@pytest.mark.parametrize(
    "plant",
    [*SOON_FOUND, *(pytest.param(plant, marks=pytest.mark.long) for plant in LATER_FOUND)],
    ids=lambda plant: plant.__name__,
)
def test_a_planted_bug_is_found(world: None, monkeypatch: Patch, plant: Callable[[Patch], None]) -> None:
    plant(monkeypatch)
    with pytest.raises(Exception) as found:
        run(80, 30, phases=(Phase.generate,))
    assert not isinstance(found.value, TypeError | NameError | AttributeError), found.value
