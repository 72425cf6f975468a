"""May this refund be paid, has its key been used before, and how does this call go wrong?

Both doors ask here, so that both keep the same promises:

- one key, one payout: the payout and the answer to it are committed together, and every later call with the
  key gets that answer, errors included, once execution had begun;
- the same key with other parameters is refused; while the first call is running, so is the second;
- what is paid back never exceeds the payment (except in the mode ``answer_twice``, which is the fault G3).

Keys belong to an account and are forgotten after ``key_ttl`` seconds (24 h, as Stripe may do).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

from refunds.sandbox.book import Book, Payment, Payout, StoredAnswer, new_id
from refunds.sandbox.faults import Call, Fault, FaultPlan, Mode

Json = dict[str, Any]


class HangUpError(Exception):
    """Close the connection without an answer."""


class Why(StrEnum):
    """Every reason for which the till says no."""

    NO_SUCH_PAYMENT = "payment_unknown"
    CURRENCY_DIFFERS = "currency_differs"
    ALREADY_REFUNDED = "already_refunded"
    TOO_MUCH = "amount_too_large"
    DECLINED = "declined"
    KEY_IN_USE = "key_in_use"
    KEY_DIFFERS = "key_differs"
    RATE_LIMIT = "rate_limit"
    SERVER_ERROR = "server_error"


@dataclass(frozen=True, slots=True)
class Refusal:
    """``amount`` was asked, ``left`` could still be paid back, in minor units; 0 where they say nothing."""

    why: Why
    ask: Ask
    amount: int = 0
    left: int = 0
    payment: Payment | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """One call for a refund, of either door. ``amount`` None = all that is left; ``key`` "" = none."""

    account: str
    door: str
    payment_reference: str
    amount: int | None
    currency: str
    key: str
    fingerprint: str
    reference: str = ""
    reason: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    paid: int = 0  # what the caller says the buyer paid; makes an unknown payment where that is allowed


class Door(Protocol):
    """How a door says yes and no: HTTP status and JSON body."""

    def paid(self, payout: Payout, payment: Payment) -> tuple[int, Json]: ...

    def refused(self, refusal: Refusal) -> tuple[int, Json]: ...


class Caller(Protocol):
    """The other end of the line."""

    def wait(self, seconds: float) -> None:
        """Keep silent so long, or until the caller hangs up."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: str
    replayed: bool = False


