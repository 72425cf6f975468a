"""One record of a file becomes one order line, or a reason why not."""

from __future__ import annotations

import dataclasses
import random
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from marketplace.imports import amazon_orders
from marketplace.imports.amazon_orders import COLUMNS, all_orders_mapping
from marketplace.imports.generic import suggest_mapping, unknown_words
from marketplace.imports.mapping import Field, Mapping
from marketplace.imports.problems import FileProblem, RowProblem
from marketplace.imports.reading import Record, Report
from marketplace.imports.rows import Amounts, Context, OrderRow, read_order_row
from marketplace.imports.statuses import OrderStatus
from marketplace.imports.synthetic import Recipe, write_orders_file
from marketplace.imports.values import DateOrder, DecimalMark

UK = Context("amazon.co.uk", ZoneInfo("Europe/London"), "GBP", amazon_orders.ORDER_NUMBER)
LINE = {
    "amazon-order-id": "202-0697275-1234567",
    "purchase-date": "2026-11-01T10:15:30+00:00",
    "order-status": "Shipped",
    "sales-channel": "Amazon.co.uk",
    "product-name": "Electric kettle",
    "sku": "KET-17",
    "asin": "B0REDRSS01",
    "item-status": "Shipped",
    "quantity": "2",
    "currency": "GBP",
    "item-price": "24.90",
    "item-tax": "4.15",
    "shipping-price": "2.40",
    "shipping-tax": "0.40",
    "item-promotion-discount": "1.00",
    "ship-city": "LEEDS",
    "ship-state": "West Yorkshire",
    "ship-postal-code": "LS1 4DY",
    "ship-country": "GB",
}


REQUIRED_COLUMNS = [amazon_orders.FIELDS[field] for field in amazon_orders.REQUIRED]


def read(
    path: Path, *lines: dict[str, str], columns: list[str] = COLUMNS, channel: str = UK.channel
) -> list[OrderRow | RowProblem]:
    text = "\n".join("\t".join(row.get(column, "") for column in columns) for row in lines)
    path.write_text("\t".join(columns) + "\n" + text + "\n", encoding="utf-8")
    report = Report(path)
    mapping = all_orders_mapping(report, channel=channel)
    context = dataclasses.replace(UK, channel=channel)
    return [
        read_order_row(record, mapping, context) if isinstance(record, Record) else record
        for record in report.rows(mapping.columns)
    ]


def good(rows: list[OrderRow | RowProblem]) -> OrderRow:
    (row,) = rows
    assert isinstance(row, OrderRow), row
    return row


def bad(rows: list[OrderRow | RowProblem]) -> RowProblem:
    (row,) = rows
    assert isinstance(row, RowProblem), row
    return row


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "orders.txt"


def test_the_report_has_33_columns() -> None:
    assert len(COLUMNS) == len(set(COLUMNS)) == 33
    assert set(amazon_orders.FIELDS.values()) <= set(COLUMNS)


def test_a_line_of_the_all_orders_report_is_read(target: Path) -> None:
    row = good(read(target, LINE))
    assert row.order_number == "202-0697275-1234567"
    assert row.purchased_at == datetime(2026, 11, 1, 10, 15, 30, tzinfo=UTC)
    assert (row.sku, row.asin, row.quantity, row.quantity_shipped) == ("KET-17", "B0REDRSS01", 2, 2)
    assert row.status == OrderStatus.SHIPPED
    assert row.amounts == Amounts(item=2075, tax=415, shipping=200, shipping_tax=40, gift_wrap=0, discount=100)
    assert row.amounts.paid == 2490 + 240 - 100
    assert (row.country, row.postcode) == ("GB", "LS14DY")


def test_where_prices_stand_without_tax_the_tax_is_added(target: Path) -> None:
    line = LINE | {"sales-channel": "Amazon.com", "currency": "USD"}
    row = good(read(target, line, channel="amazon.com"))
    assert row.amounts.paid == 2490 + 415 + 240 + 40 - 100


def test_shuffled_and_extra_and_older_columns_pass(target: Path) -> None:
    expected = good(read(target, LINE))
    columns = [*COLUMNS, "url", "something-new"]
    random.Random(4).shuffle(columns)
    assert good(read(target, LINE, columns=columns)) == expected


