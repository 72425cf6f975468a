"""How a buyer comes in: three doors, order number and address, the code, the link from a mail."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from marketplace.buyer_codes import ask_for_code, ask_for_gift, check_code
from marketplace.buyers import link_behind
from returns.buyer import sessions
from returns.buyer.doors import page, shop, show, too_often
from returns.buyer.forms import CodeForm, FindForm, GiftForm

A_MINUTE = timedelta(minutes=1)
TRIES_A_MINUTE = 30  # by one network address (reliability.md 3.2)
GOALS = {"orders", "returns"}


@page(signed_in=False)
def landing(request: HttpRequest) -> HttpResponse:
    """Three doors: return items, your returns, return a gift."""
    return show(request, "landing")


@page("GET", "HEAD", "POST", signed_in=False)
def find(request: HttpRequest) -> HttpResponse:
    """Order number and address; the answer is the same whether they belong together or not."""
    form = FindForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return show(request, "find", {"form": form, "goal": _goal(request)}, status=422 if form.is_bound else 200)
    refused = too_often(request, "buyer.find", most=TRIES_A_MINUTE, per=A_MINUTE)
    if refused:
        return refused
    data = form.cleaned_data
    ask = ask_for_code(number=data["order_number"], email=data["email"], language=translation.get_language() or "en")
    response = redirect(f"{reverse('buyer:code', args=[shop(request).slug])}?goal={_goal(request)}")
    sessions.remember_ask(response, ask, seller=shop(request))
    return response


@page("GET", "HEAD", "POST", signed_in=False)
def code(request: HttpRequest) -> HttpResponse:
    """The code from the mail opens all orders of its address."""
    seller = shop(request)
    asked = sessions.asked(request, seller=seller)
    if not asked:
        return redirect("buyer:find", seller.slug)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        refused = too_often(request, "buyer.code", most=TRIES_A_MINUTE, per=A_MINUTE)
        if refused:
            return refused
        ask = check_code(asked, form.cleaned_data["code"])
        if ask is not None and ask.buyer is not None:
            response = redirect(f"buyer:{_goal(request)}", seller.slug)
            sessions.open_by_code(response, ask.buyer, seller=seller)
            return response
        form.add_error("code", _("This code does not fit, or its time is over. Five tries, then ask for a new one."))
    return show(request, "code", {"form": form, "goal": _goal(request)}, status=422 if form.is_bound else 200)


@page("GET", "HEAD", "POST", signed_in=False)
def gift(request: HttpRequest) -> HttpResponse:
    """Order number and delivery postcode; the link goes to the address that is typed here, if they belong together."""
    form = GiftForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return show(request, "gift", {"form": form}, status=422 if form.is_bound else 200)
    refused = too_often(request, "buyer.find", most=TRIES_A_MINUTE, per=A_MINUTE)
    if refused:
        return refused
    data = form.cleaned_data
    language = translation.get_language() or "en"
    ask_for_gift(number=data["order_number"], postcode=data["postcode"], email=data["email"], language=language)
    return redirect("buyer:gift_sent", shop(request).slug)


@page(signed_in=False)
def gift_sent(request: HttpRequest) -> HttpResponse:
    return show(request, "gift_sent")


@page(signed_in=False)
def link(request: HttpRequest, token: str) -> HttpResponse:
    """The link of a mail: swaps its secret for a cookie and goes on to an address without it. Decides nothing."""
    seller = shop(request)
    found = link_behind(token)
    if found is None:
        refused = too_often(request, "buyer.link", most=TRIES_A_MINUTE, per=A_MINUTE)
        home = reverse("buyer:landing", args=[seller.slug])
        return refused or show(request, "no_link", {"here": home}, status=404)
    if found.landing:
        response = redirect("buyer:status", seller.slug, found.landing)
    else:
        response = redirect("buyer:order", seller.slug, found.order.public_id)
    sessions.open_by_link(response, found, seller=seller)
    response["Referrer-Policy"] = "no-referrer"
    return response


@page("POST", signed_in=False)
def leave(request: HttpRequest) -> HttpResponse:
    """Forget who looked, on this device."""
    response = redirect("buyer:landing", shop(request).slug)
    sessions.close(response, seller=shop(request))
    return response


@page("POST", signed_in=False)
def language(request: HttpRequest) -> HttpResponse:
    """The same page in another language."""
    back = request.POST.get("next", "")
    home = reverse("buyer:landing", args=[shop(request).slug])
    if not back.startswith(home) or not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = home
    response = redirect(back)
    chosen = request.POST.get("language", "")
    if chosen in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            chosen,
            max_age=30 * 86400,
            path=home,
            samesite="Lax",
            secure=settings.IS_HTTPS,
        )
    return response


def _goal(request: HttpRequest) -> str:
    """Where the code leads: to the orders, or to the returns that were asked for."""
    wanted = request.POST.get("goal") or request.GET.get("goal", "")
    return wanted if wanted in GOALS else "orders"
