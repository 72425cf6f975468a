"""The portal door to orders."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from marketplace import clock, portal
from marketplace.actors import Permission
from marketplace.buyers import invite_buyer as send_invitation
from marketplace.errors import DomainError
from marketplace.models import ImportProvenance, SalesChannel
from marketplace.orders import selectors
from marketplace.orders.forms import InviteForm
from marketplace.orders.services import order_named
from marketplace.paging import page_of
from marketplace.portal import actor_of

RANGES = {"7": 7, "30": 30, "90": 90, "365": 365}


def index(request: HttpRequest) -> HttpResponse:
    """All orders, newest first."""
    actor_of(request).require(Permission.VIEW)
    text, channel, days = (request.GET.get(name, "").strip() for name in ("q", "channel", "range"))
    since: datetime | None = clock.now() - timedelta(days=RANGES[days]) if days in RANGES else None
    rows = selectors.orders(text=text, channel=channel, since=since).prefetch_related("lines")
    page = page_of(rows, sort=selectors.NEWEST, cursor=request.GET.get("cursor", ""))
    channels = SalesChannel.objects.all()
    context: dict[str, Any] = {"page": page, "channels": channels, "q": text, "channel": channel, "range": days}
    return render(request, "orders/index.html", context)


def detail(request: HttpRequest, public_id: str) -> HttpResponse:
    """One order: its lines, where it came from, and what every app has to say about it."""
    actor = actor_of(request)
    actor.require(Permission.VIEW)
    order = order_named(public_id)
    cards = sorted(
        (card for make in portal.ORDER_CARDS if (card := make(order, actor)) is not None), key=lambda c: c.order
    )
    context = {
        "order": order,
        "cards": cards,
        "provenance": ImportProvenance.objects.filter(order=order).select_related("job").order_by("id"),
        "may_invite": actor.can(Permission.DECIDE),
        "zone": timezone.get_current_timezone_name(),
    }
    return render(request, "orders/detail.html", context)


def invite_buyer(request: HttpRequest, public_id: str) -> HttpResponse:
    """Name the buyer of an order; they get a link to it by mail."""
    actor = actor_of(request)
    actor.require(Permission.DECIDE)
    order, refusal = order_named(public_id), ""
    form = InviteForm(request.POST or None, initial={"name": str(order.buyer or "")})
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                send_invitation(public_id, by=actor, **form.cleaned_data)
        except DomainError as error:
            refusal = error.message
        else:
            messages.success(request, _("The invitation is on its way."))
            return redirect("orders:detail", public_id)
    context = {"order": order, "form": form, "refusal": refusal}
    status = 422 if request.method == "POST" else 200
    return render(request, "orders/invite_buyer.html", context, status=status)
