"""How does one record of a file become one order line as we keep it, or a reason why not?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, tzinfo

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from marketplace.imports.mapping import PERSONAL, Field, Mapping
from marketplace.imports.problems import CellError, RowProblem, neutralise
from marketplace.imports.reading import Record
from marketplace.imports.statuses import LEFT, OrderStatus, line_status, recognise
from marketplace.imports.values import (
    parse_amount,
    parse_currency,
    parse_moment,
    parse_quantity,
    plain_country,
    plain_postcode,
)

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Amounts:
    """Minor units for the whole line, tax always apart; None = the file does not say, so what is known stays.
    The buyer paid item + tax + shipping + shipping_tax + gift_wrap - discount."""

    item: int | None = None
    tax: int | None = None
    shipping: int | None = None
    shipping_tax: int | None = None
    gift_wrap: int | None = None
    discount: int | None = None

    @property
    def paid(self) -> int:
        parts = (self.item, self.tax, self.shipping, self.shipping_tax, self.gift_wrap)
        return sum(part or 0 for part in parts) - (self.discount or 0)


NOTHING = Amounts(0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One order line of a file; nothing is owed on a cancelled one."""

    line: int
    order_number: str
    purchased_at: datetime
    shipped_at: datetime | None
    delivered_at: datetime | None
    status: OrderStatus
    sku: str
    asin: str
    title: str
    quantity: int
    quantity_shipped: int
    currency: str
    amounts: Amounts
    country: str
    postcode: str
    payment_reference: str
    buyer_name: str
    buyer_email: str


@dataclass(frozen=True, slots=True)
class Context:
    """What the chosen sales channel says about every row of the file."""

    channel: str
    zone: tzinfo
    currency: str
    order_number_pattern: re.Pattern[str] | None = None


class _Cells:
    """The cells of one record by field; remembers which column was read last, for the reason of a refusal."""

    __slots__ = ("_cells", "_columns", "last")

    def __init__(self, record: Record, mapping: Mapping) -> None:
        self._cells, self._columns = record.cells, mapping.columns
        self.last = ""

    def text(self, name: Field, limit: int = 0) -> str:
        self.last = name
        value = self._cells.get(name, "")
        if limit:
            value = _UNPRINTABLE.sub(" ", value)
            if len(value) > limit:
                raise CellError(_("The text is longer than %(limit)s characters.") % {"limit": limit})
        return value

    @property
    def column(self) -> str:
        return self._columns.get(Field(self.last), "") if self.last else ""

    def raw(self) -> dict[str, str]:
        """What may be shown of a quarantined row: the columns we read, without the personal ones."""
        return {self._columns[name]: neutralise(self._cells[name]) for name in self._columns if name not in PERSONAL}


def read_order_row(record: Record, mapping: Mapping, context: Context) -> OrderRow | RowProblem:
    cells = _Cells(record, mapping)
    try:
        return _read(record.line, cells, mapping, context)
    except CellError as problem:
        return RowProblem(record.line, cells.column, str(problem), cells.raw())


def _read(line: int, cells: _Cells, mapping: Mapping, context: Context) -> OrderRow:
    order_number = _order_number(cells, context)
    _same_channel(cells, context)
    purchased_at = parse_moment(cells.text(Field.PURCHASED_AT), order=mapping.date_order, zone=context.zone)
    status = _status(cells, mapping)
    currency = parse_currency(cells.text(Field.CURRENCY) or mapping.currency or context.currency)
    quantity = _quantity(cells, is_optional=status == OrderStatus.CANCELLED)
    amounts = _amounts(cells, mapping, currency, quantity)
    return OrderRow(
        line=line,
        order_number=order_number,
        purchased_at=purchased_at,
        shipped_at=_optional_moment(cells, Field.SHIPPED_AT, mapping, context),
        delivered_at=_optional_moment(cells, Field.DELIVERED_AT, mapping, context),
        status=status,
        sku=_demanded(cells, Field.SKU, 80),
        asin=cells.text(Field.ASIN, 20),
        title=cells.text(Field.TITLE)[:500],
        quantity=quantity,
        quantity_shipped=_quantity_shipped(cells, quantity, status),
        currency=currency,
        amounts=NOTHING if status == OrderStatus.CANCELLED else amounts,
        country=plain_country(cells.text(Field.COUNTRY)),
        postcode=plain_postcode(cells.text(Field.POSTCODE)),
        payment_reference=cells.text(Field.PAYMENT_REFERENCE, 120),
        buyer_name=cells.text(Field.BUYER_NAME, 120),
        buyer_email=_email(cells),
    )


def _demanded(cells: _Cells, name: Field, limit: int) -> str:
    text = cells.text(name, limit)
    if not text:
        raise CellError(_("The cell is empty."))
    return text


