"""How a move becomes true: row, history and outbox in one statement, for one object or for a thousand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from django.db import connection, transaction
from django.utils.translation import gettext as _

from marketplace import clock, events, logs
from marketplace.actors import Actor
from marketplace.errors import Conflict, Forbidden
from marketplace.fsm import Move, StatusModel, move_named
from marketplace.tenancy import current_seller_id

S = TypeVar("S", bound=StatusModel)

# {table}, {columns}: trusted names from Django's model metadata; all values are parameters.
_MOVE_SQL = """
WITH old AS (
    SELECT id, status, version, public_id FROM {table}
    WHERE seller_id = %(seller)s AND id = ANY(%(ids)s) AND status = ANY(%(sources)s){only_version}
    ORDER BY id FOR UPDATE
), moved AS (
    UPDATE {table} AS t SET status = %(target)s, version = t.version + 1{columns}
    FROM old WHERE t.id = old.id AND t.seller_id = %(seller)s
    RETURNING t.id, t.version, old.status AS source, old.public_id
), history AS (
    INSERT INTO marketplace_statetransition (seller_id, machine, object_id, version, move, source, target,
        actor_kind, actor_id, actor_label, reason_code, reason_text, data, request_id, at)
    SELECT %(seller)s, %(machine)s, id, version, %(move)s, source, %(target)s, %(actor_kind)s, %(actor_id)s,
        %(actor_label)s, %(reason_code)s, %(reason_text)s, %(data)s::jsonb, %(request_id)s,
        -- who has waited for the lock began before the last move, but comes after it
        greatest(%(now)s, (SELECT last.at FROM marketplace_statetransition last WHERE last.seller_id = %(seller)s
            AND last.machine = %(machine)s AND last.object_id = moved.id AND last.version = moved.version - 1))
    FROM moved
), outbox AS (
    INSERT INTO marketplace_outboxevent (seller_id, public_id, name, machine, object_id, payload, request_id,
        created_at, next_at, attempts, last_error)
    SELECT %(seller)s, 'evt-' || replace(gen_random_uuid()::text, '-', ''), %(event)s, %(machine)s, id,
        jsonb_build_object('public_id', public_id, 'version', version, 'source', source, 'target', %(target)s,
            'actor', %(actor_kind)s, 'data', %(data)s::jsonb),
        %(request_id)s, %(now)s, %(now)s, 0, '' FROM moved
)
SELECT id, version FROM moved
"""

_CREATION_SQL = """
WITH history AS (
    INSERT INTO marketplace_statetransition (seller_id, machine, object_id, version, move, source, target,
        actor_kind, actor_id, actor_label, reason_code, reason_text, data, request_id, at)
    VALUES (%(seller)s, %(machine)s, %(id)s, 1, %(move)s, '', %(target)s, %(actor_kind)s, %(actor_id)s,
        %(actor_label)s, %(reason_code)s, %(reason_text)s, %(data)s::jsonb, %(request_id)s, %(now)s)
)
INSERT INTO marketplace_outboxevent (seller_id, public_id, name, machine, object_id, payload, request_id,
    created_at, next_at, attempts, last_error)
VALUES (%(seller)s, 'evt-' || replace(gen_random_uuid()::text, '-', ''), %(event)s, %(machine)s, %(id)s,
    jsonb_build_object('public_id', %(public_id)s, 'version', 1, 'source', '', 'target', %(target)s,
        'actor', %(actor_kind)s, 'data', %(data)s::jsonb),
    %(request_id)s, %(now)s, %(now)s, 0, '')
