"""The clock finds what is due across sellers, and acts on it in batches."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection

from marketplace import clock, tenancy
from marketplace.models import OutboxEvent, StateTransition
from returns import services, sweeping
from returns.models import ReturnRequest
from returns.tasks import sweep_deadlines
from tests.cast import Shop
from tests.returns import bulk, stories
from tests.returns.stories import MINUTE, NOON

pytestmark = pytest.mark.usefixtures("noon")


def test_both_deadlines_of_all_sellers(acme: Shop, globex: Shop) -> None:
    found = {}
    for shop in (acme, globex):
        with tenancy.scope(shop.seller.pk):
            found[shop.seller.pk] = (stories.asked(shop), stories.authorised(shop, confirm_duplicate=True))

    with clock.override(NOON + timedelta(hours=48)):
        assert sweep_deadlines() == 0
    with clock.override(NOON + timedelta(hours=48) + MINUTE):
        assert sweep_deadlines() == 2
        assert sweep_deadlines() == 0
    with clock.override(NOON + timedelta(days=37) + MINUTE):
        assert sweep_deadlines() == 2

    for seller_id, (unanswered, unposted) in found.items():
        with tenancy.scope(seller_id):
            assert stories.fresh(unanswered).is_overdue
            assert stories.fresh(unposted).status == "EXPIRED"
            stories.the_database_agrees()


def test_a_late_sweep_acts_on_the_stored_deadline(acme: Shop) -> None:
    with tenancy.scope(acme.seller.pk):
        request = stories.asked(acme)
    with clock.override(NOON + timedelta(days=90)):
        assert sweep_deadlines() == 1
    with tenancy.scope(acme.seller.pk):
        assert stories.fresh(request).respond_by == NOON + timedelta(hours=48)
        assert stories.last_move(request).at == NOON + timedelta(days=90)


def test_one_sellers_trouble_is_not_the_next_ones(acme: Shop, globex: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for shop in (acme, globex):
        with tenancy.scope(shop.seller.pk):
            stories.asked(shop)

    def act(ids: list[int]) -> int:
        if tenancy.current_seller_id() == acme.seller.pk:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
        return services.mark_overdue(ids)

    monkeypatch.setattr(sweeping, "SWEEPS", ((sweeping.SWEEPS[0][0], sweeping.SWEEPS[0][1], act),))
    with clock.override(NOON + timedelta(days=3)):
        assert sweep_deadlines() == 1
    with tenancy.scope(globex.seller.pk):
        assert ReturnRequest.objects.get().is_overdue
    with tenancy.scope(acme.seller.pk):
        assert not ReturnRequest.objects.get().is_overdue


def test_more_than_one_look(acme: Shop, globex: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small looks and batches, and one that fails on the way: the sweep still comes to its end."""
    monkeypatch.setattr(sweeping, "FOUND_AT_ONCE", 7)
    monkeypatch.setattr(sweeping, "BATCH", 3)
    with tenancy.scope(acme.seller.pk):
        bulk.pending_returns(acme, 20)
    failed: list[list[int]] = []

    def act(ids: list[int]) -> int:
        if not failed:
            failed.append(ids)
            raise DatabaseError("just once")
        return services.mark_overdue(ids)

    monkeypatch.setattr(sweeping, "SWEEPS", ((sweeping.SWEEPS[0][0], sweeping.SWEEPS[0][1], act),))
    with clock.override(NOON + timedelta(days=3)):
        assert sweep_deadlines() == 17
        assert sweep_deadlines() == 3


def test_a_locked_row_waits_for_the_next_sweep(acme: Shop) -> None:
    with tenancy.scope(acme.seller.pk):
        request = stories.asked(acme)
        services.withdraw_return(request.public_id, by=acme.buyer_actor)
    with clock.override(NOON + timedelta(days=3)), tenancy.scope(acme.seller.pk):
        assert services.mark_overdue([request.pk]) == 0, "it is not due any more when its turn comes"


@pytest.mark.server
@pytest.mark.django_db(transaction=True)
def test_2000_rows_due_in_the_same_second(acme: Shop) -> None:
    """The figure for 20,000 rows is in the bench; this proves that each has its history and its event."""
    with tenancy.scope(acme.seller.pk):
        bulk.pending_returns(acme, 2_000)
    with clock.override(NOON + timedelta(hours=48) + MINUTE):
        assert sweep_deadlines() == 2_000
    with tenancy.scope(acme.seller.pk):
        assert ReturnRequest.objects.filter(is_overdue=True, was_late=True, version=2).count() == 2_000
        assert StateTransition.objects.filter(machine="return", move="mark_overdue").count() == 2_000
        assert OutboxEvent.objects.filter(name="return.overdue").count() == 2_000
