"""The figures of Today: what they count, on which day, and that a day that is over is counted once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache

from marketplace import clock
from marketplace.actors import Actor
from marketplace.money import Money
from returns import figures, services
from returns.models import ReturnRequest
from tests.cast import Shop
from tests.returns import stories
from tests.returns.stories import NOON

pytestmark = pytest.mark.usefixtures("noon")


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


def answered(shop: Shop, owner: Actor, *, after: timedelta) -> ReturnRequest:
    shop.order = stories.order_of(shop)
    request = stories.asked(shop)
    with clock.override(NOON + after):
        return services.deny_return(request.public_id, by=owner, reason_code="OTHER", message="No.")


def test_late_answers_on_the_day_they_became_late(in_acme: Shop, owner: Actor) -> None:
    answered(in_acme, owner, after=timedelta(hours=1))
    answered(in_acme, owner, after=timedelta(hours=30))
    answered(in_acme, owner, after=timedelta(hours=48))
    answered(in_acme, owner, after=timedelta(days=5))
    in_acme.order = stories.order_of(in_acme)
    never = stories.asked(in_acme)
    with clock.override(NOON + timedelta(days=3)):
        services.mark_overdue([never.pk])

    found = figures.figures(NOON + timedelta(days=6))

    by_day = {day.on.day: count for day, count in zip(found.days, found.counts, strict=True)}
    assert [(day, count.in_time, count.late) for day, count in by_day.items() if count.in_time or count.late] == [
        (10, 1, 0),
        (11, 1, 0),
        (12, 1, 2),
    ]
    assert (found.answered, found.late, found.late_percent) == (5, 2, 40.0)


def test_a_request_taken_back_in_time_counts_nowhere(in_acme: Shop) -> None:
    stories.withdrawn(in_acme)
    found = figures.figures(NOON + timedelta(days=6))
    assert (found.answered, found.late_percent, found.median_answer) == (0, None, None)


def test_the_median_time_to_answer(in_acme: Shop, owner: Actor) -> None:
    for minutes in (30, 60, 240, 5_000):
        answered(in_acme, owner, after=timedelta(minutes=minutes))
    assert figures.figures(NOON + timedelta(days=6)).median_answer == 150
    in_acme.channel.auto_authorise = "all"
    in_acme.channel.save()
    in_acme.order = stories.order_of(in_acme)
    assert stories.asked(in_acme).status == "AUTHORISED"
    cache.clear()
    found = figures.figures(NOON + timedelta(days=6))
    assert found.median_answer == 150, "a rule's answer is no person's time"
    assert found.answered == 5


@pytest.mark.parametrize(
    ("counted", "expected"),
    [([{}], None), ([{7: 1}], 7), ([{1: 1}, {3: 1}], 2), ([{1: 2, 9: 1}], 1), ([{1: 1, 5: 2}, {9: 1}], 5)],
)
def test_median(counted: list[dict[int, int]], expected: float | None) -> None:
    assert figures.median(counted) == expected


def test_the_refund_clock(in_acme: Shop, owner: Actor) -> None:
    stories.pays_by_hand(in_acme)
    request = stories.received(in_acme)
    with clock.override(NOON + timedelta(hours=20)):
        stories.arrive(services.refund_return(request.public_id, by=owner), owner)
    found = figures.figures(NOON + timedelta(days=2))
    assert found.median_refund == 20 * 60


def test_open_money_day_by_day(in_acme: Shop, owner: Actor) -> None:
    """50.00 is asked for on the 10th, another 100.00 on the 11th; the first ends on the 12th."""
    first = stories.asked(in_acme)
    with clock.override(NOON + timedelta(days=1)):
        in_acme.order = stories.order_of(in_acme)
        stories.asked(in_acme, quantity=2)
    with clock.override(NOON + timedelta(days=2)):
        services.deny_return(first.public_id, by=owner, reason_code="OTHER", message="No.")
    found = figures.figures(NOON + timedelta(days=3))
    assert found.open_points[-5:] == [0.0, 50.0, 150.0, 100.0, 100.0]
    assert found.open_money == Money(10_000, "GBP")
    assert found.open_returns == 1


def test_nothing_yet(in_acme: Shop) -> None:
    found = figures.figures(NOON)
    assert (len(found.days), len(found.counts), len(found.open_points)) == (30, 30, 30)
    assert (found.late_percent, found.median_answer, found.median_refund, found.open_money) == (None,) * 4


def test_a_day_that_is_over_is_counted_once(in_acme: Shop, owner: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    answered(in_acme, owner, after=timedelta(hours=1))
    first = figures.figures(NOON + timedelta(days=3))
    asked_for: list[int] = []
    count = figures._count

    def counting(days: list[figures.Day]) -> list[figures.DayCount]:
        asked_for.append(len(days))
        return count(days)

    monkeypatch.setattr(figures, "_count", counting)
    again = figures.figures(NOON + timedelta(days=3))
    assert again.counts == first.counts
    assert asked_for == [1]
    cache.clear()
    assert figures.figures(NOON + timedelta(days=3)).counts == first.counts
    assert asked_for == [1, 30]


def test_days_are_the_sellers(in_acme: Shop) -> None:
    days = figures.days_until(datetime(2026, 10, 26, 3, 0, tzinfo=UTC), "America/Los_Angeles", 3)
    assert [day.on.day for day in days] == [23, 24, 25]
    berlin = figures.days_until(datetime(2026, 10, 26, 12, 0, tzinfo=UTC), "Europe/Berlin", 2)
    assert [(day.end.astimezone(UTC) - day.start.astimezone(UTC)) / timedelta(hours=1) for day in berlin] == [25, 24]
