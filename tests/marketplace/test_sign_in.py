"""Signing in: e-mail and password, the code of an authenticator app, what a session may do, how it ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from marketplace import middleware, sealing
from marketplace.accounts import owns_second_factor
from marketplace.actors import Actor
from marketplace.middleware import actor_of_member
from marketplace.models import AccountMail, User
from marketplace.tenancy import scope
from refunds.services import RefundLineAsk, create_refund
from tests.cast import Shop
from tests.factories import UserFactory

PASSWORD = "correct horse battery staple"
WHOEVER = {"login": "owner@acme.example", "password": PASSWORD}


@pytest.fixture(autouse=True)
def fresh_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slow-down counts per network address: an empty count for every test. And the app's clock stands still."""
    cache.clear()
    monkeypatch.setattr(totp, "yield_hotp_counters_from_time", lambda: iter([59_000_000]))


@pytest.fixture
def person(acme: Shop) -> User:
    user: User = acme.people[next(iter(acme.people))].user
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    return user


def sign_in(client: Client, **more: Any) -> Any:
    return client.post("/accounts/login/", {**WHOEVER, **more})


def code_for(secret: str) -> str:
    return str(totp.format_hotp_value(totp.hotp_value(secret, next(totp.yield_hotp_counters_from_time()))))


def set_up_app(client: Client) -> str:
    """What a person does: confirm the password, scan the picture, type the code. Returns the secret."""
    page = client.get("/accounts/2fa/totp/activate/", follow=True)
    assert "/reauthenticate/" in page.redirect_chain[-1][0]
    page = client.post(page.redirect_chain[-1][0], {"password": PASSWORD, "next": "/accounts/2fa/totp/activate/"})
    page = client.get("/accounts/2fa/totp/activate/")
    assert b"data:image/svg+xml;base64," in page.content
    secret = client.session["mfa.totp.secret"]
    done = client.post("/accounts/2fa/totp/activate/", {"code": code_for(secret)})
    assert done.status_code == 302, done.content
    return str(secret)


def test_the_right_password_signs_in_and_starts_a_new_session(client: Client, person: User) -> None:
    client.get("/accounts/login/")
    planted = client.session
    planted["note"] = "planted before"
    planted.save()
    before = planted.session_key

    answer = sign_in(client)

    assert answer.status_code == 302
    assert answer["Location"] == "/"
    assert client.session.session_key != before
    assert client.session["_auth_user_id"] == str(person.pk)


def test_a_session_ends_twelve_hours_after_the_sign_in_however_busy(client: Client, person: User) -> None:
    sign_in(client)
    end = client.session.get_expiry_date()
    assert abs(end - timezone.now() - timedelta(hours=12)) < timedelta(minutes=1)

    session = client.session
    session["touched"] = 1
    session.save()

    assert client.session.get_expiry_date() == end


@pytest.mark.parametrize("wrong", [{"password": "something else entirely"}, {"login": "nobody@acme.example"}])
def test_wrong_pairs_get_one_and_the_same_sentence(client: Client, person: User, wrong: dict[str, str]) -> None:
    answer = sign_in(client, **wrong)

    assert answer.status_code == 200
    assert b"do not belong together" in answer.content
    assert "_auth_user_id" not in client.session


def test_five_wrong_passwords_rest_this_address_even_for_the_right_one(client: Client, person: User) -> None:
    for _attempt in range(5):
        sign_in(client, password="wrong wrong wrong")

    answer = sign_in(client)

    assert b"Too many attempts" in answer.content
    assert "_auth_user_id" not in client.session


def test_nobody_signs_up_and_no_address_is_changed_by_itself(client: Client) -> None:
    for path in ("/accounts/signup/", "/accounts/email/", "/accounts/login/code/", "/accounts/password/set/"):
        assert client.get(path).status_code == 404, path
        assert client.post(path, {"email": "new@acme.example"}).status_code == 404, path