def _order_number(cells: _Cells, context: Context) -> str:
    number = _demanded(cells, Field.ORDER_NUMBER, 64)
    pattern = context.order_number_pattern
    if pattern and not pattern.fullmatch(number):
        raise CellError(_("“%(number)s” is no order number of this marketplace.") % {"number": number})
    return number


def _same_channel(cells: _Cells, context: Context) -> None:
    found = cells.text(Field.CHANNEL)
    if found and found.casefold() != context.channel.casefold():
        raise CellError(
            _("The row belongs to %(found)s; this import is for %(channel)s.")
            % {"found": found[:40], "channel": context.channel}
        )


def _status(cells: _Cells, mapping: Mapping) -> OrderStatus:
    order = _status_word(cells, Field.STATUS, mapping) or mapping.default_status
    return line_status(order, _status_word(cells, Field.ITEM_STATUS, mapping))


def _status_word(cells: _Cells, name: Field, mapping: Mapping) -> OrderStatus | None:
    word = cells.text(name)
    if not word:
        return None
    status = mapping.words.get(word.casefold()) or recognise(word)
    if status is None:
        raise CellError(_("The status “%(word)s” is not known here.") % {"word": word[:40]})
    return status


def _quantity(cells: _Cells, *, is_optional: bool) -> int:
    text = cells.text(Field.QUANTITY)
    return 0 if is_optional and not text else parse_quantity(_demanded(cells, Field.QUANTITY, 20))


def _quantity_shipped(cells: _Cells, quantity: int, status: OrderStatus) -> int:
    if status == OrderStatus.CANCELLED:
        return 0
    text = cells.text(Field.QUANTITY_SHIPPED)
    if not text:
        return quantity if status in LEFT else 0
    shipped = parse_quantity(text)
    if shipped > quantity:
        raise CellError(_("More pieces are shipped than were ordered."))
    return shipped


def _optional_moment(cells: _Cells, name: Field, mapping: Mapping, context: Context) -> datetime | None:
    text = cells.text(name)
    return parse_moment(text, order=mapping.date_order, zone=context.zone) if text else None


def _amounts(cells: _Cells, mapping: Mapping, currency: str, quantity: int) -> Amounts:
    """An empty price says nothing about the money; beside a price an empty cell says zero."""

    def amount(name: Field) -> int | None:
        return _amount(cells, name, currency, mapping) if name in mapping.columns else None

    if not cells.text(Field.ITEM_AMOUNT):
        return Amounts()
    item = amount(Field.ITEM_AMOUNT) or 0
    if mapping.is_unit_price:
        item *= quantity
    tax, shipping, shipping_tax = (amount(name) for name in (Field.ITEM_TAX, Field.SHIPPING_AMOUNT, Field.SHIPPING_TAX))
    gift_wrap, wrap_tax = amount(Field.WRAP_AMOUNT), amount(Field.WRAP_TAX) or 0
    if mapping.is_tax_included:
        item = _less_tax(cells, Field.ITEM_TAX, item, tax) or 0
        shipping = _less_tax(cells, Field.SHIPPING_TAX, shipping, shipping_tax)
        gift_wrap = _less_tax(cells, Field.WRAP_TAX, gift_wrap, wrap_tax)
    discounts = [amount(Field.ITEM_DISCOUNT), amount(Field.SHIPPING_DISCOUNT)]
    amounts = Amounts(
        item=item,
        tax=tax + wrap_tax if tax is not None else wrap_tax or None,
        shipping=shipping,
        shipping_tax=shipping_tax,
        gift_wrap=gift_wrap,
        discount=None if discounts == [None, None] else sum(part or 0 for part in discounts),
    )
    if amounts.paid < 0:
        raise CellError(_("The discount is more than the price."))
    return amounts


def _less_tax(cells: _Cells, name: Field, price: int | None, tax: int | None) -> int | None:
    if price is None or not tax:
        return price
    if tax > price:
        cells.last = name
        raise CellError(_("The tax is more than the price that contains it."))
    return price - tax


def _amount(cells: _Cells, name: Field, currency: str, mapping: Mapping) -> int:
    text = cells.text(name)
    if not text:
        return 0
    minor = parse_amount(text, currency, mapping.decimal_mark)
    if name in {Field.ITEM_DISCOUNT, Field.SHIPPING_DISCOUNT}:
        return abs(minor)  # written with a minus in some reports, without in others
    if minor < 0:
        raise CellError(_("A price below zero can not be imported."))
    return minor


def _email(cells: _Cells) -> str:
    address = cells.text(Field.BUYER_EMAIL)
    if not address:
        return ""
    try:
        validate_email(address)
    except ValidationError:
        raise CellError(_("The e-mail address is not complete.")) from None
    return address
