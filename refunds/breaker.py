"""When a gateway is left alone: after five calls in a row without a clear answer, for half a minute.

It only saves calls and states of UNKNOWN, never decides about money; so it lives in the process, and a worker
that has just started asks the gateway afresh.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from refunds import deadlines

FAILURES_TO_OPEN = 5


@dataclass(slots=True)
class _Line:
    failures: int = 0
    shut_until: float = 0.0


@dataclass(slots=True)
class Breaker:
    """One for the process; a line per (gateway, account), so that one seller's bad key shuts out nobody else."""

    _lines: dict[tuple[str, str], _Line] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def lets_through(self, gateway: str, account: str) -> bool:
        """May this call go out? After the pause a single one may try, the others wait for how it fares."""
        now = time.monotonic()
        with self._lock:
            line = self._lines.get((gateway, account))
            if line is None or line.failures < FAILURES_TO_OPEN:
                return True
            if now < line.shut_until:
                return False
            line.shut_until = now + deadlines.BREAKER_PAUSE.total_seconds()
            return True

    def note(self, gateway: str, account: str, *, was_clear: bool) -> None:
        """How the call went: any clear answer, a refusal too, closes the breaker."""
        with self._lock:
            line = self._lines.setdefault((gateway, account), _Line())
            line.failures = 0 if was_clear else line.failures + 1
            if line.failures >= FAILURES_TO_OPEN:
                line.shut_until = time.monotonic() + deadlines.BREAKER_PAUSE.total_seconds()

    def forget(self) -> None:
        with self._lock:
            self._lines.clear()


BREAKER = Breaker()