def test_a_closed_account_does_not_come_in(client: Client, person: User) -> None:
    person.is_active = False
    person.save(update_fields=["is_active"])

    sign_in(client)

    assert "_auth_user_id" not in client.session


def test_signing_out_needs_a_press(client: Client, person: User) -> None:
    client.force_login(person)
    client.get("/accounts/logout/")
    assert "_auth_user_id" in client.session

    client.post("/accounts/logout/")

    assert "_auth_user_id" not in client.session


def test_a_portal_page_sends_a_stranger_to_sign_in_and_back(client: Client, db: None) -> None:
    answer = client.get("/settings/team/")
    assert answer["Location"] == "/accounts/login/?next=/settings/team/"

    fragment = client.get("/settings/team/", headers={"HX-Request": "true"})
    assert (fragment.status_code, fragment["HX-Redirect"]) == (204, "/accounts/login/?next=/settings/team/")


def test_a_person_of_no_seller_is_told_so(client: Client, db: None) -> None:
    client.force_login(UserFactory(email="lost@example.com"))

    answer = client.get("/settings/team/")

    assert answer.status_code == 403
    assert b"lost@example.com" in answer.content


# --- the second factor -------------------------------------------------------------------------------


def test_the_authenticator_app_is_demanded_from_then_on(client: Client, person: User) -> None:
    sign_in(client)
    secret = set_up_app(client)
    client.post("/accounts/logout/")

    halfway = sign_in(client)
    assert halfway["Location"] == "/accounts/2fa/authenticate/"
    assert "_auth_user_id" not in client.session

    wrong = client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert b"This code is not right" in wrong.content
    done = client.post("/accounts/2fa/authenticate/", {"code": code_for(secret)})

    assert done["Location"] == "/"
    assert client.session["_auth_user_id"] == str(person.pk)


def test_a_code_works_once(client: Client, person: User) -> None:
    sign_in(client)
    secret = set_up_app(client)
    client.post("/accounts/logout/")
    code = code_for(secret)
    sign_in(client)
    client.post("/accounts/2fa/authenticate/", {"code": code})
    client.post("/accounts/logout/")
    sign_in(client)

    again = client.post("/accounts/2fa/authenticate/", {"code": code})

    assert again.status_code == 200
    assert "_auth_user_id" not in client.session


def test_a_recovery_code_signs_in_once(client: Client, person: User) -> None:
    sign_in(client)
    set_up_app(client)
    code = Authenticator.objects.get(user=person, type="recovery_codes").wrap().get_unused_codes()[0]
    for expected in (True, False):
        client.post("/accounts/logout/")
        sign_in(client)
        client.post("/accounts/2fa/authenticate/", {"code": code})
        assert ("_auth_user_id" in client.session) is expected


def test_the_secrets_lie_sealed_in_the_database(client: Client, person: User) -> None:
    sign_in(client)
    secret = set_up_app(client)

    stored = {each.type: each.data for each in Authenticator.objects.filter(user=person)}

    assert secret not in str(stored)
    assert sealing.unseal(stored["totp"]["secret"]) == secret
    assert sealing.unseal(stored["recovery_codes"]["seed"])


def actor_seen(client: Client, monkeypatch: pytest.MonkeyPatch) -> Actor:
    """The actor that the middleware makes of this session."""
    seen: list[Actor] = []

    def spy(*args: Any, **kwargs: Any) -> Actor:
        seen.append(actor_of_member(*args, **kwargs))
        return seen[-1]

    with monkeypatch.context() as patch:
        patch.setattr(middleware, "actor_of_member", spy)
        assert client.get("/settings/team/").status_code == 200
    return seen[-1]


