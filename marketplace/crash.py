"""Named points at which the crash suite kills the process; they cost one dictionary look-up otherwise."""

from __future__ import annotations

import os
import signal

_KILL_AT = os.environ.get("REDRESS_KILL_AT", "")
_seen: dict[str, int] = {}


def crashpoint(name: str) -> None:
    """Die here by SIGKILL if REDRESS_KILL_AT is this name (`name#3` = at the third passing)."""
    if not _KILL_AT:
        return
    wanted, _, nth = _KILL_AT.partition("#")
    if wanted == name:
        _seen[name] = _seen.get(name, 0) + 1
        if _seen[name] >= int(nth or 1):
            os.kill(os.getpid(), signal.SIGKILL)
