"""API keys: made once, shown once, scoped, replaced with an overlap, revoked at once; every step in the log."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from marketplace import access, clock
from marketplace.actors import SCOPES, Actor, MemberRole
from marketplace.errors import Conflict, Forbidden, NotFound, Refused
from marketplace.models import ApiKey, Route, SettingsChange
from marketplace.tenancy import resolve, scope
from tests.cast import Shop

FORM = {
    "name": "Warehouse",
    "scopes": ["returns:read"],
    "expires": "90",
    "form_nonce": "7d3a4cbe-8a45-4d4b-8f0f-1a2b3c4d5e6f",
}


def sign_in(client: Client, shop: Shop, role: MemberRole = MemberRole.OWNER) -> Client:
    client.force_login(shop.people[role].user)
    return client


def secret_on(page: Any) -> str:
    found = re.search(r"rk_[0-9A-Za-z]{43}", page.content.decode())
    assert found is not None
    return found.group()


def log() -> list[tuple[str, str]]:
    return [(row["name"], row["after"]) for change in SettingsChange.objects.order_by("id") for row in change.changes]


def test_a_key_is_shown_once_and_stored_as_a_hash(client: Client, acme: Shop) -> None:
    sign_in(client, acme)

    made = client.post("/settings/keys/new/", FORM)

    secret = secret_on(made)
    assert "no-store" in made["Cache-Control"]
    assert secret not in client.get("/settings/keys/").content.decode()
    assert resolve("api_key", secret) == acme.seller.pk
    with scope(acme.seller.pk):
        key = ApiKey.objects.get()
        assert (key.prefix, key.scopes) == (secret[:10], ["returns:read"])
        assert key.expires_at is not None
        assert abs(key.expires_at - clock.now() - timedelta(days=90)) < timedelta(minutes=1)
        assert secret not in str(ApiKey.objects.values()) + str(Route.objects.values())
        assert log() == [("Scopes", "returns:read")]


def test_the_same_form_twice_makes_one_key(client: Client, acme: Shop) -> None:
    sign_in(client, acme)
    client.post("/settings/keys/new/", FORM)

    again = client.post("/settings/keys/new/", FORM)
    without = client.post("/settings/keys/new/", {**FORM, "form_nonce": ""})

    assert again["Location"] == without["Location"] == "/settings/keys/"
    with scope(acme.seller.pk):
        assert ApiKey.objects.count() == 1


@pytest.mark.parametrize("change", [{"scopes": []}, {"scopes": ["everything"]}, {"name": ""}, {"expires": "12"}])
def test_a_key_needs_a_name_and_known_scopes(client: Client, acme: Shop, change: dict[str, Any]) -> None:
    sign_in(client, acme)

    assert client.post("/settings/keys/new/", {**FORM, **change}).status_code == 422

    with scope(acme.seller.pk):
        assert ApiKey.objects.count() == 0


@pytest.mark.parametrize("role", [role for role in MemberRole if role != MemberRole.OWNER])
def test_keys_are_for_owners_alone(client: Client, acme: Shop, role: MemberRole, owner: Actor) -> None:
    with scope(acme.seller.pk):
        key, _secret = access.create_api_key("Mine", by=owner, scopes=["orders:read"])
        for act in (
            lambda: access.create_api_key("Theirs", by=acme.actor(role), scopes=["orders:read"]),
            lambda: access.revoke_api_key(key.public_id, by=acme.actor(role)),
            lambda: access.rotate_api_key(key.public_id, by=acme.actor(role)),
        ):
            with pytest.raises(Forbidden):
                act()
    sign_in(client, acme, role)
    for path in ("", "new/", f"{key.public_id}/revoke/", f"{key.public_id}/rotate/"):
        assert client.get(f"/settings/keys/{path}").status_code == 403, path
    assert client.post(f"/settings/keys/{key.public_id}/revoke/").status_code == 403


def test_a_revoked_key_ends_at_once(client: Client, acme: Shop, owner: Actor) -> None:
    with scope(acme.seller.pk):
        key, secret = access.create_api_key("Shop", by=owner, scopes=["orders:read"])
    assert client.get("/api/v1/orders/", headers={"Authorization": f"Bearer {secret}"}).status_code == 200

    sign_in(client, acme).post(f"/settings/keys/{key.public_id}/revoke/")

    assert client.get("/api/v1/orders/", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    with scope(acme.seller.pk):
        assert log()[-1] == ("Key", "revoked")


def test_a_key_that_ran_out_is_refused(acme: Shop, owner: Actor) -> None:
    with scope(acme.seller.pk):
        end = clock.now() + timedelta(days=1)
        _key, secret = access.create_api_key("Shop", by=owner, scopes=["orders:read"], expires_at=end)
        with clock.override(end - timedelta(seconds=1)):
            assert access.actor_of_key(secret).label == "Shop"
        with clock.override(end), pytest.raises(Forbidden):
            access.actor_of_key(secret)


def test_a_replaced_key_works_for_a_day_more(client: Client, acme: Shop, owner: Actor) -> None:
    with scope(acme.seller.pk):
        key, old = access.create_api_key("Shop", by=owner, scopes=["orders:read"])
    sign_in(client, acme)

    new = secret_on(client.post(f"/settings/keys/{key.public_id}/rotate/", {"form_nonce": FORM["form_nonce"]}))

    with scope(acme.seller.pk):
        key.refresh_from_db()
        assert key.expires_at is not None
        for moment, works in ((key.expires_at - timedelta(minutes=1), True), (key.expires_at, False)):
            with clock.override(moment):
                assert access.actor_of_key(new).scopes == {"orders:read"}
                if works:
                    assert access.actor_of_key(old).label == "Shop"
                else:
                    with pytest.raises(Forbidden):
                        access.actor_of_key(old)
        assert abs(key.expires_at - clock.now() - timedelta(hours=24)) < timedelta(minutes=1)


def test_a_key_that_ended_is_not_replaced(acme: Shop, owner: Actor) -> None:
    with scope(acme.seller.pk):
        key, _secret = access.create_api_key("Shop", by=owner, scopes=["orders:read"])
        access.revoke_api_key(key.public_id, by=owner)

        with pytest.raises(Conflict):
            access.rotate_api_key(key.public_id, by=owner)
        with pytest.raises(Refused):
            access.create_api_key("Shop", by=owner, scopes=["nonsense"])


def test_using_a_key_notes_the_day(client: Client, acme: Shop, owner: Actor) -> None:
    with scope(acme.seller.pk):
        key, secret = access.create_api_key("Shop", by=owner, scopes=list(SCOPES))
        assert key.last_used_on is None
        access.actor_of_key(secret)
        key.refresh_from_db()
        assert key.last_used_on == clock.now().date()


def test_keys_of_another_seller_are_not_there(client: Client, acme: Shop, globex: Shop, owner: Actor) -> None:
    with scope(acme.seller.pk):
        key, secret = access.create_api_key("Shop", by=owner, scopes=["orders:read"])
    with scope(globex.seller.pk), pytest.raises(NotFound):
        access.revoke_api_key(key.public_id, by=globex.actor())
    stranger = sign_in(client, globex)

    assert "Shop" not in stranger.get("/settings/keys/").content.decode()
    for path in ("revoke/", "rotate/"):
        assert stranger.post(f"/settings/keys/{key.public_id}/{path}", FORM).status_code == 404
    assert resolve("api_key", secret) == acme.seller.pk
