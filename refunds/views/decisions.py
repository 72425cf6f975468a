"""The decisions about a refund: one form each, one service each, one effect per form shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms as django_forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from marketplace.errors import WrongState
from marketplace.money import format_money
from marketplace.portal import actor_of
from marketplace.portal_forms import Act, conflict_page, press, status_of
from refunds import choices, forms, selectors, services
from refunds.models import RefundRequest

RefundView = Callable[[HttpRequest, RefundRequest], HttpResponse]


def decision(name: str) -> Callable[[RefundView], Callable[[HttpRequest, str], HttpResponse]]:
    """A form at its own address: 403 without the permission, 404 for another seller's refund, 409 when too late."""
    verb = choices.VERBS[name]

    def decorate(view: RefundView) -> Callable[[HttpRequest, str], HttpResponse]:
        @require_http_methods(["GET", "POST"])
        @wraps(view)
        def call(request: HttpRequest, public_id: str) -> HttpResponse:
            actor = actor_of(request)
            actor.require(verb.permission)
            refund = selectors.refund_named(public_id)
            reason = verb.why_not(refund, actor) if request.method == "GET" else ""
            if reason:
                refusal = WrongState(reason, current=refund.display_status)
                return conflict_page(request, refusal, back=page_of_refund(refund), machine="refund")
            return view(request, refund)

        return call

    return decorate


def page_of_refund(refund: RefundRequest) -> str:
    return reverse("refunds:detail", args=[refund.public_id])


def answer(
    request: HttpRequest,
    refund: RefundRequest,
    form: django_forms.Form,
    act: Act,
    *,
    name: str,
    template: str = "refunds/decide.html",
    **context: Any,
) -> HttpResponse:
    """Act on a valid form and go back to the refund; else show the form, with its problems."""
    back = page_of_refund(refund)
    if request.method == "POST":
        response = press(request, form, act, operation=f"refund.{name}", back=back, machine="refund")
        if response is not None:
            return response
    context |= {"refund": refund, "form": form, "back_url": back}
    return render(request, template, context, status=status_of(form))


def posted(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


@decision("review")
def review(request: HttpRequest, refund: RefundRequest) -> HttpResponse:
    """The second person agrees, or says why not."""
    form = forms.ReviewForm(posted(request))

    def act() -> str:
        by, amount = actor_of(request), format_money(refund.amount)
        if request.POST.get("do") == "decline":
            services.decline_refund(refund.public_id, by=by, reason=form.cleaned_data["reason"])
            return _("You did not agree, so the refund is cancelled and %(amount)s is free again.") % {"amount": amount}
        services.review_refund(refund.public_id, by=by)
        return _("You agreed. %(amount)s is on its way.") % {"amount": amount}

    return answer(request, refund, form, act, name="review", template="refunds/review.html")


@decision("confirm")
def confirm(request: HttpRequest, refund: RefundRequest) -> HttpResponse:
    """The seller has paid outside."""
    form, amount = forms.ReferenceForm(posted(request)), format_money(refund.amount)

    def act() -> str:
        services.confirm_manual_refund(refund.public_id, by=actor_of(request), **form.cleaned_data)
        return _("%(amount)s is noted as paid. The buyer gets a mail.") % {"amount": amount}

    return answer(
        request,
        refund,
        form,
        act,
        name="confirm",
        title=_("Confirm payment"),
        verb=_("Confirm %(amount)s as paid") % {"amount": amount},
        consequence=_("You have paid the buyer %(amount)s outside. The refund is done, and the buyer gets a mail.")
        % {"amount": amount},
    )


@decision("look_up")
def look_up(request: HttpRequest, refund: RefundRequest) -> HttpResponse:
    """Ask the provider now instead of at the next turn."""
    form = forms.ConfirmForm(posted(request))

    def act() -> str:
        services.look_up_refund(refund.public_id, by=actor_of(request))
        return _("The provider is being asked. Load this page again in a few seconds.")

    return answer(
        request,
        refund,
        form,
        act,
        name="look_up",
        title=_("Ask the provider now"),
        verb=_("Ask the provider"),
        consequence=_("We ask the payment provider what became of this refund. Nothing is paid by asking."),
    )


@decision("hold")
def hold(request: HttpRequest, refund: RefundRequest) -> HttpResponse:
    """Keep it from being sent."""
    form = forms.ReasonForm(posted(request))

    def act() -> str:
        services.hold_refund(refund.public_id, by=actor_of(request), **form.cleaned_data)
        return _("The refund is on hold; its amount stays set aside.")

    return answer(
        request,
        refund,
        form,
        act,
        name="hold",
        title=_("Put refund on hold"),
        verb=_("Put on hold"),
        consequence=_("Nothing is sent until your team ends the hold. The amount stays set aside."),
    )


@decision("release")
def release(request: HttpRequest, refund: RefundRequest) -> HttpResponse:
    """End the team's own hold; the money goes out."""
    form, amount = forms.OptionalReasonForm(posted(request)), format_money(refund.amount)

    def act() -> str:
        services.release_refund(refund.public_id, by=actor_of(request), **form.cleaned_data)
        return _("The hold has ended. %(amount)s is on its way.") % {"amount": amount}

    return answer(
        request,
        refund,
        form,
        act,
        name="release",
        title=_("End the hold"),
        verb=_("End the hold and send %(amount)s") % {"amount": amount},
        consequence=_("%(amount)s goes back to the buyer. It can not be called back once it is sent.")
        % {"amount": amount},
    )


@decision("cancel")
def cancel(request: HttpRequest, refund: RefundRequest) -> HttpResponse:
    """Take it back before it is sent."""
    form, amount = forms.OptionalReasonForm(posted(request)), format_money(refund.amount)

    def act() -> str:
        services.cancel_refund(refund.public_id, by=actor_of(request), **form.cleaned_data)
        return _("The refund is cancelled, and %(amount)s is free again.") % {"amount": amount}

    return answer(
        request,
        refund,
        form,
        act,
        name="cancel",
        danger=True,
        title=_("Cancel refund"),
        verb=_("Cancel refund of %(amount)s") % {"amount": amount},
        consequence=_("Nothing is paid, and %(amount)s is free again. A cancelled refund stays cancelled.")
        % {"amount": amount},
    )


@decision("resolve")
def resolve(request: HttpRequest, refund: RefundRequest) -> HttpResponse:
    """A person looked at the provider's own pages where we could not learn the outcome."""
    form = forms.ResolveForm(posted(request))

    def act() -> str:
        by, said = actor_of(request), form.cleaned_data
        if said["outcome"] == "paid":
            services.resolve_refund_as_paid(refund.public_id, by=by, reference=said["reference"], reason=said["reason"])
            return _("It is noted as paid.")
        services.resolve_refund_as_unpaid(refund.public_id, by=by, reason=said["reason"])
        return _("It is noted as not paid; the amount is free again.")

    return answer(
        request,
        refund,
        form,
        act,
        name="resolve",
        title=_("Say what happened"),
        verb=_("Keep this outcome"),
        consequence=_("Look at your account with the provider first. If you say it was not paid and it was,"
                      " the buyer may be paid twice."),
    )  # fmt: skip
