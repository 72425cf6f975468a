"""A request that must happen once: the same key gives the first answer again, whichever door it came through."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.utils.translation import gettext as _

from marketplace import clock
from marketplace.errors import Busy, Refused
from marketplace.tenancy import current_seller_id

if TYPE_CHECKING:
    from marketplace.models import IdempotencyKey


@dataclass(frozen=True, slots=True)
class Answer:
    """What the first run answered: an HTTP status and a JSON body."""

    status: int
    body: dict[str, Any]
    replayed: bool = False


def body_hash(body: Any) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), cls=DjangoJSONEncoder)
    return hashlib.sha256(text.encode()).hexdigest()


def answered(*, operation: str, key: str, body: Any) -> Answer | None:
    """What the same key and body were answered, for a door that could not even begin to work on them again."""
    stored = _stored(operation, key)
    if stored is None or stored.body_hash != body_hash(body):
        return None
    return Answer(stored.status, _plain(stored.answer), replayed=True)


def once(*, operation: str, key: str, body: Any, run: Callable[[], Answer]) -> Answer:
    """Run it, or give back what it answered before.

    The answer is stored in the same transaction as the effect and kept for its life (rulings 19).
    Raises Refused `idempotency_key_missing` without a key, Refused `idempotency_mismatch` when the key was
    used for another body, Busy while the same key is being worked on.
    """
    if not key or len(key) > 255:
        raise Refused(
            _("This needs an Idempotency-Key of 1 to 255 characters, so that a retry can not act twice."),
            code="idempotency_key_missing",
        )
    wanted = body_hash(body)
    name = f"{current_seller_id()}\0{operation}\0{key}".encode()
    number = int.from_bytes(hashlib.sha256(name).digest()[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        if not cursor.fetchone()[0]:
            raise Busy
    stored = _stored(operation, key)
    if stored is not None:
        if stored.body_hash != wanted:
            raise Refused(
                _("This Idempotency-Key was used before with other content. Nothing was done."),
                code="idempotency_mismatch",
            )
        return Answer(stored.status, _plain(stored.answer), replayed=True)
    answer = run()
    plain = _plain(answer.body)
    from marketplace.models import IdempotencyKey

    IdempotencyKey.objects.create(
        operation=operation,
        key=key,
        body_hash=wanted,
        status=answer.status,
        answer=plain,
        created_at=clock.now(),
    )
    return Answer(answer.status, plain)


def _plain(body: dict[str, Any]) -> dict[str, Any]:
    """Through JSON and in one order, which the column forgets: a replay is equal to the first answer to the byte."""
    found: dict[str, Any] = json.loads(json.dumps(body, cls=DjangoJSONEncoder, sort_keys=True))
    return found


def _stored(operation: str, key: str) -> IdempotencyKey | None:
    from marketplace.models import IdempotencyKey

    found: IdempotencyKey | None = IdempotencyKey.objects.filter(operation=operation, key=key).first()
    return found