@pytest.mark.parametrize("column", [column for column in COLUMNS if column not in REQUIRED_COLUMNS])
def test_a_missing_optional_column_passes(target: Path, column: str) -> None:
    good(read(target, LINE, columns=[name for name in COLUMNS if name != column]))


@pytest.mark.parametrize("field", amazon_orders.REQUIRED)
def test_a_missing_required_column_is_refused_by_name(target: Path, field: Field) -> None:
    column = amazon_orders.FIELDS[field]
    with pytest.raises(FileProblem, match=f"missing: {column}") as refusal:
        read(target, LINE, columns=[name for name in COLUMNS if name != column])
    assert refusal.value.code == "import_column_missing"


def test_personal_columns_are_dropped(target: Path) -> None:
    row = good(read(target, LINE))
    assert "LEEDS" not in repr(row)
    assert "Yorkshire" not in repr(row)
    problem = bad(read(target, LINE | {"quantity": "many"}))
    assert "LEEDS" not in repr(problem)
    assert "LS1" not in repr(problem)


@pytest.mark.parametrize(
    ("change", "column", "words"),
    [
        ({"amazon-order-id": ""}, "amazon-order-id", "empty"),
        ({"amazon-order-id": "12"}, "amazon-order-id", "no order number of this marketplace"),
        ({"purchase-date": "yesterday"}, "purchase-date", "no date"),
        ({"order-status": "Teleported"}, "order-status", "not known"),
        ({"sku": ""}, "sku", "empty"),
        ({"sku": "x" * 81}, "sku", "longer than 80"),
        ({"quantity": ""}, "quantity", "empty"),
        ({"quantity": "-1"}, "quantity", "no quantity"),
        ({"currency": "XXY"}, "currency", "no currency code"),
        ({"item-price": "lots"}, "item-price", "no amount"),
        ({"item-price": "-5.00"}, "item-price", "below zero"),
        ({"item-tax": "99.00"}, "item-tax", "more than the price"),
        ({"item-promotion-discount": "99.00"}, "ship-promotion-discount", "discount is more"),
        ({"sales-channel": "Amazon.de"}, "sales-channel", "belongs to Amazon.de"),
    ],
)
def test_a_bad_cell_gives_line_column_and_reason(target: Path, change: dict[str, str], column: str, words: str) -> None:
    problem = bad(read(target, LINE | change))
    assert (problem.line, problem.column) == (2, column)
    assert words in problem.reason


def test_a_formula_in_a_bad_row_is_neutralised(target: Path) -> None:
    problem = bad(read(target, LINE | {"quantity": '=cmd|"/c calc"!A1', "sku": "+1"}))
    assert problem.raw["quantity"].startswith("'=")
    assert problem.raw["sku"] == "'+1"


def test_a_cancelled_line_owes_nothing(target: Path) -> None:
    row = good(read(target, LINE | {"order-status": "Cancelled", "item-status": "Cancelled", "quantity": ""}))
    assert (row.status, row.quantity, row.quantity_shipped) == (OrderStatus.CANCELLED, 0, 0)
    assert row.amounts.paid == 0


@pytest.mark.parametrize(
    ("currency", "price", "minor"),
    [("JPY", "2490", 2490), ("KWD", "24.900", 24900), ("EUR", "24,90", 2490), ("KWD", "24,905", 24905)],
)
def test_decimal_commas_and_other_exponents(target: Path, currency: str, price: str, minor: int) -> None:
    plain = LINE | dict.fromkeys(("item-tax", "shipping-price", "shipping-tax", "item-promotion-discount"), "")
    helper = plain | {"currency": "EUR", "item-price": "1,50"}  # shows the file's decimal mark
    lines = [plain | {"currency": currency, "item-price": price}] + ([helper] if "," in price else [])
    row = read(target, *lines)[0]
    assert isinstance(row, OrderRow)
    assert row.amounts.item == minor


