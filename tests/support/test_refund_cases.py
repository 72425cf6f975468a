"""Refunds at the support door: what is stuck is in the queue, its case shows the money, moves take a reason."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from marketplace import clock
from marketplace.actors import SYSTEM_ACTOR
from marketplace.models import StateTransition, SupportAccess
from marketplace.moves import save_transition
from marketplace.tenancy import scope
from refunds import services
from refunds.models import RefundBudget, RefundRequest
from tests.cast import Shop
from tests.support.conftest import REASON, give_reason

HOUR = timedelta(hours=1)


@pytest.fixture
def refund(acme: Shop) -> RefundRequest:
    """5.00 asked for and set aside, waiting to be sent."""
    with scope(acme.seller.pk):
        return services.create_refund(
            acme.order.public_id,
            by=acme.actor(),
            lines=[services.RefundLineAsk(acme.order.lines.get().pk, "ITEM", 500)],
            reason_code="BUYER_RETURN",
        )


def url(refund: RefundRequest, move: str = "") -> str:
    return f"/admin/cases/refund/{refund.public_id}/" + (f"{move}/" if move else "")


def lose(refund: RefundRequest, shop: Shop) -> None:
    """Sent, and never heard of again."""
    with scope(shop.seller.pk):
        moment = clock.now()
        refund.submit(at=moment, leased_until=moment)
        save_transition(refund, by=SYSTEM_ACTOR)
        refund.lose_track(why="time-out")
        save_transition(refund, by=SYSTEM_ACTOR)


def state(refund: RefundRequest, shop: Shop) -> str:
    with scope(shop.seller.pk):
        return str(RefundRequest.objects.get(pk=refund.pk).status)


@pytest.mark.parametrize(("later", "is_shown"), [(23 * HOUR, False), (25 * HOUR, True)])
def test_unknown_for_a_day_is_in_the_queue(
    agent: Client, acme: Shop, refund: RefundRequest, later: timedelta, is_shown: bool
) -> None:
    lose(refund, acme)

    with clock.override(clock.now() + later):
        page = agent.get("/admin/").content.decode()

    assert (refund.public_id in page) is is_shown


def test_what_is_on_hold_is_in_the_queue(agent: Client, acme: Shop, refund: RefundRequest) -> None:
    assert refund.public_id not in agent.get("/admin/").content.decode()
    with scope(acme.seller.pk):
        services.hold_refund(refund.public_id, by=acme.actor(), reason="Look at it tomorrow")

    page = agent.get("/admin/").content.decode()

    assert refund.public_id in page
    assert "tomorrow" not in page
    assert SupportAccess.objects.count() == 0


def test_the_case_shows_the_money_and_where_it_belongs(agent: Client, acme: Shop, refund: RefundRequest) -> None:
    assert agent.get(url(refund)).status_code == 302
    give_reason(agent, acme)

    page = agent.get(url(refund)).content.decode()

    assert "Refund of 5.00" in page.replace("\xa0", " ")
    assert f"/admin/cases/order/{acme.order.public_id}/" in page
    order = agent.get(f"/admin/cases/order/{acme.order.public_id}/").content.decode()
    assert refund.public_id in order


def test_hold_release_and_cancel_with_a_reason(agent: Client, acme: Shop, refund: RefundRequest) -> None:
    give_reason(agent, acme)

    agent.post(url(refund, "hold"), {"reason": REASON})
    assert state(refund, acme) == "ON_HOLD"
    agent.post(url(refund, "release"), {"reason": REASON})
    assert state(refund, acme) == "RESERVED"
    agent.post(url(refund, "cancel"), {"reason": REASON})

    assert state(refund, acme) == "CANCELLED"
    with scope(acme.seller.pk):
        rows = StateTransition.objects.filter(actor_kind="support").order_by("version")
        assert [(row.move, row.reason_text) for row in rows] == [
            ("hold", REASON),
            ("release", REASON),
            ("cancel", REASON),
        ]
        assert RefundBudget.objects.get().reserved_minor == 0


def test_a_lost_refund_is_looked_up_and_not_paid_again(agent: Client, acme: Shop, refund: RefundRequest) -> None:
    lose(refund, acme)
    give_reason(agent, acme)

    page = agent.get(url(refund)).content.decode()
    assert f'href="{url(refund, "look-up")}"' in page
    assert f'href="{url(refund, "cancel")}"' not in page
    agent.post(url(refund, "look-up"), {"reason": REASON})

    assert state(refund, acme) == "UNKNOWN"
    with scope(acme.seller.pk):
        fresh = RefundRequest.objects.get()
        assert fresh.next_attempt_at is not None
        assert fresh.next_attempt_at <= clock.now()


@pytest.mark.parametrize("move", ["review", "create", "confirm", "settle", "reserve"])
def test_support_moves_no_money_of_its_own(agent: Client, acme: Shop, refund: RefundRequest, move: str) -> None:
    give_reason(agent, acme)

    assert agent.post(url(refund, move), {"reason": REASON}).status_code == 404
    assert state(refund, acme) == "RESERVED"
