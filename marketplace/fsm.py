"""Which move is legal from here, for whom: our typed adapter of django-fsm-2 (the only importer of it).

It adds what the package leaves open: the actor check, the refusal by name, the guard against a move that
nobody recorded, a `refresh_from_db` that stays protected, and the table from which the database refuses
the same moves by any other road (`database_guard.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, wraps
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import django_fsm
from django.db import models
from django.utils.translation import gettext as _

from marketplace.actors import ActorKind
from marketplace.errors import WrongState
from marketplace.tenancy import TenantModel

F = TypeVar("F", bound=Callable[..., Any])
Condition = Callable[[Any], None]  # raises a DomainError that says why not


class UnrecordedTransition(RuntimeError):
    """A state was moved in memory and then saved without `save_transition`: a programming error."""


@dataclass(frozen=True, slots=True)
class Move:
    """One line of a machine: the bare verb, where from, where to, by whom, which event it announces."""

    name: str
    sources: tuple[str, ...]  # ("",) for a creation
    targets: tuple[str, ...]
    actors: frozenset[ActorKind]
    event: str

    def rows(self, machine: str) -> list[tuple[str, str, str, str, str]]:
        """(machine, move, source, target, actor_kind) as the database's fsm_move holds them."""
        return [
            (machine, self.name, source, target, actor.value)
            for source in self.sources
            for target in self.targets
            for actor in sorted(self.actors)
        ]


def status_field(status: type[models.TextChoices], default: str) -> Any:
    """The protected state column of a machine."""
    return django_fsm.FSMField(max_length=24, choices=status.choices, default=default, protected=True, editable=False)


def _states(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (str(value),)
    return tuple(str(item) for item in value)


def transition(
    *,
    source: Any,
    target: Any,
    actors: Iterable[ActorKind],
    event: str,
    conditions: Sequence[Condition] = (),
) -> Callable[[F], F]:
    """Declare a move. With several targets the method returns the one it chose.

    A call from a wrong state raises WrongState; a condition raises its own DomainError.
    The call changes memory only; `save_transition` makes it true.
    """
    sources, targets = _states(source), _states(target)

    def decorate(method: F) -> F:
        move = Move(method.__name__, sources, targets, frozenset(actors), event)
        fsm_target: Any = targets[0] if len(targets) == 1 else django_fsm.RETURN_VALUE(*targets)
        inner = django_fsm.transition(field="status", source=list(sources), target=fsm_target, custom={"move": move})(
            method
        )

        @wraps(inner)
        def call(self: StatusModel, *args: Any, **kwargs: Any) -> Any:
            current = str(self.status)
            if current not in sources:
                raise WrongState(
                    _("This is %(state)s by now, so it can not be done. Nothing was changed.")
                    % {"state": self.get_status_display().lower()},
                    current=current,
                    move=move.name,
                )
            for condition in conditions:
                condition(self)
            before = {f.attname: self.__dict__.get(f.attname) for f in self._meta.concrete_fields}
            result = inner(self, *args, **kwargs)
            self.__dict__["status"] = str(self.status)
            self.pending_moves.append(PendingMove(move, current, before))
            return result

        call.declared_move = move  # type: ignore[attr-defined]
        return call  # type: ignore[return-value]

    return decorate


def creation(name: str, *, target: Any, actors: Iterable[ActorKind], event: str) -> Move:
    """Declare how an object of the machine may come to be; listed in `creations` of the model."""
    return Move(name, ("",), _states(target), frozenset(actors), event)


@dataclass(frozen=True, slots=True)
class PendingMove:
    move: Move
    source: str
    before: dict[str, Any]


MACHINES: dict[str, type[StatusModel]] = {}


class StatusModel(TenantModel):
    """A record with one machine; `version` counts its recorded moves, creation being 1."""

    machine: ClassVar[str] = ""
    creations: ClassVar[tuple[Move, ...]] = ()

    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        abstract = True

    if TYPE_CHECKING:  # every concrete class declares it with status_field()
        status: str

        def get_status_display(self) -> str: ...

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.machine:
            MACHINES[cls.machine] = cls

    @property
    def pending_moves(self) -> list[PendingMove]:
        return self.__dict__.setdefault("_pending", [])  # type: ignore[no-any-return]

    def refresh_from_db(self, using: Any = None, fields: Any = None, from_queryset: Any = None) -> None:
        """Fresh from the database; unrecorded moves are forgotten."""
        self.pending_moves.clear()
        names = list(fields) if fields else [f.attname for f in self._meta.concrete_fields]
        if "status" in names:
            self.__dict__.pop("status", None)  # the descriptor lets a first value in
        super().refresh_from_db(using=using, fields=names, from_queryset=from_queryset)

    def clean_fields(self, exclude: Any = None) -> None:
        super().clean_fields(exclude={*(exclude or ()), "status"})

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pending_moves:
            raise UnrecordedTransition(f"{self.machine}.{self.pending_moves[-1].move.name} was not recorded.")
        if self.pk is not None and not self._state.adding and kwargs.get("update_fields") is None:
            kwargs["update_fields"] = [
                f.name
                for f in self._meta.concrete_fields
                if not f.primary_key and f.name not in {"status", "version", "seller"}
            ]
        super().save(*args, **kwargs)


def moves_of(model: type[StatusModel]) -> list[Move]:
    """Every move of a machine, creations first, in the order of the class body."""
    listed = list(model.creations)
    for klass in reversed(model.__mro__):
        for value in vars(klass).values():
            move = getattr(value, "declared_move", None)
            if isinstance(move, Move):
                listed.append(move)
    return listed


@cache
def move_named(model: type[StatusModel], name: str) -> Move:
    for move in moves_of(model):
        if move.name == name:
            return move
    raise KeyError(f"{model.machine} has no move {name!r}")


def all_rows() -> list[tuple[str, str, str, str, str]]:
    """The whole fsm_move table, sorted."""
    return sorted({row for model in MACHINES.values() for move in moves_of(model) for row in move.rows(model.machine)})


def statuses(model: type[StatusModel]) -> dict[str, Any]:
    """The states of a machine with their words, in the order of its Status."""
    field: Any = model._meta.get_field("status")  # type: ignore[misc]
    return dict(field.choices)


def mermaid(machine: str) -> str:
    """The machine as a Mermaid state diagram, made from the code."""
    model = MACHINES[machine]
    lines = ["stateDiagram-v2"]
    for move in moves_of(model):
        who = ", ".join(sorted(actor.value for actor in move.actors))
        for source in move.sources:
            for target in move.targets:
                lines.append(f"    {source or '[*]'} --> {target}: {move.name} ({who})")
    with_exit = {source for move in moves_of(model) for source in move.sources}
    for value in statuses(model):
        if value not in with_exit:
            lines.append(f"    {value} --> [*]")
    return "\n".join(lines) + "\n"
