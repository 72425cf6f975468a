"""What every decision form about a return shares: who may open it, when, and what its answer is."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from marketplace import clock
from marketplace.errors import WrongState
from marketplace.portal import actor_of
from marketplace.portal_forms import Act, conflict_page, press, status_of
from returns import selectors
from returns.choices import VERBS
from returns.models import ReturnRequest

CaseView = Callable[[HttpRequest, ReturnRequest], HttpResponse]


def decision(name: str) -> Callable[[CaseView], Callable[[HttpRequest, str], HttpResponse]]:
    """A form at its own address: 403 without the permission, 404 for another seller's return.

    Opened when the move is not possible any more: 409 with how it stands. A POST goes to the service, which decides.
    """
    verb = VERBS[name]

    def decorate(view: CaseView) -> Callable[[HttpRequest, str], HttpResponse]:
        @require_http_methods(["GET", "POST"])
        @wraps(view)
        def call(request: HttpRequest, public_id: str) -> HttpResponse:
            actor_of(request).require(verb.permission)
            case = selectors.return_named(public_id)
            reason = verb.why_not(case, clock.now()) if request.method == "GET" else ""
            if reason:
                refusal = WrongState(reason, current=str(case.status))
                return conflict_page(request, refusal, back=page_of_return(case), machine="return")
            return view(request, case)

        return call

    return decorate


def page_of_return(case: ReturnRequest) -> str:
    return reverse("returns:detail", args=[case.public_id])


def posted(request: HttpRequest) -> Any:
    """What was sent, for a form that is bound even when nothing was filled in; None on a GET."""
    return request.POST if request.method == "POST" else None


def answer(
    request: HttpRequest,
    case: ReturnRequest,
    form: forms.Form,
    act: Act,
    *,
    name: str,
    template: str = "returns/decide.html",
    only_looks: bool = False,
    **context: Any,
) -> HttpResponse:
    """Act on a valid form and go back to the return; else show the form, with its problems.

    A form that was sent before goes back as well, even if it is not valid any more since it did its work.
    `only_looks`: the press asked for a preview, so nothing is done.
    """
    back = page_of_return(case)
    if request.method == "POST" and not only_looks:
        response = press(request, form, act, operation=f"return.{name}", back=back, machine="return")
        if response is not None:
            return response
    return render(request, template, {"case": case, "form": form, "back_url": back, **context}, status=status_of(form))
