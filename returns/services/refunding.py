"""Money goes back for a return: asked for here, sent by refunds, heard of when it arrived or came to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from django.utils.translation import gettext as _

from marketplace import clock, rows
from marketplace.actors import SYSTEM_ACTOR, Actor, Permission
from marketplace.crash import crashpoint
from marketplace.errors import NotFound, Refused
from marketplace.idempotency import Answer, once
from marketplace.models import Order
from marketplace.moves import save_transition
from marketplace.tenancy import in_transaction
from refunds.lines import Book
from refunds.models import RefundRequest
from refunds.services import RefundLineAsk, charge_of, create_refund
from returns import locks, owed
from returns.models import SELLERS_MOVE, ReturnRequest
from returns.services import guards

REFUND_RETURN = "return.refund"  # the idempotency operation
Status, CloseReason = ReturnRequest.Status, ReturnRequest.CloseReason


@in_transaction()
def refund_return(
    public_id: str,
    *,
    by: Actor,
    lines: Sequence[RefundLineAsk] | None = None,
    reason_code: str = "",
    reason_text: str = "",
    client_token: str | None = None,
) -> RefundRequest:
    """Give money back for a return; without `lines`, what is proposed for its received units.

    Possible in every state: before an answer (returnless), and also after a denial or closing. Never more than
    the order's budget has. A return whose units are all paid for closes when the money has arrived.
    """
    guards.allow(by, Permission.REFUND)
    if client_token is None:
        return _refund(public_id, by, lines, reason_code, reason_text)

    def run() -> Answer:
        made = _refund(public_id, by, lines, reason_code, reason_text)
        return Answer(201, {"public_id": made.public_id})

    body = {
        "return": public_id,
        "lines": [asdict(line) for line in lines] if lines is not None else None,
        "reason": [reason_code, reason_text],
    }
    answer = once(operation=REFUND_RETURN, key=client_token, body=body, run=run)
    refund: RefundRequest = RefundRequest.objects.get(public_id=answer.body["public_id"])
    return refund


def _refund(
    public_id: str, by: Actor, lines: Sequence[RefundLineAsk] | None, reason_code: str, reason_text: str
) -> RefundRequest:
    request = locks.return_request(public_id)
    charge = charge_of(request.order)
    asks = list(lines) if lines is not None else proposed_asks(request, charge.book)
    if not asks:
        raise Refused(
            _("Nothing is left to refund on this return: what came back is paid for."), code="nothing_to_refund"
        )
    refund = create_refund(
        request.order.public_id,
        by=by,
        lines=asks,
        reason_code=reason_code or request.first_reason_code,
        reason_text=reason_text,
        asker=owed.ASKER,
        asker_public_id=request.public_id,
        charge=charge,
    )
    _money_is_under_way(request)
    crashpoint("return.refund.before_commit")
    return refund


def proposed_asks(request: ReturnRequest, book: Book) -> list[RefundLineAsk]:
    """The proposal as refund lines."""
    proposed = owed.refund_proposal(request, book)
    return [RefundLineAsk(line.order_line.pk, line.component, line.amount.minor) for line in proposed]


def _money_is_under_way(request: ReturnRequest) -> None:
    """A refund counts as the seller's answer ([RDR-US]), and nobody waits for the seller meanwhile."""
    now = clock.now()
    if request.status == Status.PENDING_RESPONSE and request.answered_at is None:
        request.answered_at, request.was_late = now, request.was_late or now > request.respond_by
        request.is_overdue = False
        rows.update(request, ["answered_at", "was_late", "is_overdue"])
    if request.status in SELLERS_MOVE and request.due_at is not None:
        request.due_at = None
        rows.update(request, ["due_at"])


# --- what refunds tells us ---


@in_transaction()
def refund_arrived(refund_id: int) -> list[ReturnRequest]:
    """Close what is settled by it: the return that asked, and live ones whose order lines are wholly refunded.

    Safe to repeat. Returns the returns that were closed.
    """
    refund = _refund_with_order(refund_id)
    Order.objects.select_for_update(of=("self",), no_key=True).get(pk=refund.order_id)
    closed: list[ReturnRequest] = []
    asker = _asker_of(refund)
    if asker is not None and asker.refunded_at is None:
        asker.refunded_at = refund.settled_at or clock.now()
        asker.save(update_fields=["refunded_at"])
    for request in locks.live_returns_of_order(refund.order_id):
        is_asker = asker is not None and request.pk == asker.pk
        if owed.is_refund_in_flight(request):
            continue
        if (is_asker and owed.is_settled(request)) or owed.is_refunded_otherwise(request):
            closed.append(_close(request, refund))
        elif is_asker:
            _seller_may_go_on(request)
    crashpoint("return.settled.before_commit")
    return closed


@in_transaction()
def refund_came_to_nothing(refund_id: int) -> None:
    """It failed or was cancelled: the return waits for the seller again, with its old deadline."""
    refund = _refund_with_order(refund_id)
    request = _asker_of(refund)
    if request is None or request.status not in SELLERS_MOVE or owed.is_refund_in_flight(request):
        return
    is_unanswered = request.status == Status.PENDING_RESPONSE and not owed.was_refunded(request)
    if is_unanswered:
        request.answered_at = None
    request.due_at = request.respond_by if request.status == Status.PENDING_RESPONSE else request.refund_by
    request.save(update_fields=["answered_at", "due_at"])


def _refund_with_order(refund_id: int) -> RefundRequest:
    refund: RefundRequest = RefundRequest.objects.select_related("order").get(pk=refund_id)
    return refund


def _asker_of(refund: RefundRequest) -> ReturnRequest | None:
    if refund.asker != owed.ASKER:
        return None
    try:
        return locks.return_request(refund.asker_public_id)
    except NotFound:
        return None


def _close(request: ReturnRequest, refund: RefundRequest) -> ReturnRequest:
    """By the system: REFUNDED, or RETURNLESS where nothing came back and nothing is on its way."""
    is_returnless = request.status in {Status.PENDING_RESPONSE, Status.AUTHORISED} and not request.received_at
    reason = CloseReason.RETURNLESS if is_returnless else CloseReason.REFUNDED
    request.refunded_at = request.refunded_at or refund.settled_at or clock.now()
    request.close(reason=reason, at=clock.now())
    save_transition(
        request,
        by=SYSTEM_ACTOR,
        reason_code=reason,
        data={"refund": refund.public_id, "amount_minor": refund.amount_minor, "currency": refund.currency},
    )
    return request


def _seller_may_go_on(request: ReturnRequest) -> None:
    """Part of it was paid: an unanswered request still waits; a received one waits for nobody."""
    if request.status == Status.PENDING_RESPONSE:
        request.due_at = request.respond_by
        request.save(update_fields=["due_at"])
