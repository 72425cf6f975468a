"""How a move becomes true: row, history and outbox in one statement, for one object or for a thousand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from django.db import connection, transaction
from django.utils.translation import gettext as _

from marketplace import clock, events, logs, rows
from marketplace.actors import Actor
from marketplace.errors import Conflict, Forbidden
from marketplace.fsm import Move, StatusModel, move_named
from marketplace.tenancy import current_seller_id

S = TypeVar("S", bound=StatusModel)

# {table}, {columns}: trusted names from Django's model metadata; all values are parameters.
_MOVE_SQL = """
WITH old AS (
    SELECT id, status, version, public_id FROM {table}
    WHERE seller_id = %(seller)s AND id = ANY(%(ids)s) AND status = ANY(%(sources)s)
    ORDER BY id FOR UPDATE
), moved AS (
    UPDATE {table} AS t SET status = %(target)s, version = t.version + 1{columns}
    FROM old WHERE t.id = old.id AND t.seller_id = %(seller)s
    RETURNING t.id, t.version, old.status AS source, old.public_id
), {records}
SELECT id, version FROM moved
"""

# One object whose version is known: its row is locked and its source proved by the UPDATE itself.
_ONE_MOVE_SQL = """
WITH moved AS (
    UPDATE {table} SET status = %(target)s, version = version + 1{columns}
    WHERE seller_id = %(seller)s AND id = %(id)s AND version = %(version)s AND status = %(source)s
    RETURNING id, version, public_id, %(source)s AS source
), {records}
SELECT id, version FROM moved
"""

_CREATION_SQL = """
WITH moved AS (
    {insert} {places} RETURNING id, version, public_id, '' AS source
), {records}
SELECT id, version FROM moved
"""

_RECORDS_SQL = """history AS (
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
)"""


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


def _changes(model: type[StatusModel], values: dict[str, Any], parameters: dict[str, Any]) -> str:
    """The further columns of a move, for its SET; their values go to the parameters."""
    columns = ""
    for attname, value in values.items():
        field: Any = model._meta.get_field(attname)
        columns += f', "{field.column}" = %(set_{attname})s'
        parameters[f"set_{attname}"] = field.get_db_prep_save(value, connection)
    return columns


def _run(sql: str, parameters: dict[str, Any], **parts: str) -> dict[int, int]:
    """One statement; returns {id: new version} of the rows that moved."""
    with connection.cursor() as cursor:
        cursor.execute(sql.format(records=_RECORDS_SQL, **parts), parameters)
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
    parameters |= {"id": obj.pk, "version": obj.version, "source": pending.source}
    columns = _changes(model, values, parameters)
    moved = _run(_ONE_MOVE_SQL, parameters, table=_table(model), columns=columns)
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
    parameters |= {"ids": list(ids), "sources": list(move.sources)}
    columns = _changes(model, values or {}, parameters)
    return _run(_MOVE_SQL, parameters, table=_table(model), columns=columns)


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
    row = {f"row_{number}": value for number, value in enumerate(rows.values_of(obj))}
    places = f"({', '.join(f'%({name})s' for name in row)})"
    parameters = _parameters(model, creation, str(obj.status), by, reason_code, reason_text, data)
    made = _run(_CREATION_SQL, parameters | row, insert=rows.insert_sql(model), places=places)
    rows.is_stored(obj, next(iter(made)))
    return obj


def _table(model: type[StatusModel]) -> str:
    return f'"{model._meta.db_table}"'
