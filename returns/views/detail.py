"""One return: what was asked, what happened, how it stands, what can be done; and a note for the team."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from marketplace import clock
from marketplace.actors import Permission
from marketplace.portal import actor_of
from refunds.bars import bar_of
from refunds.selectors import budget_figures
from returns import choices, forms, notices, selectors, services, windows
from returns.models import ReturnRequest
from returns.reasons import Payer, reason_words, who_pays
from returns.timeline import steps_of, timeline_of
from returns.views.frame import answer, posted


def detail(request: HttpRequest, public_id: str) -> HttpResponse:
    """The page of one return."""
    actor = actor_of(request)
    actor.require(Permission.VIEW)
    case = selectors.with_lines(selectors.return_named(public_id))
    refunds = selectors.refunds_of(case)
    entries = timeline_of(case, refunds)
    figures = budget_figures(case.order)
    left = figures.left.minor if figures.left is not None else None
    context = {
        "case": case,
        "decisions": choices.actions(case, actor, clock.now(), left_minor=left),
        "items": items_of(case),
        "refunds": refunds,
        "entries": entries,
        "steps": steps_of(case, entries),
        "bar": bar_of(figures),
        "policy": policy_of(case),
        "address": notices.address_lines(case.return_address),
        "due_words": due_words(case),
        "may_note": actor.can(Permission.DECIDE),
        "form": forms.NoteForm(),
    }
    return render(request, "returns/detail.html", context)


def items_of(case: ReturnRequest) -> list[dict[str, object]]:
    """Each line with its reason in words, who pays for sending it back, and what came back."""
    return [
        {
            "line": line,
            "title": forms.title_of(line.order_line),
            "reason": reason_words(line.reason_code),
            "pays": _("The seller pays for sending it back.")
            if who_pays(line.reason_code, case.channel.code) == Payer.SELLER
            else _("The buyer pays for sending it back."),
            "received": list(line.received.all()),
        }
        for line in case.lines.all()
    ]


def due_words(case: ReturnRequest) -> str:
    """What the deadline of the moment is for."""
    if case.status in {"AUTHORISED", "IN_TRANSIT"}:
        return _("To be posted:")
    return _("To be answered:") if case.status == "PENDING_RESPONSE" else _("To be refunded:")


def policy_of(case: ReturnRequest) -> dict[str, object]:
    """Inside the return window or not, from which day it was counted, until when."""
    window = windows.window_of(case.order)
    basis = {
        "delivered": _("the day of delivery"),
        "shipped": _("the day it was shipped, because no delivery is known"),
        "ordered": _("the day of the order, because neither shipping nor delivery is known"),
    }[window.basis]
    return {"ends_at": window.ends_at, "basis": basis, "days": case.channel.return_window_days}


@require_http_methods(["GET", "POST"])
def note(request: HttpRequest, public_id: str) -> HttpResponse:
    """A line for the team, at the foot of the timeline."""
    actor_of(request).require(Permission.DECIDE)
    case = selectors.return_named(public_id)
    form = forms.NoteForm(posted(request))

    def act() -> str:
        services.add_note(case.public_id, by=actor_of(request), text=form.cleaned_data["text"])
        return _("Your note is kept. Only your team sees it.")

    return answer(
        request,
        case,
        form,
        act,
        name="note",
        title=_("Note for your team"),
        verb=_("Save note"),
        consequence=_("Only your team sees it; the buyer does not."),
    )
