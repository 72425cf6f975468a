"""How a decision form of the portal is pressed: one effect per form shown, and a refusal that leads on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from marketplace import idempotency
from marketplace.errors import Conflict, DomainError, Refused
from marketplace.idempotency import Answer

NONCE = "form_nonce"
_NOT_CONTENT = frozenset({"csrfmiddlewaretoken", NONCE})
Run = Callable[[], dict[str, Any]]
Act = Callable[[], str]


def press_once(request: HttpRequest, operation: str, run: Run) -> Answer:
    """Do what this form asks for, once for the form that was shown: its nonce is the idempotency key.

    A second press (double click, reload, second tab of the same form) gets the first answer again.
    Raises Conflict when the form came without its nonce, or comes again with other content.
    """
    try:
        return idempotency.once(**_identity(request, operation), run=lambda: Answer(200, run()))
    except Refused as refusal:
        raise _in_words_of_a_form(refusal) from refusal


def pressed_before(request: HttpRequest, operation: str) -> Answer | None:
    """What this form did when it was sent before, for a form that is not valid any more *because* of that.

    Ask only after the form was found invalid: whoever made it so had stored the answer by then.
    """
    return idempotency.answered(**_identity(request, operation))


def _identity(request: HttpRequest, operation: str) -> dict[str, Any]:
    content = {name: values for name, values in request.POST.lists() if name not in _NOT_CONTENT}
    return {
        "operation": f"portal:{operation}"[:60],
        "key": request.POST.get(NONCE, ""),
        "body": {"path": request.path, "content": content},
    }


def _in_words_of_a_form(refusal: Refused) -> DomainError:
    if refusal.code == "idempotency_mismatch":
        return Conflict(
            _("This form was sent before, with other content. Nothing was done now. Load the form again."),
            code="form_sent_before",
        )
    if refusal.code == "idempotency_key_missing":
        return Conflict(
            _("This form came without its number, so it was not acted on. Load the form again."), code="form_unnumbered"
        )
    return refusal


def press(
    request: HttpRequest, form: forms.BaseForm, act: Act, *, operation: str, back: str, machine: str = ""
) -> HttpResponse | None:
    """The whole answer to a form: back with a sentence, the page of a conflict, or None and the form says why.

    `act` calls one service and returns what to tell the person; `back` is the page of the thing.
    """
    if not form.is_valid():
        if pressed_before(request, operation) is None:
            return None
        return _done_already(request, back)
    try:
        answer = press_once(request, operation, lambda: {"done": act()})
    except Conflict as conflict:
        return conflict_page(request, conflict, back=back, machine=machine)
    except Refused as refusal:
        explain(form, refusal)
        return None
    if answer.replayed:
        return _done_already(request, back)
    messages.success(request, answer.body["done"])
    return redirect(back)


def _done_already(request: HttpRequest, back: str) -> HttpResponse:
    messages.info(request, _("This was done already, by your first press. Nothing was done twice."))
    return redirect(back)


def explain(form: forms.BaseForm, refusal: DomainError) -> None:
    """Put a service's refusal on the form: beside the fields that it names, else on top."""
    named = refusal.details.get("fields")
    known = {name: text for name, text in named.items() if name in form.fields} if isinstance(named, dict) else {}
    for name, text in known.items():
        form.add_error(name, text)
    if not known:
        form.add_error(None, refusal.message)


def conflict_page(request: HttpRequest, conflict: DomainError, *, back: str, machine: str = "") -> HttpResponse:
    """409: what happened, how it stands now, and the way on; nothing of this request is kept."""
    request.must_roll_back = True  # type: ignore[attr-defined]
    context = {"error": conflict, "back_url": back, "machine": machine, "current": conflict.details.get("current")}
    response = render(request, "refused.html", context, status=conflict.status)
    if conflict.details.get("retry_after"):
        response["Retry-After"] = str(conflict.details["retry_after"])
    return response


def status_of(form: forms.BaseForm) -> int:
    """The HTTP status of a page with this form: 422 where it came back with a problem."""
    return 422 if form.is_bound and form.errors else 200
