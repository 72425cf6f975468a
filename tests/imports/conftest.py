"""Order files for the tests of imports, and a desk that takes them through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from marketplace.actors import Actor
from marketplace.imports import running, services
from marketplace.imports.amazon_orders import COLUMNS
from marketplace.models import ImportJob, Order, OrderLine
from marketplace.tenancy import scope
from tests.cast import Shop

LINE = {
    "amazon-order-id": "203-0000000-0000001",
    "purchase-date": "2026-11-01T10:15:30+00:00",
    "order-status": "Shipped",
    "sales-channel": "Amazon.co.uk",
    "product-name": "Electric kettle",
    "sku": "KET-17",
    "asin": "B0REDRSS01",
    "item-status": "Shipped",
    "quantity": "1",
    "currency": "GBP",
    "item-price": "24.90",
    "item-tax": "4.15",
    "shipping-price": "2.40",
    "shipping-tax": "0.40",
    "ship-city": "LEEDS-CITY",
    "ship-state": "West-Yorkshire-State",
    "ship-postal-code": "LS1 4DY",
    "ship-country": "GB",
}


def number(n: int) -> str:
    return f"203-0000000-{n:07d}"


def line(n: int = 1, **cells: str) -> dict[str, str]:
    """A line of order number n; `item_price="1.00"` sets the column item-price."""
    return LINE | {"amazon-order-id": number(n)} | {key.replace("_", "-"): value for key, value in cells.items()}


def as_report(lines: Sequence[dict[str, str]], columns: Sequence[str] = COLUMNS) -> bytes:
    rows = ["\t".join(columns), *("\t".join(row.get(column, "") for column in columns) for row in lines)]
    return ("\n".join(rows) + "\n").encode()


@dataclass
class Desk:
    """One seller's import desk: files in, finished jobs out. Every call opens the seller's scope by itself."""

    shop: Shop
    actor: Actor

    def start(self, *lines: dict[str, str], content: bytes | None = None, **options: Any) -> ImportJob:
        with scope(self.shop.seller.pk):
            data = content if content is not None else as_report(lines)
            options.setdefault("channel", "amazon.co.uk")
            return services.start_import([data], by=self.actor, name="orders.txt", **options)

    def take_in(self, *lines: dict[str, str], moves_back: bool = False, **options: Any) -> ImportJob:
        """Upload and import it, to the end."""
        job = self.start(*lines, **options)
        with scope(self.shop.seller.pk):
            services.run_import(job.public_id, by=self.actor, moves_back=moves_back)
        return self.work(job)

    def work(self, job: ImportJob) -> ImportJob:
        assert running.work_on(job.seller_id, job.pk)
        return self.fresh(job)

    def fresh(self, job: ImportJob) -> ImportJob:
        with scope(self.shop.seller.pk):
            return services.find_import(job.public_id)

    def order(self, n: int = 1) -> Order:
        with scope(self.shop.seller.pk):
            order: Order = Order.objects.get(number=number(n))
        return order

    def lines(self, n: int = 1) -> list[OrderLine]:
        with scope(self.shop.seller.pk):
            return list(OrderLine.objects.filter(order__number=number(n)))

    def counts(self) -> tuple[int, int]:
        """(orders, lines) of this seller that came by a file."""
        with scope(self.shop.seller.pk):
            return (
                Order.objects.exclude(imported_by=None).count(),
                OrderLine.objects.exclude(imported_by=None).count(),
            )


@pytest.fixture(autouse=True)
def files_in_a_folder_of_their_own(tmp_path: Path, settings: Any) -> None:
    settings.VAR_DIR = tmp_path / "var"


@pytest.fixture
def desk(acme: Shop) -> Desk:
    return Desk(acme, acme.actor())


@pytest.fixture
def desk_of_globex(globex: Shop) -> Desk:
    return Desk(globex, globex.actor())


def summary(job: ImportJob) -> tuple[int, int, int, int, int]:
    """(new, unchanged, changed, held, refused)"""
    return (job.lines_new, job.lines_unchanged, job.lines_changed, job.lines_held, job.rows_refused)
