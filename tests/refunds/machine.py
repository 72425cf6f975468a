"""The machine of random steps over one charge: asking, faults, kills, zombies, payouts made elsewhere, later files.

The database, the executor and the sandbox process are the real ones; time is ours. After every step all
invariants hold and the provider bears us out; at the end, when the faults are over, the provider's list
and our rows are one to one. test_refund_machine.py runs it; test_planted_bugs.py demands that it finds bugs.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, ClassVar

import requests
from django.test import override_settings
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from marketplace import clock
from marketplace.actors import SYSTEM_ACTOR, MemberRole
from marketplace.errors import DomainError, Refused
from marketplace.models import Order, OutboxEvent, Seller
from marketplace.tenancy import scope
from refunds import calling, executor, invariants, ledger, reconciling
from refunds.breaker import BREAKER
from refunds.executor import Claim, Plan
from refunds.gateways import Outcome
from refunds.models import RefundBudget, RefundRequest
from refunds.services import (
    RefundLineAsk,
    cancel_refund,
    create_refund,
    hold_refund,
    release_refund,
    resolve_refund_as_unpaid,
    resume_payouts,
    review_refund,
)
from tests.cast import Shop
from tests.factories import OrderFactory
from tests.refunds.sandbox_fixture import SandboxProcess

CAP = 10_000
FAULTS = [
    "drop_connection",
    "error_500",
    "error_500_after",
    "error_500_stored",
    "rate_limit",
    "decline",
    "timeout_before",
    "timeout_after",
    "pending_then_success",  # with an endless delay: pending for good
    "success_then_fail",  # without delay: has failed at once
    "answer_twice",
]
DELAYS = {"timeout_before": 0.3, "timeout_after": 0.3, "pending_then_success": 10_000, "success_then_fail": 0}
ENDED_UNPAID = {"FAILED", "CANCELLED", "VALIDATION_FAILED"}
AMOUNTS = st.one_of(st.sampled_from([1, 3_000, 5_000, CAP, CAP + 1]), st.integers(1, CAP + 500))
PAUSES = st.sampled_from([1, 9, 11, 61, 301, 3_600, 7_300, 43_300, 71_999, 72_001, 86_401, 8 * 86_400])


class World:
    """What the machines of one test share: the shop, the sandbox, and the actors."""

    shop: ClassVar[Shop]
    sandbox: ClassVar[SandboxProcess]


class RefundMachine(RuleBasedStateMachine):
    """One order of 100.00 and everything that may happen to it."""

    def __init__(self) -> None:
        super().__init__()
        self.shop, self.sandbox = World.shop, World.sandbox
        self.owner, self.second = self.shop.actor(), self.shop.actor(MemberRole.FINANCE)
        self.refunds: list[str] = []
        self.tokens: dict[str, tuple[int, str]] = {}
        self.uncalled: list[Plan] = []
        self.unsettled: list[tuple[Plan, Outcome]] = []
        self.outside = 0  # minor units that somebody paid back on the provider's own pages
        self.is_paid_twice = self.is_stopped = False
        self.cap = CAP
        self.now: datetime = clock.now()

    @initialize()
    def open_order(self) -> None:
        self.sandbox.reset()
        with scope(self.shop.seller.pk):
            self.order: Order = OrderFactory(
                channel=self.shop.channel, lines=[{"sku": "LAMP", "quantity": 1, "item_minor": CAP}]
            )
        # The provider knows of a larger payment than any file, so that only our own cap holds.
        self.sandbox.new_payment(self.order.payment_reference, 10 * CAP, account=self.shop.seller.slug)

    # --- asking and deciding

    @rule(amount=AMOUNTS, token=st.sampled_from(["", "form-1", "form-2"]))
    def ask(self, amount: int, token: str) -> None:
        token = f"{self.order.public_id} {token}" if token else ""
        before, left = self.statuses(), self.left()
        refund, code = self.asked(amount, token)
        if token in self.tokens:
            first_amount, first = self.tokens[token]
            assert (refund, code) == ((first, "") if amount == first_amount else (None, "idempotency_mismatch"))
        else:
            assert (code == "") == (amount <= left)
            assert code in {"", ledger.EXCEEDED}
        if code or token in self.tokens:
            assert self.statuses() == before
            return
        assert refund is not None
        self.refunds.append(refund)
        if token:
            self.tokens[token] = (amount, refund)

    def asked(self, amount: int, token: str) -> tuple[str | None, str]:
        """(public id, "") or (None, the code of the refusal)."""
        try:
            with scope(self.shop.seller.pk), clock.override(self.now):
                refund = create_refund(
                    self.order.public_id,
                    by=self.owner,
                    lines=[RefundLineAsk(None, "GOODWILL", amount)],
                    reason_code="GENERAL_ADJUSTMENT",
                    client_token=token,
                )
                return refund.public_id, ""
        except Refused as refusal:
            return None, refusal.code

    @precondition(lambda self: self.refunds)
    @rule(
        data=st.data(),
        verb=st.sampled_from([cancel_refund, hold_refund, release_refund, review_refund, resolve_refund_as_unpaid]),
    )
    def decide(self, data: st.DataObject, verb: Callable[..., RefundRequest]) -> None:
        public_id = data.draw(st.sampled_from(self.refunds))
        more = {} if verb is review_refund else {"reason": "Because."}
        with suppress(DomainError):  # not possible from this state: then nothing has happened
            self.do(lambda: verb(public_id, by=self.second, **more))

    # --- working, and dying at it

    @rule()
    def work(self) -> None:
        """What is sent for the first time fits into what was paid; what is repeated is repeated in time."""
        BREAKER.forget()
        before = self.calls()
        with clock.override(self.now):
            executor.execute_due()
        for pk, (attempts, first_called_at) in self.calls().items():
            was = before.get(pk, (0, None))[0]
            if attempts == was:
                continue
            assert not self.is_stopped
            if was:
                assert self.now < first_called_at + timedelta(hours=20)
            else:
                assert self.over_recovery() == 0

    @precondition(lambda self: self.refunds)
    @rule(mode=st.sampled_from(FAULTS))
    def work_goes_wrong(self, mode: str) -> None:
        self.plant_fault(mode, 1)
        self.work()

    @rule()
    def die_after_the_claim(self) -> None:
        self.claims()

    @rule(calls=st.booleans())
    def stall_after_the_commit(self, calls: bool) -> None:
        """The last that is known of it is "about to call": it may have gone out, or go out much later, or never."""
        for claim in self.claims():
            plan = self.prepared(claim)
            if plan is None:
                continue
            if calls:
                self.unsettled.append((plan, self.call(plan)))
            else:
                self.uncalled.append(plan)

    @precondition(lambda self: self.uncalled)
    @rule(data=st.data())
    def zombie_calls(self, data: st.DataObject) -> None:
        plan = self.uncalled.pop(data.draw(st.integers(0, len(self.uncalled) - 1)))
        self.unsettled.append((plan, self.call(plan)))

    @rule(seconds=PAUSES)
    def a_worker_sleeps(self, seconds: int) -> None:
        """It stops right before its call, others take over, and it wakes up and calls all the same."""
        plans = [plan for plan in (self.prepared(claim) for claim in self.claims()) if plan is not None]
        self.time_passes(seconds)
        for plan in plans:
            outcome = self.call(plan)
            with clock.override(self.now):
                executor.settle(plan, outcome)

    def prepared(self, claim: Claim) -> Plan | None:
        with clock.override(self.now):
            return executor.prepare(claim)

    def call(self, plan: Plan) -> Outcome:
        return plan.line.look_up(plan.ask) if plan.step is executor.Step.LOOK_UP else plan.line.refund(plan.ask)

    @precondition(lambda self: self.unsettled)
    @rule(data=st.data())
    def zombie_settles(self, data: st.DataObject) -> None:
        plan, outcome = self.unsettled.pop(data.draw(st.integers(0, len(self.unsettled) - 1)))
        with clock.override(self.now):
            executor.settle(plan, outcome)

    def claims(self) -> list[Claim]:
        with clock.override(self.now):
            return executor.claim_due(2)

    # --- the world outside

    @rule(mode=st.sampled_from(FAULTS), count=st.integers(1, 3))
    def plant_fault(self, mode: str, count: int) -> None:
        self.sandbox.control(mode, count=1 if mode == "answer_twice" else count, delay=DELAYS.get(mode, 0))
        self.is_paid_twice |= mode == "answer_twice"

    @rule(mode=st.sampled_from(["error_500", "drop_connection", "rate_limit"]), count=st.integers(1, 3))
    def plant_fault_of_look_ups(self, mode: str, count: int) -> None:
        self.sandbox.control(mode, count=count, on="look_up")

    @precondition(lambda self: self.outside < CAP)
    @rule(amount=st.sampled_from([500, 4_000, 9_000]))
    def pay_outside(self, amount: int) -> None:
        """Somebody refunds on the provider's own pages; no fault that waits for us is used up by it."""
        self.sandbox.control("normal")
        answer = requests.post(
            f"{self.sandbox.url}/refunds",
            json={
                "key": f"outside-{uuid.uuid4()}",
                "payment_reference": self.order.payment_reference,
                "amount": amount,
                "currency": "GBP",
            },
            headers={"Authorization": f"Bearer {self.shop.seller.slug}"},
            timeout=10,
        )
        if answer.status_code == 201:
            self.outside += amount

    @rule()
    def compare_lists(self) -> None:
        BREAKER.forget()
        with scope(self.shop.seller.pk):
            RefundBudget.objects.filter(order=self.order).update(reconcile_at=self.now)
        with clock.override(self.now):
            reconciling.reconcile_due()

    @rule(paid=st.sampled_from([2_000, 6_000, CAP, 12_000]))
    def later_file(self, paid: int) -> None:
        with scope(self.shop.seller.pk):
            Order.objects.filter(pk=self.order.pk).update(paid_minor=paid)
        self.cap = paid

    @rule(is_stopped=st.sampled_from([False, False, True]))
    def money_stop(self, is_stopped: bool) -> None:
        Seller.objects.filter(pk=self.shop.seller.pk).update(is_money_stopped=is_stopped)
        self.is_stopped = is_stopped
        if not is_stopped:
            self.do(lambda: resume_payouts(by=SYSTEM_ACTOR, reason="The machine goes on."))

    @rule(seconds=PAUSES)
    def time_passes(self, seconds: int) -> None:
        """The clock goes on and the worker is there again; who is dead by then stays dead."""
        self.now += timedelta(seconds=seconds)
        with scope(self.shop.seller.pk):
            OutboxEvent.objects.filter(handled_at=None).update(handled_at=self.now)
        self.work()
        self.now += timedelta(seconds=120)  # past every lease
        self.work()

    # --- what must be true after each of these

    @invariant()
    def the_books_agree(self) -> None:
        with scope(self.shop.seller.pk), clock.override(self.now):
            assert [str(breach) for breach in invariants.breaches()] == []

    @invariant()
    def the_provider_bears_us_out(self) -> None:
        """Each refund asked with one key; what was paid is not called unpaid, nor what was not paid, paid."""
        payouts = [payout for payout in self.payouts() if payout["reference"]]
        paid = [payout for payout in payouts if payout["status"] != "failed"]
        with scope(self.shop.seller.pk):
            rows = {row.public_id: row for row in RefundRequest.objects.filter(order_id=self.order_id())}
        keys = {(payout["reference"], payout["key"]) for payout in payouts}
        assert keys == {(reference, str(rows[reference].provider_key)) for reference, _key in keys}
        if not self.is_paid_twice:
            assert len(paid) == len({payout["reference"] for payout in paid})
        for payout in paid:
            row = rows[payout["reference"]]
            assert payout["amount"] == row.amount_minor
            assert str(row.status) not in ENDED_UNPAID or row.refusal_code == "not_paid", row.status
        ids = {payout["id"] for payout in paid}
        for row in rows.values():
            if str(row.status) == "COMPLETED" and row.source == "REQUEST":
                assert row.provider_refund_id in ids

    def teardown(self) -> None:
        """The faults are over: everything comes to rest, and provider and rows are one to one."""
        try:
            if hasattr(self, "order"):
                with override_settings(GATEWAY_READ_TIMEOUT=10):  # from here on nothing may fail
                    self.come_to_rest()
        finally:
            with scope(self.shop.seller.pk):
                # What is pending for ever is out of the way of the next run.
                RefundRequest.objects.filter(order=self.order, status__in=["SUBMITTED", "UNKNOWN"]).update(
                    next_attempt_at=self.now + timedelta(days=3650)
                )
                OutboxEvent.objects.filter(handled_at=None).update(handled_at=self.now)
            Seller.objects.filter(pk=self.shop.seller.pk).update(is_money_stopped=False)

    def come_to_rest(self) -> None:
        self.sandbox.control("normal")
        self.money_stop(False)
        for pause in (1, 11, 61, 301, 3_601, 86_401):
            self.time_passes(pause)
            self.compare_lists()
            self.the_books_agree()
        with scope(self.shop.seller.pk):
            rows = list(RefundRequest.objects.filter(order=self.order))
            figures = ledger.budget_for(self.order) if rows else None
        for row in rows:
            assert str(row.status) not in {"VALIDATING", "RESERVED"}, row.status
        if figures is None:
            return
        payouts = calling.line_of("sandbox", self.shop.seller).list_refunds(self.order.payment_reference)
        assert [str(breach) for breach in invariants.payouts_match(rows, payouts)] == []
        external = sum(row.amount_minor for row in rows if row.source == "EXTERNAL" and row.asker == "")
        assert external == self.outside
        assert figures.over_recovery_minor == max(0, figures.out_minor - figures.cap_minor)

    # --- looking

    def do(self, verb: Callable[[], Any]) -> Any:
        with scope(self.shop.seller.pk), clock.override(self.now):
            return verb()

    def payouts(self) -> list[dict[str, Any]]:
        return self.sandbox.payouts(self.order.payment_reference) if hasattr(self, "order") else []

    def order_id(self) -> int:
        return int(self.order.pk) if hasattr(self, "order") else 0

    def calls(self) -> dict[int, tuple[int, datetime]]:
        """Of each refund: how often it may have been sent, and when first."""
        with scope(self.shop.seller.pk):
            rows = RefundRequest.objects.filter(order_id=self.order_id())
            return {row.pk: (row.attempts, row.first_called_at) for row in rows}

    def over_recovery(self) -> int:
        with scope(self.shop.seller.pk):
            return int(RefundBudget.objects.get(order=self.order).over_recovery_minor)

    def statuses(self) -> list[tuple[int, str]]:
        with scope(self.shop.seller.pk):
            return list(RefundRequest.objects.filter(order=self.order).order_by("id").values_list("id", "status"))

    def left(self) -> int:
        """Counted anew from the rows: what was paid, less all that is out or on its way."""
        with scope(self.shop.seller.pk):
            rows = RefundRequest.objects.filter(order=self.order).exclude(status__in=ENDED_UNPAID)
            return max(0, self.cap - sum(int(minor) for minor in rows.values_list("amount_minor", flat=True)))


def run(examples: int, steps: int, **more: Any) -> None:
    """So many runs of so many steps."""
    run_state_machine_as_test(
        RefundMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            **more,
        ),
    )
