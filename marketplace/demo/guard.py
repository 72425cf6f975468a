"""Ends what is left of the demo when its supervisor is gone, however it went; run as a file of its own.

The supervisor writes one process group per line to our standard input. When that pipe closes, the groups get
a moment to end by themselves (the kernel has already told their leaders to), then they are killed. Until we
end we hold the lock on the data directory, so that the next start waits for the last one's end.
"""

from __future__ import annotations

import os
import signal
import sys
import time

PATIENCE = 8.0


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    groups = [int(line) for line in sys.stdin if line.strip()]
    deadline = time.monotonic() + PATIENCE
    while any(is_alive(group) for group in groups) and time.monotonic() < deadline:
        time.sleep(0.1)
    for group in groups:
        if is_alive(group):
            os.killpg(group, signal.SIGKILL)


def is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # the number has gone to somebody else
    return True


if __name__ == "__main__":
    main()
