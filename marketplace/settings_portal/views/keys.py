"""API keys: made and shown once, rotated, revoked."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from marketplace import access, clock
from marketplace.actors import Permission
from marketplace.errors import NotFound
from marketplace.models import ApiKey
from marketplace.portal import actor_of
from marketplace.settings_portal import selectors
from marketplace.settings_portal.forms import KeyForm
from marketplace.settings_portal.views.frame import attempt, confirm, show

# A key is shown in the answer to its own press and kept nowhere; a reload must not make a second one.
_PRESSED = "key_forms_used"


def index(request: HttpRequest) -> HttpResponse:
    actor_of(request).require(Permission.KEYS)
    return show(request, "settings/keys.html", "keys", keys=selectors.api_keys(), now=clock.now())


def new(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    actor.require(Permission.KEYS)
    form = KeyForm(request.POST or None)
    made: list[tuple[ApiKey, str]] = []
    if form.is_valid():
        if _was_pressed(request):
            return _made_before(request)
        values = {"scopes": form.cleaned_data["scopes"], "expires_at": form.expires_at(clock.now())}
        if attempt(form, lambda: made.append(access.create_api_key(form.cleaned_data["name"], by=actor, **values))):
            return _show_once(request, *made[0])
    return show(request, "settings/key_new.html", "keys", status=422 if form.errors else 200, form=form)


def rotate(request: HttpRequest, public_id: str) -> HttpResponse:
    actor = actor_of(request)
    actor.require(Permission.KEYS)
    key = _key(public_id)
    if request.method == "POST":
        if _was_pressed(request):
            return _made_before(request)
        return _show_once(request, *access.rotate_api_key(public_id, by=actor), old=key)
    return confirm(
        request,
        "keys",
        title=_("Replace the key %(name)s?") % {"name": key.name},
        consequence=_("You get a new key with the same rights. The old one works for another 24 hours, then ends."),
        verb=_("Make the new key"),
        back_url=reverse("settings:keys"),
    )


def revoke(request: HttpRequest, public_id: str) -> HttpResponse:
    actor = actor_of(request)
    actor.require(Permission.KEYS)
    key = _key(public_id)
    if request.method == "POST":
        access.revoke_api_key(public_id, by=actor)
        messages.success(request, _("The key %(name)s does not work any more.") % {"name": key.name})
        return redirect("settings:keys")
    return confirm(
        request,
        "keys",
        title=_("Revoke the key %(name)s?") % {"name": key.name},
        consequence=_("It stops working at once and for ever. A program that still uses it gets an error."),
        verb=_("Revoke the key"),
        back_url=reverse("settings:keys"),
        danger=True,
    )


def _key(public_id: str) -> ApiKey:
    key: ApiKey | None = ApiKey.objects.filter(public_id=public_id).first()
    if key is None:
        raise NotFound
    return key


def _was_pressed(request: HttpRequest) -> bool:
    """Notes the nonce of this form in the session; True the second time."""
    try:
        nonce = str(uuid.UUID(request.POST.get("form_nonce", "")))
    except ValueError:
        return True
    used: list[str] = request.session.get(_PRESSED, [])
    if nonce in used:
        return True
    request.session[_PRESSED] = [*used, nonce][-20:]
    return False


def _made_before(request: HttpRequest) -> HttpResponse:
    messages.info(
        request, _("This key was made already and is shown only once. Revoke it and make another if it is lost.")
    )
    return redirect("settings:keys")


def _show_once(request: HttpRequest, key: ApiKey, secret: str, old: ApiKey | None = None) -> HttpResponse:
    return show(request, "settings/key_made.html", "keys", key=key, secret=secret, old=old)
