"""The scripted job of `manage.py demo --once`: one story through HTTP and SMTP, told step by step."""

from __future__ import annotations

import smtplib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import requests


class StepFailed(Exception):
    """A step did not do what it promises; the message says what was seen instead."""


@dataclass
class Journey:
    """What the steps know of the demo, and what they have found out on the way."""

    url: str
    mailbox: Path
    smtp_port: int
    sandbox_url: str
    logins: list[dict[str, Any]]
    api_keys: dict[str, str]
    found: dict[str, Any] = field(default_factory=dict)
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str, *, expect: int = 200) -> requests.Response:
        answer = self.session.get(f"{self.url}{path}", timeout=20)
        if answer.status_code != expect:
            raise StepFailed(f"GET {path} answered {answer.status_code}, not {expect}")
        return answer

    def wait_for(self, what: str, look: Callable[[], Any], *, patience: float = 30) -> Any:
        """Look until there is something to see."""
        deadline = time.monotonic() + patience
        while not (seen := look()):
            if time.monotonic() > deadline:
                raise StepFailed(f"{what} did not come within {patience:.0f} seconds")
            time.sleep(0.2)
        return seen


Step = Callable[[Journey], str]
STEPS: list[tuple[str, Step]] = []


def step(promise: str) -> Callable[[Step], Step]:
    """Add a function to the story. It answers with a few words on what it saw."""

    def add(function: Step) -> Step:
        STEPS.append((promise, function))
        return function

    return add


def walk(journey: Journey, tell: Callable[[str], None]) -> bool:
    """Take every step in order; stop at the first that fails. True if all of them did what they promise."""
    for number, (promise, take) in enumerate(STEPS, start=1):
        began = time.monotonic()
        try:
            seen = take(journey)
        except (StepFailed, requests.RequestException, smtplib.SMTPException, OSError) as problem:
            tell(f"{number:3}. {promise}: FAILED: {problem}")
            return False
        tell(f"{number:3}. {promise}: {seen} ({time.monotonic() - began:.1f} s)")
    tell(f"All {len(STEPS)} steps did what they promise.")
    return True


@step("The web server answers")
def web_answers(journey: Journey) -> str:
    return journey.get("/healthz").text.strip()


@step("The home page opens")
def home_page_opens(journey: Journey) -> str:
    answer = journey.get("/")
    return f"{len(answer.content):,} bytes at {answer.url}"


@step("The mail server keeps a mail")
def mail_is_kept(journey: Journey) -> str:
    mail = EmailMessage()
    mail["From"], mail["To"] = "walk@example.com", "mailbox@example.com"
    mail["Subject"] = "The demo walks"
    mail.set_content("Nothing to do.")
    before = set(journey.mailbox.glob("*.eml"))
    with smtplib.SMTP("127.0.0.1", journey.smtp_port, timeout=20) as server:
        server.send_message(mail)
    new = journey.wait_for("The mail", lambda: set(journey.mailbox.glob("*.eml")) - before)
    return ", ".join(file.name for file in new)
