"""The seller's time limits: what holds, where it comes from, and a new version of one."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from marketplace import clock, times
from marketplace.actors import Permission
from marketplace.deadlines import KINDS, DeadlineKind
from marketplace.errors import NotFound
from marketplace.portal import actor_of
from marketplace.settings_log import Change
from marketplace.settings_portal import selectors, services
from marketplace.settings_portal.forms import RuleForm
from marketplace.settings_portal.views.frame import attempt, check, confirm, show, wants_check, wants_edit


def index(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    actor.require(Permission.VIEW)
    limits = [(limit, selectors.with_state(limit.rules)) for limit in selectors.limits()]
    return show(
        request, "settings/deadlines.html", "deadlines", limits=limits, may_change=actor.can(Permission.SETTINGS)
    )


def new(request: HttpRequest, kind: str) -> HttpResponse:
    """A new rule: first what would change, then the save."""
    actor = actor_of(request)
    actor.require(Permission.SETTINGS)
    limit = KINDS.get(kind)
    if limit is None:
        raise NotFound
    form = RuleForm(request.POST or None, initial={"unit": "hours"})
    if form.is_valid() and not wants_edit(request):
        if wants_check(request):
            return _check(request, limit, form)
        data = form.cleaned_data
        more = {"channel": data["channel"], "valid_from": data["valid_from"], "source": data["source"]}
        if attempt(form, lambda: services.add_rule(kind, by=actor, length=form.length, **more)):
            messages.success(request, _("The new time limit is saved."))
            return redirect("settings:deadlines")
    return show(
        request,
        "settings/rule.html",
        "deadlines",
        status=422 if form.errors else 200,
        form=form,
        limit=limit,
        default=selectors.default_text(limit),
    )


def end(request: HttpRequest, rule_id: int) -> HttpResponse:
    actor = actor_of(request)
    actor.require(Permission.SETTINGS)
    if request.method == "POST":
        services.end_rule(rule_id, by=actor)
        messages.success(request, _("The rule has ended."))
        return redirect("settings:deadlines")
    return confirm(
        request,
        "deadlines",
        title=_("End this rule?"),
        consequence=_("The rule before it, or the default, holds again. What was promised under it stays promised."),
        verb=_("End the rule"),
        back_url=reverse("settings:deadlines"),
    )


def _check(request: HttpRequest, limit: DeadlineKind, form: RuleForm) -> HttpResponse:
    data = form.cleaned_data
    start = data["valid_from"] or clock.now()
    before = selectors.limit_in_force(limit.kind, data["channel"], start)
    after = selectors.span(form.length)
    moment = times.written(start) if data["valid_from"] else _("now")
    return check(
        request,
        "deadlines",
        form=form,
        changes=[Change(_("%(limit)s, from %(moment)s on") % {"limit": limit.label, "moment": moment}, before, after)],
        title=_("Change this time limit?"),
        consequence=_("It holds for what begins from then on. Dates that buyers and your team were given do not move."),
        verb=_("Save the new limit"),
        back_url=reverse("settings:deadlines"),
        effects=[limit.effect(data["channel"], form.length)] if limit.effect else [],
    )
