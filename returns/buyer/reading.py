"""What a buyer's page shows: plain values, read as redress_buyer, so that nothing else can slip in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from marketplace import clock
from marketplace.errors import NotFound
from marketplace.models import Note, Order, StateTransition
from marketplace.models.trade import AutoAuthorise
from marketplace.money import format_money
from marketplace.portal_parts import TimelineEntry
from refunds.models import RefundRequest
from returns import deadlines, selectors
from returns.buyer.sessions import BuyerSession
from returns.models import ReturnLine, ReturnRequest, ReturnRules
from returns.notices import address_lines, claim_route
from returns.owed import is_refund_in_flight
from returns.reasons import reason_words

ORDERS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the order's page; `problem` says why nothing of it can be returned."""

    line_id: int
    title: str
    asin: str
    shipped: int
    left: int
    problem: str
    open_since: list[datetime] = field(default_factory=list)

    @property
    def choices(self) -> range:
        return range(self.left + 1)


@dataclass(frozen=True, slots=True)
class OrderPage:
    public_id: str
    number: str
    channel: str
    purchased_at: datetime
    window_ends_at: datetime
    respond_by: datetime  # if it were asked for now
    may_be_automatic: bool
    are_comments_required: bool
    items: list[Item]

    @property
    def is_returnable(self) -> bool:
        return any(item.left for item in self.items)


@dataclass(frozen=True, slots=True)
class OrderRow:
    public_id: str
    number: str
    purchased_at: datetime
    title: str
    count: int

    @property
    def more(self) -> int:
        return self.count - 1


@dataclass(frozen=True, slots=True)
class ReturnRow:
    public_id: str
    status: str
    rma: str
    order_number: str
    title: str
    units: int
    requested_at: datetime
    has_slip: bool


@dataclass(frozen=True, slots=True)
class Returned:
    """One line of a return."""

    title: str
    sku: str
    asin: str
    quantity: int
    reason: str
    comment: str


@dataclass(frozen=True, slots=True)
class Repaid:
    public_id: str
    status: str
    amount: str
    at: datetime


@dataclass(frozen=True, slots=True)
class StatusPage:
    """One return as its buyer sees it."""

    row: ReturnRow
    order_public_id: str
    respond_by: datetime
    is_late: bool
    return_by: datetime | None
    refund_by: datetime | None
    received_at: datetime | None
    ended_at: datetime | None
    address: list[str]
    instructions: str
    carrier: str
    tracking: str
    deny_reason: str
    deny_message: str
    close_reason: str
    claim_route: str
    lines: list[Returned]
    refunds: list[Repaid]
    story: list[TimelineEntry]
    merchant_rma: str
    is_money_under_way: bool = False

    @property
    def can_withdraw(self) -> bool:
        return self.row.status == ReturnRequest.Status.PENDING_RESPONSE and not self.is_money_under_way

    @property
    def can_ship(self) -> bool:
        return self.row.status == ReturnRequest.Status.AUTHORISED


# --- orders ------------------------------------------------------------------------------------------


def orders_of(session: BuyerSession) -> list[OrderRow]:
    """The orders this visitor may open, newest first."""
    with session.reading():
        found = Order.objects.order_by("-purchased_at", "-id").prefetch_related("lines")
        found = found.filter(pk=session.order_id) if session.order_id else found.filter(buyer_id=session.buyer.pk)
        rows = []
        for order in found[:ORDERS_SHOWN]:
            lines = list(order.lines.all())
            title = (lines[0].title or lines[0].sku) if lines else ""
            rows.append(OrderRow(order.public_id, order.number, order.purchased_at, title, len(lines)))
    return rows


def order_page(session: BuyerSession, public_id: str) -> OrderPage:
    """The order with what can still be returned; NotFound for what is not this visitor's. No prices."""
    with session.reading():
        order = _order(session, public_id)
        lines = selectors.returnable_lines(order)
        rules: ReturnRules | None = ReturnRules.objects.filter(channel_id=order.channel_id).first()
        return OrderPage(
            public_id=order.public_id,
            number=order.number,
            channel=order.channel.name,
            purchased_at=order.purchased_at,
            window_ends_at=lines[0].window.ends_at if lines else order.purchased_at,
            respond_by=deadlines.respond_by(order.channel.code, clock.now()),
            may_be_automatic=str(order.channel.auto_authorise) != AutoAuthorise.MANUAL,
            are_comments_required=rules is None or rules.are_comments_required,
            items=[_item(line) for line in lines],
        )


def _order(session: BuyerSession, public_id: str) -> Order:
    order: Order | None = Order.objects.select_related("channel").filter(public_id=public_id).first()
    if order is None or not session.may_open(order.pk):
        raise NotFound
    return order


def _item(line: selectors.ReturnableLine) -> Item:
    order_line = line.units.order_line
    return Item(
        line_id=order_line.pk,
        title=order_line.title or order_line.sku,
        asin=order_line.asin,
        shipped=order_line.quantity_shipped,
        left=line.left,
        problem=_problem_words(line),
        open_since=[request.requested_at for request in line.open_requests],
    )


