"""Authorise many returns with one press, and the result of each row afterwards."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from marketplace.actors import Actor, Permission
from marketplace.errors import Conflict, DomainError, NotFound
from marketplace.models import IdempotencyKey
from marketplace.portal import actor_of
from marketplace.portal_forms import NONCE, conflict_page, press_once
from returns import services
from returns.models import ReturnRequest

OPERATION = "return.bulk"
MOST = 200


@require_POST
def bulk(request: HttpRequest) -> HttpResponse:
    """Each row by itself: one that can not be authorised does not stop the others."""
    actor = actor_of(request)
    actor.require(Permission.DECIDE)
    wanted = request.POST.getlist("id")[:MOST]

    def run() -> dict[str, Any]:
        return {"rows": [authorise_row(case, actor) for case in _cases(wanted)], "wanted": len(wanted)}

    try:
        press_once(request, OPERATION, run)
    except Conflict as conflict:
        return conflict_page(request, conflict, back=reverse("returns:index"))
    return redirect("returns:bulk_result", request.POST[NONCE])


def _cases(wanted: list[str]) -> list[ReturnRequest]:
    """In the order of their ids, which is the order of locks."""
    return list(ReturnRequest.objects.filter(public_id__in=wanted).order_by("id"))


def authorise_row(case: ReturnRequest, actor: Actor) -> dict[str, Any]:
    """What became of one row, in words."""
    row = {
        "public_id": case.public_id,
        "title": f"{case.units} × {case.first_title}",
        "order_number": case.order_number,
    }
    try:
        made = services.authorise_return(case.public_id, by=actor)
    except DomainError as refusal:
        return {**row, "is_done": False, "sentence": refusal.message, "status": str(case.status)}
    sentence = _("Authorised under the RMA number %(rma)s.") % {"rma": made.rma}
    return {**row, "is_done": True, "sentence": sentence, "status": str(made.status)}


def bulk_result(request: HttpRequest, nonce: str) -> HttpResponse:
    """What one press did to each row; it can be looked at again."""
    actor_of(request).require(Permission.VIEW)
    stored = IdempotencyKey.objects.filter(operation=f"portal:{OPERATION}", key=nonce).first()
    if stored is None:
        raise NotFound
    rows = stored.answer["rows"]
    done = sum(row["is_done"] for row in rows)
    context = {"rows": rows, "done": done, "not_done": len(rows) - done, "missing": stored.answer["wanted"] - len(rows)}
    return render(request, "returns/bulk_result.html", context)
