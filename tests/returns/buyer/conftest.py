"""The buyer at the door: a browser, the code from the mail, the link from the mail."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from marketplace import events
from marketplace.models import Mail
from marketplace.tenancy import scope
from tests.cast import Shop

Enter = Callable[[Client], None]


class Answer:
    """What a request gave, with the parts that differ from one to the next taken out."""

    def __init__(self, response: Any) -> None:
        self.response = response
        self.status = response.status_code
        text = response.content.decode()
        text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "CSRF", text)
        text = re.sub(r'<meta name="server-now" content="[^"]+">', "NOW", text)
        self.text = re.sub(r'name="form_nonce" value="[^"]+"', "NONCE", text)
        self.headers = {
            name: value
            for name, value in response.headers.items()
            if name not in {"X-Request-Id", "Content-Length", "Set-Cookie"}
        }
        self.cookies = {name: len(morsel.value) for name, morsel in response.cookies.items()}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Answer) and vars(self) | {"response": 0} == vars(other) | {"response": 0}

    __hash__ = None  # type: ignore[assignment]


def mails(shop: Shop, template: str = "") -> list[Mail]:
    with scope(shop.seller.pk):
        found = Mail.objects.order_by("id")
        return list(found.filter(template=template) if template else found)


def code_in(mail: Mail) -> str:
    match = re.search(r"^\s+([0-9A-Z]{4}-[0-9A-Z]{4})$", mail.text, re.MULTILINE)
    assert match, mail.text
    return match[1]


def link_in(mail: Mail) -> str:
    match = re.search(r"http://\S+(/r/\S+/l/\S+/)", mail.text)
    assert match, mail.text
    return match[1]


def find(client: Client, shop: Shop, *, number: str = "", email: str = "") -> Any:
    data = {"order_number": number or shop.order.number, "email": email or shop.buyer.email, "goal": "orders"}
    return client.post(f"/r/{shop.seller.slug}/find/", data)


def enter_by_code(client: Client, shop: Shop) -> None:
    find(client, shop)
    events.drain_all()
    code = code_in(mails(shop, "buyer_code")[-1])
    response = client.post(f"/r/{shop.seller.slug}/code/", {"code": code, "goal": "orders"})
    assert response.status_code == 302, response.content.decode()


@pytest.fixture
def visitor() -> Client:
    """Another one for each who asks: `Client()`; this is the buyer's."""
    return Client()


@pytest.fixture
def inside(acme: Shop, visitor: Client) -> Client:
    """The buyer of acme, let in by a code."""
    enter_by_code(visitor, acme)
    return visitor
