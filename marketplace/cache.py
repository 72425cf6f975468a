"""The cache, which may vanish: a Redis that is down costs speed, never an answer."""

from __future__ import annotations

import logging
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

log = logging.getLogger(__name__)


class ForgivingRedisCache(RedisCache):
    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        try:
            return super().get(key, default, version)
        except RedisError:
            log.warning("The cache did not answer; going on without it.")
            return default

    def set(self, key: str, value: Any, timeout: Any = 300, version: int | None = None) -> None:
        try:
            super().set(key, value, timeout, version)
        except RedisError:
            log.warning("The cache did not answer; going on without it.")

    def add(self, key: str, value: Any, timeout: Any = 300, version: int | None = None) -> bool:
        """Without the cache nothing is known to be there before: a sign-in goes on, only its slow-down rests."""
        try:
            return bool(super().add(key, value, timeout, version))
        except RedisError:
            log.warning("The cache did not answer; going on without it.")
            return True

    def delete(self, key: str, version: int | None = None) -> bool:
        try:
            return bool(super().delete(key, version))
        except RedisError:
            log.warning("The cache did not answer; going on without it.")
            return False
