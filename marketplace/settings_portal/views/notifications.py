"""Which mails of this seller the person wants."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from marketplace.models import NotificationPreference
from marketplace.portal import actor_of
from marketplace.settings_portal import services
from marketplace.settings_portal.services.profile import kinds_for
from marketplace.settings_portal.views.frame import show


def notifications(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    if request.method == "POST":
        services.change_notifications(dict.fromkeys(request.POST.getlist("wants"), True), by=actor)
        messages.success(request, _("Your choice of mails is saved."))
        return redirect("settings:notifications")
    chosen = dict(NotificationPreference.objects.filter(user_id=actor.user_id).values_list("event", "wants_mail"))
    kinds = [(kind, chosen.get(kind.event, kind.is_wanted)) for kind in kinds_for(actor)]
    return show(request, "settings/notifications.html", "notifications", kinds=kinds)
