"""Why this seller can not see that row: the scope, the fail-closed manager and the tenant's foreign key.

Three layers, each of which must hold alone: the manager adds `seller_id = current` and raises without
a scope; row-level security in the database does the same for every statement (`database_guard.py`);
composite foreign keys `(seller_id, ...)` make a reference across sellers impossible to store.
"""

from __future__ import annotations

import contextlib
import contextvars
import enum
import hashlib
import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.conf import settings
from django.db import connection, models, transaction

from marketplace import clock

if TYPE_CHECKING:
    from marketplace.models import Seller

T = TypeVar("T")


class Role(enum.StrEnum):
    """Database roles that the login role may become; none owns a table or bypasses row-level security."""

    APP = "redress_app"
    SYSTEM = "redress_system"
    SUPPORT = "redress_support"
    BUYER = "redress_buyer"


class NoTenant(RuntimeError):
    """A tenant's table was asked for outside `scope()`: a programming error, never a wrong answer."""


@dataclass(frozen=True, slots=True)
class Scope:
    seller_id: int | None
    role: Role
    buyer_id: int | None
    moment: datetime
    # What the reading that came with the opening found, and what was read once and holds for the rest of it.
    opening: tuple[Any, ...] = ()
    remembered: dict[str, Any] = field(default_factory=dict, compare=False)


_current: contextvars.ContextVar[Scope | None] = contextvars.ContextVar("tenant_scope", default=None)
# The isolation tests switch one layer off to prove that the other holds alone.
switched_off: set[str] = set()
role_names: dict[Role, str] = {role: role.value for role in Role}


def current() -> Scope | None:
    return _current.get()


def current_seller_id() -> int:
    scope_ = _current.get()
    if scope_ is None or scope_.seller_id is None:
        raise NoTenant("No seller is set. Enter marketplace.tenancy.scope(seller_id) first.")
    return scope_.seller_id


@dataclass(frozen=True, slots=True)
class Reading:
    """A SELECT of at most one row of the seller, which travels in the round trip that opens the scope."""

    sql: str
    values: tuple[Any, ...]


def _set(seller_id: int | None, role: Role, buyer_id: int | None, reading: Reading | None = None) -> tuple[Any, ...]:
    """One round trip: the role, the tenant, the time that this scope will call now, and the reading."""
    seller = "" if seller_id is None else str(int(seller_id))
    buyer = "" if buyer_id is None else str(int(buyer_id))
    moment = "SELECT clock_timestamp()"
    values: tuple[Any, ...] | None = None
    if reading is not None:
        moment = f"SELECT opened.at, found.* FROM ({moment} AS at) AS opened LEFT JOIN ({reading.sql}) AS found ON true"
        values = reading.values
    with connection.cursor() as cursor:
        cursor.execute(
            f"SET LOCAL ROLE {role_names[role]}; SET LOCAL app.seller_id = '{seller}';"
            f" SET LOCAL app.buyer_id = '{buyer}'; {moment}",
            values,
        )
        return cursor.fetchone()  # type: ignore[no-any-return]


def _reset(outer: Scope | None) -> None:
    if outer is not None:
        _set(outer.seller_id, outer.role, outer.buyer_id)
        return
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE; SET LOCAL app.seller_id = ''; SET LOCAL app.buyer_id = ''")


@contextlib.contextmanager
def _enter(seller_id: int | None, role: Role, buyer_id: int | None, reading: Reading | None = None) -> Iterator[None]:
    outer = _current.get()
    if outer is not None and (outer.seller_id, outer.role, outer.buyer_id) == (seller_id, role, buyer_id):
        with transaction.atomic():
            yield
        return
    if outer is not None and outer.seller_id is not None and seller_id not in {outer.seller_id, None}:
        raise NoTenant("A scope of one seller may not open a scope of another.")
    with transaction.atomic():
        moment, *opening = _set(seller_id, role, buyer_id, reading)
        scope_token = _current.set(Scope(seller_id, role, buyer_id, moment, tuple(opening)))
        clock_token = clock.keep(moment)
        try:
            yield
        finally:
            _current.reset(scope_token)
            clock.release(clock_token)
        # SET LOCAL outlives a released savepoint, so put back what the outer transaction had.
        # (A rolled-back savepoint undoes it by itself.)
        if not connection.needs_rollback and (outer is not None or len(connection.savepoint_ids) > 0):
            _reset(outer)


def scope(
    seller_id: int, *, role: Role = Role.APP, buyer_id: int | None = None, reading: Reading | None = None
) -> contextlib._GeneratorContextManager[None]:
    """Everything inside sees the rows of this one seller, in one transaction; also usable as a decorator.

    What the `reading` of an outermost scope found is its `current().opening`, None in each column without a row.
    """
    return _enter(int(seller_id), role, buyer_id, reading)


def remembered(name: str, read: Callable[[], T]) -> T:
    """What `read` gives, read once in this scope. Whoever writes it calls `forget(name)`."""
    scope_ = _current.get()
    if scope_ is None or scope_.seller_id is None:
        raise NoTenant("What holds for a scope is remembered inside one.")
    memory = scope_.remembered
    if name not in memory:
        memory[name] = read()
    found: T = memory[name]
    return found


