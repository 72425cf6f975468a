"""How is Amazon's All Orders report read (GET_FLAT_FILE_ALL_ORDERS_DATA_BY_ORDER_DATE_GENERAL)?"""

from __future__ import annotations

import re

from marketplace.imports.mapping import SAMPLE_ROWS, Field, Mapping, check_columns
from marketplace.imports.reading import Report
from marketplace.imports.values import likely_mark, only_order

# The 33 columns in the report's order; older files carry `url` after `order-channel`.
# fmt: off
COLUMNS = [
    "amazon-order-id", "merchant-order-id", "purchase-date", "last-updated-date", "order-status",
    "fulfillment-channel", "sales-channel", "order-channel", "ship-service-level", "product-name", "sku",
    "asin", "item-status", "quantity", "currency", "item-price", "item-tax", "shipping-price", "shipping-tax",
    "gift-wrap-price", "gift-wrap-tax", "item-promotion-discount", "ship-promotion-discount", "ship-city",
    "ship-state", "ship-postal-code", "ship-country", "promotion-ids", "cpf", "is-business-order",
    "purchase-order-number", "price-designation", "signature-confirmation-recommended",
]
# fmt: on
FIELDS: dict[Field, str] = {
    Field.ORDER_NUMBER: "amazon-order-id",
    Field.PURCHASED_AT: "purchase-date",
    Field.STATUS: "order-status",
    Field.SKU: "sku",
    Field.QUANTITY: "quantity",
    Field.CURRENCY: "currency",
    Field.ITEM_AMOUNT: "item-price",
    Field.CHANNEL: "sales-channel",
    Field.ITEM_STATUS: "item-status",
    Field.TITLE: "product-name",
    Field.ASIN: "asin",
    Field.ITEM_TAX: "item-tax",
    Field.SHIPPING_AMOUNT: "shipping-price",
    Field.SHIPPING_TAX: "shipping-tax",
    Field.WRAP_AMOUNT: "gift-wrap-price",
    Field.WRAP_TAX: "gift-wrap-tax",
    Field.ITEM_DISCOUNT: "item-promotion-discount",
    Field.SHIPPING_DISCOUNT: "ship-promotion-discount",
    Field.POSTCODE: "ship-postal-code",
    Field.COUNTRY: "ship-country",
}
REQUIRED = (
    Field.ORDER_NUMBER,
    Field.PURCHASED_AT,
    Field.STATUS,
    Field.SKU,
    Field.QUANTITY,
    Field.CURRENCY,
    Field.ITEM_AMOUNT,
)
AMOUNTS = tuple(name for name in FIELDS if name.endswith(("_amount", "_tax", "_discount")))
# 3-7-7; orders that Amazon ships for other channels start with S01, S02 ...
ORDER_NUMBER = re.compile(r"[0-9A-Z]{3}-\d{7}-\d{7}", re.ASCII)
# Marketplaces whose prices stand without the tax beside them; everywhere else the price contains it.
TAX_APART = frozenset({"amazon.com", "amazon.ca"})


def fits(report: Report) -> bool:
    """Is this an All Orders report? Two columns that no other order file spells like this say so."""
    return report.has("amazon-order-id") and report.has("purchase-date")


def all_orders_mapping(report: Report, *, channel: str) -> Mapping:
    """The report's fixed mapping, less what this file lacks; a missing required column is refused by name."""
    check_columns(report, [FIELDS[name] for name in REQUIRED])
    columns = {name: column for name, column in FIELDS.items() if report.has(column)}
    samples = report.sample(columns, SAMPLE_ROWS)
    return Mapping(
        columns=columns,
        date_order=only_order(cells[Field.PURCHASED_AT] for cells in samples),
        decimal_mark=likely_mark(cells[name] for cells in samples for name in AMOUNTS if name in columns),
        is_tax_included=channel.casefold() not in TAX_APART,
    )
