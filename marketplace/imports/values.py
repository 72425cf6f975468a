"""What does the text of one cell mean: a moment, an amount, a quantity, a postcode, an address?"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from enum import StrEnum
from functools import lru_cache

from django.utils.translation import gettext as _

from marketplace.imports.problems import CellError
from marketplace.money import EXPONENTS, Money, MoneyError


class DateOrder(StrEnum):
    """How a date in figures is read; a year of four figures in front is always year-month-day."""

    DMY = "dmy"
    MDY = "mdy"
    YMD = "ymd"


class DecimalMark(StrEnum):
    POINT = "."
    COMMA = ","


_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan janv gen ene",
            "feb fev fevr",
            "mar mars mrz marz maer",
            "apr avr abr",
            "may mai mag",
            "jun juin giu",
            "jul juil lug",
            "aug aou aout ago",
            "sep sept set",
            "oct okt ott",
            "nov",
            "dec dez dic",
        ),
        start=1,
    )
    for name in names.split()
}
_FULL_MONTHS = {
    name: number
    for number, name in enumerate(
        (
            *("january", "february", "march", "april", "may", "june", "july", "august"),
            *("september", "october", "november", "december"),
        ),
        start=1,
    )
}
_TIME = (
    r"(?:[T ,]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?\s*(?P<half>[AaPp][Mm])?"
    r"\s*(?P<offset>Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
_FIGURES = re.compile(r"(?P<a>\d{1,4})([-/.])(?P<b>\d{1,2})\2(?P<c>\d{1,4})" + _TIME, re.ASCII)
_NAMED = re.compile(r"(?P<day>\d{1,2})[. /-]*(?P<month>[^\W\d_]{3,9})[. ,/-]*(?P<year>\d{4}|\d{2})" + _TIME)
_MONTH_FIRST = re.compile(r"(?P<month>[^\W\d_]{3,9})\.? (?P<day>\d{1,2}),? (?P<year>\d{4})" + _TIME)


def parse_moment(text: str, *, order: DateOrder | None, zone: tzinfo) -> datetime:
    """An aware moment. ISO 8601 with its offset; 30-Apr-2022; 04-30-22, 30.04.2022, 2022/04/30 in the chosen
    `order`; all with or without a time. Without an offset it is local time in `zone`, a bare date its first
    minute. With no order chosen, a date that could be read two ways is refused."""
    moment = _iso_moment(text) or _named_moment(text) or _figures_moment(text, order)
    if moment is None:
        raise CellError(_("“%(text)s” is no date that is known here.") % {"text": text[:40]})
    if not 1995 <= moment.year <= 2100:
        raise CellError(_("“%(text)s” is not a date of a sale.") % {"text": text[:40]})
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _iso_moment(text: str) -> datetime | None:
    if not _ISO.match(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None  # "2026-03-06 08:52:26 UTC" is read as figures


def _named_moment(text: str) -> datetime | None:
    match = _NAMED.fullmatch(text) or _MONTH_FIRST.fullmatch(text)
    if not match:
        return None
    month = _month(match["month"])
    return _build(text, _year(match["year"]), month, int(match["day"]), match) if month else None


def _figures_moment(text: str, order: DateOrder | None) -> datetime | None:
    match = _FIGURES.fullmatch(text)
    if not match:
        return None
    a, b, c = match["a"], match["b"], match["c"]
    if len(a) == 4:
        order = DateOrder.YMD
    elif len(a) == 3 or len(c) == 3:
        return None
    elif order is None:
        order = _only_order(text, int(a), int(b))
    year, month, day = {
        DateOrder.DMY: (c, b, a),
        DateOrder.MDY: (c, a, b),
        DateOrder.YMD: (a, b, c),
    }[order]
    return _build(text, _year(year), int(month), int(day), match)


def _only_order(text: str, a: int, b: int) -> DateOrder:
    if a == b or (a > 12) != (b > 12):
        return DateOrder.DMY if b <= 12 else DateOrder.MDY
    raise CellError(_("“%(text)s” can be read as day-month or month-day. Choose the date order.") % {"text": text[:40]})


def _build(text: str, year: int, month: int, day: int, match: re.Match[str]) -> datetime:
    hour = int(match["hour"] or 0)
    if match["half"]:
        hour = hour % 12 + (12 if match["half"].lower() == "pm" else 0)
    try:
        moment = datetime(  # noqa: DTZ001 - the zone follows from the offset or from the channel
            year, month, day, hour, int(match["minute"] or 0), int(match["second"] or 0)
        )
    except ValueError:
        raise CellError(
            _("“%(text)s” is no day of the calendar in the chosen date order.") % {"text": text[:40]}
        ) from None
    return moment.replace(tzinfo=_offset(match["offset"])) if match["offset"] else moment


def _offset(text: str) -> timezone:
    if text in ("Z", "UTC", "GMT"):
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    if minutes >= 24 * 60:
        raise CellError(_("“%(text)s” is no offset from UTC.") % {"text": text})
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _year(text: str) -> int:
    return int(text) + 2000 if len(text) <= 2 else int(text)


def _month(name: str) -> int | None:
    plain = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    return _FULL_MONTHS.get(plain) or _MONTHS.get(plain[:4]) or _MONTHS.get(plain[:3])


_BLANKS = dict.fromkeys(map(ord, " \u00a0\u2007\u2009\u202f"), " ")
_SIGNS = {ord("\u2212"): "-", ord("\u2019"): "'"}
_SYMBOL = re.compile(r"^([A-Z]{3}|[A-Z]{0,2}\$|[€£¥₹₺₽]|zł|kr\.?)\s*|\s*([A-Z]{3}|[€£¥₹₺₽$]|zł|kr\.?)$")
_POINT_AMOUNT = re.compile(r"(?:\d+|\d{1,3}([,' ])(?:\d{2,3}\1)*\d{3})?(?:\.\d*)?", re.ASCII)
_COMMA_AMOUNT = re.compile(r"(?:\d+|\d{1,3}([.' ])(?:\d{2,3}\1)*\d{3})?(?:,\d*)?", re.ASCII)


@lru_cache(maxsize=16_384)
def parse_amount(text: str, currency: str, mark: DecimalMark = DecimalMark.POINT) -> int:
    """Minor units of "1,234.50", "1.234,50", "1,23,456.00", "£12.50", "(4.00)" = -400; empty = 0.
    More decimals than the currency has are refused, not rounded."""
    body = text.translate(_BLANKS).translate(_SIGNS).strip()
    if not body:
        return 0
    is_negative = body[0] == "(" and body[-1] == ")"
    body = body[1:-1].strip() if is_negative else body
    if body[0:1] in "+-" or body[-1:] == "-":
        is_negative = is_negative or "-" in (body[0:1], body[-1:])
        body = body.strip("+-").strip()
    body = _without_symbol(body, currency)
    pattern = _POINT_AMOUNT if mark == DecimalMark.POINT else _COMMA_AMOUNT
    if not pattern.fullmatch(body) or not re.search(r"\d", body):
        raise CellError(_not_an_amount(text, mark))
    whole, _mark, decimals = body.partition(mark)
    figures = re.sub(r"\D", "", whole) or "0"
    try:
        minor = Money.parse(f"{figures}.{decimals.rstrip('0') or '0'}", currency).minor
    except MoneyError as error:
        raise CellError(str(error)) from None
    return -minor if is_negative else minor


def _without_symbol(body: str, currency: str) -> str:
    for _end in range(2):
        match = _SYMBOL.search(body)
        if not match:
            return body
        word = match[0].strip()
        if len(word) == 3 and word.isalpha() and word != currency:
            raise CellError(
                _("The amount is in %(found)s, the row in %(currency)s.") % {"found": word, "currency": currency}
            )
        body = (body[: match.start()] + body[match.end() :]).strip()
    return body


def _not_an_amount(text: str, mark: DecimalMark) -> str:
    if mark == DecimalMark.POINT:
        return _("“%(text)s” is no amount with a decimal point.") % {"text": text[:40]}
    return _("“%(text)s” is no amount with a decimal comma.") % {"text": text[:40]}


def parse_quantity(text: str) -> int:
    """A whole number from 0 to 1,000,000; "2.0" as spreadsheets write it counts as 2."""
    match = re.fullmatch(r"(\d{1,7})(?:[.,]0+)?", text.strip(), re.ASCII)
    if not match or int(match[1]) > 1_000_000:
        raise CellError(_("“%(text)s” is no quantity.") % {"text": text[:40]})
    return int(match[1])


def parse_currency(text: str) -> str:
    code = text.strip().upper()
    if code not in EXPONENTS:
        raise CellError(_("“%(text)s” is no currency code such as GBP.") % {"text": text[:40]})
    return code


def plain_postcode(text: str) -> str:
    """As it is compared, never kept: "sw1a 1aa" -> "SW1A1AA", a spreadsheet's "400081.0" -> "400081"."""
    return re.sub(r"[\s-]+", "", re.sub(r"^(\d+)\.0+$", r"\1", text.strip())).upper()[:20]