class Till:
    """The one who pays. Safe for many threads."""

    def __init__(self, book: Book, faults: FaultPlan, *, auto_payments: bool, key_ttl: float = 86_400.0) -> None:
        self.book, self.faults = book, faults
        self.auto_payments, self.key_ttl = auto_payments, key_ttl
        self._lock = threading.Lock()
        self._keys_in_use: set[tuple[str, str]] = set()

    def refund(self, ask: Ask, door: Door, caller: Caller) -> Answer:
        """Pay once for the key, or say why not. HangUpError where a fault says nothing."""
        fault = self._fault_for(ask)
        if fault.mode in (Mode.DROP_CONNECTION, Mode.TIMEOUT_BEFORE):
            caller.wait(fault.delay)
            raise HangUpError
        if fault.mode is Mode.RATE_LIMIT:
            return _answer(*door.refused(Refusal(Why.RATE_LIMIT, ask)))
        if fault.mode is Mode.ERROR_500:
            return _answer(*door.refused(Refusal(Why.SERVER_ERROR, ask)))
        with self._holding(ask) as is_ours:
            if not is_ours:
                return _answer(*door.refused(Refusal(Why.KEY_IN_USE, ask)))
            if fault.mode is Mode.EXECUTE_LATE:
                time.sleep(fault.delay)
            answer = self._execute(ask, door, fault)
        if fault.mode in (Mode.TIMEOUT_AFTER, Mode.ANSWER_LATE):
            caller.wait(fault.delay)
        if fault.mode is Mode.TIMEOUT_AFTER:
            raise HangUpError
        return answer

    def read_fault(self, references: frozenset[str], caller: Caller) -> Why | None:
        """Act out a fault that waits for a look-up: HangUpError, a reason to refuse, or None to go on."""
        fault = self.faults.take(Call.LOOK_UP, references)
        caller.wait(fault.delay)
        if fault.mode in (Mode.DROP_CONNECTION, Mode.TIMEOUT_BEFORE, Mode.TIMEOUT_AFTER):
            raise HangUpError
        return {Mode.RATE_LIMIT: Why.RATE_LIMIT, Mode.ERROR_500: Why.SERVER_ERROR}.get(fault.mode)

    def _fault_for(self, ask: Ask) -> Fault:
        with self.book.writing() as book:
            payment = book.payment(ask.account, ask.payment_reference)
        names = {ask.payment_reference} | ({payment.reference, payment.charge} if payment else set())
        return self.faults.take(Call.REFUND, frozenset(names))

    @contextmanager
    def _holding(self, ask: Ask) -> Iterator[bool]:
        """Is the key ours until the block ends? No waiting; a crash forgets who held what."""
        held = (ask.account, ask.key)
        with self._lock:
            is_ours = held not in self._keys_in_use or not ask.key
            if is_ours:
                self._keys_in_use.add(held)
        try:
            yield is_ours
        finally:
            if is_ours:
                with self._lock:
                    self._keys_in_use.discard(held)

    def _execute(self, ask: Ask, door: Door, fault: Fault) -> Answer:
        """One transaction: the stored answer, or the decision, its payout and its answer."""
        with self.book.writing() as book:
            stored = book.answer(ask.account, ask.key) if ask.key else None
            if stored and time.time() - stored.created_at < self.key_ttl:
                if stored.fingerprint != ask.fingerprint:
                    return _answer(*door.refused(Refusal(Why.KEY_DIFFERS, ask)))
                return Answer(stored.status, stored.body, replayed=True)
            answer = _answer(*self._decide(ask, door, fault))
            if ask.key:
                kept = StoredAnswer(ask.fingerprint, answer.status, answer.body, time.time())
                book.keep_answer(ask.account, ask.key, kept)
            return answer

    def _decide(self, ask: Ask, door: Door, fault: Fault) -> tuple[int, Json]:
        payment = self._payment_for(ask)
        if payment is None:
            return door.refused(Refusal(Why.NO_SUCH_PAYMENT, ask))
        left = payment.amount - self.book.paid_back(payment)
        amount = left if ask.amount is None else ask.amount
        why = _objection(ask, payment, amount, left, fault)
        if why:
            return door.refused(Refusal(why, ask, amount, left, payment))
        payout = self._pay(ask, payment, amount, fault)
        if fault.mode is Mode.ANSWER_TWICE:
            self._pay(ask, payment, amount, fault)
        if fault.mode is Mode.ERROR_500_AFTER:
            return door.refused(Refusal(Why.SERVER_ERROR, ask, payment=payment))
        return door.paid(payout, payment)

    def _payment_for(self, ask: Ask) -> Payment | None:
        """The payment; made up from what the caller says was paid where allowed, and never made smaller."""
        payment = self.book.payment(ask.account, ask.payment_reference)
        if not self.auto_payments or not ask.paid or not ask.payment_reference:
            return payment
        if payment is None:
            made = Payment(ask.account, ask.payment_reference, new_id("ch_"), ask.paid, ask.currency, True, time.time())
            return self.book.keep_payment(made)
        if payment.is_auto and ask.paid > payment.amount:
            return self.book.keep_payment(replace(payment, amount=ask.paid))
        return payment

    def _pay(self, ask: Ask, payment: Payment, amount: int, fault: Fault) -> Payout:
        first = "pending" if fault.mode in (Mode.PENDING_THEN_SUCCESS, Mode.PENDING_THEN_FAIL) else "succeeded"
        fails = fault.mode in (Mode.PENDING_THEN_FAIL, Mode.SUCCESS_THEN_FAIL)
        payout = Payout(
            account=ask.account,
            payment_reference=payment.reference,
            amount=amount,
            currency=payment.currency,
            key=ask.key,
            reference=ask.reference,
            door=ask.door,
            reason=ask.reason,
            metadata=ask.metadata,
            first_status=first,
            last_status="failed" if fails else "succeeded",
            turns_at=time.time() + fault.delay if first == "pending" or fails else 0.0,
            failure_reason="lost_or_stolen_card" if fails else "",
        )
        self.book.add_payout(payout)
        return payout


def _objection(ask: Ask, payment: Payment, amount: int, left: int, fault: Fault) -> Why | None:
    if fault.mode is Mode.ERROR_500_STORED:
        return Why.SERVER_ERROR
    if ask.currency and ask.currency != payment.currency:
        return Why.CURRENCY_DIFFERS
    if fault.mode is Mode.DECLINE:
        return Why.DECLINED
    if left <= 0:
        return Why.ALREADY_REFUNDED
    return Why.TOO_MUCH if amount > left else None


def _answer(status: int, body: Json) -> Answer:
    return Answer(status, json.dumps(body))
