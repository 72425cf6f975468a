"""How a buyer asks to return: what, why, check, send."""

from __future__ import annotations

import time
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from marketplace.errors import Busy, DomainError
from returns.buyer import draft, reading
from returns.buyer.doors import buyer, page, shop, show
from returns.buyer.forms import Choice, ItemsForm, ReasonsForm
from returns.buyer.gifts import remember_gift_return
from returns.models import ReturnRequest
from returns.reasons import reason_words
from returns.services import DuplicateWarning, LineAsk, submit_return

PATIENCE = (0.2, 0.4, 0.8)  # seconds to wait for the first of two equal presses (reliability.md W5)


@page()
def orders(request: HttpRequest) -> HttpResponse:
    """Which order? With a single one there is nothing to ask."""
    rows = reading.orders_of(buyer(request))
    if len(rows) == 1:
        return redirect("buyer:order", shop(request).slug, rows[0].public_id)
    return show(request, "orders", {"orders": rows})


@page("GET", "HEAD", "POST")
def order(request: HttpRequest, public_id: str) -> HttpResponse:
    """What do you want to return, and how many of it?"""
    shown = reading.order_page(buyer(request), public_id)
    before = draft.kept(request, public_id)
    initial = {f"quantity_{choice.line_id}": str(choice.quantity) for choice in before}
    form = ItemsForm(request.POST if request.method == "POST" else None, items=shown.items, initial=initial)
    if request.method == "POST" and form.is_valid():
        draft.keep(request, public_id, draft.merged(form.choices, before))
        return redirect("buyer:reasons", shop(request).slug, public_id)
    pairs = [(item, form[f"quantity_{item.line_id}"] if item.left else None) for item in shown.items]
    context = {"order": shown, "form": form, "pairs": pairs}
    return show(request, "order", context, status=422 if form.is_bound else 200)


@page("GET", "HEAD", "POST")
def reasons(request: HttpRequest, public_id: str) -> HttpResponse:
    """Why does it come back?"""
    shown = reading.order_page(buyer(request), public_id)
    choices = _still_possible(shown, draft.kept(request, public_id))
    if not choices:
        return redirect("buyer:order", shop(request).slug, public_id)
    form = ReasonsForm(
        request.POST if request.method == "POST" else None,
        choices=choices,
        comments_required=shown.are_comments_required,
    )
    if request.method == "POST" and form.is_valid():
        draft.keep(request, public_id, form.answered)
        return redirect("buyer:check", shop(request).slug, public_id)
    titles = {item.line_id: item.title for item in shown.items}
    blocks = [(c, titles[c.line_id], form[f"reason_{c.line_id}"], form[f"comment_{c.line_id}"]) for c in choices]
    context = {"order": shown, "form": form, "blocks": blocks}
    return show(request, "reasons", context, status=422 if form.is_bound else 200)


@page("GET", "HEAD", "POST")
def check(request: HttpRequest, public_id: str) -> HttpResponse:
    """Check your answers; sending is the only thing here that asks the seller for something."""
    shown = reading.order_page(buyer(request), public_id)
    choices = draft.kept(request, public_id)
    if not draft.is_complete(choices):
        return redirect("buyer:order", shop(request).slug, public_id)
    if request.method != "POST":
        return _check_page(request, shown, choices)
    try:
        made = _submit_patiently(request, public_id, choices)
    except DuplicateWarning as warning:
        return _check_page(request, shown, choices, warning=warning)
    except DomainError as refusal:
        return _check_page(request, shown, choices, refusal=refusal)
    remember_gift_return(buyer(request), made)
    return redirect("buyer:sent", shop(request).slug, made.public_id)


@page()
def sent(request: HttpRequest, public_id: str) -> HttpResponse:
    """It is with the seller; what happens next."""
    return show(request, "sent", {"page": reading.status_page(buyer(request), public_id)})


# --- the steps of these pages ---


def _submit_patiently(request: HttpRequest, public_id: str, choices: list[Choice]) -> ReturnRequest:
    """One press, one effect: the second of two equal presses waits for the first and gets the same return."""
    for pause in (*PATIENCE, None):
        try:
            return submit_return(
                public_id,
                by=buyer(request).actor,
                lines=[LineAsk(c.line_id, c.quantity, c.reason_code, c.comment) for c in choices],
                confirm_duplicate=request.POST.get("confirm_duplicate") == "yes",
                client_token=request.POST.get("form_nonce", "")[:64],
            )
        except Busy:
            if pause is None:
                raise
            time.sleep(pause)
    raise AssertionError


def _check_page(
    request: HttpRequest,
    shown: reading.OrderPage,
    choices: list[Choice],
    *,
    warning: DuplicateWarning | None = None,
    refusal: DomainError | None = None,
) -> HttpResponse:
    titles = {item.line_id: item.title for item in shown.items}
    answers: list[dict[str, Any]] = [
        {
            "title": titles.get(choice.line_id, _("An item that is not in this order")),
            "quantity": choice.quantity,
            "reason": reason_words(choice.reason_code),
            "comment": choice.comment,
        }
        for choice in choices
    ]
    problem = warning or refusal
    context = {
        "order": shown,
        "answers": answers,
        "units": sum(choice.quantity for choice in choices),
        "warning": warning,
        "refusal": refusal,
    }
    return show(request, "check", context, status=problem.status if problem else 200)


def _still_possible(shown: reading.OrderPage, choices: list[Choice]) -> list[Choice]:
    left = {item.line_id: item.left for item in shown.items}
    return [choice for choice in choices if 0 < choice.quantity <= left.get(choice.line_id, 0)]
