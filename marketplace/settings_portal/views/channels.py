"""The sales channels and what is promised there."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from marketplace.actors import Permission
from marketplace.errors import NotFound
from marketplace.models import SalesChannel
from marketplace.portal import CHANNEL_EFFECTS, actor_of
from marketplace.settings_portal import services
from marketplace.settings_portal.forms import ChannelForm
from marketplace.settings_portal.services.channels import address_text
from marketplace.settings_portal.views.frame import attempt, check, show, wants_check, wants_edit


def index(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    actor.require(Permission.VIEW)
    channels = [(each, address_text(each.return_address)) for each in SalesChannel.objects.all()]
    return show(
        request, "settings/channels.html", "channels", channels=channels, may_change=actor.can(Permission.SETTINGS)
    )


def new(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    actor.require(Permission.SETTINGS)
    first = {"currency": "GBP", "zone": "UTC", "language": "en", "gateway": "manual"}
    policy = {"return_window_days": 30, "auto_authorise": "manual", "auto_authorise_days": 30}
    form = ChannelForm(request.POST or None, initial=first | policy)
    if form.is_valid():
        code = form.cleaned_data["code"]
        if attempt(form, lambda: services.add_channel(code, form.settings(), by=actor)):
            messages.success(request, _("The sales channel %(code)s is there.") % {"code": code})
            return redirect("settings:channels")
    status = 422 if form.errors else 200
    return show(request, "settings/channel.html", "channels", status=status, form=form, channel=None, may_change=True)


def channel(request: HttpRequest, code: str) -> HttpResponse:
    """See it; with the right, change it: first what would change, then the save."""
    actor = actor_of(request)
    actor.require(Permission.VIEW)
    found = SalesChannel.objects.filter(code=code).first()
    if found is None:
        raise NotFound
    form = ChannelForm(request.POST or None, initial=ChannelForm.initial_of(found), channel=found)
    if form.is_valid() and not wants_edit(request):
        actor.require(Permission.SETTINGS)
        if wants_check(request):
            return _check(request, found, form)
        if attempt(form, lambda: services.change_channel(code, form.settings(), by=actor)):
            messages.success(request, _("%(name)s is saved.") % {"name": form.cleaned_data["name"]})
            return redirect("settings:channels")
    return show(
        request,
        "settings/channel.html",
        "channels",
        status=422 if form.errors else 200,
        form=form,
        channel=found,
        may_change=actor.can(Permission.SETTINGS),
    )


def _check(request: HttpRequest, found: SalesChannel, form: ChannelForm) -> HttpResponse:
    wanted = form.settings()
    changes = services.channel_changes(services.ChannelSettings.of(found), wanted)
    if not changes:
        messages.info(request, _("Nothing differs from what is saved."))
        return redirect("settings:channel", found.code)
    return check(
        request,
        "channels",
        form=form,
        changes=changes,
        title=_("Change %(name)s?") % {"name": found.name},
        consequence=_(
            "This holds for requests made from now on. Returns and refunds under way keep the address, the dates"
            " and the way of payment that were promised."
        ),
        verb=_("Save the changes"),
        back_url=reverse("settings:channel", args=[found.code]),
        effects=[effect(found, wanted) for effect in CHANNEL_EFFECTS],
    )
