"""make_seller, make_user, api_key: what a script needs to set up an installation."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from marketplace.access import actor_of_key
from marketplace.models import Membership, Seller, User
from marketplace.tenancy import scope
from tests.cast import Shop


def run(*args: str) -> dict[str, Any]:
    out = StringIO()
    call_command(*args, "--json", stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


def test_a_person_a_seller_a_key(db: None) -> None:
    person = run("make_user", "Ann@Acme.example", "--name", "Ann")
    run("make_seller", "acme", "Acme Lanterns", "--owner", "ann@acme.example", "--zone", "Europe/London")
    made = run("api_key", "--seller", "acme", "--scope", "orders:read")

    user, seller = User.objects.get(), Seller.objects.get()
    assert user.check_password(person["password"])
    assert (user.email, seller.name, Membership.objects.get().role) == ("ann@acme.example", "Acme Lanterns", "owner")
    assert made["scopes"] == ["orders:read"]
    with scope(seller.pk):
        assert actor_of_key(made["key"]).label == "Command line"


def test_a_known_password_is_not_printed(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDRESS_PASSWORD", "four unrelated short words")

    assert run("make_user", "ann@acme.example")["password"] == ""
    assert User.objects.get().check_password("four unrelated short words")


def test_a_second_seller_for_the_same_person(acme: Shop, globex: Shop) -> None:
    run("make_user", "owner@acme.example", "--seller", "globex", "--role", "agent")

    assert Membership.objects.get(user__email="owner@acme.example", seller=globex.seller).role == "agent"
    assert not User.objects.get(email="owner@acme.example").is_staff


def test_support_and_operators(db: None) -> None:
    run("make_user", "sam@redress.example", "--support")
    run("make_user", "olga@redress.example", "--operator")

    rights = dict(User.objects.values_list("email", "is_superuser"))
    assert rights == {"sam@redress.example": False, "olga@redress.example": True}
    assert User.objects.filter(is_staff=True).count() == 2


@pytest.mark.parametrize(
    "command",
    [
        ("make_seller", "acme", "Twice"),
        ("make_seller", "nobody", "Nobody", "--owner", "nobody@example.com"),
        ("make_user", "ann@acme.example", "--seller", "nobody"),
        ("api_key", "--seller", "nobody"),
    ],
)
def test_what_can_not_be_says_so(acme: Shop, command: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        run(*command)


def test_a_weak_password_is_refused(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDRESS_PASSWORD", "short")

    with pytest.raises(CommandError):
        run("make_user", "ann@acme.example")
    assert not User.objects.exists()
