"""The demo's mailbox page: every mail that went out, as its reader sees it; nothing here leaves the machine."""

from __future__ import annotations

import email
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default
from email.utils import getaddresses
from functools import wraps
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from marketplace.mail_pages import framed_html, with_frame

SHOWN = 200
_NAME = re.compile(r"\d{20}-[0-9a-f]{8}")
_LINK = re.compile(r"https?://[^\s<>\"]+")


@dataclass(frozen=True, slots=True)
class Kept:
    """One .eml file of the demo's mail server."""

    name: str
    at: datetime
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message.get("Subject", ""))

    @property
    def sender(self) -> str:
        return str(self.message.get("From", ""))

    @property
    def recipients(self) -> list[str]:
        headers = [str(value) for value in self.message.get_all("X-Envelope-To", [])]
        return [address for _name, address in getaddresses(headers)]

    def body(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        try:
            return str(part.get_content()) if part is not None else ""
        except (LookupError, ValueError):  # a charset nobody knows
            return ""

    @property
    def links(self) -> list[str]:
        return list(dict.fromkeys(_LINK.findall(self.body("plain"))))


def in_demo(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Anybody may look; so the page is there in the demo alone."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.REDRESS_DEMO:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


@in_demo
def index(request: HttpRequest) -> HttpResponse:
    """The newest mails, of all or of one recipient."""
    wanted = request.GET.get("to", "").strip().lower()
    kept = [_read(path) for path in _files()[:SHOWN]]
    people = sorted({address for mail in kept for address in mail.recipients})
    shown = [mail for mail in kept if not wanted or wanted in [a.lower() for a in mail.recipients]]
    return render(request, "mailbox/index.html", {"mails": shown, "people": people, "wanted": wanted})


@in_demo
@with_frame
def detail(request: HttpRequest, name: str) -> HttpResponse:
    mail = _named(name)
    context = {"mail": mail, "text": mail.body("plain"), "headers": list(mail.message.items())}
    return render(request, "mailbox/detail.html", context)


@in_demo
def html(request: HttpRequest, name: str) -> HttpResponse:
    return framed_html(_named(name).body("html") or "<!doctype html><title>-</title>")


@in_demo
def raw(request: HttpRequest, name: str) -> HttpResponse:
    """The file itself, for a mail program."""
    path = _path(name)
    response = HttpResponse(path.read_bytes(), content_type="message/rfc822")
    response["Content-Disposition"] = f'attachment; filename="{name}.eml"'
    return response


def _files() -> list[Path]:
    """Newest first: the names begin with the time."""
    directory = Path(settings.MAILBOX_DIR)
    return sorted((p for p in directory.glob("*.eml") if _NAME.fullmatch(p.stem)), reverse=True)


def _path(name: str) -> Path:
    path = Path(settings.MAILBOX_DIR) / f"{name}.eml"
    if not _NAME.fullmatch(name) or not path.is_file():
        raise Http404
    return path


def _named(name: str) -> Kept:
    return _read(_path(name))


def _read(path: Path) -> Kept:
    message = email.message_from_bytes(path.read_bytes(), policy=default)
    at = datetime.fromtimestamp(int(path.stem.partition("-")[0]) / 1e9, UTC)
    return Kept(path.stem, at, message)