def forget(name: str) -> None:
    scope_ = _current.get()
    if scope_ is not None:
        scope_.remembered.pop(name, None)


@contextlib.contextmanager
def of_any_seller(seller: Any) -> Iterator[None]:
    """For `prepared.py`: questions are made with a place for the seller; none is asked in here."""
    token = _current.set(Scope(seller, Role.APP, None, clock.EPOCH))
    try:
        yield
    finally:
        _current.reset(token)


def system_scope() -> contextlib._GeneratorContextManager[None]:
    """For sweeps: sees the due rows of all sellers, may lock and claim them; does no seller's work."""
    return _enter(None, Role.SYSTEM, None)


def support_scope() -> contextlib._GeneratorContextManager[None]:
    """For the support queue and id look-up across sellers: ids and states, no personal data, no text."""
    return _enter(None, Role.SUPPORT, None)


_is_all_or_nothing: contextvars.ContextVar[bool] = contextvars.ContextVar("all_or_nothing", default=False)


@contextlib.contextmanager
def all_or_nothing() -> Iterator[None]:
    """A door that calls one service, and gives up the whole transaction when that refuses."""
    token = _is_all_or_nothing.set(True)
    try:
        yield
    finally:
        _is_all_or_nothing.reset(token)


@contextlib.contextmanager
def in_transaction() -> Iterator[None]:
    """What a service changes happens wholly or not at all: by a savepoint, unless its door gives up all anyhow."""
    with transaction.atomic(savepoint=not _is_all_or_nothing.get()):
        yield


class TenantManager(models.Manager[Any]):
    """Adds `seller_id = current` to every query, and refuses to answer without a scope."""

    def get_queryset(self) -> models.QuerySet[Any]:
        seller_id = current_seller_id()
        queryset = super().get_queryset()
        if "manager" in switched_off:
            return queryset
        return queryset.filter(seller_id=seller_id)

    def none(self) -> models.QuerySet[Any]:
        """No rows: the one question that needs no seller (filters and documents ask it to learn the model)."""
        return super().get_queryset().none()

    def create(self, **kwargs: Any) -> Any:
        if "seller" not in kwargs:
            kwargs.setdefault("seller_id", current_seller_id())
        return super().create(**kwargs)

    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> Any:
        objs = list(objs)
        for obj in objs:
            if obj.seller_id is None:
                obj.seller_id = current_seller_id()
        return super().bulk_create(objs, *args, **kwargs)


class AcrossSellersManager(models.Manager[Any]):
    """All sellers' rows, for the system and support roles only."""

    def get_queryset(self) -> models.QuerySet[Any]:
        scope_ = _current.get()
        if scope_ is None or scope_.role not in {Role.SYSTEM, Role.SUPPORT}:
            raise NoTenant("Rows of all sellers are read in system_scope() or support_scope() only.")
        return super().get_queryset()


@dataclass(frozen=True, slots=True)
class Reach:
    """What the roles beside redress_app may do with a table; column lists narrow a SELECT or UPDATE.

    `buyer` is a SQL condition under which redress_buyer may read a row; `{buyer}` stands for the buyer's id.
    """

    app: str = "SELECT, INSERT, UPDATE, DELETE"
    system: str = ""
    support: str = ""
    buyer: str = ""
    guard: bool = False  # the database's own triggers read this table


class TenantModel(models.Model):
    """A row of one seller."""

    seller: models.ForeignKey[Seller, Seller] = models.ForeignKey(
        "marketplace.Seller", on_delete=models.PROTECT, related_name="+", db_index=False, editable=False
    )

    objects = TenantManager()
    across_sellers = AcrossSellersManager()
    reach: ClassVar[Reach] = Reach()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.seller_id:
            self.seller_id = current_seller_id()
        super().save(*args, **kwargs)


class TenantForeignKey(models.ForeignKey[Any, Any]):
    """A reference that can not leave its seller: `(seller_id, x_id) -> (seller_id, id)`.

    Django keeps the single-column view of it; the composite constraint is made by `database_guard.py`.
    """

    def __init__(self, to: Any, on_delete: Any, **kwargs: Any) -> None:
        kwargs["db_constraint"] = False
        super().__init__(to, on_delete, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("db_constraint", None)
        return name, path, args, kwargs


def tenant_models() -> list[type[TenantModel]]:
    from django.apps import apps

    return [m for m in apps.get_models() if issubclass(m, TenantModel) and not m._meta.proxy]


def key_hash(kind: str, secret: str) -> str:
    """The keyed hash under which a secret is stored; hex, 64 characters."""
    return hmac.new(settings.SECRET_KEY.encode(), f"{kind}\0{secret}".encode(), hashlib.sha256).hexdigest()


def key_hashes(kind: str, secret: str) -> list[str]:
    """The hashes under which a secret may lie: by today's key, and by the keys before the last rotations."""
    text = f"{kind}\0{secret}".encode()
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return [hmac.new(key.encode(), text, hashlib.sha256).hexdigest() for key in keys]


def resolve(kind: str, secret: str) -> int | None:
    """Which seller a secret or public handle belongs to, before any tenant is set; None if unknown."""
    from marketplace.models import Route

    keys = key_hashes(kind, secret)
    return Route.objects.filter(kind=kind, key_hash__in=keys).values_list("seller_id", flat=True).first()
