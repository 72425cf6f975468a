"""What happened to a return, in sentences; its refunds' milestones stand in between."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from marketplace import timeline, times
from marketplace.actors import ActorKind
from marketplace.models import StateTransition
from marketplace.portal_parts import Step, TimelineEntry
from marketplace.portal_words import status_word
from marketplace.timeline import Said
from refunds.models import RefundRequest
from refunds.timeline import short_story
from returns.models import LIVE, ReceivedUnits, ReturnRequest
from returns.reasons import reason_words

# The way that a return takes when all goes well.
_WAY = ("PENDING_RESPONSE", "AUTHORISED", "IN_TRANSIT", "RECEIVED", "CLOSED")


def timeline_of(request: ReturnRequest, refunds: Sequence[RefundRequest] = ()) -> list[TimelineEntry]:
    """Everything, oldest first: moves, notes, messages, mails, and the milestones of the refunds."""

    def tell(move: StateTransition) -> Said:
        return _tell(request, move)

    return timeline.in_order([*timeline.story("return", request.pk, tell), *short_story(refunds)])


def steps_of(request: ReturnRequest, entries: Sequence[TimelineEntry]) -> list[Step]:
    """Where this stands: the states passed with their times, the present one, what can come next."""
    passed = [entry for entry in entries if entry.machine == "return" and entry.target]
    steps = [Step(_word(entry.target), "done", entry.at) for entry in passed[:-1]]
    since = passed[-1].at if passed else request.requested_at
    steps.append(Step(_word(str(request.status)), "now", since, _until(request)))
    if str(request.status) in LIVE:
        at = _WAY.index("IN_TRANSIT" if request.status == "PARTIALLY_RECEIVED" else str(request.status))
        steps += [Step(_word(status), "next") for status in _WAY[at + 1 :]]
    return steps


def _word(status: str) -> str:
    return str(status_word("return", status).label)


def _until(request: ReturnRequest) -> str:
    def day(moment: datetime) -> str:
        return times.written_date(moment)

    if request.due_at is None:
        return ""
    words = {
        "PENDING_RESPONSE": _("answer by %(date)s"),
        "AUTHORISED": _("post by %(date)s"),
        "IN_TRANSIT": _("post by %(date)s"),
    }.get(str(request.status), _("refund by %(date)s"))
    return words % {"date": day(request.due_at)}


def _tell(request: ReturnRequest, move: StateTransition) -> Said:
    told = {
        "submit": lambda: Said(_asked(request, move)),
        "auto_authorise": lambda: Said(_("authorised the return automatically."), why=_rule(move)),
        "authorise": lambda: Said(_("authorised the return."), quote=move.reason_text),
        "deny": lambda: Said(
            _("denied the return: %(reason)s.") % {"reason": reason_words(move.reason_code)}, quote=move.reason_text
        ),
        "withdraw": lambda: Said(_("took the request back."), quote=move.reason_text),
        "mark_overdue": lambda: Said(
            _("marked the request as overdue."),
            why=_("It was to be answered by %(when)s. It can still be answered; the buyer is waiting.")
            % {"when": times.written(request.respond_by)},
            is_failure=True,
        ),
        "ship": lambda: Said(
            _("noted that the parcel is on its way with %(carrier)s.")
            % {"carrier": move.data.get("carrier") or _("a carrier")}
        ),
        "receive": lambda: Said(_received(move), quote=move.reason_text),
        "close": lambda: Said(_closed(move), quote=move.reason_text),
        "expire": lambda: Said(_("ended the return: nothing came back in time, and nothing is on its way.")),
        "reinstate": lambda: Said(_("reinstated the return, with new deadlines."), quote=move.reason_text),
    }.get(move.move)
    return told() if told else Said(move.move.replace("_", " "))


def _asked(request: ReturnRequest, move: StateTransition) -> str:
    if move.actor_kind == ActorKind.BUYER:
        return ngettext("asked to return %(n)s unit.", "asked to return %(n)s units.", request.units) % {
            "n": request.units
        }
    return ngettext(
        "wrote down a return of %(n)s unit for the buyer.",
        "wrote down a return of %(n)s units for the buyer.",
        request.units,
    ) % {"n": request.units}


def _rule(move: StateTransition) -> str:
    data = move.data
    sentence = (
        _("%(channel)s authorises all requests by itself, up to %(days)s days after the order.")
        if data.get("rule") == "all"
        else _("%(channel)s authorises requests within its policy by itself, up to %(days)s days after the order.")
    )
    return sentence % {"channel": data.get("channel", ""), "days": data.get("days", "")}


def _received(move: StateTransition) -> str:
    units = move.data.get("units") or []
    labels = dict(ReceivedUnits.Condition.choices)
    parts = [f"{unit['quantity']} × {str(labels.get(unit['condition'], unit['condition'])).lower()}" for unit in units]
    return _("noted what came back: %(units)s.") % {"units": ", ".join(parts)}


def _closed(move: StateTransition) -> str:
    labels = dict(ReturnRequest.CloseReason.choices)
    reason = str(labels.get(move.reason_code, move.reason_code)).lower()
    return _("closed the return: %(reason)s.") % {"reason": reason}
