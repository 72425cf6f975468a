"""Which words go into a mail: renders the three files of an event into subject, text and HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string


@dataclass(frozen=True, slots=True)
class MailText:
    subject: str
    text: str
    html: str


def render_mail(event: str, context: Mapping[str, Any]) -> MailText:
    """The mail of `templates/emails/<event>.*` in the language that is active; the subject is one line."""
    values = dict(context)
    subject = " ".join(render_to_string(f"emails/{event}.subject.txt", values).split())
    values["subject"] = subject
    text = render_to_string(f"emails/{event}.txt", values)
    text = re.sub(r"[ \t]+\n", "\n", text)
    text = re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
    return MailText(subject, text, render_to_string(f"emails/{event}.html", values).strip() + "\n")