def plain_country(text: str) -> str:
    """Two letters, or nothing where the cell says something else."""
    code = text.strip().upper()
    return code if re.fullmatch(r"[A-Z]{2}", code) else ""


def feasible_orders(samples: Iterable[str]) -> list[DateOrder]:
    """The date orders in which every sample is a day of the calendar. A year of two figures in front counts
    only where nothing else fits."""
    texts = {text for text in samples if text}
    fitting = [order for order in DateOrder if all(_is_date(text, order) for text in texts)]
    return fitting if fitting == [DateOrder.YMD] else [order for order in fitting if order != DateOrder.YMD]


def only_order(samples: Iterable[str]) -> DateOrder | None:
    """The date order, where the samples leave one only."""
    orders = feasible_orders(samples)
    return orders[0] if len(orders) == 1 else None


def needs_order(samples: Iterable[str]) -> bool:
    """Is there a date that is one day in day-month order and another in month-day order?"""
    return any(
        _is_date(text, DateOrder.DMY) and _is_date(text, DateOrder.MDY)
        for text in {text for text in samples if text}
        if not _is_date(text, None)
    )


def _is_date(text: str, order: DateOrder | None) -> bool:
    try:
        parse_moment(text, order=order, zone=UTC)
    except CellError:
        return False
    return True


def likely_mark(samples: Iterable[str]) -> DecimalMark:
    """Comma where an amount has one before its last one or two figures and none has a point there."""
    texts = list(samples)
    has_comma = any(re.search(r"\d,\d{1,2}\D*$", text) for text in texts)
    has_point = any(re.search(r"\d\.\d{1,2}\D*$", text) for text in texts)
    return DecimalMark.COMMA if has_comma and not has_point else DecimalMark.POINT