def test_the_made_up_report_is_read_without_a_problem(target: Path) -> None:
    with target.open("w", encoding="utf-8") as stream:
        write_orders_file(stream, Recipe(lines=500))
    report = Report(target)
    mapping = all_orders_mapping(report, channel=UK.channel)
    rows = [read_order_row(r, mapping, UK) for r in report.rows(mapping.columns) if isinstance(r, Record)]
    assert len(rows) == 500
    assert not [row for row in rows if isinstance(row, RowProblem)]


INDIAN = (
    "index,Order ID,Date,Status,Fulfilment,Sales Channel ,ship-service-level,Style,SKU,Category,Size,ASIN,"
    "Courier Status,Qty,currency,Amount,ship-city,ship-state,ship-postal-code,ship-country,promotion-ids,B2B,"
    "fulfilled-by,Unnamed: 22\n"
    "0,405-0000001-0000001,04-30-22,Shipped - Delivered to Buyer,Merchant,Amazon.in,Standard,ST1,ST1-M,Set,M,"
    'B000000001,Shipped,1,INR,406.0,PUNE,MH,400081.0,IN,"a,b,c",False,Easy Ship,\n'
    "1,405-0000001-0000002,04-29-22,Cancelled,Merchant,Amazon.in,Standard,ST2,ST2-M,Set,M,B000000002,,0,,,"
    "PUNE,MH,400081.0,IN,,False,Easy Ship,\n"
)


def test_a_mapping_is_suggested_that_fits_an_indian_sale_report(target: Path) -> None:
    target.write_text(INDIAN, encoding="utf-8")
    report = Report(target)
    mapping = suggest_mapping(report, currency="INR")
    assert mapping.columns[Field.CHANNEL] == "Sales Channel"
    assert mapping.date_order == DateOrder.MDY
    assert mapping.currency == "INR"
    assert unknown_words(report, mapping) == []

    india = Context("amazon.in", ZoneInfo("Asia/Kolkata"), "INR")
    sold, cancelled = (
        read_order_row(record, mapping, india) for record in report.rows(mapping.columns) if isinstance(record, Record)
    )
    assert isinstance(sold, OrderRow)
    assert isinstance(cancelled, OrderRow)
    assert (sold.amounts.paid, sold.postcode, sold.status) == (40600, "400081", OrderStatus.DELIVERED)
    assert sold.purchased_at.date().isoformat() == "2022-04-30"
    assert (cancelled.amounts.paid, cancelled.currency, cancelled.quantity) == (0, "INR", 0)


def test_an_open_date_order_stays_open_for_a_person_to_choose(target: Path) -> None:
    target.write_text("Order Number;Date;SKU;Qty;Price\n1;03/04/2026;A;1;1.234,50\n", encoding="utf-8")
    mapping = suggest_mapping(Report(target), currency="EUR")
    assert mapping.date_order is None
    assert mapping.decimal_mark == DecimalMark.COMMA


def test_own_status_words_are_listed_and_can_be_mapped(target: Path) -> None:
    target.write_text("Order,Date,SKU,Qty,Status\n1,2026-11-01,A,1,Versendet\n", encoding="utf-8")
    report = Report(target)
    mapping = suggest_mapping(report, currency="EUR")
    assert unknown_words(report, mapping) == ["Versendet"]
    mapping = dataclasses.replace(mapping, words={"versendet": OrderStatus.SHIPPED})
    (record,) = report.rows(mapping.columns)
    assert isinstance(record, Record)
    row = read_order_row(record, mapping, dataclasses.replace(UK, currency="EUR", order_number_pattern=None))
    assert isinstance(row, OrderRow)
    assert row.status == OrderStatus.SHIPPED


def test_a_mapping_survives_being_saved() -> None:
    mapping = Mapping(
        columns={Field.SKU: "Art.-Nr."},
        date_order=DateOrder.DMY,
        decimal_mark=DecimalMark.COMMA,
        currency="EUR",
        is_unit_price=True,
        words={"versendet": OrderStatus.SHIPPED},
    )
    assert Mapping.from_dict(mapping.as_dict()) == mapping


def test_a_mapping_without_a_required_field_says_which(target: Path) -> None:
    target.write_text("Order,Date,SKU\n1,2026-11-01,A\n", encoding="utf-8")
    report = Report(target)
    with pytest.raises(FileProblem, match="Quantity"):
        suggest_mapping(report).present_in(report)
