"""A question that is asked at every request: Django makes its SQL once, each run only fills in the values.

Making the SQL of a join of wide tables costs Django several times what the database needs to answer it. The seller
is filled in from the scope and from nowhere else, so a prepared question fails closed as the manager does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import BooleanField, F, Func, Model, QuerySet, Value
from django.db.models.query import ModelIterable, get_related_populators

from marketplace import tenancy

M = TypeVar("M", bound=Model)
_SELLER = "the seller of the scope"


class _Given:
    """The place of a value in the parameters."""

    def __init__(self, name: str) -> None:
        self.name = name


def given(name: str) -> Any:
    """Stands in a filter for a value that each run brings: `filter(public_id=given("public_id"))`.

    The value goes to the database as it is: give what the column holds.
    """
    return Value(_Given(name))


class OneOf(Func):
    """`filter(OneOf("id", "ids"))`: the column holds one of the list that the run brings."""

    output_field = BooleanField()
    conditional = True
    template = "%(expressions)s)"
    arg_joiner = " = ANY("

    def __init__(self, field: str, name: str) -> None:
        super().__init__(F(field), given(name))


class Prepared(Generic[M]):
    """`Prepared(lambda: Order.objects.filter(public_id=given("public_id")))`, then `.first(public_id=...)`.

    The queryset gives objects of its model, with select_related, only, annotate and select_for_update; or tuples,
    with values_list. Nothing is prefetched. It is built at its first run.
    """

    def __init__(self, build: Callable[[], QuerySet[M, Any]]) -> None:
        self._build = build
        self._made: dict[bool, _Question] = {}

    def all(self, **values: Any) -> list[Any]:
        is_filtered = "manager" not in tenancy.switched_off
        question = self._made.get(is_filtered)
        if question is None:
            question = self._made[is_filtered] = _Question(self._build)
        return question.ask(values)

    def first(self, **values: Any) -> Any:
        """The first of `all`, or None; order and limit are the queryset's."""
        found = self.all(**values)
        return found[0] if found else None


class _Question:
    """The SQL with its places, and how a row becomes an object."""

    def __init__(self, build: Callable[[], QuerySet[Any, Any]]) -> None:
        with tenancy.of_any_seller(given(_SELLER)):
            queryset = build()
        self.compiler = queryset.query.get_compiler(connection=connection)
        self.sql, self.places = self.compiler.as_sql()
        select = self.compiler.select or []
        self.converters = self.compiler.get_converters([column[0] for column in select])
        self.is_of_a_seller = any(isinstance(place, _Given) and place.name == _SELLER for place in self.places)
        is_of_objects = issubclass(queryset._iterable_class, ModelIterable)  # noqa: SLF001
        self.model: type[Model] | None = queryset.model if is_of_objects else None
        if is_of_objects:
            info = self.compiler.klass_info or {}
            start, end = info["select_fields"][0], info["select_fields"][-1] + 1
            self.cells = slice(start, end)
            self.names = [column[0].target.attname for column in select[start:end]]
            self.related = get_related_populators(info, select, connection.alias)  # type: ignore[call-arg]
            self.annotations = list((self.compiler.annotation_col_map or {}).items())

    def ask(self, values: dict[str, Any]) -> list[Any]:
        if self.is_of_a_seller:
            values[_SELLER] = tenancy.current_seller_id()
        parameters = [values[place.name] if isinstance(place, _Given) else place for place in self.places]
        with connection.cursor() as cursor:
            cursor.execute(self.sql, parameters)
            rows: list[Any] = cursor.fetchall()
        if self.converters:
            rows = list(self.compiler.apply_converters(rows, self.converters))
        return [tuple(row) for row in rows] if self.model is None else [self._object(row) for row in rows]

    def _object(self, row: tuple[Any, ...]) -> Model:
        assert self.model  # noqa: S101
        found: Model = self.model.from_db(connection.alias, self.names, row[self.cells])
        for populator in self.related:
            populator.populate(row, found)
        for name, column in self.annotations:
            setattr(found, name, row[column])
        return found
