"""A program with a key, and the API's client."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from marketplace import access
from marketplace.actors import SCOPES, MemberRole
from marketplace.tenancy import scope
from tests.cast import Shop


class Api:
    """The API as a program sees it."""

    def __init__(self, secret: str) -> None:
        self.client = Client(headers={"authorization": f"Bearer {secret}"}, raise_request_exception=False)

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"/api/v1/{path}", query)

    def post(self, path: str, body: Any = None, key: str = "") -> Any:
        headers = {"idempotency-key": key} if key else {}
        return self.client.post(f"/api/v1/{path}", body or {}, content_type="application/json", headers=headers)


def key_of(shop: Shop, scopes: list[str] | None = None) -> str:
    with scope(shop.seller.pk):
        return access.create_api_key("Test", by=shop.actor(MemberRole.OWNER), scopes=scopes or list(SCOPES))[1]


@pytest.fixture
def api(acme: Shop) -> Api:
    return Api(key_of(acme))


@pytest.fixture
def foreign_api(globex: Shop) -> Api:
    return Api(key_of(globex))
