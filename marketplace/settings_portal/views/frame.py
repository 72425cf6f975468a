"""What all settings pages share: the tabs, the check before a save, the one refusal on a form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db import transaction
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from marketplace.actors import Permission
from marketplace.errors import DomainError
from marketplace.portal import actor_of
from marketplace.portal_parts import Tab
from marketplace.settings_log import Change


def tabs(request: HttpRequest, active: str) -> list[Tab]:
    """What this role may open; the keys are for owners alone."""
    names: list[tuple[str, str]] = [
        ("profile", _("Your profile")),
        ("notifications", _("Your mails")),
        ("team", _("Team")),
        ("channels", _("Sales channels")),
        ("deadlines", _("Time limits")),
        ("security", _("Security")),
        ("keys", _("API keys")),
        ("log", _("Log")),
    ]
    may_see_keys = actor_of(request).can(Permission.KEYS)
    return [
        Tab(label, reverse(f"settings:{name}"), active=name == active)
        for name, label in names
        if name != "keys" or may_see_keys
    ]


def show(request: HttpRequest, template: str, active: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """A settings page below its tabs."""
    return render(request, template, {"tabs": tabs(request, active), **context}, status=status)


def attempt(form: Form, act: Callable[[], object]) -> bool:
    """Call a service; a refusal becomes the form's problem, and what was begun is undone."""
    try:
        with transaction.atomic():
            act()
    except DomainError as error:
        form.add_error(None, error.message)
        return False
    return True


def check(
    request: HttpRequest,
    active: str,
    *,
    form: Form,
    changes: Sequence[Change],
    title: str,
    consequence: str,
    verb: str,
    back_url: str,
    effects: Sequence[str] = (),
) -> HttpResponse:
    """The page between form and save: what would change, and what that means."""
    return show(
        request,
        "settings/check.html",
        active,
        form=form,
        changes=[(change.name, change.before, change.after) for change in changes],
        title=title,
        consequence=consequence,
        verb=verb,
        back_url=back_url,
        effects=[effect for effect in effects if effect],
    )


def confirm(request: HttpRequest, active: str, **context: Any) -> HttpResponse:
    """One press that can not be taken back: title, text, consequence, verb, back_url."""
    return show(request, "settings/confirm.html", active, **context)


def wants_check(request: HttpRequest) -> bool:
    """The first press of a form shows what would change; the second saves."""
    return request.POST.get("step") != "save"


def wants_edit(request: HttpRequest) -> bool:
    """Back from the check to the form, with everything that was typed."""
    return bool(request.POST.get("edit"))
