"""Sales channels: the return address, the promises, what is answered by itself; first a diff, then the save."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from marketplace.actors import Actor, MemberRole
from marketplace.errors import Conflict, Forbidden, Refused
from marketplace.models import SalesChannel, SettingsChange
from marketplace.settings_portal import services
from marketplace.settings_portal.forms import ChannelForm
from marketplace.tenancy import scope
from tests.cast import Shop

URL = "/settings/channels/amazon.co.uk/"


def filled(shop: Shop, **change: Any) -> dict[str, Any]:
    return {**ChannelForm.initial_of(shop.channel), **change}


def signed_in(client: Client, shop: Shop, role: MemberRole = MemberRole.MANAGER) -> Client:
    client.force_login(shop.people[role].user)
    return client


def saved(shop: Shop) -> SalesChannel:
    with scope(shop.seller.pk):
        channel: SalesChannel = SalesChannel.objects.get(code="amazon.co.uk")
        return channel


def test_the_first_press_shows_what_would_change_and_saves_nothing(client: Client, acme: Shop) -> None:
    page = signed_in(client, acme).post(URL, filled(acme, return_window_days=45, auto_authorise="policy"))

    text = page.content.decode()
    assert page.status_code == 200
    assert "<del>30 days</del>" in text
    assert "<ins>45 days</ins>" in text
    assert saved(acme).return_window_days == 30


def test_the_second_press_saves_and_writes_the_log(client: Client, acme: Shop) -> None:
    wanted = filled(acme, return_window_days=45, auto_authorise="policy", auto_authorise_days=14)

    answer = signed_in(client, acme).post(URL, {**wanted, "step": "save"})

    assert answer["Location"] == "/settings/channels/"
    channel = saved(acme)
    assert (channel.return_window_days, channel.auto_authorise, channel.auto_authorise_days) == (45, "policy", 14)
    with scope(acme.seller.pk):
        change = SettingsChange.objects.get()
        assert (change.area, change.subject, change.actor_kind) == ("channel", "amazon.co.uk", "seller")
        assert [(row["name"], row["before"]) for row in change.changes] == [
            ("Buyers may ask for", "30 days"),
            ("Answered by itself", "By hand"),
        ]


def test_back_to_the_form_keeps_what_was_typed(client: Client, acme: Shop) -> None:
    page = signed_in(client, acme).post(URL, {**filled(acme, return_window_days=45), "step": "save", "edit": "1"})

    assert 'value="45"' in page.content.decode()
    assert saved(acme).return_window_days == 30


def test_nothing_changed_is_said(client: Client, acme: Shop) -> None:
    page = signed_in(client, acme).post(URL, filled(acme), follow=True)

    assert b"Nothing differs" in page.content


@pytest.mark.parametrize(
    "change",
    [
        {"auto_authorise_days": 31},
        {"return_window_days": 0},
        {"return_window_days": 366},
        {"address_city": ""},
        {"address_country": "XX"},
        {"address_phone": "<script>"},
        {"address_phone_ext": "12a"},
        {"gateway": "paypal"},
        {"currency": "GBX"},
        {"zone": "Mars/Olympus"},
        {"auto_authorise": "always"},
        {"return_instructions": "x" * 2001},
    ],
)
def test_what_does_not_fit_is_refused_at_its_field(client: Client, acme: Shop, change: dict[str, Any]) -> None:
    page = signed_in(client, acme).post(URL, {**filled(acme, **change), "step": "save"})

    assert page.status_code == 422
    assert next(iter(change)) in page.context["form"].errors
    assert saved(acme).return_address == acme.channel.return_address


def test_the_address_has_the_fields_of_the_marketplaces_own_form(client: Client, acme: Shop) -> None:
    wanted = filled(
        acme, address_line2="Unit 4", address_region="Yorkshire", address_postcode="ls2 9xx", address_phone_ext="12"
    )

    signed_in(client, acme).post(URL, {**wanted, "step": "save"})

    address = saved(acme).return_address
    assert (address["line2"], address["region"], address["postcode"], address["phone_ext"]) == (
        "Unit 4",
        "Yorkshire",
        "LS2 9XX",
        "12",
    )


@pytest.mark.parametrize("role", [MemberRole.AGENT, MemberRole.FINANCE, MemberRole.READONLY])
def test_others_see_it_and_change_nothing(client: Client, acme: Shop, role: MemberRole) -> None:
    signed_in(client, acme, role)

    assert client.get(URL).status_code == 200
    assert client.post(URL, {**filled(acme, return_window_days=45), "step": "save"}).status_code == 403
    assert client.get("/settings/channels/new/").status_code == 403
    with scope(acme.seller.pk), pytest.raises(Forbidden):
        services.change_channel("amazon.co.uk", services.ChannelSettings.of(acme.channel), by=acme.actor(role))
    assert saved(acme).return_window_days == 30


def test_a_new_channel(client: Client, acme: Shop, owner: Actor) -> None:
    wanted = filled(acme, code="amazon.de", name="Amazon.de", currency="EUR", step="save")

    assert signed_in(client, acme).post("/settings/channels/new/", wanted).status_code == 302
    again = client.post("/settings/channels/new/", wanted)

    assert again.status_code == 422
    assert b"already" in again.content
    with scope(acme.seller.pk):
        assert SalesChannel.objects.get(code="amazon.de").currency == "EUR"
        with pytest.raises(Conflict):
            services.add_channel("amazon.de", services.ChannelSettings.of(acme.channel), by=owner)


def test_the_currency_stays_where_orders_are(in_acme: Shop, owner: Actor) -> None:
    from dataclasses import replace

    wanted = replace(services.ChannelSettings.of(in_acme.channel), currency="EUR")

    with pytest.raises(Refused, match="currency stays"):
        services.change_channel("amazon.co.uk", wanted, by=owner)


def test_nothing_is_automatic_without_an_address(in_acme: Shop, owner: Actor) -> None:
    from dataclasses import replace

    wanted = replace(services.ChannelSettings.of(in_acme.channel), return_address={}, auto_authorise="all")

    with pytest.raises(Refused, match="address"):
        services.change_channel("amazon.co.uk", wanted, by=owner)


def test_a_channel_of_another_seller_is_not_there(client: Client, acme: Shop, globex: Shop) -> None:
    with scope(globex.seller.pk):
        SalesChannel.objects.create(code="ebay.de", name="Theirs", currency="EUR")

    assert signed_in(client, acme).get("/settings/channels/ebay.de/").status_code == 404
    assert "Theirs" not in client.get("/settings/channels/").content.decode()
