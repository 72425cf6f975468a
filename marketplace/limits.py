"""How often may this be tried: counted in the database, over all sellers, so that no restart forgets it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection
from django.http import HttpRequest

from marketplace import clock
from marketplace.models import RateWindow
from marketplace.tenancy import key_hash

_TAKE_SQL = """
INSERT INTO marketplace_ratewindow (kind, key_hash, starts_at, count) VALUES (%s, %s, %s, 1)
ON CONFLICT (kind, key_hash, starts_at) DO UPDATE SET count = marketplace_ratewindow.count + 1 RETURNING count
"""
KEEP_FOR = timedelta(days=1)


def take(kind: str, key: str, *, most: int, per: timedelta) -> bool:
    """Count one try by `key`; False where it is more than `most` in this window of time.

    Needs to be committed to count, so a refusal is a return value and not an exception.
    """
    now = clock.now()
    seconds = int(per.total_seconds())
    start = datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, UTC)
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_SQL, [kind, key_hash(f"limit:{kind}", key), start])
        return bool(cursor.fetchone()[0] <= most)


def forget_old() -> int:
    """Drop windows that nobody asks for any more; returns how many."""
    count, _per_model = RateWindow.objects.filter(starts_at__lt=clock.now() - KEEP_FOR).delete()
    return count


def client_address(request: HttpRequest) -> str:
    """The caller's network address: what our own proxy saw last, or the connection's."""
    if settings.SECURE_PROXY_SSL_HEADER:  # BEHIND_PROXY: the last entry is our proxy's own observation
        forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        if forwarded:
            return forwarded[:64]
    return str(request.META.get("REMOTE_ADDR", ""))
