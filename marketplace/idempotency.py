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

from marketplace import clock, rows
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
    stored = _locked(operation, key)
    if stored is not None:
        status, hash_, answer_ = stored
        if hash_ != wanted:
            raise Refused(
                _("This Idempotency-Key was used before with other content. Nothing was done."),
                code="idempotency_mismatch",
            )
        return Answer(status, _plain(json.loads(answer_)), replayed=True)
    answer = run()
    plain = _plain(answer.body)
    from marketplace.models import IdempotencyKey

    kept = IdempotencyKey(
        operation=operation,
        key=key,
        body_hash=wanted,
        status=answer.status,
        answer=plain,
        created_at=clock.now(),
    )
    rows.insert([kept])
    return Answer(answer.status, plain)


# In one round trip, and yet the look comes after the lock: each statement of it sees what was committed before.
_LOCK_AND_LOOK_SQL = """
SELECT set_config('app.has_key', pg_try_advisory_xact_lock(%(number)s)::text, true);
SELECT current_setting('app.has_key'), k.status, k.body_hash, k.answer FROM (VALUES (1)) AS one
LEFT JOIN marketplace_idempotencykey k
    ON k.seller_id = %(seller)s AND k.operation = %(operation)s AND k.key = %(key)s
"""


def _locked(operation: str, key: str) -> tuple[int, str, str] | None:
    """The stored answer of this key, which is ours alone from now on; Busy while somebody else has it."""
    seller_id = current_seller_id()
    name = f"{seller_id}\0{operation}\0{key}".encode()
    number = int.from_bytes(hashlib.sha256(name).digest()[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_AND_LOOK_SQL, {"number": number, "seller": seller_id, "operation": operation, "key": key})
        has_key, status, hash_, answer = cursor.fetchone()
    if has_key != "true":
        raise Busy
    return None if status is None else (status, hash_, answer)


def _plain(body: dict[str, Any]) -> dict[str, Any]:
    """Through JSON and in one order, which the column forgets: a replay is equal to the first answer to the byte."""
    found: dict[str, Any] = json.loads(json.dumps(body, cls=DjangoJSONEncoder, sort_keys=True))
    return found


def _stored(operation: str, key: str) -> IdempotencyKey | None:
    from marketplace.models import IdempotencyKey

    found: IdempotencyKey | None = IdempotencyKey.objects.filter(operation=operation, key=key).first()
    return found
