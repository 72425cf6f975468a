"""A return is asked for, or taken back by the one who asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from marketplace import clock, rows, times
from marketplace.actors import Actor, ActorKind, Permission
from marketplace.crash import crashpoint
from marketplace.errors import Conflict, Refused
from marketplace.idempotency import Answer, once
from marketplace.models import Buyer, Order
from marketplace.money import Money
from marketplace.moves import record_creation, save_transition
from marketplace.tenancy import in_transaction
from returns import deadlines, locks, owed, promises, searching, windows
from returns.models import ReturnLine, ReturnRequest, ReturnRules
from returns.reasons import COMMENT_LIMIT, RETURN_REASONS
from returns.services import guards
from returns.units import LineUnits, share_of_units, units_of

MOST_LINES = 200


@dataclass(frozen=True, slots=True)
class LineAsk:
    """So many units of one order line are to come back, and why."""

    order_line_id: int
    quantity: int
    reason_code: str
    comment: str = ""


class DuplicateWarning(Conflict):
    """There is an open request on this item already; `details["returns"]` names it. Confirm to ask anyway (409)."""

    code = "open_request_exists"


@in_transaction()
def submit_return(
    order_public_id: str,
    *,
    by: Actor,
    lines: Sequence[LineAsk],
    confirm_duplicate: bool = False,
    client_token: str | None = None,
    reason: str = "",
) -> ReturnRequest:
    """A buyer, or somebody of the seller for them, asks to send units back; they are held from now on.

    `reason` is demanded of staff when the return window is over. With a `client_token` the same call gives
    the same return again. Raises Refused (lines_needed, not_in_order, not_shipped, no_returnable_quantity,
    reason_unknown, comment_missing, comment_too_long, window_closed, window_reason_missing), DuplicateWarning.
    """
    if by.kind != ActorKind.BUYER:
        guards.allow(by, Permission.DECIDE)
    order = locks.order(order_public_id)
    guards.own_order(order, by)
    if client_token is None:
        return _submit(order, by, lines, confirm_duplicate, reason)

    def run() -> Answer:
        made = _submit(order, by, lines, confirm_duplicate, reason)
        return Answer(201, {"public_id": made.public_id})

    body = {"order": order_public_id, "lines": [asdict(line) for line in lines], "reason": reason}
    answer = once(operation=f"return.submit:{by.id}", key=client_token, body=body, run=run)
    return locks.return_request(answer.body["public_id"])


def _submit(order: Order, by: Actor, lines: Sequence[LineAsk], confirm_duplicate: bool, reason: str) -> ReturnRequest:
    now = clock.now()
    units = units_of(order)
    asked = _in_order(order, by, lines, units)
    note = _policy_note(order, by, reason, now)
    is_flagged = _open_requests(asked, units, confirm_duplicate)
    rule = promises.automatic_rule(order, is_out_of_policy=bool(note), is_flagged=is_flagged, now=now)
    request = _record(order, by, asked, units, note, rule, now)
    if rule:
        promises.authorise_automatically(request, rule, now=now)
    crashpoint("return.submit.before_commit")
    return request


def _record(
    order: Order,
    by: Actor,
    asked: Sequence[LineAsk],
    units: dict[int, LineUnits],
    note: str,
    rule: str,
    now: datetime,
) -> ReturnRequest:
    first = units[asked[0].order_line_id].order_line
    buyer = _buyer(order, by)
    respond_by = deadlines.respond_by(order.channel.code, now)
    request = record_creation(
        ReturnRequest(
            order=order,
            channel=order.channel,
            buyer=buyer,
            order_number=order.number,
            first_title=(first.title or first.sku)[:300],
            first_reason_code=asked[0].reason_code,
            buyer_name=str(buyer)[:120] if buyer else "",
            units=sum(line.quantity for line in asked),
            value_minor=_value(order, asked, units).minor,
            currency=order.currency,
            is_out_of_policy=bool(note),
            policy_note=note[:300],
            submitted_by_kind=by.kind.value,
            requested_at=now,
            respond_by=respond_by,
            due_at=respond_by,
        ),
        move="submit",
        by=by,
        reason_code=asked[0].reason_code,
        data={"is_automatic": bool(rule), "is_out_of_policy": bool(note)},
    )
    request.lines_at_hand = [
        ReturnLine(
            return_request=request,
            order_line=units[line.order_line_id].order_line,
            quantity=line.quantity,
            reason_code=line.reason_code,
            comment=line.comment,
        )
        for line in asked
    ]
    rows.insert(request.lines_at_hand)
    skus = [units[line.order_line_id].order_line.sku for line in asked]
    searching.add_keys(request, [order.number, request.public_id, *skus, request.buyer_name])
    return request


def _buyer(order: Order, by: Actor) -> Buyer | None:
    """Who asks; staff ask for the order's buyer. A gift is returned by who got it."""
    buyer: Buyer | None = order.buyer
    if by.kind == ActorKind.BUYER and by.buyer_id != order.buyer_id:
        buyer = Buyer.objects.get(pk=by.buyer_id)
    return buyer


def _value(order: Order, asked: Sequence[LineAsk], units: dict[int, LineUnits]) -> Money:
    """What the buyer paid for the units asked for, tax and shipping included."""
    total = Money(0, order.currency)
    for line in asked:
        entry = units[line.order_line_id]
        paid = Money(entry.order_line.paid_minor, order.currency)
        total += share_of_units(paid, quantity=entry.order_line.quantity, first=entry.taken, count=line.quantity)
    return total


# --- the guards of a request, in the order in which a person meets them ---


