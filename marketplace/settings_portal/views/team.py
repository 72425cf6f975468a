"""The team: who is on it, in which role, who is invited."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from marketplace.actors import MemberRole, Permission
from marketplace.errors import NotFound
from marketplace.models import Membership
from marketplace.portal import actor_of
from marketplace.settings_portal import selectors, services
from marketplace.settings_portal.forms import InviteForm, RoleForm
from marketplace.settings_portal.views.frame import attempt, confirm, show


def index(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    actor.require(Permission.VIEW)
    return show(
        request,
        "settings/team.html",
        "team",
        members=selectors.members(),
        invitations=selectors.open_invitations(),
        may_change=actor.can(Permission.TEAM),
    )


def invite(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    actor.require(Permission.TEAM)
    form = InviteForm(request.POST or None, initial={"role": MemberRole.AGENT})
    if form.is_valid():
        email, role = form.cleaned_data["email"], MemberRole(form.cleaned_data["role"])
        if attempt(form, lambda: services.invite(email, by=actor, role=role)):
            messages.success(request, _("The invitation to %(email)s is on its way.") % {"email": email})
            return redirect("settings:team")
    return show(request, "settings/invite.html", "team", status=422 if form.errors else 200, form=form)


def revoke(request: HttpRequest, invitation_id: int) -> HttpResponse:
    actor = actor_of(request)
    actor.require(Permission.TEAM)
    if request.method == "POST":
        invitation = services.revoke_invitation(invitation_id, by=actor)
        messages.success(
            request, _("The invitation to %(email)s does not work any more.") % {"email": invitation.email}
        )
        return redirect("settings:team")
    return confirm(
        request,
        "team",
        title=_("Take the invitation back?"),
        consequence=_("The link in the mail stops working at once. You can invite the same address again."),
        verb=_("Take the invitation back"),
        back_url=reverse("settings:team"),
    )


def role(request: HttpRequest, membership_id: int) -> HttpResponse:
    actor = actor_of(request)
    actor.require(Permission.TEAM)
    member = _member(membership_id)
    form = RoleForm(request.POST or None, initial={"role": member.role})
    if form.is_valid():
        wanted = MemberRole(form.cleaned_data["role"])
        if attempt(form, lambda: services.change_role(membership_id, by=actor, role=wanted)):
            messages.success(request, _("%(name)s is %(role)s now.") % {"name": member.user, "role": wanted.label})
            return redirect("settings:team")
    return show(request, "settings/role.html", "team", status=422 if form.errors else 200, form=form, member=member)


def remove(request: HttpRequest, membership_id: int) -> HttpResponse:
    actor = actor_of(request)
    actor.require(Permission.TEAM)
    member = _member(membership_id)
    if request.method == "POST":
        services.remove_member(membership_id, by=actor)
        messages.success(request, _("%(name)s is not on the team any more.") % {"name": member.user})
        return redirect("settings:team" if member.user_id != actor.user_id else "home")
    return confirm(
        request,
        "team",
        title=_("Remove %(name)s?") % {"name": member.user},
        consequence=_(
            "They lose this seller at once, in every browser. Their name stays in the history of what they did."
        ),
        verb=_("Remove %(name)s") % {"name": member.user},
        back_url=reverse("settings:team"),
        danger=True,
    )


def _member(membership_id: int) -> Membership:
    found = selectors.member(membership_id)
    if found is None:
        raise NotFound
    return found
