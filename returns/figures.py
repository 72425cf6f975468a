"""Four figures of the last 30 days, day by day: late answers, time to answer, refund clock, open money.

What happened on a day that is over does not change, so it is counted once and kept in the cache; without the
cache it is counted again. Each count is a range of one index (see ReturnRequest.Meta.indexes).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.db import connection

from marketplace.models import Seller
from marketplace.money import Money
from marketplace.tenancy import current_seller_id
from returns.models import LIVE

DAYS = 30
KEPT_FOR = 35 * 86_400  # seconds
SETTLES_AFTER = timedelta(hours=6)  # what is noted late about a day has come by then


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the seller, from midnight to midnight in their zone."""

    on: date
    start: datetime
    end: datetime


@dataclass(slots=True)
class DayCount:
    """What happened on one day; minutes are whole ones, with how often each occurred."""

    in_time: int = 0
    late: int = 0
    answer_minutes: dict[int, int] = field(default_factory=dict)
    refund_minutes: dict[int, int] = field(default_factory=dict)
    opened: dict[str, int] = field(default_factory=dict)  # currency -> value of what was asked for
    ended: dict[str, int] = field(default_factory=dict)  # currency -> value of what ended

    @property
    def late_percent(self) -> float | None:
        total = self.in_time + self.late
        return 100 * self.late / total if total else None


@dataclass(frozen=True, slots=True)
class Figures:
    """Thirty days, oldest first. Medians are in minutes; `open_money` is of the currency with most of it."""

    days: list[Day]
    counts: list[DayCount]
    open_by_currency: dict[str, Money]
    open_returns: int
    open_points: list[float]

    @property
    def answered(self) -> int:
        return sum(day.in_time + day.late for day in self.counts)

    @property
    def late(self) -> int:
        return sum(day.late for day in self.counts)

    @property
    def late_percent(self) -> float | None:
        return 100 * self.late / self.answered if self.answered else None

    @property
    def median_answer(self) -> float | None:
        return median(day.answer_minutes for day in self.counts)

    @property
    def median_refund(self) -> float | None:
        return median(day.refund_minutes for day in self.counts)

    @property
    def open_money(self) -> Money | None:
        return max(self.open_by_currency.values(), key=lambda money: money.minor, default=None)


