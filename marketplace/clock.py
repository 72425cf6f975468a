"""What time it is: the database's time, one moment per transaction."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from datetime import UTC, datetime

from django.db import connection

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_override: contextvars.ContextVar[datetime | None] = contextvars.ContextVar("clock_override", default=None)
_moment: contextvars.ContextVar[datetime | None] = contextvars.ContextVar("clock_moment", default=None)


def now() -> datetime:
    """The database's time, aware, in UTC; inside a scope the moment at which the scope was entered."""
    fixed = _override.get() or _moment.get()
    if fixed is not None:
        return fixed
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]  # type: ignore[no-any-return]


def keep(moment: datetime | None) -> contextvars.Token[datetime | None]:
    """Remember the moment fetched with the tenant; used by tenancy alone."""
    return _moment.set(moment)


def release(token: contextvars.Token[datetime | None]) -> None:
    _moment.reset(token)


@contextlib.contextmanager
def override(moment: datetime) -> Iterator[None]:
    """Tests only: every reading of the clock in this block gives `moment`."""
    token = _override.set(moment)
    try:
        yield
    finally:
        _override.reset(token)
