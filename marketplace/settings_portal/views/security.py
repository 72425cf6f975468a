"""The guard rails, and the two logs that the whole team may read: settings, and looks of support."""

from __future__ import annotations

from decimal import Decimal

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from marketplace.actors import Permission
from marketplace.models import Seller
from marketplace.portal import actor_of
from marketplace.settings_portal import selectors, services
from marketplace.settings_portal.forms import SecurityForm
from marketplace.settings_portal.views.frame import attempt, check, show, wants_check, wants_edit
from marketplace.tenancy import current_seller_id


def security(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    actor.require(Permission.VIEW)
    seller = Seller.objects.get(pk=current_seller_id())
    form = SecurityForm(request.POST or None, initial=_initial(seller))
    if form.is_valid() and not wants_edit(request):
        actor.require(Permission.SETTINGS)
        if wants_check(request):
            return _check(request, seller, form)
        if attempt(form, lambda: services.change_security(form.settings(), by=actor)):
            messages.success(request, _("The security settings are saved."))
            return redirect("settings:security")
    return show(
        request,
        "settings/security.html",
        "security",
        status=422 if form.errors else 200,
        form=form,
        may_change=actor.can(Permission.SETTINGS),
        lacks_second_factor=actor.lacks_second_factor,
        looks=selectors.support_looks(),
    )


def log(request: HttpRequest) -> HttpResponse:
    actor_of(request).require(Permission.VIEW)
    return show(request, "settings/log.html", "log", changes=selectors.settings_changes())


def _initial(seller: Seller) -> dict[str, object]:
    return {
        "requires_second_factor": seller.requires_second_factor,
        "review_above": (Decimal(seller.review_above_minor) / 100).quantize(Decimal("0.01")),
        "quick_links_in_mail": seller.quick_links_in_mail,
    }


def _check(request: HttpRequest, seller: Seller, form: SecurityForm) -> HttpResponse:
    changes = services.security_changes(seller, form.settings())
    if not changes:
        messages.info(request, _("Nothing differs from what is saved."))
        return redirect("settings:security")
    return check(
        request,
        "security",
        form=form,
        changes=changes,
        title=_("Change the security settings?"),
        consequence=_("This holds at once, for everybody on the team. The change stands in the log with your name."),
        verb=_("Save the changes"),
        back_url=reverse("settings:security"),
    )
