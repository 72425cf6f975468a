"""The guard rails: who may change them, what lowering one takes, and the log that all can read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client

from marketplace.actors import Actor, MemberRole
from marketplace.errors import Forbidden
from marketplace.models import Seller, SettingsChange
from marketplace.settings_portal import services
from marketplace.tenancy import scope
from tests.cast import Shop

STRICT = services.SecuritySettings(requires_second_factor=True, review_above_minor=50_000, quick_links_in_mail=True)


@pytest.fixture
def strict_acme(in_acme: Shop) -> Shop:
    Seller.objects.filter(pk=in_acme.seller.pk).update(requires_second_factor=True, review_above_minor=50_000)
    in_acme.seller.refresh_from_db()
    return in_acme


def without_code(shop: Shop) -> Actor:
    return replace(shop.actor(), lacks_second_factor=True)


@pytest.mark.parametrize(
    "change", [{"requires_second_factor": False}, {"review_above_minor": 0}, {"review_above_minor": 50_001}]
)
def test_lowering_a_guard_rail_takes_the_second_factor(strict_acme: Shop, change: dict[str, Any]) -> None:
    wanted = replace(STRICT, **change)

    with pytest.raises(Forbidden, match="two-factor"):
        services.change_security(wanted, by=without_code(strict_acme))
    strict_acme.seller.refresh_from_db()
    assert strict_acme.seller.requires_second_factor
    assert strict_acme.seller.review_above_minor == 50_000

    services.change_security(wanted, by=strict_acme.actor())
    assert SettingsChange.objects.get().area == "security"


def test_raising_a_guard_rail_does_not(strict_acme: Shop) -> None:
    wanted = replace(STRICT, review_above_minor=10_000)

    services.change_security(wanted, by=without_code(strict_acme))

    assert Seller.objects.get(pk=strict_acme.seller.pk).review_above_minor == 10_000


@pytest.mark.parametrize("role", [MemberRole.AGENT, MemberRole.FINANCE, MemberRole.READONLY])
def test_only_owners_and_managers(in_acme: Shop, role: MemberRole) -> None:
    with pytest.raises(Forbidden):
        services.change_security(STRICT, by=in_acme.actor(role))
    assert SettingsChange.objects.count() == 0


def test_it_touches_one_seller(acme: Shop, globex: Shop) -> None:
    with scope(acme.seller.pk):
        services.change_security(replace(STRICT, quick_links_in_mail=False), by=acme.actor())

    globex.seller.refresh_from_db()
    assert globex.seller.quick_links_in_mail is True


def test_through_the_page_first_the_diff_then_the_save(client: Client, acme: Shop) -> None:
    client.force_login(acme.people[MemberRole.OWNER].user)
    form = {"requires_second_factor": "on", "review_above": "120.50"}

    shown = client.post("/settings/security/", form).content.decode()
    assert "<ins>120.50</ins>" in shown
    assert Seller.objects.get(pk=acme.seller.pk).review_above_minor == 50_000
    client.post("/settings/security/", {**form, "step": "save"})

    seller = Seller.objects.get(pk=acme.seller.pk)
    assert (seller.requires_second_factor, seller.review_above_minor, seller.quick_links_in_mail) == (
        True,
        12_050,
        False,
    )
    assert b"signed in without a code" in client.get("/settings/security/").content


@pytest.mark.parametrize("amount", ["-1", "1e9", "12.345", "lots", ""])
def test_a_limit_is_an_amount(client: Client, acme: Shop, amount: str) -> None:
    client.force_login(acme.people[MemberRole.OWNER].user)

    answer = client.post("/settings/security/", {"review_above": amount, "step": "save"})

    assert answer.status_code == 422 or amount == "1e9"
    assert Seller.objects.get(pk=acme.seller.pk).review_above_minor in {50_000, 10**11}


def test_everybody_reads_the_log_and_nobody_rewrites_it(client: Client, acme: Shop) -> None:
    with scope(acme.seller.pk):
        services.change_security(replace(STRICT, quick_links_in_mail=False), by=acme.actor())
    client.force_login(acme.people[MemberRole.READONLY].user)

    assert "Mails to the team carry quick links" in client.get("/settings/log/").content.decode()
    with scope(acme.seller.pk):
        for change in (
            lambda: SettingsChange.objects.update(actor_label="Nobody"),
            lambda: SettingsChange.objects.all().delete(),
        ):
            with pytest.raises(DatabaseError), transaction.atomic():
                change()


def test_the_log_of_another_seller_is_not_there(client: Client, acme: Shop, globex: Shop) -> None:
    with scope(acme.seller.pk):
        services.change_security(replace(STRICT, quick_links_in_mail=False), by=acme.actor())
    client.force_login(globex.people[MemberRole.OWNER].user)

    assert b"Nothing was changed yet" in client.get("/settings/log/").content
