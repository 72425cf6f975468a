"""Rows written at every request: one plain statement, without what Django's save and bulk_create do around it.

The seller is filled in from the scope. No signals are sent (this house has none), nothing is read back but the ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Field

from marketplace.fsm import StatusModel, UnrecordedTransition
from marketplace.tenancy import TenantModel, current_seller_id


@cache
def written_fields(model: type[TenantModel]) -> tuple[Field[Any, Any], ...]:
    """The columns of a new row; the database makes the id."""
    return tuple(field for field in model._meta.concrete_fields if not field.primary_key)


@cache
def insert_sql(model: type[TenantModel]) -> str:
    """`INSERT INTO table (columns) VALUES`, for trusted names from Django's model metadata."""
    columns = ", ".join(f'"{field.column}"' for field in written_fields(model))
    return f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES'


@cache
def placeholders(model: type[TenantModel]) -> str:
    return "(" + ", ".join(["%s"] * len(written_fields(model))) + ")"


def values_of(obj: TenantModel) -> list[Any]:
    """What goes into the columns, in their order; the seller is the scope's."""
    if not obj.seller_id:
        obj.seller_id = current_seller_id()
    return [field.get_db_prep_save(field.pre_save(obj, True), connection) for field in written_fields(type(obj))]


def insert(rows: Iterable[TenantModel]) -> None:
    """New rows of one model, in one statement; each gets its id."""
    rows = list(rows)
    if not rows:
        return
    model = type(rows[0])
    sql = f"{insert_sql(model)} {', '.join([placeholders(model)] * len(rows))} RETURNING id"
    with connection.cursor() as cursor:
        cursor.execute(sql, [value for row in rows for value in values_of(row)])
        ids = cursor.fetchall()
    for row, (pk,) in zip(rows, ids, strict=True):
        is_stored(row, pk)


def insert_new(rows: Sequence[TenantModel]) -> int:
    """The same for those that are not there yet; how many were. A single one that was new gets its id."""
    if not rows:
        return 0
    model = type(rows[0])
    places = ", ".join([placeholders(model)] * len(rows))
    with connection.cursor() as cursor:
        cursor.execute(
            f"{insert_sql(model)} {places} ON CONFLICT DO NOTHING RETURNING id",
            [value for row in rows for value in values_of(row)],
        )
        ids = cursor.fetchall()
    if len(rows) == len(ids) == 1:
        is_stored(rows[0], ids[0][0])
    return len(ids)


def is_stored(row: TenantModel, pk: int) -> None:
    """From now on Django knows the object as a row of the database."""
    row.pk, row._state.adding, row._state.db = pk, False, connection.alias


def update(row: TenantModel, names: Sequence[str]) -> None:
    """Write these fields of a row that is there; never the state of a machine, which has its own statement."""
    if isinstance(row, StatusModel) and (row.pending_moves or {"status", "version"} & set(names)):
        raise UnrecordedTransition(f"A state of {row.machine} is moved by save_transition alone.")
    fields: list[Any] = [row._meta.get_field(name) for name in names]
    columns = ", ".join(f'"{field.column}" = %s' for field in fields)
    values = [field.get_db_prep_save(field.pre_save(row, False), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(
            f'UPDATE "{row._meta.db_table}" SET {columns} WHERE seller_id = %s AND id = %s',
            [*values, current_seller_id(), row.pk],
        )
        if cursor.rowcount != 1:
            raise RuntimeError(f"{row._meta.label} {row.pk} is not there any more.")
