"""What happened to a refund, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.utils.translation import gettext as _

from marketplace import timeline
from marketplace.models import StateTransition
from marketplace.money import Money, format_money
from marketplace.portal_parts import TimelineEntry
from marketplace.timeline import Said
from refunds.models import HoldReason, RefundRequest
from refunds.reasons import reason_words

# Moves that a page about something else (a return) shows too; the rest is told on the refund's own page.
SHORT = frozenset({"create", "record_external", "review", "hold", "cancel", "refuse", "settle", "confirm", "fail",
                   "lose_track", "resolve_paid", "resolve_unpaid", "reverse"})  # fmt: skip


def timeline_of(refund: RefundRequest) -> list[TimelineEntry]:
    """Everything, oldest first."""
    return [_without_checking(entry) for entry in timeline.story("refund", refund.pk, tell)]


def short_story(refunds: Sequence[RefundRequest]) -> list[TimelineEntry]:
    """The milestones of these refunds, in one query."""
    if not refunds:
        return []
    moves = StateTransition.objects.filter(
        machine="refund", object_id__in=[refund.pk for refund in refunds], move__in=SHORT
    )
    return [_end_alone(entry) for entry in timeline.told(moves.order_by("id"), tell)]


def _without_checking(entry: TimelineEntry) -> TimelineEntry:
    """Nobody waits in VALIDATING: a refund is made and moved on in one commit."""

    def shown(status: str) -> str:
        return "" if status == "VALIDATING" else status

    return replace(entry, source=shown(entry.source), target=shown(entry.target))


def _end_alone(entry: TimelineEntry) -> TimelineEntry:
    """Between the moves of something else: how the refund ended, and no state on the way there."""
    is_end = entry.target in {"COMPLETED", "FAILED", "CANCELLED", "VALIDATION_FAILED"}
    return replace(entry, source="", target=entry.target if is_end else "")


def tell(move: StateTransition) -> Said:
    amount = _amount(move)
    reason = move.reason_text
    told = {
        "create": lambda: Said(
            _("asked to refund %(amount)s: %(reason)s.") % {"amount": amount, "reason": reason_words(move.reason_code)},
            quote=reason,
        ),
        "record_external": lambda: Said(
            _("paid %(amount)s back without being asked here.") % {"amount": amount}, is_failure=True
        ),
        "reserve": lambda: Said(_("set %(amount)s aside for this refund.") % {"amount": amount}),
        "ask_review": lambda: Said(
            _("asked a second person to look at it."),
            why=_("Refunds above your limit wait until somebody else than who asked agrees (Settings, Refunds)."),
        ),
        "review": lambda: Said(_("agreed as the second person.")),
        "hold": lambda: Said(_("put the refund on hold: %(why)s.") % {"why": _hold(move)}, quote=reason),
        "release": lambda: Said(_("ended the hold."), quote=reason),
        "refuse": lambda: Said(_("found a reason not to pay it."), quote=reason, is_failure=True),
        "cancel": lambda: Said(_cancelled(move), quote=reason),
        "confirm": lambda: Said(
            _("paid %(amount)s outside and confirmed it: %(reference)s.")
            % {"amount": amount, "reference": move.data.get("provider_refund_id", "")}
        ),
        "submit": lambda: Said(_("sent it to the payment provider.")),
        "lose_track": lambda: Said(
            _("could not learn whether the payment provider has paid. It is looked up again and again."),
            quote=reason,
            is_failure=True,
        ),
        "find": lambda: Said(_("found it at the payment provider, not finished yet.")),
        "settle": lambda: Said(_("paid %(amount)s back to the buyer.") % {"amount": amount}),
        "fail": lambda: Said(_("could not pay it: what was set aside is free again."), quote=reason, is_failure=True),
        "resolve_paid": lambda: Said(_("saw the payment at the provider."), quote=reason),
        "resolve_unpaid": lambda: Said(_("made sure that nothing was paid."), quote=reason),
        "reverse": lambda: Said(_("took the payment back: it did not reach the buyer."), quote=reason, is_failure=True),
    }.get(move.move)
    return told() if told else Said(move.move.replace("_", " "))


def _amount(move: StateTransition) -> str:
    minor, currency = move.data.get("amount_minor"), move.data.get("currency")
    return format_money(Money(int(minor), currency)) if minor and currency else _("the amount")


def _hold(move: StateTransition) -> str:
    code = move.reason_code
    return str(HoldReason(code).label) if code in HoldReason.values else code or _("no reason given")


def _cancelled(move: StateTransition) -> str:
    if move.reason_code == "review_declined":
        return _("did not agree as the second person; the refund is cancelled.")
    return _("cancelled the refund; what was set aside is free again.")