def median(minutes: Iterable[dict[int, int]]) -> float | None:
    """The middle of all counted minutes; of an even number, halfway between the two in the middle."""
    total: Counter[int] = Counter()
    for counted in minutes:
        total.update(counted)
    size = total.total()
    if not size:
        return None
    wanted, seen = ((size - 1) // 2, size // 2), 0
    found: list[int] = []
    for value in sorted(total):
        seen += total[value]
        while len(found) < len(wanted) and wanted[len(found)] < seen:
            found.append(value)
    return sum(found) / len(found)


def days_until(now: datetime, zone: str, count: int = DAYS) -> list[Day]:
    """The last `count` days of the seller, today included; a day of a clock change has 23 or 25 hours."""
    place = ZoneInfo(zone)
    today = now.astimezone(place).date()

    def midnight(day: date) -> datetime:
        return datetime.combine(day, datetime.min.time(), tzinfo=place)

    dates = [today - timedelta(days=back) for back in reversed(range(count))]
    return [Day(on, midnight(on), midnight(on + timedelta(days=1))) for on in dates]


def figures(now: datetime) -> Figures:
    """The figures of the current seller."""
    seller = Seller.objects.get(pk=current_seller_id())
    days = days_until(now, seller.zone)
    counts = _counts(days, now, seller)
    open_now, open_returns = _open_now()
    main = max(open_now, key=lambda code: open_now[code], default="")
    return Figures(
        days=days,
        counts=counts,
        open_by_currency={code: Money(minor, code) for code, minor in open_now.items()},
        open_returns=open_returns,
        open_points=_open_points(counts, open_now.get(main, 0), main),
    )


def _open_points(counts: Sequence[DayCount], now_minor: int, currency: str) -> list[float]:
    """Backwards from what is open now: what was asked for since was not open then, what ended since was."""
    points: list[float] = []
    open_minor = now_minor
    for day in reversed(counts):
        points.append(float(Money(open_minor, currency).decimal()) if currency else 0.0)
        open_minor += day.ended.get(currency, 0) - day.opened.get(currency, 0)
    return points[::-1]


# --- counting ---


def _counts(days: Sequence[Day], now: datetime, seller: Seller) -> list[DayCount]:
    """Counted now, but for the days that are over and were counted before."""
    key = f"returns-days:{seller.pk}:{seller.created_at:%s%f}:{seller.zone}"
    kept: dict[date, dict[str, Any]] = cache.get(key) or {}
    known = {day.on: DayCount(**kept[day.on]) for day in days if day.on in kept}
    missing = [day for day in days if day.on not in known]
    known |= dict(zip((day.on for day in missing), _count(missing), strict=True))
    over = {day.on for day in days if day.end + SETTLES_AFTER < now}
    if over - set(kept):
        cache.set(key, {on: asdict(count) for on, count in known.items() if on in over}, KEPT_FOR)
    return [known[day.on] for day in days]


_DAYS = "unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) WITH ORDINALITY AS d(start, stop, n)"
_MINUTES = "floor(extract(epoch FROM {to} - {since}) / 60)::int"
_OF_SELLER = "r.seller_id = %(seller)s"

# An answer in the same moment as the question was given by a rule: it counts as in time, not as a person's time.
_ANSWERED = f"""
SELECT d.n, {_MINUTES.format(to="r.answered_at", since="r.requested_at")}, r.answered_at <= r.respond_by,
    r.answered_at > r.requested_at, count(*)
FROM {_DAYS} JOIN returns_returnrequest r
    ON {_OF_SELLER} AND r.answered_at >= d.start AND r.answered_at < d.stop AND r.answered_at IS NOT NULL
GROUP BY 1, 2, 3, 4
"""
# Late is late from the moment it was due, answered by now or not.
_LATE = f"""
SELECT d.n, count(*) FROM {_DAYS} JOIN returns_returnrequest r
    ON {_OF_SELLER} AND r.was_late AND r.respond_by >= d.start AND r.respond_by < d.stop
GROUP BY 1
"""
_REFUNDED = f"""
SELECT d.n, {_MINUTES.format(to="r.refunded_at", since="r.received_at")}, count(*)
FROM {_DAYS} JOIN returns_returnrequest r
    ON {_OF_SELLER} AND r.refunded_at >= d.start AND r.refunded_at < d.stop AND r.refunded_at IS NOT NULL
WHERE r.received_at <= r.refunded_at
GROUP BY 1, 2
"""
_VALUE = """
SELECT d.n, r.currency, sum(r.value_minor)::bigint FROM {days} JOIN returns_returnrequest r
    ON {seller} AND r.{column} >= d.start AND r.{column} < d.stop AND r.{column} IS NOT NULL
GROUP BY 1, 2
"""


def _count(days: Sequence[Day]) -> list[DayCount]:
    if not days:
        return []
    counts = [DayCount() for _day in days]
    for n, minutes, is_in_time, is_by_hand, times in _rows(_ANSWERED, days):
        counts[n - 1].in_time += times if is_in_time else 0
        if is_by_hand:
            answers = counts[n - 1].answer_minutes
            answers[minutes] = answers.get(minutes, 0) + times
    for n, times in _rows(_LATE, days):
        counts[n - 1].late = times
    for n, minutes, times in _rows(_REFUNDED, days):
        counts[n - 1].refund_minutes[minutes] = times
    for name, column in (("opened", "requested_at"), ("ended", "ended_at")):
        for n, currency, minor in _rows(_VALUE.format(days=_DAYS, seller=_OF_SELLER, column=column), days):
            getattr(counts[n - 1], name)[currency] = minor
    return counts


def _rows(sql: str, days: Sequence[Day]) -> list[tuple[Any, ...]]:
    parameters: dict[str, Any] = {
        "seller": current_seller_id(),
        "starts": [day.start for day in days],
        "ends": [day.end for day in days],
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()  # type: ignore[no-any-return]


def _open_now() -> tuple[dict[str, int], int]:
    """Value by currency and number of what is live."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT currency, sum(value_minor)::bigint, count(*) FROM returns_returnrequest"
            " WHERE seller_id = %s AND status = ANY(%s) GROUP BY 1",
            [current_seller_id(), list(LIVE)],
        )
        rows = cursor.fetchall()
    return {currency: minor for currency, minor, _n in rows}, sum(n for _currency, _minor, n in rows)
