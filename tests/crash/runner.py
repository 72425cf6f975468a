"""One step in a process of its own: `python -m tests.crash.runner <step> <facts as JSON> <seconds later>`.

With REDRESS_KILL_AT the process dies there by SIGKILL; else the last line it prints is the step's answer.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta

import django


def main(name: str, given: str, later: str) -> None:
    django.setup()
    from marketplace import clock
    from tests.crash.steps import STEPS

    with clock.override(clock.now() + timedelta(seconds=float(later))):
        answer = STEPS[name](json.loads(given))
    time.sleep(0.2)  # the doorbell is rung by a thread that does not outlive us
    print(json.dumps(answer), flush=True)  # noqa: T201  (this is how the test hears of it)


if __name__ == "__main__":
    main(*sys.argv[1:])
