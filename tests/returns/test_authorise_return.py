"""The seller allows a return: RMA, address, deadlines; and the channel's rule that does it at once."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from marketplace import clock
from marketplace.actors import Actor
from marketplace.errors import Forbidden, NotFound, Refused, WrongState
from marketplace.models import DeadlineRule, OutboxEvent
from returns import services
from returns.models import ReturnSearchKey
from tests.cast import Shop
from tests.factories import ADDRESS, PURCHASED, OrderFactory
from tests.returns import stories
from tests.returns.stories import MINUTE, NOON

pytestmark = pytest.mark.usefixtures("noon")
ELSEWHERE = {
    "name": "Acme Werkstatt",
    "line1": "Hauptstraße 5",
    "city": "Köln",
    "postcode": "50667",
    "country": "de",
}


def test_the_owner_authorises(in_acme: Shop, owner: Actor) -> None:
    request = stories.asked(in_acme)

    with clock.override(NOON + timedelta(hours=1)):
        services.authorise_return(request.public_id, by=owner)

    kept = stories.fresh(request)
    answered = NOON + timedelta(hours=1)
    assert (kept.status, kept.version) == ("AUTHORISED", 2)
    assert re.fullmatch(r"D[A-Za-z0-9]{7}RRMA", kept.rma)
    assert kept.return_address == {**ADDRESS, "phone_ext": ""}
    assert kept.authorised_at == kept.answered_at == answered
    assert kept.return_by == kept.due_at == answered + timedelta(days=30)
    assert kept.expires_at == answered + timedelta(days=37)
    assert not kept.was_late
    move = stories.last_move(kept)
    assert (move.move, move.source, move.target, move.actor_id) == (
        "authorise",
        "PENDING_RESPONSE",
        "AUTHORISED",
        owner.id,
    )
    assert stories.events_of(kept) == ["return.requested", "return.authorised"]
    assert ReturnSearchKey.objects.filter(return_request=kept, key=kept.rma.casefold()).exists()
    stories.the_database_agrees()


@pytest.mark.parametrize("who", ["program", "support"])
def test_others_who_may(in_acme: Shop, who: str, request: pytest.FixtureRequest) -> None:
    pending = stories.asked(in_acme)
    made = services.authorise_return(pending.public_id, by=request.getfixturevalue(who), reason="Asked by phone.")
    assert made.status == "AUTHORISED"
    assert stories.last_move(made).reason_text == "Asked by phone."


def test_support_says_why(in_acme: Shop, support: Actor) -> None:
    request = stories.asked(in_acme)
    with stories.nothing_happens(), pytest.raises(Refused) as refusal:
        services.authorise_return(request.public_id, by=support)
    assert refusal.value.code == "reason_needed"


def test_who_may_not(stranger: Actor, in_acme: Shop, mate: Actor, buyer: Actor) -> None:
    request = stories.asked(in_acme)
    with stories.nothing_happens():
        for nobody in (mate, buyer):
            with pytest.raises(Forbidden):
                services.authorise_return(request.public_id, by=nobody)
        with pytest.raises(NotFound):
            services.authorise_return(request.public_id, by=stranger)
        with pytest.raises(NotFound):
            services.authorise_return("ret-nosuchthing", by=in_acme.actor())


@pytest.mark.parametrize(("moment", "is_late"), [(-MINUTE, False), (timedelta(0), False), (timedelta(seconds=1), True)])
def test_48_hours_to_the_second_are_in_time(in_acme: Shop, owner: Actor, moment: timedelta, is_late: bool) -> None:
    request = stories.asked(in_acme)
    with clock.override(request.respond_by + moment):
        made = services.authorise_return(request.public_id, by=owner)
    assert made.was_late is is_late


def test_a_second_click_finds_who_was_faster(in_acme: Shop, owner: Actor) -> None:
    request = stories.authorised(in_acme)
    with stories.nothing_happens(), pytest.raises(WrongState) as refusal:
        services.authorise_return(request.public_id, by=owner, return_address=ELSEWHERE)
    assert refusal.value.message == (
        f"This return was already authorised by {owner.label}, 10 Nov 2026, 12:00 UTC. Nothing was changed."
    )
    assert refusal.value.details["current"] == "AUTHORISED"


# --- the address ---


def test_another_address_for_this_one(in_acme: Shop, owner: Actor) -> None:
    request = stories.asked(in_acme)
    made = services.authorise_return(request.public_id, by=owner, return_address=ELSEWHERE)
    left_out = dict.fromkeys(("line2", "region", "phone", "phone_ext"), "")
    assert made.return_address == {**ELSEWHERE, **left_out, "country": "DE"}
    in_acme.channel.refresh_from_db()
    assert in_acme.channel.return_address == ADDRESS


def test_the_address_stays_as_it_was_promised(in_acme: Shop) -> None:
    request = stories.authorised(in_acme)
    in_acme.channel.return_address = {**ADDRESS, "city": "York"}
    in_acme.channel.save()
    assert stories.fresh(request).return_address["city"] == "Leeds"


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"line1": "  "},
        {"city": None},
        {"postcode": ""},
        {"country": ""},
        {"country": "Germany"},
        {"country": "1A"},
        {"country": "ZZ"},
        {"country": "EU"},
        {"postcode": "12345"},
        {"postcode": "LS1<script>"},
        {"phone": "call me"},
        {"phone": "12"},
        {"line2": "x" * 121},
    ],
)
def test_an_address_that_can_not_be_used(in_acme: Shop, owner: Actor, changes: dict[str, Any]) -> None:
    request = stories.asked(in_acme)
    with stories.nothing_happens(), pytest.raises(Refused) as refusal:
        services.authorise_return(request.public_id, by=owner, return_address={**ADDRESS, **changes})
    assert refusal.value.code == "address_not_valid"
    assert set(refusal.value.details["fields"]) == set(changes)


@pytest.mark.parametrize("phone", ["", "+44 113 496 0000", "(0113) 496-0000 ext. 12", "0113/4960000"])
def test_phones_that_people_write(in_acme: Shop, owner: Actor, phone: str) -> None:
    request = stories.asked(in_acme)
    made = services.authorise_return(request.public_id, by=owner, return_address={**ADDRESS, "phone": phone})
    assert made.return_address["phone"] == phone


def test_a_channel_without_an_address_asks_for_one(in_acme: Shop, owner: Actor) -> None:
    in_acme.channel.return_address = {}
    in_acme.channel.save()
    request = stories.asked(in_acme)
    with stories.nothing_happens(), pytest.raises(Refused) as refusal:
        services.authorise_return(request.public_id, by=owner)
    assert "Amazon.co.uk has no complete return address" in refusal.value.message


def test_the_grace_is_the_one_in_force_when_it_is_promised(in_acme: Shop) -> None:
    DeadlineRule.objects.create(
        kind="return.expiry_grace",
        channel="",
        seconds=86_400,
        valid_from=NOON - MINUTE,
        valid_to=NOON + MINUTE,
        source="a trial",
    )
    request = stories.authorised(in_acme)
    assert request.expires_at == NOON + timedelta(days=31)


# --- the seller's own number ---


def test_the_sellers_own_rma_number(in_acme: Shop, owner: Actor) -> None:
    request = stories.asked(in_acme)
    made = services.authorise_return(request.public_id, by=owner, merchant_rma=" ACME  2026/17 ")
    assert made.merchant_rma == "ACME 2026/17"
    assert made.rma.endswith("RRMA")
    other = stories.asked(in_acme, confirm_duplicate=True)
    with pytest.raises(Refused):
        services.authorise_return(other.public_id, by=owner, merchant_rma="x" * 41)


# --- the channel's rule ---


@pytest.mark.parametrize(
    ("rule", "days", "hours_after_order", "is_automatic"),
    [
        ("manual", 30, 24 * 9, False),
        ("all", 30, 24 * 9, True),
        ("policy", 30, 24 * 9, True),
        ("all", 9, 24 * 9, True),
        ("all", 8, 24 * 9, False),
        ("policy", 8, 24 * 9, False),
    ],
)
def test_automatic_authorisation(
    in_acme: Shop, rule: str, days: int, hours_after_order: int, is_automatic: bool
) -> None:
    _rule(in_acme, rule, days)
    with clock.override(PURCHASED + timedelta(hours=hours_after_order)):
        request = stories.fresh(stories.asked(in_acme))
    event = OutboxEvent.objects.filter(machine="return", object_id=request.pk).earliest("id")
    assert event.payload["data"]["is_automatic"] is is_automatic
    if not is_automatic:
        assert request.status == "PENDING_RESPONSE"
        return
    assert (request.status, request.version) == ("AUTHORISED", 2)
    assert request.return_address == {**ADDRESS, "phone_ext": ""}
    move = stories.last_move(request)
    assert (move.move, move.actor_kind, move.reason_code) == ("auto_authorise", "system", f"auto:{rule}")
    assert move.data["rule"] == rule
    assert move.data["days"] == days
    stories.the_database_agrees()


@pytest.mark.parametrize(("rule", "is_automatic"), [("all", True), ("policy", False)])
def test_out_of_policy_only_where_the_rule_says_all(in_acme: Shop, owner: Actor, rule: str, is_automatic: bool) -> None:
    _rule(in_acme, rule, 30)
    in_acme.channel.return_window_days = 1
    in_acme.channel.save()
    order = OrderFactory(channel=in_acme.channel, buyer=in_acme.buyer)
    request = services.submit_return(
        order.public_id, by=owner, lines=[stories.line_ask(order)], reason="We promised it."
    )
    assert request.is_out_of_policy
    assert (request.status == "AUTHORISED") is is_automatic


def test_a_second_request_on_the_item_goes_to_a_person(in_acme: Shop) -> None:
    _rule(in_acme, "all", 30)
    assert stories.asked(in_acme).status == "AUTHORISED"
    assert stories.asked(in_acme, confirm_duplicate=True).status == "PENDING_RESPONSE"


def test_a_change_of_the_rule_leaves_open_requests_alone(in_acme: Shop) -> None:
    request = stories.asked(in_acme)
    _rule(in_acme, "all", 30)
    assert stories.fresh(request).status == "PENDING_RESPONSE"


def test_without_an_address_nothing_is_automatic(in_acme: Shop) -> None:
    _rule(in_acme, "all", 30)
    in_acme.channel.return_address = {**ADDRESS, "postcode": ""}
    in_acme.channel.save()
    assert stories.asked(in_acme).status == "PENDING_RESPONSE"


def _rule(shop: Shop, rule: str, days: int) -> None:
    shop.channel.auto_authorise, shop.channel.auto_authorise_days = rule, days
    shop.channel.save()
    shop.order.refresh_from_db()
