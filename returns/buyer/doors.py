"""The door of every buyer's page: whose shop, who looks, in which language and zone; refusals as pages."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from marketplace.errors import DomainError
from marketplace.limits import client_address, take
from marketplace.models import Seller
from returns.buyer.sessions import BuyerSession, session_of

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]
_READS = {"GET", "HEAD"}


def page(*methods: str, signed_in: bool = True) -> Callable[[View[P]], Callable[..., HttpResponse]]:
    """Wrap a view of the returns centre; the slug is taken off its arguments, `request.seller` is the shop.

    What reads changes nothing; what writes must come from our own pages. With `signed_in` somebody without a
    code or link is sent to the page that gives one.
    """
    allowed = methods or ("GET", "HEAD")

    def wrap(view: View[P]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def door(request: HttpRequest, slug: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            seller: Seller | None = getattr(request, "seller", None)
            if seller is None or seller.slug != slug:
                raise Http404
            session = session_of(request, seller=seller)
            request.buyer_session = session  # type: ignore[attr-defined]
            _speak(request, seller, session)
            response = _answer(request, view, session, (allowed, signed_in), *args, **kwargs)
            response.headers.setdefault("Referrer-Policy", "same-origin")  # "no-referrer" would blank our own Origin
            response.headers["X-Robots-Tag"] = "noindex, nofollow"
            response.headers["Cache-Control"] = "no-store"
            return response

        return door

    return wrap


def _answer(
    request: HttpRequest,
    view: Callable[..., HttpResponse],
    session: BuyerSession | None,
    rule: tuple[tuple[str, ...], bool],
    *args: Any,
    **kwargs: Any,
) -> HttpResponse:
    allowed, signed_in = rule
    if request.method not in allowed:
        return HttpResponseNotAllowed(allowed)
    if request.method not in _READS and request.headers.get("Sec-Fetch-Site", "same-origin") not in {
        "same-origin",
        "none",
    }:
        return refusal(request, 403, _("This was not sent from our own page."))
    if signed_in and session is None:
        return redirect("buyer:find", shop(request).slug)
    try:
        with transaction.atomic():
            return view(request, *args, **kwargs)
    except DomainError as error:
        return refusal(request, error.status, error.message)


def shop(request: HttpRequest) -> Seller:
    seller: Seller = request.seller  # type: ignore[attr-defined]
    return seller


def buyer(request: HttpRequest) -> BuyerSession:
    """Who looks; only behind `page(signed_in=True)`."""
    session: BuyerSession = request.buyer_session  # type: ignore[attr-defined]
    return session


def show(request: HttpRequest, template: str, context: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
    """A page of the returns centre with what its frame needs."""
    seller = shop(request)
    session: BuyerSession | None = getattr(request, "buyer_session", None)
    frame = {
        "seller": seller,
        "home_url": reverse("buyer:landing", args=[seller.slug]),
        "session": session,
        "why_text": _why(session),
        "languages": settings.LANGUAGES,
    }
    return render(request, f"buyer/{template}.html", {**frame, **(context or {})}, status=status)


def refusal(request: HttpRequest, status: int, message: str) -> HttpResponse:
    return show(request, "refused", {"message": message, "status": status}, status=status)


def too_often(request: HttpRequest, kind: str, *, most: int, per: Any) -> HttpResponse | None:
    """The page that says so, once this network address has tried more than `most` times."""
    if take(kind, client_address(request), most=most, per=per):
        return None
    response = refusal(
        request, 429, _("Too many attempts from your network. Wait a minute and try again. Nothing was changed.")
    )
    response["Retry-After"] = "60"
    return response


def _why(session: BuyerSession | None) -> str:
    if session is None:
        return _("You come here from your order with this shop.")
    if session.link is not None:
        return _("You come here by the link we sent to %(address)s.") % {"address": session.masked_email}
    return _("You come here with the code we sent to %(address)s.") % {"address": session.masked_email}


def _speak(request: HttpRequest, seller: Seller, session: BuyerSession | None) -> None:
    """The language chosen on the page, else the buyer's own; the buyer's zone, else the shop's."""
    if session is not None and settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        translation.activate(session.buyer.language)
        request.LANGUAGE_CODE = translation.get_language()
    try:
        timezone.activate(session.buyer.zone if session else seller.zone)
    except Exception:  # noqa: BLE001  an unknown zone in an old row must not lock anybody out
        timezone.activate("UTC")
