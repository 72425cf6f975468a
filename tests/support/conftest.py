"""A support agent who has signed in with a code, a return to look at, and the reason given."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.account.internal.flows import login
from allauth.mfa.models import Authenticator
from django.test import Client

from marketplace.models import User
from marketplace.tenancy import scope
from returns import services
from returns.models import ReturnRequest
from tests.cast import Shop

REASON = "Ticket 4711: the buyer wrote to us"


def prove_second_factor(client: Client, user: User) -> None:
    """What signing in with the app leaves in the session (test_sign_in.py walks the real way)."""
    Authenticator.objects.get_or_create(user=user, type="totp", defaults={"data": {"secret": "sealed"}})
    session = client.session
    session[login.AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "mfa", "at": 1.0}]
    session[login._AUTHENTICATION_METHODS_USER_SESSION_KEY] = str(user.pk)
    session.save()


@pytest.fixture
def agent(client: Client, support_agent: User) -> Client:
    client.force_login(support_agent)
    prove_second_factor(client, support_agent)
    return client


@pytest.fixture
def asked(acme: Shop) -> ReturnRequest:
    """A return that the buyer asked for."""
    with scope(acme.seller.pk):
        line = acme.order.lines.get()
        return services.submit_return(
            acme.order.public_id,
            by=acme.buyer_actor,
            lines=[services.LineAsk(line.pk, 1, "CR-DEFECTIVE", "It hums")],
        )


def give_reason(client: Client, shop: Shop, reason: str = REASON, target: str = "/admin/") -> Any:
    return client.post(f"/admin/open/{shop.seller.slug}/", {"reason": reason, "next": target})
