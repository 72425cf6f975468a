"""Which words go into a mail: renders the three files of an event into subject, text and HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.template import Context
from django.template.loader import get_template


@dataclass(frozen=True, slots=True)
class MailText:
    subject: str
    text: str
    html: str


def render_mail(event: str, context: Mapping[str, Any]) -> MailText:
    """The mail of `templates/emails/<event>.*` in the language that is active; the subject is one line."""
    values = dict(context)
    subject = " ".join(_fill(f"emails/{event}.subject.txt", values, autoescape=False).split())
    values["subject"] = subject
    text = _fill(f"emails/{event}.txt", values, autoescape=False)
    text = re.sub(r"[ \t]+\n", "\n", text)
    text = re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
    return MailText(subject, text, _fill(f"emails/{event}.html", values, autoescape=True).strip() + "\n")


def _fill(name: str, values: dict[str, Any], *, autoescape: bool) -> str:
    template: Any = get_template(name)
    return str(template.template.render(Context(dict(values), autoescape=autoescape)))
