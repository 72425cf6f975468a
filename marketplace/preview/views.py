"""Shows the parts, the sample pages and the mails; reads no database row and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation

from marketplace import clock
from marketplace.mail_text import render_mail
from marketplace.portal_words import STATUS_WORDS, Family
from marketplace.preview import forms, samples
from marketplace.preview.mail_samples import EVENTS, sample

Context = dict[str, Any]
OBJECT: Context = {
    "items": samples.ITEMS,
    "timeline": samples.TIMELINE,
    "steps": samples.STEPS,
    "decisions": samples.DECISIONS,
    "budget": samples.BUDGET,
    "address": samples.ADDRESS,
    "due": samples.NOW + 5 * samples.H,
    "late": samples.NOW - 3 * samples.H,
    "far": samples.NOW + 14 * samples.D,
    "now": samples.NOW,
}
INDEX: Context = {
    "bulk_actions": [("authorise", "Authorise"), ("export", "Export CSV")],
    "tabs": samples.TABS,
    "filters_on": [("Last 30 days", "?"), ("amazon.co.uk", "?")],
}
TODAY: Context = {
    "late": samples.work(0),
    "today": samples.work(1, 5),
    "waiting": samples.work(3, 4),
    "figures": samples.FIGURES,
}


def _with_problems() -> Context:
    return {
        "form": forms.KitForm(
            {"order_number": "", "email": "anna@", "amount": "x", "comment": "a" * 210}, auto_id="bad_%s"
        ),
        "good": forms.KitForm(initial={"condition": "SELLABLE", "comment": "The box was open."}),
    }


# The name of the page -> its template, its place on the rail ("" = no rail) and what it shows.
PAGES: dict[str, tuple[str, str, Callable[[], Context]]] = {
    "today": ("kit/today.html", "Today", lambda: TODAY),
    "index": ("kit/index.html", "Returns", lambda: {**INDEX, "rows": samples.rows()}),
    "index/empty": ("kit/index.html", "Returns", lambda: {**INDEX, "rows": []}),
    "object": ("kit/object.html", "Returns", lambda: OBJECT),
    "authorise": ("kit/authorise.html", "Returns", lambda: {**OBJECT, "form": forms.AddressForm()}),
    "deny": ("kit/deny.html", "Returns", lambda: {**OBJECT, "form": forms.DenyForm()}),
    "deny/problem": ("kit/deny.html", "Returns", lambda: {**OBJECT, "form": forms.DenyForm({"message": ""})}),
    "refund": ("kit/refund.html", "Returns", lambda: OBJECT),
    "job": ("kit/job.html", "Imports", dict),
    "settings": ("kit/settings.html", "Settings", lambda: {"form": forms.KitForm()}),
    "buyer/find": ("kit/buyer_find.html", "", lambda: {"form": forms.KitForm()}),
    "buyer/items": ("kit/buyer_items.html", "", lambda: {**OBJECT, "form": forms.KitForm()}),
    "buyer/check": ("kit/buyer_check.html", "", lambda: OBJECT),
    "buyer/done": ("kit/buyer_done.html", "", lambda: OBJECT),
    "buyer/status": ("kit/buyer_status.html", "", lambda: OBJECT),
}


def _show(request: HttpRequest, template: str, context: Context, status: int = 200) -> HttpResponse:
    with clock.override(samples.NOW), timezone.override("Europe/London"):
        return render(request, template, context, status=status)


def parts(request: HttpRequest) -> HttpResponse:
    context = {
        "machines": {name: sorted(words) for name, words in STATUS_WORDS.items() if ":" not in name},
        "families": list(Family),
        "bars": samples.BARS,
        "figures": samples.FIGURES,
        "pages": list(PAGES),
        "dues": [
            samples.NOW + step
            for step in (
                -50 * samples.H,
                -samples.H / 3,
                samples.H / 90,
                5.2 * samples.H,
                50 * samples.H,
                14 * samples.D,
            )
        ],
        "changes": [
            ("Answer automatically", "never", "all requests in policy"),
            ("Return window", "30 days", "45 days"),
        ],
        **INDEX,
        **OBJECT,
        **_with_problems(),
    }
    return _show(request, "kit/parts.html", samples.portal("Help", **context))


def page(request: HttpRequest, name: str) -> HttpResponse:
    if name not in PAGES:
        raise Http404
    template, place, context = PAGES[name]
    frame = samples.portal(place) if place else {"seller": samples.SELLER, "home_url": "/_kit/buyer/find/"}
    return _show(request, template, {**frame, **context()})


def error(request: HttpRequest, code: int) -> HttpResponse:
    if code not in {400, 403, 404, 409, 500}:
        raise Http404
    message = "This return was already authorised by A. Weber at 10:42. Nothing was changed." if code == 409 else ""
    return _show(request, f"{code}.html", {"request_id": "7f3a9c", "message": message}, status=code)


def mails(request: HttpRequest) -> HttpResponse:
    found = [(event, render_mail(event, sample(event))) for event in EVENTS]
    return _show(request, "kit/mails.html", samples.portal("Help", mails=found))


def mail(request: HttpRequest, event: str, part: str) -> HttpResponse:
    """One mail as it is sent; the policy of this answer lets the mail's own styles work and nothing else."""
    if event not in EVENTS or part not in {"html", "text"}:
        raise Http404
    with translation.override(request.GET.get("language", translation.get_language() or "en")):
        made = render_mail(event, sample(event))
    if part == "text":
        return HttpResponse(f"Subject: {made.subject}\n\n{made.text}", content_type="text/plain; charset=utf-8")
    response = HttpResponse(made.html)
    response["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-popups"
    return response
