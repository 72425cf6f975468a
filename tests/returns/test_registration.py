"""What returns shows on the kernel's pages."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.template.loader import render_to_string

from marketplace.actors import Actor
from marketplace.models import SalesChannel
from marketplace.settings_portal.services.channels import ChannelSettings
from returns import registration
from tests.cast import Shop
from tests.returns import stories
from tests.returns.stories import NOON

pytestmark = pytest.mark.usefixtures("noon")


def test_the_rail_counts_what_waits_for_the_seller(in_acme: Shop, owner: Actor) -> None:
    assert registration.rail_count(owner) == 0
    stories.asked(in_acme)
    stories.authorised(in_acme, confirm_duplicate=True)
    assert registration.rail_count(owner) == 1


def test_work_with_its_next_action(in_acme: Shop, owner: Actor, mate: Actor) -> None:
    request = stories.asked(in_acme)
    found = registration.work(owner, NOON + timedelta(days=3))
    assert (found.late_count, found.today_count, found.waiting_count) == (1, 0, 0)
    item = found.late[0]
    assert item.title == "1 × Thing LAMP-1"
    assert item.detail.startswith("Item defective or doesn't work · 202-")
    assert (item.due, item.status, item.value) == (request.respond_by, "PENDING_RESPONSE", "50.00\u00a0GBP")
    assert (item.action_label, item.action_url) == ("Authorise", f"/returns/{request.public_id}/authorise/")
    assert registration.work(mate, NOON + timedelta(days=3)).late[0].action_label == ""


def test_four_figures_with_thirty_points(in_acme: Shop, owner: Actor) -> None:
    cache.clear()
    stories.denied(in_acme)
    stories.asked(in_acme)
    found = registration.today_figures(owner, NOON + timedelta(hours=5))
    assert [figure.key for figure in found] == ["late_answers", "time_to_answer", "refund_clock", "open_money"]
    assert all(len(figure.points) == 30 for figure in found)
    late, answer, refund, money = found
    assert (late.value, late.count, late.is_good) == ("0.0\u00a0%", "0 of 1 requests", True)
    assert (answer.value, answer.count) == ("–", "0 answers")
    assert refund.is_good is None
    assert (money.value, money.count, money.trend) == ("50.00\u00a0GBP", "1 open return", "up")
    for figure in found:
        assert render_to_string("parts/figure.html", {"item": figure}) is not None


def test_search(in_acme: Shop, owner: Actor) -> None:
    request = stories.authorised(in_acme)
    hit = registration.search(owner, request.rma[:6].lower())[0]
    assert request.rma in hit.detail
    assert hit.url == f"/returns/{request.public_id}/"
    assert in_acme.order.number in hit.detail
    assert registration.search(owner, "nothing like it") == []


def test_the_orders_card(in_acme: Shop, owner: Actor, mate: Actor) -> None:
    assert registration.order_card(in_acme.order, mate) is None
    card = registration.order_card(in_acme.order, owner)
    assert card is not None
    assert card.context["new_url"] == f"/returns/new/?order={in_acme.order.public_id}"
    stories.asked(in_acme, quantity=2)
    card = registration.order_card(in_acme.order, owner)
    assert card is not None
    assert card.context["new_url"] == "", "every unit is held"
    html = render_to_string(card.template, {"card": card.context})
    assert "2 × Thing LAMP-1" in html


def test_what_an_undone_import_would_leave_behind(in_acme: Shop) -> None:
    assert registration.order_references([in_acme.order.pk]) == []
    stories.denied(in_acme)
    assert registration.order_references([in_acme.order.pk]) == ["1 return refers to these orders."]


@pytest.mark.parametrize(
    ("rule", "days", "sentence"),
    [
        ("manual", 30, ""),
        ("all", 30, "Of the last 2 requests within 90 days, 2 would have been authorised by themselves; with the"),
        ("policy", 9, ""),
    ],
)
def test_what_a_new_rule_would_have_done(in_acme: Shop, rule: str, days: int, sentence: str) -> None:
    stories.denied(in_acme)
    stories.asked(in_acme)
    channel = SalesChannel.objects.get()
    wanted = replace(ChannelSettings.of(channel), auto_authorise=rule, auto_authorise_days=days)
    found = registration.channel_effect(channel, wanted)
    assert found.startswith(sentence)
    assert bool(found) is bool(sentence)
