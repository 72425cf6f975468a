"""Where our books and the payment provider's differ: what it is, and a person's word that closes it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from marketplace.actors import Permission
from marketplace.errors import NotFound
from marketplace.money import Money
from marketplace.portal import actor_of
from marketplace.portal_forms import press, status_of
from refunds import forms, services
from refunds.models import Discrepancy
from refunds.selectors import open_discrepancies

MOST = 100


def index(request: HttpRequest) -> HttpResponse:
    """The open ones, oldest first."""
    actor = actor_of(request)
    actor.require(Permission.VIEW)
    rows = [(row, Money(row.amount_minor, row.currency)) for row in open_discrepancies()[:MOST]]
    context = {"rows": rows, "may_close": actor.can(Permission.REVIEW_REFUND)}
    return render(request, "refunds/differences.html", context)


@require_http_methods(["GET", "POST"])
def close(request: HttpRequest, pk: int) -> HttpResponse:
    """Somebody has looked at it and says what it was."""
    actor = actor_of(request)
    actor.require(Permission.REVIEW_REFUND)
    found = Discrepancy.objects.select_related("budget__order", "refund").filter(pk=pk).first()
    if found is None:
        raise NotFound
    form = forms.DifferenceForm(request.POST if request.method == "POST" else None)
    back = reverse("refunds:differences")

    def act() -> str:
        services.close_discrepancy(pk, by=actor, **form.cleaned_data)
        return _("The difference is closed.")

    if request.method == "POST" and form.is_valid():
        response = press(request, form, act, operation="refund.difference", back=back)
        if response is not None:
            return response
    context = {"difference": found, "amount": Money(found.amount_minor, found.currency), "form": form, "back_url": back}
    return render(request, "refunds/difference.html", context, status=status_of(form))
