"""Which verbs the page of a refund offers now, and in words why the others are not possible; why it waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace import times
from marketplace.actors import Actor, ActorKind, Permission
from marketplace.errors import Forbidden
from marketplace.models.trade import GatewayName
from marketplace.portal_parts import Action
from refunds.models import HoldReason, RefundRequest
from refunds.selectors import next_thing_due

BEFORE_SENDING = ("REVIEW", "ON_HOLD", "RESERVED")
AT_THE_PROVIDER = ("SUBMITTED", "UNKNOWN")


@dataclass(frozen=True, slots=True)
class Verb:
    """A button: the permission it needs, and why it is not possible ("" = it is)."""

    name: str
    label: str | Promise
    icon: str
    permission: Permission
    why_not: Callable[[RefundRequest, Actor], str]


def _ended(refund: RefundRequest) -> str:
    return _("This refund has ended: %(status)s.") % {"status": refund.get_status_display().lower()}


def _reviewable(refund: RefundRequest, actor: Actor) -> str:
    if refund.status != "REVIEW":
        return _("Nobody's second opinion is asked for here.")
    if actor.id == refund.created_by_id:
        return _("You asked for this refund, so somebody else must look at it.")
    return ""


def _cancellable(refund: RefundRequest, actor: Actor) -> str:
    if refund.status in BEFORE_SENDING:
        return ""
    if refund.status in AT_THE_PROVIDER:
        return _("It is with the payment provider already, so it can not be called back.")
    return _ended(refund)


def _confirmable(refund: RefundRequest, actor: Actor) -> str:
    if refund.gateway != GatewayName.MANUAL:
        return _("The payment provider sends this refund and says when it is done.")
    if refund.status == "RESERVED":
        return ""
    if refund.status == "REVIEW":
        return _("A second person has to agree first.")
    return _("It is on hold.") if refund.status == "ON_HOLD" else _ended(refund)


def _at_the_provider(refund: RefundRequest, actor: Actor) -> str:
    return "" if refund.status in AT_THE_PROVIDER else _("Nothing of this refund is open at the payment provider.")


def _holdable(refund: RefundRequest, actor: Actor) -> str:
    return "" if refund.status == "RESERVED" else _("Only what is not sent yet can be put on hold.")


def _releasable(refund: RefundRequest, actor: Actor) -> str:
    if refund.status != "ON_HOLD":
        return _("It is not on hold.")
    if actor.kind == ActorKind.SELLER and refund.hold_reason not in {"", HoldReason.BY_SELLER}:
        return _("This hold is not your team's (%(reason)s), so it ends by itself or by support.") % {
            "reason": hold_words(refund)
        }
    return ""


def _resolvable(refund: RefundRequest, actor: Actor) -> str:
    if refund.status != "UNKNOWN":
        return _("The outcome is not in doubt.")
    if refund.person_asked_at is None:
        return _("We are still asking the payment provider. A person decides once that has led nowhere for a day.")
    return ""


VERBS = {
    verb.name: verb
    for verb in (
        Verb("review", gettext_lazy("Look at it as the second person"), "users", Permission.REVIEW_REFUND, _reviewable),
        Verb("confirm", gettext_lazy("Confirm payment"), "banknote", Permission.REFUND, _confirmable),
        Verb("look_up", gettext_lazy("Ask the provider now"), "refresh-cw", Permission.VIEW, _at_the_provider),
        Verb("resolve", gettext_lazy("Say what happened"), "scale", Permission.REVIEW_REFUND, _resolvable),
        Verb("release", gettext_lazy("End the hold"), "check", Permission.REFUND, _releasable),
        Verb("hold", gettext_lazy("Put on hold"), "circle-pause", Permission.REFUND, _holdable),
        Verb("cancel", gettext_lazy("Cancel refund"), "x", Permission.REFUND, _cancellable),
    )
}
# By the status that pages show; the first is what most people do next.
OFFERED: dict[str, tuple[str, ...]] = {
    "VALIDATING": ("cancel",),
    "REVIEW": ("review", "cancel"),
    "ON_HOLD": ("release", "cancel"),
    "RESERVED": ("hold", "cancel"),
    "AWAITING_SELLER": ("confirm", "hold", "cancel"),
    "SUBMITTED": ("look_up", "cancel"),
    "UNKNOWN": ("resolve", "look_up", "cancel"),
    "COMPLETED": ("cancel",),
    "FAILED": ("cancel",),
    "VALIDATION_FAILED": ("cancel",),
    "CANCELLED": ("cancel",),
}
NEEDS_SOMEBODY = {"REVIEW": "review", "ON_HOLD": "release", "AWAITING_SELLER": "confirm", "UNKNOWN": "resolve"}


def why_not(verb: Verb, refund: RefundRequest, actor: Actor) -> str:
    """The role first, then the state; "" = possible."""
    try:
        actor.require(verb.permission)
    except Forbidden as refusal:
        return refusal.message
    return verb.why_not(refund, actor)


def actions(refund: RefundRequest, actor: Actor) -> list[Action]:
    """The buttons of a refund's page; what is possible first, the likeliest stands out where somebody is needed."""
    verbs = [VERBS[name] for name in OFFERED[refund.display_status]]
    possible = [verb for verb in verbs if not why_not(verb, refund, actor)]
    found = [
        Action(
            verb.label,
            url_of(verb, refund),
            verb.icon,
            is_primary=at == 0 and refund.display_status in NEEDS_SOMEBODY,
        )
        for at, verb in enumerate(possible)
    ]
    found += [
        Action(verb.label, icon=verb.icon, reason=why_not(verb, refund, actor))
        for verb in verbs
        if verb not in possible
    ]
    return found


