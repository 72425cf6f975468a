"""How a mail is shown on a page: its HTML in a frame that can run nothing and reach nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from marketplace.actors import Permission
from marketplace.mail_secrets import without_secrets
from marketplace.mail_timeline import mail_named, shown_status, why
from marketplace.middleware import CSP
from marketplace.portal import actor_of

_FRAME_CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none';"
    " frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)


def with_frame(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """This page may show one of our own pages in a frame."""

    def framed(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response["Content-Security-Policy"] = f"{CSP}; frame-src 'self'"
        return response

    return framed


def framed_html(html: str) -> HttpResponse:
    """The HTML of a mail for the inside of a frame; its links open in a tab of their own."""
    html = re.sub(r"(<head[^>]*>)", r'\1<base target="_blank">', html, count=1, flags=re.IGNORECASE)
    response = HttpResponse(html)
    response["Content-Security-Policy"] = _FRAME_CSP
    response["X-Frame-Options"] = "SAMEORIGIN"
    response["Referrer-Policy"] = "no-referrer"
    return response


@with_frame
def detail(request: HttpRequest, token: str) -> HttpResponse:
    """One mail as it went out; what would let somebody in as the buyer is blotted out."""
    actor_of(request).require(Permission.VIEW)
    mail = mail_named(token)
    context = {"mail": mail, "token": token, "status": shown_status(mail), "why": why(mail)}
    return render(request, "mails/detail.html", context | {"text": without_secrets(mail.template, mail.text)})


def html(request: HttpRequest, token: str) -> HttpResponse:
    actor_of(request).require(Permission.VIEW)
    mail = mail_named(token)
    return framed_html(without_secrets(mail.template, mail.html))
