"""How a long list is paged: by key, never by offset, so that the millionth row costs what the first does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.core import signing
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import BooleanField, Func, Model, QuerySet, Value
from django.db.models.expressions import F
from django.utils.translation import gettext as _

from marketplace.errors import Refused

M = TypeVar("M", bound=Model)
_SALT = "redress.paging"
COUNT_CAP = 1000


@dataclass(frozen=True, slots=True)
class Sort:
    """A total order: columns without NULLs, the last one unique; all of them up or all of them down."""

    key: str
    fields: tuple[str, ...]
    is_descending: bool = False

    def order_by(self, *, is_reversed: bool = False) -> list[str]:
        sign = "-" if self.is_descending != is_reversed else ""
        return [sign + name for name in self.fields]


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """One page; a cursor is empty where there is nothing further on that side."""

    items: list[M]
    next: str = ""
    previous: str = ""

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True)
class Count:
    """Exact up to the cap; beyond it only "1,000+" is known."""

    value: int
    is_capped: bool = False

    def __str__(self) -> str:
        return f"{self.value:,}+" if self.is_capped else f"{self.value:,}"

    def __bool__(self) -> bool:
        return self.value > 0

    @property
    def shown(self) -> int | str:
        """For a tab: the figure, or "1,000+"."""
        return str(self) if self.is_capped else self.value


NONE = Count(0)


class RowIs(Func):
    """`(a, b) < (x, y)`: one range of an index on (a, b), where OR-ed comparisons would be a filter."""

    output_field = BooleanField()
    conditional = True

    def __init__(self, names: Sequence[str], operator: str, values: Sequence[Any]) -> None:
        super().__init__(*(F(name) for name in names), *(Value(value) for value in values))
        self.operator = operator

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        parts, params = [], []
        for expression in self.source_expressions:
            part, own = compiler.compile(expression)
            parts.append(part)
            params.extend(own)
        half = len(parts) // 2
        return f"({', '.join(parts[:half])}) {self.operator} ({', '.join(parts[half:])})", params


def page_of(queryset: QuerySet[M], *, sort: Sort, cursor: str = "", size: int = 50) -> Page[M]:
    """The page of `queryset` (unsliced) that the cursor names; the first one without.

    What `select_related` names is joined to the page alone: joined to the whole list, a wrong guess about the
    joined table lets the planner read all of it, and under row-level security it can only guess.
    Raises Refused `cursor_not_valid` for a cursor that we did not make, or made for another order.
    """
    size = max(1, min(size, 500))
    is_back, edge = _read(cursor, sort) if cursor else (False, None)
    order = sort.order_by(is_reversed=is_back)
    rows = queryset.order_by(*order)
    if edge is not None:
        rows = rows.filter(RowIs(sort.fields, "<" if sort.is_descending != is_back else ">", edge))
    items = list(_joined_late(rows, order, size + 1))
    has_more, items = len(items) > size, items[:size]
    if is_back:
        items.reverse()
    if not items:
        return Page([])
    has_next, has_previous = (True, has_more) if is_back else (has_more, edge is not None)
    return Page(
        items,
        next=_cursor(sort, items[-1], is_back=False) if has_next else "",
        previous=_cursor(sort, items[0], is_back=True) if has_previous else "",
    )


def _joined_late(rows: QuerySet[M], order: list[str], size: int) -> QuerySet[M]:
    """The first `size` of the ordered rows, joined only then."""
    if not rows.query.select_related or rows.query.annotations:
        return rows[:size]
    few = rows.select_related(None).values("pk")[:size]
    joined: QuerySet[M] = rows.model._default_manager.filter(pk__in=few).order_by(*order)
    joined.query.select_related = rows.query.select_related
    lookups = rows._prefetch_related_lookups  # type: ignore[attr-defined]  # noqa: SLF001
    return joined.prefetch_related(*lookups) if lookups else joined


def _cursor(sort: Sort, row: Model, *, is_back: bool) -> str:
    values = [getattr(row, name) for name in sort.fields]
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return signing.dumps([sort.key, int(is_back), *plain], salt=_SALT, compress=True)


def _read(cursor: str, sort: Sort) -> tuple[bool, list[Any]]:
    refusal = Refused(_("This page can not be found any more. Start from the first."), code="cursor_not_valid")
    try:
        key, is_back, *values = signing.loads(cursor, salt=_SALT)
        edge = [datetime.fromisoformat(value) if isinstance(value, str) else value for value in values]
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise refusal from error
    if key != sort.key or len(edge) != len(sort.fields):
        raise refusal
    return bool(is_back), edge


def capped_counts(querysets: dict[str, QuerySet[Any]], *, cap: int = COUNT_CAP) -> dict[str, Count]:
    """How many rows each queryset has, in one round trip that reads at most `cap + 1` of each.

    Give the querysets the order of an index: without one the planner may look for the first thousand rows of a
    seller by reading the table from its beginning, where there are only others'.
    """
    if not querysets:
        return {}
    parts: list[str] = []
    params: list[Any] = []
    for queryset in querysets.values():
        try:
            sql, own = queryset.values("pk")[: cap + 1].query.sql_with_params()
        except EmptyResultSet:  # Django knows without asking
            parts.append("0")
            continue
        parts.append(f"(SELECT count(*) FROM ({sql}) AS few)")
        params.extend(own)
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(parts), params)
        row = cursor.fetchone()
    return {key: Count(min(int(found), cap), int(found) > cap) for key, found in zip(querysets, row, strict=True)}