def _problem_words(line: selectors.ReturnableLine) -> str:
    words = {
        "not_shipped": _("Not shipped yet, so it can not come back."),
        "window_closed": _("The time to return it is over. Contact the seller if something is wrong with it."),
        "no_returnable_quantity": _("Everything of this has been asked for or has come back."),
    }
    return words.get(line.problem, "")


# --- returns -----------------------------------------------------------------------------------------


def returns_of(session: BuyerSession) -> list[ReturnRow]:
    """Requests of the past two months and all that are still open, newest first."""
    with session.reading():
        found = selectors.returns_of_buyer(session.buyer.pk, now=clock.now())
        return [_row(request) for request in found if session.may_open(request.order_id)]


def status_page(session: BuyerSession, public_id: str) -> StatusPage:
    """One return with its story; NotFound for what is not this visitor's."""
    with session.reading():
        request = _return(session, public_id)
        lines: list[ReturnLine] = list(request.lines.select_related("order_line").order_by("id"))
        return StatusPage(
            row=_row(request),
            order_public_id=request.order.public_id,
            respond_by=request.respond_by,
            is_late=request.is_overdue,
            return_by=request.return_by,
            refund_by=request.refund_by,
            received_at=request.received_at,
            ended_at=request.ended_at,
            address=address_lines(request.return_address),
            instructions=request.channel.return_instructions,
            carrier=request.carrier,
            tracking=request.tracking,
            deny_reason=reason_words(request.deny_reason_code) if request.deny_reason_code else "",
            deny_message=request.deny_message,
            close_reason=request.get_close_reason_display() if request.close_reason else "",
            claim_route=claim_route(request.order),
            lines=[_line(line) for line in lines],
            refunds=[] if session.is_gift else _refunds(request),
            story=_story(request),
            merchant_rma=request.merchant_rma,
            is_money_under_way=is_refund_in_flight(request),
        )


def _return(session: BuyerSession, public_id: str) -> ReturnRequest:
    request: ReturnRequest | None = (
        ReturnRequest.objects.select_related("order__channel", "channel").filter(public_id=public_id).first()
    )
    if request is None or not session.may_open(request.order_id):
        raise NotFound
    if request.buyer_id not in {None, session.buyer.pk}:
        raise NotFound
    return request


def _row(request: ReturnRequest) -> ReturnRow:
    return ReturnRow(
        public_id=request.public_id,
        status=str(request.status),
        rma=request.rma,
        order_number=request.order_number,
        title=request.first_title,
        units=request.units,
        requested_at=request.requested_at,
        has_slip=str(request.status) in {"AUTHORISED", "IN_TRANSIT", "PARTIALLY_RECEIVED"},
    )


def _line(line: ReturnLine) -> Returned:
    return Returned(
        title=line.order_line.title or line.order_line.sku,
        sku=line.order_line.sku,
        asin=line.order_line.asin,
        quantity=line.quantity,
        reason=reason_words(line.reason_code),
        comment=line.comment,
    )


def _refunds(request: ReturnRequest) -> list[Repaid]:
    found = RefundRequest.objects.filter(asker_public_id=request.public_id).order_by("id")
    shown = [refund for refund in found if refund.public_status != "CANCELLED"]
    return [
        Repaid(
            refund.public_id,
            refund.public_status,
            format_money(refund.amount, get_language()),
            refund.settled_at or refund.created_at,
        )
        for refund in shown
    ]


def _story(request: ReturnRequest) -> list[TimelineEntry]:
    """What happened, in the buyer's words: who of the seller's people did it is not the buyer's business."""
    entries = []
    moves = StateTransition.objects.filter(machine="return", object_id=request.pk).order_by("version")
    for move, actor_kind, at in moves.values_list("move", "actor_kind", "at"):
        sentence = _sentences(actor_kind == "buyer").get(move)
        if sentence:
            by_buyer = actor_kind == "buyer"
            who = _("You") if by_buyer else "" if actor_kind == "clock" else _("The seller")
            kind = actor_kind if actor_kind in {"buyer", "clock"} else "seller"
            entries.append(TimelineEntry(at, kind, who, sentence))
    messages = Note.objects.filter(machine="return", object_id=request.pk, kind=Note.Kind.MESSAGE)
    for text, at in messages.values_list("text", "at"):
        entries.append(TimelineEntry(at, "seller", _("The seller"), _("wrote to you"), quote=text))
    return sorted(entries, key=lambda entry: entry.at)


def _sentences(by_buyer: bool) -> dict[str, str]:
    return {
        "submit": _("asked to return this") if by_buyer else _("noted your wish to return this"),
        "auto_authorise": _("agreed"),
        "authorise": _("agreed"),
        "deny": _("said no"),
        "withdraw": _("took the request back"),
        "ship": _("posted it") if by_buyer else _("noted that it was posted"),
        "receive": _("received items"),
        "close": _("closed the return"),
        "expire": _("Time ran out: nothing was posted"),
        "reinstate": _("opened the return again"),
    }