"""


def _check_actor(move: Move, by: Actor) -> None:
    if by.kind not in move.actors:
        raise Forbidden(_("This is not yours to do."), code="wrong_actor", move=move.name, actor=by.kind.value)


def _parameters(
    model: type[StatusModel],
    move: Move,
    target: str,
    by: Actor,
    reason_code: str,
    reason_text: str,
    data: Any,
) -> dict[str, Any]:
    return {
        "seller": current_seller_id(),
        "machine": model.machine,
        "move": move.name,
        "target": target,
        "event": move.event,
        "actor_kind": by.kind.value,
        "actor_id": by.id[:60],
        "actor_label": by.label[:160],
        "reason_code": reason_code,
        "reason_text": reason_text,
        "data": json.dumps(data or {}),
        "request_id": logs.request_id.get()[:40],
        "now": clock.now(),
    }


def _write(
    model: type[StatusModel],
    move: Move,
    ids: Sequence[int],
    values: dict[str, Any],
    parameters: dict[str, Any],
    version: int | None,
) -> dict[int, int]:
    """Run the one statement; returns {id: new version} of the rows that moved."""
    columns = ""
    for attname, value in values.items():
        field: Any = model._meta.get_field(attname)
        columns += f', "{field.column}" = %(set_{attname})s'
        parameters[f"set_{attname}"] = field.get_db_prep_save(value, connection)
    only_version = ""
    if version is not None:
        only_version, parameters["version"] = " AND version = %(version)s", version
    sql = _MOVE_SQL.format(table=f'"{model._meta.db_table}"', columns=columns, only_version=only_version)
    with connection.cursor() as cursor:
        cursor.execute(sql, {**parameters, "ids": list(ids), "sources": list(move.sources)})
        moved: dict[int, int] = dict(cursor.fetchall())
    if moved:
        events.ring_after_commit()
    return moved


def save_transition(
    obj: S, *, by: Actor, reason_code: str = "", reason_text: str = "", data: dict[str, Any] | None = None
) -> S:
    """Make the moves that were just called on `obj` true: row (version + 1), history row, outbox row.

    Raises Forbidden when this actor may not make the move, Conflict when somebody moved it in between.
    Needs an open transaction; writes the changed columns of this row and nothing else.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("save_transition needs an open transaction.")
    if len(obj.pending_moves) != 1:
        raise RuntimeError(f"One move at a time; {len(obj.pending_moves)} are pending.")
    pending = obj.pending_moves.pop()
    _check_actor(pending.move, by)
    values = {
        f.attname: obj.__dict__[f.attname]
        for f in obj._meta.concrete_fields
        if f.attname in obj.__dict__
        and f.attname not in {"status", "version", "id", "seller_id"}
        and obj.__dict__[f.attname] != pending.before.get(f.attname)
    }
    model = type(obj)
    parameters = _parameters(model, pending.move, str(obj.status), by, reason_code, reason_text, data)
    moved = _write(model, pending.move, [obj.pk], values, parameters, obj.version)
    if not moved:
        raise Conflict(_("Somebody changed this a moment ago. Look at it again; nothing was changed now."))
    obj.version = moved[obj.pk]
    return obj


def save_transitions(
    model: type[StatusModel],
    move_name: str,
    ids: Sequence[int],
    *,
    by: Actor,
    reason_code: str = "",
    reason_text: str = "",
    values: dict[str, Any] | None = None,
) -> dict[int, int]:
    """The same for many rows of the current seller: those still in a source state move, the rest stay.

    The move must have one target; its conditions are the caller's WHERE. Returns {id: new version}.
    """
    move = move_named(model, move_name)
    if len(move.targets) != 1:
        raise ValueError(f"{move_name} has several targets; use save_transition.")
    _check_actor(move, by)
    parameters = _parameters(model, move, move.targets[0], by, reason_code, reason_text, None)
    return _write(model, move, ids, values or {}, parameters, None)


def record_creation(
    obj: S,
    *,
    move: str,
    by: Actor,
    reason_code: str = "",
    reason_text: str = "",
    data: dict[str, Any] | None = None,
) -> S:
    """Save a new object with version 1, its first history row and its outbox row."""
    model = type(obj)
    creation = move_named(model, move)
    _check_actor(creation, by)
    if str(obj.status) not in creation.targets:
        raise ValueError(f"{move} does not lead to {obj.status}.")
    obj.version = 1
    obj.save(force_insert=True)
    parameters = _parameters(model, creation, str(obj.status), by, reason_code, reason_text, data)
    with connection.cursor() as cursor:
        cursor.execute(_CREATION_SQL, {**parameters, "id": obj.pk, "public_id": obj.public_id})  # type: ignore[attr-defined]
    events.ring_after_commit()
    return obj
