"""What may still go back on each line of an order, by component; asked by the cap and by the forms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Sum
from django.utils.translation import gettext as _

from marketplace.errors import NotFound, Refused
from marketplace.models import Order, OrderLine
from marketplace.money import Money, format_money
from marketplace.prepared import Prepared, given
from refunds.ledger import EXCEEDED
from refunds.models import Component, RefundLine

COUNTED = (Component.ITEM, Component.TAX, Component.SHIPPING)  # goodwill and fees have the charge's cap alone
ENDED_WITHOUT = ("FAILED", "CANCELLED", "VALIDATION_FAILED")

Taken = dict[tuple[int | None, str], int]  # (order line id, component) -> minor units


@dataclass(frozen=True, slots=True)
class LineLeft:
    """Of one order line: what was paid, what has been asked back, what is left. None = amounts not known."""

    order_line: OrderLine
    paid_minor: int | None
    taken_minor: int
    item_minor: int | None
    tax_minor: int | None
    shipping_minor: int | None

    @property
    def left_minor(self) -> int | None:
        return None if self.paid_minor is None else max(0, self.paid_minor - self.taken_minor)

    def component(self, name: str) -> int | None:
        """What is left of ITEM, TAX or SHIPPING; the three add up to what is left of the line."""
        values = {"ITEM": self.item_minor, "TAX": self.tax_minor, "SHIPPING": self.shipping_minor}
        return values.get(name)


_order_lines: Prepared[OrderLine] = Prepared(
    lambda: OrderLine.objects.filter(order_id=given("order")).order_by("position", "id")
)
_taken: Prepared[RefundLine] = Prepared(
    lambda: (
        RefundLine.objects.filter(refund__order_id=given("order"))
        .exclude(refund__status__in=ENDED_WITHOUT)
        .order_by()
        .values_list("order_line_id", "component", "refund__asker_public_id")
        .annotate(Sum("amount_minor"))
    )
)


@dataclass(frozen=True, slots=True)
class Book:
    """What was sold on an order, and what refunds that live or are done have asked back; read once.

    Read under the budget's lock it holds until the end of the transaction.
    """

    order: Order
    lines: list[OrderLine]  # in the order's order
    asked_back: list[tuple[int | None, str, str, int]]  # order line, component, asker's public id, minor units

    @property
    def line_of(self) -> dict[int, OrderLine]:
        return {line.pk: line for line in self.lines}

    def taken(self, *, asker_public_id: str | None = None) -> Taken:
        """Per line and component; of one asker alone, or of all."""
        found: Taken = defaultdict(int)
        for line_id, component, asker, amount in self.asked_back:
            if asker_public_id in {None, asker}:
                found[line_id, component] += amount
        return found


def book_of(order: Order) -> Book:
    rows = _taken.all(order=order.pk)
    return Book(order, _order_lines.all(order=order.pk), [(*row[:3], int(row[3])) for row in rows])


def lines_left(order: Order, book: Book | None = None) -> list[LineLeft]:
    """Every line of the order in its order. A discount is taken off the item first."""
    book = book or book_of(order)
    taken = book.taken()
    return [_left(line, taken) for line in book.lines]


def check_line_caps(book: Book, asks: Iterable[tuple[int | None, str, int]]) -> None:
    """Refuse what goes beyond a line of the order, or an order line that is not the order's.

    The book was read under the budget's lock, so nobody else takes from the same lines meanwhile.
    """
    asked: Taken = defaultdict(int)
    for line_id, component, amount in asks:
        asked[line_id, component] += amount
    order, lines = book.order, book.line_of
    if any(line_id is not None and line_id not in lines for line_id, _component in asked):
        raise NotFound(_("The order has no such line."))
    taken = book.taken()
    for line_id in sorted({line_id for line_id, _component in asked if line_id is not None}):
        _check_line(lines[line_id], asked, taken, order.currency)
    _check_shipping(order, lines.values(), asked, taken)
    _check_fees(asked)


def _gross(line: OrderLine) -> dict[str, int]:
    return {
        "ITEM": line.item_minor + line.gift_wrap_minor,
        "TAX": line.tax_minor,
        "SHIPPING": line.shipping_minor + line.shipping_tax_minor,
    }


def _left(line: OrderLine, taken: Taken) -> LineLeft:
    counted = {name: taken.get((line.pk, name), 0) for name in COUNTED}
    total = sum(counted.values())
    if not line.paid_minor:
        return LineLeft(line, None, total, None, None, None)
    gross, left = _gross(line), max(0, line.paid_minor - total)
    found = {}
    for name in (Component.SHIPPING, Component.TAX):
        found[name] = min(left, max(0, gross[name] - counted[name]))
        left -= found[name]
    item = min(left, max(0, gross["ITEM"] - counted[Component.ITEM]))
    return LineLeft(line, line.paid_minor, total, item, found[Component.TAX], found[Component.SHIPPING])


def _check_line(line: OrderLine, asked: Taken, taken: Taken, currency: str) -> None:
    if not line.paid_minor:
        return  # the file named no amounts: the charge's cap alone holds
    gross = _gross(line)
    for name in COUNTED:
        wanted, before = asked.get((line.pk, name), 0), taken.get((line.pk, name), 0)
        if wanted and before + wanted > gross[name]:
            _refuse(line, Component(name).label, gross[name] - before, currency)
    wanted = sum(asked.get((line.pk, name), 0) for name in COUNTED)
    before = sum(taken.get((line.pk, name), 0) for name in COUNTED)
    if wanted and before + wanted > line.paid_minor:
        _refuse(line, _("the line"), line.paid_minor - before, currency)


def _check_shipping(order: Order, lines: Iterable[OrderLine], asked: Taken, taken: Taken) -> None:
    """Shipping may be asked back without a line; all of it together comes out of the order's shipping."""
    wanted = sum(amount for (_line, name), amount in asked.items() if name == Component.SHIPPING)
    known = max(order.shipping_minor, sum(_gross(line)["SHIPPING"] for line in lines))
    if not wanted or not known:
        return
    before = sum(amount for (_line, name), amount in taken.items() if name == Component.SHIPPING)
    if before + wanted > known:
        left = max(0, known - before)
        raise Refused(
            _("No more than %(left)s of the order's shipping can be refunded.")
            % {"left": format_money(Money(left, order.currency))},
            code=EXCEEDED,
            left_minor=left,
            currency=order.currency,
        )


def _check_fees(asked: Taken) -> None:
    """A fee is kept back out of what is refunded on the same line."""
    for line_id in {line_id for line_id, component in asked if component == Component.RESTOCKING_FEE}:
        if line_id is not None and sum(amount for (line, _component), amount in asked.items() if line == line_id) < 0:
            raise Refused(_("The restocking fee is more than what is refunded."), code="amount_not_possible")


def _refuse(line: OrderLine, what: object, left_minor: int, currency: str) -> None:
    left = max(0, left_minor)
    raise Refused(
        _("No more than %(left)s can be refunded on %(sku)s (%(what)s).")
        % {"left": format_money(Money(left, currency)), "sku": line.sku, "what": str(what).lower()},
        code=EXCEEDED,
        left_minor=left,
        currency=currency,
        order_line_id=line.pk,
    )