def first_action(refund: RefundRequest, actor: Actor) -> Action | None:
    """What most people do next with a row of the list; None where nothing is to be done by this actor."""
    name = NEEDS_SOMEBODY.get(refund.display_status)
    if name is None or why_not(VERBS[name], refund, actor):
        return None
    short = {"review": _("Look at it"), "confirm": _("Confirm"), "release": _("End the hold"), "resolve": _("Resolve")}
    return Action(short[name], url_of(VERBS[name], refund), VERBS[name].icon)


def url_of(verb: Verb, refund: RefundRequest) -> str:
    return reverse(f"refunds:{verb.name}", args=[refund.public_id])


def hold_words(refund: RefundRequest) -> str:
    code = refund.hold_reason
    return str(HoldReason(code).label) if code in HoldReason.values else code or _("no reason given")


def what_happens_next(refund: RefundRequest) -> str:
    """One sentence: who has to act, or what happens by itself and when."""
    status = refund.display_status
    sentences = {
        "REVIEW": _("Somebody else than who asked for it has to agree. Nothing is sent before."),
        "ON_HOLD": _("It is on hold: %(why)s. Nothing is sent before the hold ends.") % {"why": hold_words(refund)},
        "AWAITING_SELLER": _("Pay the buyer outside, then confirm it here with your reference."),
        "RESERVED": _("It is sent within seconds."),
        "SUBMITTED": _("The payment provider has it; a refund may take days there."),
        "UNKNOWN": _("It is not known whether the provider has paid. It is asked again; nothing is sent twice."),
        "COMPLETED": _("The money is on the buyer's account, or on its way there through the banks."),
        "FAILED": _("Nothing was paid, and the amount is free again. You can ask for a new refund."),
        "VALIDATION_FAILED": _("Nothing was paid, and the amount is free again. You can ask for a new refund."),
        "CANCELLED": _("Nothing was paid, and the amount is free again."),
    }
    found = sentences.get(status, _("It is being checked."))
    if refund.person_asked_at and status in AT_THE_PROVIDER:
        return _("Asking the provider has led nowhere. Look at your account there and say what happened.")
    due = next_thing_due(refund)
    if due and due[0] == "look_up":
        return _("%(sentence)s Next look: %(when)s.") % {"sentence": found, "when": times.written(due[1])}
    return found
