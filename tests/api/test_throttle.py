from __future__ import annotations

import pytest
import redis
import time_machine
from django.conf import LazySettings

from marketplace import throttle
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db


def test_beyond_the_limit_is_a_429_that_says_when(api: Api, settings: LazySettings) -> None:
    settings.API_REQUESTS_PER_MINUTE = 2
    with time_machine.travel("2026-11-22T10:00:05Z", tick=False):
        codes = [api.get("orders/").status_code for _number in range(3)]
        refused = api.get("orders/")
    assert codes == [200, 200, 429]
    assert refused.json()["error"]["code"] == "throttled"
    assert refused["Retry-After"] == "56"


def test_a_redis_that_is_down_stops_nobody(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    dead = redis.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.1)
    monkeypatch.setattr(throttle, "_redis", lambda: dead)
    assert api.get("orders/").status_code == 200
