"""A return that the seller writes down for a buyer: find the order, then say what comes back and why."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from marketplace.actors import Permission
from marketplace.errors import Conflict, Refused
from marketplace.models import Order
from marketplace.orders.selectors import NEWEST, orders
from marketplace.orders.services import order_named
from marketplace.portal import actor_of
from marketplace.portal_forms import conflict_page, explain, press_once, pressed_before, status_of
from returns import forms, selectors, services, windows
from returns.views.frame import posted

FOUND = 10
OPERATION = "return.submit"


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Step one without an order, step two with `?order=`."""
    actor_of(request).require(Permission.DECIDE)
    named = request.GET.get("order", "").strip()
    if not named:
        return find(request)
    order = order_named(named)
    form = forms.NewReturnForm(posted(request), lines=selectors.returnable_lines(order))
    if request.method == "POST":
        response = submit(request, order, form) if form.is_valid() else submitted_before(request)
        if response is not None:
            return response
    window = windows.window_of(order)
    context = {"order": order, "form": form, "rows": form.rows(), "warning": form.warning, "window": window}
    return render(request, "returns/new.html", context, status=status_of(form))


def find(request: HttpRequest) -> HttpResponse:
    """Which order? One hit goes on at once."""
    text = request.GET.get("q", "").strip()[:80]
    found = list(orders(text=text).order_by(*NEWEST.order_by())[:FOUND]) if text else []
    if len(found) == 1:
        return redirect(f"{request.path}?order={found[0].public_id}")
    return render(request, "returns/find_order.html", {"q": text, "found": found})


def submitted_before(request: HttpRequest) -> HttpResponse | None:
    """The second press of a form whose units are taken, by its first: to the return that it made."""
    answer = pressed_before(request, OPERATION)
    return redirect("returns:detail", answer.body["public_id"]) if answer else None


def submit(request: HttpRequest, order: Order, form: forms.NewReturnForm) -> HttpResponse | None:
    """To the new return; None shows the form again, with the warning of an open request or the problem."""

    def run() -> dict[str, str]:
        made = services.submit_return(
            order.public_id,
            by=actor_of(request),
            lines=form.asks,
            confirm_duplicate=form.cleaned_data["confirm_duplicate"],
            reason=form.cleaned_data.get("reason", ""),
        )
        return {"public_id": made.public_id}

    try:
        answer = press_once(request, OPERATION, run)
    except services.DuplicateWarning as warning:
        form.warn(warning)
        return None
    except Conflict as conflict:
        return conflict_page(request, conflict, back=f"{request.path}?order={order.public_id}")
    except Refused as refusal:
        explain(form, refusal)
        return None
    if not answer.replayed:
        messages.success(request, _("The return is written down. Authorise it to send the buyer the address."))
    return redirect("returns:detail", answer.body["public_id"])
