"""How often a program may ask: a fixed window per key in Redis, which may be down without stopping anybody."""

from __future__ import annotations

import functools
import logging
import time
from typing import TYPE_CHECKING, Any

import redis
from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

if TYPE_CHECKING:
    from rest_framework.views import APIView

log = logging.getLogger(__name__)
WINDOW = 60  # seconds


@functools.cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5)


class PerKeyThrottle(BaseThrottle):
    """API_REQUESTS_PER_MINUTE for each key; 429 with Retry-After beyond. No key, no count: that is a 401."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        actor = getattr(request._request, "actor", None)
        if actor is None:
            return True
        window = int(time.time()) // WINDOW
        name = f"redress:api:{actor.id}:{window}"
        try:
            pipeline: Any = _redis().pipeline(transaction=False)
            count, _expiry = pipeline.incr(name).expire(name, WINDOW * 2).execute()
        except Exception:  # noqa: BLE001 the client has raised AttributeError when its time ran out; count on nothing
            log.warning("Redis did not answer; this request is not counted.")
            return True
        return int(count) <= settings.API_REQUESTS_PER_MINUTE

    def wait(self) -> float:
        return WINDOW - time.time() % WINDOW
