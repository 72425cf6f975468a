"""What the text of a cell means."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.imports.problems import CellError, neutralise
from marketplace.imports.values import (
    DateOrder,
    DecimalMark,
    feasible_orders,
    likely_mark,
    parse_amount,
    parse_currency,
    parse_moment,
    parse_quantity,
    plain_country,
    plain_postcode,
)
from marketplace.money import Money, exponent

KOLKATA = ZoneInfo("Asia/Kolkata")
DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))


@pytest.mark.parametrize(
    ("text", "order", "expected"),
    [
        ("2026-03-06T08:52:26+00:00", None, datetime(2026, 3, 6, 8, 52, 26, tzinfo=UTC)),
        ("2026-03-06T08:52:26Z", None, datetime(2026, 3, 6, 8, 52, 26, tzinfo=UTC)),
        ("2026-03-06T08:52:26-08:00", None, datetime(2026, 3, 6, 16, 52, 26, tzinfo=UTC)),
        ("2026-03-06 08:52:26 UTC", None, datetime(2026, 3, 6, 8, 52, 26, tzinfo=UTC)),
        ("2026-03-06", None, datetime(2026, 3, 6, tzinfo=KOLKATA)),
        ("06-Mar-2026", None, datetime(2026, 3, 6, tzinfo=KOLKATA)),
        ("6 March 2026", None, datetime(2026, 3, 6, tzinfo=KOLKATA)),
        ("Mar 6, 2026", None, datetime(2026, 3, 6, tzinfo=KOLKATA)),
        ("06-mär-2026", None, datetime(2026, 3, 6, tzinfo=KOLKATA)),
        ("15. août 2026", None, datetime(2026, 8, 15, tzinfo=KOLKATA)),
        ("04-30-22", DateOrder.MDY, datetime(2022, 4, 30, tzinfo=KOLKATA)),
        ("30.04.2022", DateOrder.DMY, datetime(2022, 4, 30, tzinfo=KOLKATA)),
        ("30.04.2022 14:05", DateOrder.DMY, datetime(2022, 4, 30, 14, 5, tzinfo=KOLKATA)),
        ("4/30/2022 2:05 PM", DateOrder.MDY, datetime(2022, 4, 30, 14, 5, tzinfo=KOLKATA)),
        ("4/30/2022 12:05 am", DateOrder.MDY, datetime(2022, 4, 30, 0, 5, tzinfo=KOLKATA)),
        ("22/04/30", DateOrder.YMD, datetime(2022, 4, 30, tzinfo=KOLKATA)),
        ("2022/04/30", DateOrder.MDY, datetime(2022, 4, 30, tzinfo=KOLKATA)),
        ("30/04/2022", None, datetime(2022, 4, 30, tzinfo=KOLKATA)),
        ("04/30/2022", None, datetime(2022, 4, 30, tzinfo=KOLKATA)),
    ],
)
def test_a_date_is_read_in_its_form(text: str, order: DateOrder | None, expected: datetime) -> None:
    assert parse_moment(text, order=order, zone=KOLKATA) == expected


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("", None),
        ("soon", None),
        ("30-Foo-2026", None),
        ("31.02.2026", DateOrder.DMY),
        ("30.04.2026", DateOrder.MDY),
        ("2026-13-01", None),
        ("2026-03-06T25:00:00Z", None),
        ("1/2/345", DateOrder.DMY),
        ("44681", None),
        ("0001-01-01", None),
        ("1900-01-01", None),
        ("2026-03-06 08:52:26 +99:00", None),
        ("２０２６-03-06", None),
    ],
)
def test_what_is_no_date_is_refused(text: str, order: DateOrder | None) -> None:
    with pytest.raises(CellError):
        parse_moment(text, order=order, zone=UTC)


def test_a_date_that_reads_two_ways_asks_for_the_order() -> None:
    with pytest.raises(CellError, match="Choose the date order"):
        parse_moment("03/04/2026", order=None, zone=UTC)


@given(DAYS, st.sampled_from(list(DateOrder)), st.sampled_from("-/."), st.booleans())
def test_every_day_survives_its_written_form(day: date, order: DateOrder, mark: str, is_short: bool) -> None:
    year = f"{day.year % 100:02d}" if is_short else str(day.year)
    parts = {"d": f"{day.day:02d}", "m": f"{day.month:02d}", "y": year}
    text = mark.join(parts[letter] for letter in order)
    assert parse_moment(text, order=order, zone=UTC).date() == day
    assert parse_moment(f"{day:%d-%b-%Y}", order=None, zone=UTC).date() == day


@given(st.lists(DAYS, min_size=1), st.sampled_from([DateOrder.DMY, DateOrder.MDY]))
def test_the_true_order_is_always_among_the_feasible(days: list[date], order: DateOrder) -> None:
    form = {DateOrder.DMY: "%d/%m/%Y", DateOrder.MDY: "%m/%d/%Y"}[order]
    assert order in feasible_orders(day.strftime(form) for day in days)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)), st.integers(-720, 720))  # noqa: DTZ001
def test_an_offset_is_kept_to_the_second(naive: datetime, minutes: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_moment(moment.isoformat(), order=None, zone=KOLKATA) == moment


@given(st.text(max_size=30), st.sampled_from([None, *DateOrder]))
def test_any_text_is_a_date_or_a_reason(text: str, order: DateOrder | None) -> None:
    with suppress(CellError):
        assert parse_moment(text, order=order, zone=UTC).tzinfo


@pytest.mark.parametrize(
    ("text", "currency", "mark", "minor"),
    [
        ("12.50", "GBP", ".", 1250),
        ("12,50", "EUR", ",", 1250),
        ("1,234.50", "GBP", ".", 123450),
        ("1.234,50", "EUR", ",", 123450),
        ("1 234,50", "EUR", ",", 123450),
        ("1\u202f234,50 €", "EUR", ",", 123450),
        ("1'234.50", "CHF", ".", 123450),
        ("1,23,456.00", "INR", ".", 12345600),
        ("647.62", "INR", ".", 64762),
        ("(4.00)", "GBP", ".", -400),
        ("-4.00", "GBP", ".", -400),
        ("4.00-", "GBP", ".", -400),
        ("\u22124.00", "GBP", ".", -400),
        ("£12.50", "GBP", ".", 1250),
        ("US$12.50", "USD", ".", 1250),
        ("GBP 12.50", "GBP", ".", 1250),
        ("12.50 GBP", "GBP", ".", 1250),
        ("-£12.50", "GBP", ".", -1250),
        (".5", "GBP", ".", 50),
        ("5.", "GBP", ".", 500),
        ("12.500", "GBP", ".", 1250),
        ("1200", "JPY", ".", 1200),
        ("1200.00", "JPY", ".", 1200),
        ("1,200", "JPY", ".", 1200),
        ("12.345", "KWD", ".", 12345),
        ("12,345", "KWD", ",", 12345),
        ("12.3", "KWD", ".", 12300),
        ("", "GBP", ".", 0),
        (" ", "GBP", ".", 0),
    ],
)
def test_an_amount_becomes_minor_units(text: str, currency: str, mark: str, minor: int) -> None:
    assert parse_amount(text, currency, DecimalMark(mark)) == minor


@pytest.mark.parametrize(
    ("text", "currency", "mark"),
    [
        ("12,50", "GBP", "."),
        ("12.50", "EUR", ","),
        ("1,2,3", "GBP", "."),
        ("1.23.456,00", "EUR", "."),
        ("12.345", "GBP", "."),
        ("12.50", "JPY", "."),
        ("EUR 12.50", "GBP", "."),
        ("1e3", "GBP", "."),
        ("NaN", "GBP", "."),
        ("Infinity", "GBP", "."),
        ("twelve", "GBP", "."),
        (".", "GBP", "."),
        ("()", "GBP", "."),
        ("9" * 16, "GBP", "."),
        ("１２", "GBP", "."),
        ("1.00", "QQQ", "."),
    ],
)
def test_what_is_no_amount_is_refused_not_guessed(text: str, currency: str, mark: str) -> None:
    with pytest.raises(CellError):
        parse_amount(text, currency, DecimalMark(mark))


@given(
    st.integers(-(10**12), 10**12),
    st.sampled_from(["GBP", "JPY", "KWD", "INR"]),
    st.sampled_from(list(DecimalMark)),
)
def test_every_amount_survives_its_written_form(minor: int, currency: str, mark: DecimalMark) -> None:
    places = exponent(currency)
    plain = f"{abs(Decimal(minor).scaleb(-places)):,.{places}f}"
    swapped = plain if mark == DecimalMark.POINT else plain.translate({ord(","): ".", ord("."): ","})
    assert parse_amount(f"({swapped})" if minor < 0 else swapped, currency, mark) == minor
    assert parse_amount(Money(minor, currency).plain(), currency) == minor


@given(st.text(max_size=30), st.sampled_from(["GBP", "JPY", "KWD", ""]), st.sampled_from(list(DecimalMark)))
def test_any_text_is_an_amount_or_a_reason(text: str, currency: str, mark: DecimalMark) -> None:
    with suppress(CellError):
        assert isinstance(parse_amount(text, currency, mark), int)


def test_the_decimal_mark_is_seen_in_the_amounts() -> None:
    assert likely_mark(["12,50", "1.234,00", ""]) == DecimalMark.COMMA
    assert likely_mark(["12.50", "1,234.00"]) == DecimalMark.POINT
    assert likely_mark(["12", "1,200", ""]) == DecimalMark.POINT


@pytest.mark.parametrize(("text", "expected"), [("1", 1), ("0", 0), ("2.0", 2), ("2,00", 2), (" 3 ", 3)])
def test_a_quantity_is_a_whole_number(text: str, expected: int) -> None:
    assert parse_quantity(text) == expected


@pytest.mark.parametrize("text", ["", "-1", "1.5", "one", "1000001", "1e3"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(CellError):
        parse_quantity(text)


def test_postcode_country_and_currency_are_made_comparable() -> None:
    assert plain_postcode("400081.0") == "400081"
    assert plain_postcode(" sw1a 1aa ") == "SW1A1AA"
    assert plain_country("gb") == "GB"
    assert plain_country("United Kingdom") == ""
    assert parse_currency(" gbp ") == "GBP"
    with pytest.raises(CellError):
        parse_currency("POUND")


@given(st.text(max_size=300))
def test_no_cell_leaves_us_as_a_formula(cell: str) -> None:
    assert not neutralise(cell).startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\0"))


def test_harmless_cells_are_left_as_they_are() -> None:
    assert neutralise("KET-17-STEEL") == "KET-17-STEEL"
    assert neutralise('=HYPERLINK("http://a")') == '\'=HYPERLINK("http://a")'