def _in_order(order: Order, by: Actor, lines: Sequence[LineAsk], units: dict[int, LineUnits]) -> list[LineAsk]:
    """The lines with tidy comments; every unit is of this order, shipped and free."""
    if not lines or len(lines) > MOST_LINES:
        raise Refused(_("Choose what is to come back: 1 to %(n)s items.") % {"n": MOST_LINES}, code="lines_needed")
    demands_comment = by.kind == ActorKind.BUYER and _are_comments_required(order)
    asked: list[LineAsk] = []
    wanted: dict[int, int] = {}
    for line in lines:
        entry = units.get(line.order_line_id)
        if entry is None:
            raise Refused(_("This item is not in the order."), code="not_in_order", order_line_id=line.order_line_id)
        wanted[line.order_line_id] = wanted.get(line.order_line_id, 0) + line.quantity
        _units_are_free(entry, line.quantity, wanted[line.order_line_id])
        asked.append(_with_tidy_comment(line, demands_comment))
    return asked


def _units_are_free(entry: LineUnits, quantity: int, wanted: int) -> None:
    title = entry.order_line.title or entry.order_line.sku
    details = {"order_line_id": entry.order_line.pk, "left": entry.left}
    if isinstance(quantity, bool) or quantity < 1:
        raise Refused(_("A quantity is a whole number from 1."), code="quantity_not_valid", **details)
    if entry.order_line.quantity_shipped == 0:
        raise Refused(
            _("%(item)s has not been shipped yet, so it can not come back.") % {"item": title},
            code="not_shipped",
            **details,
        )
    if wanted > entry.left:
        raise Refused(
            ngettext(
                "Of %(item)s %(left)s unit can still be returned, not %(wanted)s.",
                "Of %(item)s %(left)s units can still be returned, not %(wanted)s.",
                entry.left,
            )
            % {"item": title, "left": entry.left, "wanted": wanted},
            code="no_returnable_quantity",
            returns=_named(entry.open_requests),
            **details,
        )


def _with_tidy_comment(line: LineAsk, demands_comment: bool) -> LineAsk:
    reason = RETURN_REASONS.get(line.reason_code)
    if reason is None or not reason.is_active:
        raise Refused(_("Choose one of the listed reasons."), code="reason_unknown", reason_code=line.reason_code)
    comment = guards.plain(line.comment)
    if len(comment) > COMMENT_LIMIT:
        raise Refused(
            _("The comment has %(n)s characters; %(limit)s fit.") % {"n": len(comment), "limit": COMMENT_LIMIT},
            code="comment_too_long",
            order_line_id=line.order_line_id,
        )
    if demands_comment and reason.is_comment_required and not comment:
        raise Refused(
            _("“%(reason)s” needs a few words from you.") % {"reason": reason.words},
            code="comment_missing",
            order_line_id=line.order_line_id,
        )
    return LineAsk(line.order_line_id, line.quantity, line.reason_code, comment)


def _are_comments_required(order: Order) -> bool:
    rules: ReturnRules | None = ReturnRules.objects.filter(channel_id=order.channel_id).first()
    return rules is None or rules.are_comments_required


def _policy_note(order: Order, by: Actor, reason: str, now: datetime) -> str:
    """Empty inside the window. Outside a buyer is refused, and staff say why it is taken all the same."""
    window = windows.window_of(order)
    if window.is_open(now):
        return ""
    ended = _("The return window ended on %(date)s.") % {"date": times.written(window.ends_at, order.channel.zone)}
    if by.kind == ActorKind.BUYER:
        raise Refused(
            _("%(ended)s Contact the seller if something is wrong with the item.") % {"ended": ended},
            code="window_closed",
            ended_at=window.ends_at.isoformat(),
        )
    if not guards.plain(reason):
        raise Refused(
            _("%(ended)s Say why it is taken back all the same.") % {"ended": ended},
            code="window_reason_missing",
            ended_at=window.ends_at.isoformat(),
        )
    return f"{ended} {guards.plain(reason)}"


def _open_requests(asked: Sequence[LineAsk], units: dict[int, LineUnits], confirm_duplicate: bool) -> bool:
    """Is there an open request on one of these items? It needs a confirmation, and a person then decides."""
    found = {request.pk: request for line in asked for request in units[line.order_line_id].open_requests}
    if found and not confirm_duplicate:
        first = next(iter(found.values()))
        raise DuplicateWarning(
            _(
                "There is an open request on this item already: %(name)s, asked for %(when)s. Ask once more only if "
                "you mean further units."
            )
            % {"name": first.rma or first.order_number, "when": times.written(first.requested_at)},
            returns=_named(list(found.values())),
        )
    return bool(found)


def _named(requests: Sequence[ReturnRequest]) -> list[dict[str, str]]:
    return [
        {
            "public_id": request.public_id,
            "rma": request.rma,
            "status": str(request.status),
            "requested_at": request.requested_at.isoformat(),
        }
        for request in requests
    ]


# --- taking it back ---


@in_transaction()
def withdraw_return(public_id: str, *, by: Actor, reason: str = "") -> ReturnRequest:
    """The buyer takes an unanswered request back; its units are free again.

    Raises WrongState once it was answered, Conflict `refund_in_flight` while money is on its way.
    """
    request = locks.return_request(public_id)
    guards.own_return(request, by)
    if by.kind != ActorKind.BUYER:
        guards.allow(by, Permission.DECIDE, reason=reason)
    with guards.explained(request, by):
        request.withdraw(at=clock.now())
    owed.no_refund_in_flight(request)
    save_transition(request, by=by, reason_text=guards.plain(reason)[:4000])
    crashpoint("return.withdraw.before_commit")
    return request
