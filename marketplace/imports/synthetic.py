"""An All Orders report of made-up orders, as large as asked for: for tests, the bench and the demo."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TextIO

from marketplace.imports.amazon_orders import COLUMNS

_PRODUCTS = (
    ("KET-17-STEEL", "B0REDRSS01", "Electric kettle 1.7 l, brushed steel", 2490),
    ("LAN-CAMP-4", "B0REDRSS02", "Camping lantern, rechargeable", 1339),
    ("CARD-64-2", "B0REDRSS03", "Memory card 64 GB, pack of 2", 899),
    ("MUG-BLUE-4", "B0REDRSS04", "Stoneware mugs, blue, set of 4", 1875),
    ("SCARF-WOOL-G", "B0REDRSS05", 'Wool scarf, green, 70" long', 3200),
    ("LAMP-DESK-W", "B0REDRSS06", "Desk lamp, white", 4150),
    ("CABLE-C-3M", "B0REDRSS07", "USB-C cable 3 m", 749),
)
_PLACES = (
    ("LEEDS", "West Yorkshire", "LS1 4DY"),
    ("CARDIFF", "", "CF10 1EP"),
    ("ALNESS", "Ross-shire", "IV17 0RQ"),
)
_STATUSES = ("Shipped",) * 16 + ("Unshipped", "Pending", "Cancelled", "Shipped - Delivered to Buyer")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the file should look like; the same recipe gives the same file."""

    lines: int
    seed: int = 1
    channel: str = "Amazon.co.uk"
    currency: str = "GBP"
    country: str = "GB"
    last_day: datetime = datetime(2026, 11, 20, 18, tzinfo=UTC)


def write_orders_file(stream: TextIO, recipe: Recipe) -> int:
    """Write the report, tab-separated; returns the number of orders."""
    stream.write("\t".join(COLUMNS) + "\n")
    orders = 0
    for order in _orders(recipe):
        orders += 1
        stream.writelines("\t".join(line.get(column, "") for column in COLUMNS) + "\n" for line in order)
    return orders


def _orders(recipe: Recipe) -> Iterator[list[dict[str, str]]]:
    chance = random.Random(recipe.seed)
    written = number = 0
    while written < recipe.lines:
        number += 1
        size = min(chance.choice((1, 1, 1, 2, 3)), recipe.lines - written)
        written += size
        yield _order(number, size, chance, recipe)


def _order(number: int, size: int, chance: random.Random, recipe: Recipe) -> list[dict[str, str]]:
    bought = recipe.last_day - timedelta(minutes=7 * number % 129_600)
    city, state, postcode = chance.choice(_PLACES)
    status = chance.choice(_STATUSES)
    common = {
        "amazon-order-id": f"{200 + recipe.seed % 700}-{number // 10_000_000:07d}-{number % 10_000_000:07d}",
        "purchase-date": bought.isoformat(),
        "last-updated-date": (bought + timedelta(days=2)).isoformat(),
        "order-status": status,
        "fulfillment-channel": "Merchant",
        "sales-channel": recipe.channel,
        "ship-service-level": "Standard",
        "currency": recipe.currency,
        "ship-city": city,
        "ship-state": state,
        "ship-postal-code": postcode,
        "ship-country": recipe.country,
        "is-business-order": "false",
        "price-designation": "",
        "signature-confirmation-recommended": "false",
    }
    return [common | _line(product, chance, status) for product in chance.sample(_PRODUCTS, size)]


def _line(product: tuple[str, str, str, int], chance: random.Random, status: str) -> dict[str, str]:
    sku, asin, title, pence = product
    quantity = 0 if status == "Cancelled" else chance.choice((1, 1, 1, 1, 2, 3))
    line = {
        "product-name": title,
        "sku": sku,
        "asin": asin,
        "item-status": status.partition(" ")[0],
        "quantity": str(quantity),
    }
    if not quantity:
        return line
    price, shipping = pence * quantity, chance.choice((0, 0, 299, 499))
    discount = price // 10 if chance.random() < 0.1 else 0
    return line | {
        "item-price": _plain(price),
        "item-tax": _plain(price // 6),
        "shipping-price": _plain(shipping),
        "shipping-tax": _plain(shipping // 6),
        "item-promotion-discount": _plain(discount),
    }


def _plain(pence: int) -> str:
    return f"{pence // 100}.{pence % 100:02d}" if pence else ""
