"""How do the rows of one chunk get into the database fast? COPY into a temporary table (rulings 31)."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from marketplace.ids import new_public_id
from marketplace.imports.rows import OrderRow
from marketplace.imports.statuses import RANK
from marketplace.tenancy import key_hash

# The columns of the temporary table, in the order in which `_cells` gives them.
_COLUMNS = {
    "line": "bigint",
    "number": "text",
    "number_key": "text",
    "sku": "text",
    "nth": "integer",
    "is_first": "boolean",
    "purchased_at": "timestamptz",
    "shipped_at": "timestamptz",
    "delivered_at": "timestamptz",
    "status": "text",
    "rank": "integer",
    "asin": "text",
    "title": "text",
    "quantity": "integer",
    "quantity_shipped": "integer",
    "currency": "text",
    "item": "bigint",
    "tax": "bigint",
    "shipping": "bigint",
    "shipping_tax": "bigint",
    "gift_wrap": "bigint",
    "discount": "bigint",
    "country": "text",
    "postcode_hash": "text",
    "payment_reference": "text",
    "buyer_name": "text",
    "email": "text",
    "email_key": "text",
    "order_public_id": "text",
    "buyer_public_id": "text",
}
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


@dataclass(frozen=True, slots=True)
class StagedRow:
    """A row and its identity: the nth line of the file with this (order, SKU); first = first line of its order."""

    row: OrderRow
    nth: int
    is_first: bool


def stage(staged: Iterable[StagedRow], *, seller_id: int) -> None:
    """Fill a fresh temporary table `import_stage` of this transaction."""
    columns = ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
    text = io.StringIO()
    seen: set[str] = set()
    for item in staged:
        text.write("\t".join(map(_escape, _cells(item, seller_id, seen))) + "\n")
    text.seek(0)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS import_plan, import_stage")
        cursor.execute(f"CREATE TEMPORARY TABLE import_stage ({columns}) ON COMMIT DROP")
        cursor.copy_expert("COPY import_stage FROM STDIN", text)
        cursor.execute("ANALYZE import_stage")


def _cells(item: StagedRow, seller_id: int, seen: set[str]) -> tuple[Any, ...]:
    row, amounts = item.row, item.row.amounts
    is_first_here = row.order_number not in seen
    seen.add(row.order_number)
    email_key = row.buyer_email.lower()
    return (
        row.line,
        row.order_number,
        row.order_number.lower(),
        row.sku,
        item.nth,
        item.is_first,
        row.purchased_at.isoformat(),
        row.shipped_at and row.shipped_at.isoformat(),
        row.delivered_at and row.delivered_at.isoformat(),
        row.status,
        RANK[row.status],
        row.asin,
        row.title,
        row.quantity,
        row.quantity_shipped,
        row.currency,
        amounts.item,
        amounts.tax,
        amounts.shipping,
        amounts.shipping_tax,
        amounts.gift_wrap,
        amounts.discount,
        row.country,
        postcode_hash(seller_id, row.postcode),
        row.payment_reference,
        row.buyer_name,
        row.buyer_email,
        email_key,
        new_public_id("ord") if is_first_here else "",
        new_public_id("buy") if email_key else "",
    )


def postcode_hash(seller_id: int, postcode: str) -> str:
    """A postcode is kept as a keyed fingerprint only (rulings 23), another one at every seller."""
    return key_hash("postcode", f"{seller_id}:{postcode}") if postcode else ""


def _escape(value: Any) -> str:
    if value is None:
        return "\\N"
    return value.translate(_ESCAPES) if isinstance(value, str) else str(value)
