"""Coming to a seller: by a mailed link, with a press, by the person it was meant for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from marketplace import clock
from marketplace.actors import Actor, MemberRole
from marketplace.errors import Conflict, Refused
from marketplace.models import AccountMail, Invitation, Membership, SettingsChange, User
from marketplace.settings_portal import services
from marketplace.tenancy import key_hash, scope
from tests.cast import Shop
from tests.factories import UserFactory

GOOD = {"name": "Nora New", "password": "four unrelated short words", "again": "four unrelated short words"}


def invited(shop: Shop, email: str = "nora@new.example", role: MemberRole = MemberRole.AGENT) -> str:
    """Invite, and read the link out of the mail as the person would."""
    with scope(shop.seller.pk):
        services.invite(email, by=shop.actor(), role=role)
    mail = AccountMail.objects.get(invitation=Invitation.objects.latest("id"))
    return next(word for word in mail.text.split() if "/i/" in word).rpartition("/i/")[2].strip("/.")


def test_the_mail_carries_the_link_and_the_database_only_its_hash(acme: Shop, owner: Actor) -> None:
    token = invited(acme, "Nora@New.example")

    invitation = Invitation.objects.get()
    mail = AccountMail.objects.get()
    assert (invitation.email, invitation.role) == ("nora@new.example", MemberRole.AGENT)
    assert invitation.token_hash == key_hash("invitation", token)
    assert (mail.to_email, mail.event) == ("nora@new.example", "invitation")
    assert "Acme" in mail.subject
    assert token in mail.html
    with scope(acme.seller.pk):
        change = SettingsChange.objects.get()
        assert (change.subject, change.actor_label) == ("nora@new.example", owner.label)


def test_looking_changes_nothing(client: Client, acme: Shop) -> None:
    token = invited(acme)

    for _look in range(3):
        assert client.get(f"/i/{token}/").status_code == 200
    client.head(f"/i/{token}/")

    assert Invitation.objects.get().accepted_at is None
    assert not User.objects.filter(email="nora@new.example").exists()


def test_a_new_person_sets_a_password_and_is_in(client: Client, acme: Shop) -> None:
    token = invited(acme)

    answer = client.post(f"/i/{token}/", GOOD)

    assert answer["Location"] == "/"
    user = User.objects.get(email="nora@new.example")
    assert user.check_password(GOOD["password"])
    assert EmailAddress.objects.get(user=user).verified
    assert Membership.objects.get(user=user).role == MemberRole.AGENT
    assert client.session["_auth_user_id"] == str(user.pk)
    assert Invitation.objects.get().accepted_at is not None
    with scope(acme.seller.pk):
        assert SettingsChange.objects.latest("id").changes[0]["after"] == "accepted"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"password": "short", "again": "short"}, b"at least 12"),
        ({"again": "something else again"}, b"differ"),
        ({"password": "nora@new.example", "again": "nora@new.example"}, b"too similar"),
        ({"name": " "}, b"Fill in: Your name"),
    ],
)
def test_a_poor_password_makes_no_account(client: Client, acme: Shop, change: dict[str, str], problem: bytes) -> None:
    token = invited(acme)

    answer = client.post(f"/i/{token}/", {**GOOD, **change})

    assert answer.status_code == 422
    assert problem in answer.content
    assert not User.objects.filter(email="nora@new.example").exists()


def test_the_service_refuses_a_poor_password_by_itself(acme: Shop) -> None:
    token = invited(acme)

    with pytest.raises(Refused):
        services.accept_invitation(token, user=None, name="Nora", password="short")

    assert Invitation.objects.get().accepted_at is None


def test_somebody_with_an_account_signs_in_first_and_then_joins(client: Client, acme: Shop, globex: Shop) -> None:
    person = globex.people[MemberRole.OWNER].user
    token = invited(acme, person.email, MemberRole.FINANCE)

    page = client.get(f"/i/{token}/").content.decode()
    assert f"/accounts/login/?next=/i/{token}/" in page
    client.post(f"/i/{token}/", GOOD)  # a password typed here must not open or change that account
    person.refresh_from_db()
    assert not person.check_password(GOOD["password"])

    client.force_login(person)
    assert client.get(f"/i/{token}/").status_code == 200
    assert not Membership.objects.filter(seller=acme.seller, user=person).exists()
    client.post(f"/i/{token}/")

    assert Membership.objects.get(seller=acme.seller, user=person).role == MemberRole.FINANCE
    assert client.session["seller_id"] == acme.seller.pk


def test_another_person_is_refused_even_with_the_link(client: Client, acme: Shop) -> None:
    token = invited(acme)
    client.force_login(UserFactory(email="thief@example.com"))

    looked, pressed = client.get(f"/i/{token}/"), client.post(f"/i/{token}/")

    assert (looked.status_code, pressed.status_code) == (403, 403)
    assert b"nora@new.example" in pressed.content
    assert Invitation.objects.get().accepted_at is None


def test_a_link_works_once(client: Client, acme: Shop) -> None:
    token = invited(acme)
    client.post(f"/i/{token}/", GOOD)

    second = Client().post(f"/i/{token}/", {**GOOD, "name": "Somebody Else"})

    assert second.status_code == 410
    assert b"accepted already" in second.content
    assert User.objects.filter(email="nora@new.example").count() == 1


def test_it_works_until_the_minute_of_its_end(client: Client, acme: Shop) -> None:
    token = invited(acme)
    end = Invitation.objects.get().expires_at
    assert end - Invitation.objects.get().created_at >= timedelta(days=7) - timedelta(seconds=5)

    with clock.override(end):
        assert client.post(f"/i/{token}/", GOOD).status_code == 410
    with clock.override(end - timedelta(seconds=1)):
        assert client.post(f"/i/{token}/", GOOD).status_code == 302


def test_a_revoked_invitation_says_so(client: Client, acme: Shop, owner: Actor) -> None:
    token = invited(acme)
    with scope(acme.seller.pk):
        services.revoke_invitation(Invitation.objects.get().pk, by=owner)

    answer = client.post(f"/i/{token}/", GOOD)

    assert answer.status_code == 410
    assert b"taken back" in answer.content


def test_an_unknown_link_says_nothing_more(client: Client, acme: Shop) -> None:
    assert client.get("/i/nonsense/").status_code == 404
    assert client.post("/i/nonsense/", GOOD).status_code == 404


def test_inviting_again_replaces_the_older_link(client: Client, acme: Shop) -> None:
    first = invited(acme)
    second = invited(acme, role=MemberRole.READONLY)

    assert client.get(f"/i/{first}/").status_code == 410
    client.post(f"/i/{second}/", GOOD)

    assert Membership.objects.get(user__email="nora@new.example").role == MemberRole.READONLY


def test_a_member_is_not_invited_again(in_acme: Shop, owner: Actor) -> None:
    with pytest.raises(Refused, match="on the team already"):
        services.invite("AGENT@acme.example", by=owner, role=MemberRole.OWNER)


def test_an_accepted_invitation_is_not_revoked(client: Client, acme: Shop, owner: Actor) -> None:
    client.post(f"/i/{invited(acme)}/", GOOD)

    with scope(acme.seller.pk), pytest.raises(Conflict):
        services.revoke_invitation(Invitation.objects.get().pk, by=owner)


def test_through_the_page(client: Client, acme: Shop, globex: Shop) -> None:
    client.force_login(acme.people[MemberRole.OWNER].user)
    assert client.post("/settings/team/invite/", {"email": "no address", "role": "agent"}).status_code == 422

    client.post("/settings/team/invite/", {"email": "nora@new.example", "role": "agent"})
    page = client.get("/settings/team/").content.decode()
    assert "nora@new.example" in page

    pk = Invitation.objects.get().pk
    other = Client()
    other.force_login(globex.people[MemberRole.OWNER].user)
    assert other.post(f"/settings/team/invitations/{pk}/revoke/").status_code == 404
    client.post(f"/settings/team/invitations/{pk}/revoke/")
    assert Invitation.objects.get().revoked_at is not None
