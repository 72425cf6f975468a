"""How a buyer follows a return: the list, one return, taking it back, posting it, the slip for the parcel."""

from __future__ import annotations

import segno
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from marketplace.errors import Conflict, NotFound, WrongState
from returns.buyer import reading
from returns.buyer.doors import buyer, page, shop, show
from returns.buyer.forms import ShipForm
from returns.services import ship_return, withdraw_return


@page()
def returns(request: HttpRequest) -> HttpResponse:
    """The requests of the past two months and those still open."""
    return show(request, "returns", {"returns": reading.returns_of(buyer(request))})


@page()
def status(request: HttpRequest, public_id: str) -> HttpResponse:
    """One return: how it stands, what to do, what happened."""
    return show(request, "status", {"page": reading.status_page(buyer(request), public_id)})


@page("GET", "HEAD", "POST")
def withdraw(request: HttpRequest, public_id: str) -> HttpResponse:
    """Take the request back; only the press on the button does it."""
    shown = reading.status_page(buyer(request), public_id)
    if request.method == "POST":
        try:
            withdraw_return(public_id, by=buyer(request).actor)
        except WrongState:
            if reading.status_page(buyer(request), public_id).row.status != "WITHDRAWN":
                raise
    elif shown.can_withdraw:
        return show(request, "withdraw", {"page": shown})
    return redirect("buyer:status", shop(request).slug, public_id)


@page("GET", "HEAD", "POST")
def ship(request: HttpRequest, public_id: str) -> HttpResponse:
    """The parcel is posted: carrier and tracking number."""
    shown = reading.status_page(buyer(request), public_id)
    form = ShipForm(request.POST if request.method == "POST" else None)
    status = 422 if form.is_bound else 200
    if request.method == "POST" and form.is_valid():
        try:
            ship_return(public_id, by=buyer(request).actor, **form.cleaned_data)
        except WrongState:
            if shown.tracking != "".join(form.cleaned_data["tracking"].split()).upper():
                raise  # else it is the second press
        except Conflict as conflict:
            if conflict.code != "tracking_used":
                raise
            form.add_error("tracking", conflict.message)
            status = conflict.status
    if form.is_valid() or not shown.can_ship:
        return redirect("buyer:status", shop(request).slug, public_id)
    return show(request, "ship", {"page": shown, "form": form}, status=status)


@page()
def slip(request: HttpRequest, public_id: str) -> HttpResponse:
    """The slip to print and put into the parcel."""
    shown = reading.status_page(buyer(request), public_id)
    if not shown.row.has_slip:
        raise NotFound
    number = shown.merchant_rma or shown.row.rma
    image = segno.make(number, error="m").svg_data_uri(scale=4, border=2, dark="#000", light="#fff")
    return show(request, "slip", {"page": shown, "number": number, "qr": image})
