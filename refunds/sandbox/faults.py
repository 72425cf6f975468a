"""Which way of failing does the sandbox act out next?"""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, replace
from enum import StrEnum


class Mode(StrEnum):
    """One way to behave. "Executes": the payout is booked and the answer is stored under the key."""

    NORMAL = "normal"
    #: Never executes; says nothing for ``delay`` seconds, then hangs up.
    TIMEOUT_BEFORE = "timeout_before"
    #: Executes, then says nothing for ``delay`` seconds and hangs up.
    TIMEOUT_AFTER = "timeout_after"
    #: Answers 500 without executing; nothing is stored, so the same key may try again.
    ERROR_500 = "error_500"
    #: Answers 500 once execution has begun, without a payout; stored, so the key gets 500 for good.
    ERROR_500_STORED = "error_500_stored"
    #: Books the payout and yet answers 500, which is what the same key gets from then on.
    ERROR_500_AFTER = "error_500_after"
    #: Answers 429 before the idempotency layer, as a rate limiter does.
    RATE_LIMIT = "rate_limit"
    #: Refuses the refund for good; stored.
    DECLINE = "decline"
    #: Executes as pending; turns to succeeded after ``delay`` seconds.
    PENDING_THEN_SUCCESS = "pending_then_success"
    #: Executes as pending; turns to failed after ``delay`` seconds.
    PENDING_THEN_FAIL = "pending_then_fail"
    #: Executes as succeeded; turns to failed (the bank sent it back) after ``delay`` seconds.
    SUCCESS_THEN_FAIL = "success_then_fail"
    #: Books two payouts for the one key, over the payment's amount if need be; answers with the first.
    ANSWER_TWICE = "answer_twice"
    #: Executes at once, answers after ``delay`` seconds.
    ANSWER_LATE = "answer_late"
    #: Waits ``delay`` seconds, key in use, then executes and answers, even if the caller has gone.
    EXECUTE_LATE = "execute_late"
    #: Hangs up at once without executing.
    DROP_CONNECTION = "drop_connection"


#: Seconds, where the control call names none. A timeout outlives the caller's own 20 s read timeout.
DEFAULT_DELAYS: dict[Mode, float] = {
    Mode.TIMEOUT_BEFORE: 30.0,
    Mode.TIMEOUT_AFTER: 30.0,
    Mode.ANSWER_LATE: 3.0,
    Mode.EXECUTE_LATE: 3.0,
    Mode.PENDING_THEN_SUCCESS: 2.0,
    Mode.PENDING_THEN_FAIL: 2.0,
    Mode.SUCCESS_THEN_FAIL: 2.0,
}

#: The modes that also make sense for a read (``on="look_up"``).
READ_MODES = frozenset(
    {
        Mode.TIMEOUT_BEFORE,
        Mode.TIMEOUT_AFTER,
        Mode.ERROR_500,
        Mode.RATE_LIMIT,
        Mode.ANSWER_LATE,
        Mode.DROP_CONNECTION,
    }
)


class Call(StrEnum):
    """What a fault waits for: the asking of a refund, or the reading of refunds."""

    REFUND = "refund"
    LOOK_UP = "look_up"


@dataclass(frozen=True, slots=True)
class Fault:
    """``mode`` for the next ``left`` calls (None = for ever) about the payment ``match`` ("" = any)."""

    mode: Mode
    left: int | None = 1
    match: str = ""
    delay: float = 0.0
    on: Call = Call.REFUND


NO_FAULT = Fault(Mode.NORMAL, None)


class FaultPlan:
    """The queue of faults, in memory: a restarted gateway is a healthy one. Safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Queue a fault; NORMAL forgets the queued ones (of that payment, where ``match`` names one)."""
        with self._lock:
            if fault.mode is Mode.NORMAL:
                self._faults = [f for f in self._faults if fault.match and f.match != fault.match]
            elif fault.left is None or fault.left > 0:
                self._faults.append(fault)

    def take(self, call: Call, references: frozenset[str]) -> Fault:
        """The first fault that waits for this call about a payment of these names, used up by one."""
        with self._lock:
            for position, fault in enumerate(self._faults):
                if fault.on is not call or (fault.match and fault.match not in references):
                    continue
                if fault.left is not None:
                    rest = replace(fault, left=fault.left - 1)
                    self._faults[position : position + 1] = [rest] if rest.left else []
                return fault
        return NO_FAULT

    def clear(self) -> None:
        with self._lock:
            self._faults = []

    def listing(self) -> list[dict[str, object]]:
        """The queued faults, oldest first, as JSON-ready dicts."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]


def fault_from(fields: dict[str, object]) -> Fault:
    """Read a control call: mode, count (null = for ever), match, delay (s), on. ValueError if wrong."""
    mode = Mode(str(fields.get("mode", "")))
    call = Call(str(fields.get("on") or Call.REFUND))
    if call is Call.LOOK_UP and mode is not Mode.NORMAL and mode not in READ_MODES:
        raise ValueError(f"{mode} says nothing about a look-up")
    count, delay = fields.get("count", 1), fields.get("delay")
    return Fault(
        mode=mode,
        left=None if count in (None, "") else int(str(count)),
        match=str(fields.get("match") or ""),
        delay=DEFAULT_DELAYS.get(mode, 0.0) if delay in (None, "") else float(str(delay)),
        on=call,
    )
