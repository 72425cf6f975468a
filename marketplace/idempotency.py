"""A request that must happen once: the same key gives the first answer again, whichever door it came through."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.utils.translation import gettext as _

from marketplace import clock
from marketplace.errors import Busy, Refused
from marketplace.tenancy import current_seller_id


@dataclass(frozen=True, slots=True)
class Answer:
    """What the first run answered: an HTTP status and a JSON body."""

    status: int
    body: dict[str, Any]
    replayed: bool = False


def body_hash(body: Any) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), cls=DjangoJSONEncoder)
    return hashlib.sha256(text.encode()).hexdigest()


def once(*, operation: str, key: str, body: Any, run: Callable[[], Answer]) -> Answer:
    """Run it, or give back what it answered before.

    The answer is stored in the same transaction as the effect and kept for its life (rulings 19).
    Raises Refused `idempotency_key_missing` without a key, Refused `idempotency_mismatch` when the key was
    used for another body, Busy while the same key is being worked on.
    """
    from marketplace.models import IdempotencyKey

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
    stored = IdempotencyKey.objects.filter(operation=operation, key=key).first()
    if stored is not None:
        if stored.body_hash != wanted:
            raise Refused(
                _("This Idempotency-Key was used before with other content. Nothing was done."),
                code="idempotency_mismatch",
            )
        return Answer(stored.status, stored.answer, replayed=True)
    answer = run()
    # Through JSON once, so that the first answer and a replay are equal to the byte.
    plain = json.loads(json.dumps(answer.body, cls=DjangoJSONEncoder))
    IdempotencyKey.objects.create(
        operation=operation,
        key=key,
        body_hash=wanted,
        status=answer.status,
        answer=plain,
        created_at=clock.now(),
    )
    return Answer(answer.status, plain)
