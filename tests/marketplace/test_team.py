"""The team: roles are changed by owners alone, and an owner always stays."""

from __future__ import annotations

import pytest
from django.test import Client

from marketplace.actors import Actor, MemberRole
from marketplace.errors import Forbidden, NotFound, Refused
from marketplace.models import Membership, NotificationPreference, SettingsChange
from marketplace.settings_portal import services
from marketplace.tenancy import scope
from tests.cast import Shop
from tests.factories import MembershipFactory


def log() -> list[tuple[str, str, list[dict[str, str]]]]:
    return list(SettingsChange.objects.order_by("id").values_list("area", "subject", "changes"))


def test_an_owner_changes_a_role_and_it_is_written_down(in_acme: Shop, owner: Actor) -> None:
    agent = in_acme.people[MemberRole.AGENT]

    services.change_role(agent.pk, by=owner, role=MemberRole.FINANCE)

    agent.refresh_from_db()
    assert agent.role == MemberRole.FINANCE
    assert log() == [("team", str(agent.user), [{"name": "Role", "before": "Agent", "after": "Finance"}])]


@pytest.mark.parametrize("role", [role for role in MemberRole if role != MemberRole.OWNER])
def test_nobody_but_an_owner_changes_the_team(in_acme: Shop, role: MemberRole) -> None:
    actor, mate = in_acme.actor(role), in_acme.people[MemberRole.READONLY]

    with pytest.raises(Forbidden):
        services.change_role(mate.pk, by=actor, role=MemberRole.OWNER)
    with pytest.raises(Forbidden):
        services.remove_member(mate.pk, by=actor)
    with pytest.raises(Forbidden):
        services.invite("new@acme.example", by=actor, role=MemberRole.AGENT)

    mate.refresh_from_db()
    assert mate.role == MemberRole.READONLY
    assert log() == []


def test_the_last_owner_can_neither_step_down_nor_go(in_acme: Shop, owner: Actor) -> None:
    me = in_acme.people[MemberRole.OWNER]

    with pytest.raises(Refused, match="last owner"):
        services.change_role(me.pk, by=owner, role=MemberRole.MANAGER)
    with pytest.raises(Refused, match="last owner"):
        services.remove_member(me.pk, by=owner)

    me.refresh_from_db()
    assert me.role == MemberRole.OWNER


def test_a_closed_account_does_not_count_as_an_owner(in_acme: Shop, owner: Actor) -> None:
    gone = MembershipFactory(seller=in_acme.seller, role=MemberRole.OWNER)
    gone.user.is_active = False
    gone.user.save(update_fields=["is_active"])

    with pytest.raises(Refused, match="last owner"):
        services.remove_member(in_acme.people[MemberRole.OWNER].pk, by=owner)


def test_with_a_second_owner_the_first_may_go(in_acme: Shop, owner: Actor) -> None:
    services.change_role(in_acme.people[MemberRole.MANAGER].pk, by=owner, role=MemberRole.OWNER)

    services.remove_member(in_acme.people[MemberRole.OWNER].pk, by=owner)

    owners = Membership.objects.filter(seller=in_acme.seller, role=MemberRole.OWNER)
    assert [member.pk for member in owners] == [in_acme.people[MemberRole.MANAGER].pk]


def test_removal_takes_the_seller_away_at_once(client: Client, acme: Shop) -> None:
    agent = acme.people[MemberRole.AGENT]
    client.force_login(agent.user)
    assert client.get("/settings/team/").status_code == 200
    with scope(acme.seller.pk):
        NotificationPreference.objects.create(user=agent.user, event="return.requested", wants_mail=False)
        services.remove_member(agent.pk, by=acme.actor())
        assert not NotificationPreference.objects.filter(user=agent.user).exists()

    assert client.get("/settings/team/").status_code == 403


def test_members_of_another_seller_are_not_there(acme: Shop, globex: Shop, stranger: Actor) -> None:
    theirs = acme.people[MemberRole.AGENT]
    with scope(globex.seller.pk):
        with pytest.raises(NotFound):
            services.change_role(theirs.pk, by=stranger, role=MemberRole.READONLY)
        with pytest.raises(NotFound):
            services.remove_member(theirs.pk, by=stranger)

    theirs.refresh_from_db()
    assert theirs.role == MemberRole.AGENT


def test_the_page_offers_no_button_to_those_who_may_not_press_it(client: Client, acme: Shop) -> None:
    client.force_login(acme.people[MemberRole.READONLY].user)
    page = client.get("/settings/team/").content.decode()
    member = acme.people[MemberRole.AGENT].pk

    assert "/settings/team/invite/" not in page
    assert client.get("/settings/team/invite/").status_code == 403
    assert client.post(f"/settings/team/{member}/role/", {"role": "owner"}).status_code == 403
    assert client.post(f"/settings/team/{member}/remove/").status_code == 403
    assert Membership.objects.filter(seller=acme.seller).count() == len(MemberRole)


def test_through_the_page(client: Client, acme: Shop) -> None:
    client.force_login(acme.people[MemberRole.OWNER].user)
    agent = acme.people[MemberRole.AGENT]

    assert client.get(f"/settings/team/{agent.pk}/role/").status_code == 200
    answer = client.post(f"/settings/team/{agent.pk}/role/", {"role": "readonly"})
    refused = client.post(f"/settings/team/{acme.people[MemberRole.OWNER].pk}/role/", {"role": "readonly"})

    assert answer["Location"] == "/settings/team/"
    assert refused.status_code == 422
    assert b"last owner" in refused.content
    agent.refresh_from_db()
    assert agent.role == MemberRole.READONLY


# --- one person, several sellers ---------------------------------------------------------------------


def test_switching_between_sellers(client: Client, acme: Shop, globex: Shop) -> None:
    person = acme.people[MemberRole.OWNER].user
    MembershipFactory(seller=globex.seller, user=person, role=MemberRole.READONLY)
    client.force_login(person)
    assert b"Acme" in client.get("/settings/team/").content

    answer = client.post("/switch/", {"seller": "globex", "next": "/settings/team/"})

    assert answer["Location"] == "/settings/"
    page = client.get("/settings/team/").content.decode()
    assert "owner@globex.example" in page
    assert "manager@acme.example" not in page


@pytest.mark.parametrize("target", ["globex", "", "nobody"])
def test_nobody_switches_to_a_seller_they_do_not_belong_to(
    client: Client, acme: Shop, globex: Shop, target: str
) -> None:
    client.force_login(acme.people[MemberRole.OWNER].user)

    assert client.post("/switch/", {"seller": target}).status_code == 404
    assert client.get("/switch/").status_code == 405
    assert "manager@acme.example" in client.get("/settings/team/").content.decode()


def test_switching_leads_to_no_foreign_address(client: Client, acme: Shop) -> None:
    client.force_login(acme.people[MemberRole.OWNER].user)

    for target in ("https://evil.example/", "//evil.example", "/admin/", "javascript:alert(1)"):
        assert client.post("/switch/", {"seller": "acme", "next": target})["Location"] == "/"
