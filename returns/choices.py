"""Which verbs the page of a return offers now, the likeliest first, and in words why the others are not possible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace import times
from marketplace.actors import Actor, Permission
from marketplace.errors import Forbidden
from marketplace.portal_parts import Action
from returns import deadlines
from returns.models import ALLOWED, LIVE, ReturnRequest
from returns.owed import is_refund_in_flight

OPEN_FOR_PARCELS = ("AUTHORISED", "IN_TRANSIT", "PARTIALLY_RECEIVED")


@dataclass(frozen=True, slots=True)
class Verb:
    """A button: the permission it needs, and why it is not possible in this state ("" = it is)."""

    name: str
    label: str | Promise
    icon: str
    permission: Permission
    why_not: Callable[[ReturnRequest, datetime], str]


def _answered(request: ReturnRequest, now: datetime) -> str:
    if request.status == "PENDING_RESPONSE":
        return ""
    if request.status in ALLOWED:
        return _("This return is authorised already.")
    return _("This return has ended. Reinstate it, or let the buyer ask again.")


def _parcel(request: ReturnRequest, now: datetime) -> str:
    if request.status in OPEN_FOR_PARCELS:
        return ""
    if request.status == "PENDING_RESPONSE":
        return _("Nothing has been authorised yet. Authorise the return first.")
    if request.status == "RECEIVED":
        return _("Everything that was asked for has been received.")
    return _("This return has ended.")


def _posted(request: ReturnRequest, now: datetime) -> str:
    if request.status == "AUTHORISED":
        return ""
    return _("The parcel is on its way already.") if request.status == "IN_TRANSIT" else _parcel(request, now)


def _closable(request: ReturnRequest, now: datetime) -> str:
    if request.status not in LIVE:
        return _("This return has ended already.")
    if is_refund_in_flight(request):
        return _("A refund of this return is under way. Wait until it has arrived, or cancel it first.")
    return ""


def _reinstatable(request: ReturnRequest, now: datetime) -> str:
    if request.status in LIVE:
        return _("This return has not ended.")
    if request.status == "WITHDRAWN":
        return _("The buyer took this request back. A new request is needed.")
    until = deadlines.reinstate_until(request.ended_at) if request.ended_at else now
    if now > until:
        return _("This could be taken back until %(until)s. Support still can.") % {"until": times.written(until)}
    return ""


def _reachable(request: ReturnRequest, now: datetime) -> str:
    if request.buyer is None or not request.buyer.email:
        return _("No address of this buyer is known. Invite the buyer on the order's page first.")
    return ""


def _always(request: ReturnRequest, now: datetime) -> str:
    return ""


VERBS = {
    verb.name: verb
    for verb in (
        Verb("authorise", gettext_lazy("Authorise"), "check", Permission.DECIDE, _answered),
        Verb("deny", gettext_lazy("Deny"), "x", Permission.DECIDE, _answered),
        Verb("ship", gettext_lazy("Note the parcel"), "truck", Permission.RECEIVE, _posted),
        Verb("receive", gettext_lazy("Receive items"), "package-check", Permission.RECEIVE, _parcel),
        Verb("refund", gettext_lazy("Refund"), "hand-coins", Permission.REFUND, _always),
        Verb("close", gettext_lazy("Close"), "archive", Permission.DECIDE, _closable),
        Verb("reinstate", gettext_lazy("Reinstate"), "undo-2", Permission.DECIDE, _reinstatable),
        Verb("contact", gettext_lazy("Contact buyer"), "mail", Permission.DECIDE, _reachable),
    )
}
_ENDED = ("reinstate", "refund", "contact", "authorise")
# Per state: the first is what most people do next; the rest in the order in which it is asked for.
OFFERED: dict[str, tuple[str, ...]] = {
    "PENDING_RESPONSE": ("authorise", "deny", "refund", "contact", "close", "receive"),
    "AUTHORISED": ("receive", "ship", "refund", "contact", "close", "deny"),
    "IN_TRANSIT": ("receive", "refund", "contact", "close", "deny"),
    "PARTIALLY_RECEIVED": ("receive", "refund", "contact", "close"),
    "RECEIVED": ("refund", "close", "contact", "receive"),
    "DENIED": _ENDED,
    "EXPIRED": _ENDED,
    "CLOSED": _ENDED,
    "WITHDRAWN": ("contact", "refund", "authorise"),
}
FIRST = {status: OFFERED[status][0] for status in LIVE}


def why_not(verb: Verb, request: ReturnRequest, actor: Actor, now: datetime) -> str:
    """The role first, then the state; "" = possible."""
    try:
        actor.require(verb.permission)
    except Forbidden as refusal:
        return refusal.message
    return verb.why_not(request, now)


def actions(request: ReturnRequest, actor: Actor, now: datetime, *, left_minor: int | None) -> list[Action]:
    """The buttons of a return's page; `left_minor` is what its order still has to refund (None = not known)."""
    found: list[Action] = []
    for name in OFFERED[str(request.status)]:
        verb = VERBS[name]
        reason = why_not(verb, request, actor, now)
        if name == "refund" and not reason and left_minor == 0:
            reason = _("Nothing is left to refund on this order.")
        url = "" if reason else url_of(verb, request)
        found.append(Action(verb.label, url, verb.icon, reason))
    return _with_a_primary(found, is_live=request.is_live)


def _with_a_primary(found: list[Action], *, is_live: bool) -> list[Action]:
    """The first that is possible stands out, as long as something is to be done; what is not stands last."""
    possible = [action for action in found if not action.reason]
    impossible = [action for action in found if action.reason]
    if possible and is_live:
        first = possible[0]
        possible[0] = Action(first.label, first.url, first.icon, is_primary=True)
    return possible + impossible


def first_action(request: ReturnRequest, actor: Actor) -> Action | None:
    """What most people do next with a row of a list; None where nothing is to be done, or not by this actor."""
    name = FIRST.get(str(request.status))
    if name is None or not actor.can(VERBS[name].permission):
        return None
    return Action(VERBS[name].label, url_of(VERBS[name], request), VERBS[name].icon)


def url_of(verb: Verb, request: ReturnRequest) -> str:
    return reverse(f"returns:{verb.name}", args=[request.public_id])
