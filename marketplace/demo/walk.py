"""The scripted job of `manage.py demo --once`: one story through HTTP and SMTP, told step by step."""

from __future__ import annotations

import smtplib
import time
from collections.abc import Callable

import requests

from marketplace.demo import walk_job, walk_more
from marketplace.demo.journey import Journey
from marketplace.demo.person import StepFailed

__all__ = ["Journey", "walk"]

# A step's first line of documentation is what it promises; it answers with a few words on what it saw.
STEPS = [*walk_job.STEPS, *walk_more.STEPS]


def walk(journey: Journey, tell: Callable[[str], None]) -> bool:
    """Take every step in order; stop at the first that fails. True if all of them did what they promise."""
    began_all = time.monotonic()
    for number, take in enumerate(STEPS, start=1):
        promise = (take.__doc__ or take.__name__).strip().splitlines()[0].rstrip(".")
        began = time.monotonic()
        try:
            seen = take(journey)
        except (StepFailed, requests.RequestException, smtplib.SMTPException, OSError) as problem:
            tell(f"{number:3}. {promise}: FAILED: {problem}")
            return False
        tell(f"{number:3}. {promise}: {seen} ({time.monotonic() - began:.1f} s)")
    tell(f"All {len(STEPS)} steps did what they promise, in {time.monotonic() - began_all:.0f} s.")
    return True
