"""Which column of a file holds which of our fields, and how are its dates, amounts and words written?"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.imports.problems import FileProblem
from marketplace.imports.reading import Report
from marketplace.imports.statuses import OrderStatus
from marketplace.imports.values import DateOrder, DecimalMark, needs_order


class Field(StrEnum):
    """What an order file can tell us. A column that is none of these is never read."""

    ORDER_NUMBER = "order_number"
    PURCHASED_AT = "purchased_at"
    SKU = "sku"
    QUANTITY = "quantity"
    ITEM_AMOUNT = "item_amount"
    CURRENCY = "currency"
    STATUS = "status"
    ITEM_STATUS = "item_status"
    CHANNEL = "channel"
    TITLE = "title"
    ASIN = "asin"
    SHIPPED_AT = "shipped_at"
    DELIVERED_AT = "delivered_at"
    QUANTITY_SHIPPED = "quantity_shipped"
    ITEM_TAX = "item_tax"
    SHIPPING_AMOUNT = "shipping_amount"
    SHIPPING_TAX = "shipping_tax"
    WRAP_AMOUNT = "wrap_amount"
    WRAP_TAX = "wrap_tax"
    ITEM_DISCOUNT = "item_discount"
    SHIPPING_DISCOUNT = "shipping_discount"
    COUNTRY = "country"
    POSTCODE = "postcode"
    PAYMENT_REFERENCE = "payment_reference"
    BUYER_NAME = "buyer_name"
    BUYER_EMAIL = "buyer_email"


LABELS: dict[Field, Promise] = {
    Field.ORDER_NUMBER: gettext_lazy("Order number"),
    Field.PURCHASED_AT: gettext_lazy("Date of purchase"),
    Field.SKU: gettext_lazy("SKU"),
    Field.QUANTITY: gettext_lazy("Quantity"),
    Field.ITEM_AMOUNT: gettext_lazy("Price of the items"),
    Field.CURRENCY: gettext_lazy("Currency"),
    Field.STATUS: gettext_lazy("Order status"),
    Field.ITEM_STATUS: gettext_lazy("Item status"),
    Field.CHANNEL: gettext_lazy("Sales channel"),
    Field.TITLE: gettext_lazy("Product name"),
    Field.ASIN: gettext_lazy("ASIN"),
    Field.SHIPPED_AT: gettext_lazy("Date of dispatch"),
    Field.DELIVERED_AT: gettext_lazy("Date of delivery"),
    Field.QUANTITY_SHIPPED: gettext_lazy("Quantity shipped"),
    Field.ITEM_TAX: gettext_lazy("Tax on the items"),
    Field.SHIPPING_AMOUNT: gettext_lazy("Shipping"),
    Field.SHIPPING_TAX: gettext_lazy("Tax on shipping"),
    Field.WRAP_AMOUNT: gettext_lazy("Gift wrap"),
    Field.WRAP_TAX: gettext_lazy("Tax on gift wrap"),
    Field.ITEM_DISCOUNT: gettext_lazy("Discount on the items"),
    Field.SHIPPING_DISCOUNT: gettext_lazy("Discount on shipping"),
    Field.COUNTRY: gettext_lazy("Country"),
    Field.POSTCODE: gettext_lazy("Postcode (kept as a fingerprint only)"),
    Field.PAYMENT_REFERENCE: gettext_lazy("Payment reference"),
    Field.BUYER_NAME: gettext_lazy("Buyer's name"),
    Field.BUYER_EMAIL: gettext_lazy("Buyer's e-mail"),
}
DATE_FIELDS = (Field.PURCHASED_AT, Field.SHIPPED_AT, Field.DELIVERED_AT)
SAMPLE_ROWS = 2_000
REQUIRED = (Field.ORDER_NUMBER, Field.PURCHASED_AT, Field.SKU, Field.QUANTITY)
PERSONAL = frozenset({Field.POSTCODE, Field.BUYER_NAME, Field.BUYER_EMAIL})


@dataclass(frozen=True, slots=True)
class Mapping:
    """Our field -> the file's column name, and how its cells are written. Saved per seller as `as_dict()`.

    `currency` fills rows without one. `is_tax_included`: the prices contain the tax that stands beside them.
    `is_unit_price`: the price is for one piece, not for the line. `default_status` is for rows without one;
    `words` maps a seller's own status words (folded) to ours.
    """

    columns: dict[Field, str]
    date_order: DateOrder | None = None
    decimal_mark: DecimalMark = DecimalMark.POINT
    currency: str = ""
    is_tax_included: bool = True
    is_unit_price: bool = False
    default_status: OrderStatus = OrderStatus.SHIPPED
    words: dict[str, OrderStatus] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "columns": {str(key): name for key, name in self.columns.items()}}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Mapping:
        return cls(
            columns={name: data["columns"][name] for name in Field if data["columns"].get(name)},
            date_order=DateOrder(data["date_order"]) if data.get("date_order") else None,
            decimal_mark=DecimalMark(data.get("decimal_mark") or "."),
            currency=data.get("currency") or "",
            is_tax_included=bool(data.get("is_tax_included", True)),
            is_unit_price=bool(data.get("is_unit_price", False)),
            default_status=OrderStatus(data.get("default_status") or OrderStatus.SHIPPED),
            words={word: OrderStatus(status) for word, status in (data.get("words") or {}).items()},
        )

    def present_in(self, report: Report) -> Mapping:
        """The same, less optional columns that this file lacks; a missing required one is refused by name."""
        unmapped = [str(LABELS[name]) for name in REQUIRED if name not in self.columns]
        if unmapped:
            raise FileProblem(
                _("Choose the column for: %(fields)s.") % {"fields": ", ".join(unmapped)},
                code="import_field_unmapped",
            )
        check_columns(report, [self.columns[name] for name in REQUIRED])
        self._demand_date_order(report)
        here = {name: column for name, column in self.columns.items() if report.has(column)}
        return replace(self, columns=here)

    def _demand_date_order(self, report: Report) -> None:
        dates = {name: self.columns[name] for name in DATE_FIELDS if report.has(self.columns.get(name, ""))}
        if self.date_order is None and needs_order(
            text for cells in report.sample(dates, SAMPLE_ROWS) for text in cells.values()
        ):
            sentence = _("The dates can be read as day-month or as month-day. Choose the date order.")
            raise FileProblem(sentence, code="import_date_order_open", fields={"date_order": sentence})


def check_columns(report: Report, required: list[str]) -> None:
    """Refuse a file that lacks a required column, naming every one that is missing."""
    missing = [name for name in required if not report.has(name)]
    if missing:
        raise FileProblem(
            _("This column is missing: %(columns)s.") % {"columns": ", ".join(missing)}
            if len(missing) == 1
            else _("These columns are missing: %(columns)s.") % {"columns": ", ".join(missing)},
            code="import_column_missing",
            columns=missing,
        )