def test_refund_rights_follow_the_code_not_the_password(
    client: Client, person: User, acme: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.seller.requires_second_factor = True
    acme.seller.save(update_fields=["requires_second_factor"])
    sign_in(client)
    assert actor_seen(client, monkeypatch).lacks_second_factor is True

    secret = set_up_app(client)
    assert actor_seen(client, monkeypatch).lacks_second_factor is True  # set up is not signed in with

    client.post("/accounts/logout/")
    sign_in(client)
    client.post("/accounts/2fa/authenticate/", {"code": code_for(secret)})
    assert actor_seen(client, monkeypatch).lacks_second_factor is False

    Authenticator.objects.filter(user=person).delete()
    assert actor_seen(client, monkeypatch).lacks_second_factor is True


def test_confirming_a_code_gives_the_rights_without_signing_out(
    client: Client, person: User, acme: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.seller.requires_second_factor = True
    acme.seller.save(update_fields=["requires_second_factor"])
    sign_in(client)
    secret = set_up_app(client)

    client.post("/accounts/2fa/reauthenticate/", {"code": code_for(secret), "next": "/refunds/"})

    assert actor_seen(client, monkeypatch).lacks_second_factor is False


def test_without_the_code_a_refund_is_refused_in_words_with_the_way_on(
    client: Client, person: User, acme: Shop
) -> None:
    acme.seller.requires_second_factor = True
    acme.seller.save(update_fields=["requires_second_factor"])
    with scope(acme.seller.pk):
        asked = create_refund(
            acme.order.public_id,
            by=acme.actor(),
            lines=[RefundLineAsk(acme.order.lines.get().pk, "ITEM", 500)],
            reason_code="BUYER_RETURN",
        )
    sign_in(client)

    assert b"You can not refund in this session" in client.get(f"/refunds/{asked.public_id}/").content
    refused = client.post(f"/refunds/{asked.public_id}/cancel/", {"reason": "no"})

    assert refused.status_code == 403
    assert b"Refunds need two-factor sign-in" in refused.content
    assert b'href="/settings/profile/"' in refused.content
    with scope(acme.seller.pk):
        asked.refresh_from_db()
        assert str(asked.status) == "RESERVED"


# --- the password ------------------------------------------------------------------------------------


def test_a_forgotten_password_is_replaced_by_a_mailed_link_used_once(client: Client, person: User) -> None:
    answer = client.post("/accounts/password/reset/", {"email": "OWNER@acme.example"})
    assert answer.status_code == 302
    mail = AccountMail.objects.get()
    assert (mail.event, mail.to_email) == ("account.password_reset", person.email)
    link = next(word for word in mail.text.split() if "/password/reset/key/" in word)
    path = link.partition("testserver")[2] or link

    page = client.get(path, follow=True)
    form_url = page.redirect_chain[-1][0]
    new = "four unrelated short words"
    saved = client.post(form_url, {"password1": new, "password2": new})
    assert saved.status_code == 302, saved.content

    person.refresh_from_db()
    assert person.check_password(new)
    assert AccountMail.objects.filter(event="account.password_changed", to_email=person.email).exists()
    again = Client().get(path, follow=True)
    assert b"does not work any more" in again.content


def test_an_unknown_address_gets_the_same_answer_and_no_mail(client: Client, person: User) -> None:
    known = client.post("/accounts/password/reset/", {"email": person.email})
    unknown = client.post("/accounts/password/reset/", {"email": "nobody@acme.example"})

    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert AccountMail.objects.count() == 1


@pytest.mark.parametrize("weak", ["short", "password1234", "owner@acme.example"])
def test_a_weak_password_is_refused(client: Client, person: User, weak: str) -> None:
    client.force_login(person)

    answer = client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": weak, "password2": weak})

    assert answer.status_code == 200
    person.refresh_from_db()
    assert person.check_password(PASSWORD)


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(client: Client, person: User) -> None:
    other = Client()
    sign_in(client)
    sign_in(other)
    new = "four unrelated short words"

    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})

    assert client.get("/accounts/password/change/").status_code == 200
    assert other.get("/accounts/password/change/").status_code == 302
    assert AccountMail.objects.filter(event="account.password_changed").exists()


def test_owning_is_not_having_used(person: User) -> None:
    assert owns_second_factor(person) is False
