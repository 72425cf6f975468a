"""What each app gives the support door: queue sections, ways to find a thing by its id, case pages with moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.actors import Actor, ActorKind
from marketplace.fsm import StatusModel, move_named
from marketplace.plain_forms import Paragraphs, PlainForm
from marketplace.portal_parts import Bar, Step, TimelineEntry
from marketplace.portal_words import status_word

Text = str | Promise
QUEUE_ROWS = 25  # shown per section; the count goes on to 1,000


@dataclass(frozen=True, slots=True)
class QueueRow:
    """Ids and states only: this is read without a reason given."""

    title: str
    seller_id: int
    kind: str
    public_id: str
    since: datetime | None
    machine: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True)
class QueueSection:
    title: Text
    explanation: Text
    rows: Sequence[QueueRow]
    count: int


@dataclass(frozen=True, slots=True)
class Found:
    """A hit of the search by id: what it is, whose it is, how it stands."""

    kind: str
    public_id: str
    title: str
    seller_id: int
    machine: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True)
class Related:
    kind: str
    public_id: str
    title: str
    machine: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True)
class CasePage:
    """One thing of one seller, read inside that seller's scope."""

    title: str
    subject: Any  # the object itself, for `why_not` of the moves
    machine: str = ""
    status: str = ""
    due: datetime | None = None
    facts: Sequence[tuple[Text, Any]] = ()
    lines: Sequence[str] = ()
    entries: Sequence[TimelineEntry] = ()
    steps: Sequence[Step] = ()
    related: Sequence[Related] = ()
    bar: Bar | None = None


class ReasonForm(PlainForm):
    """What every look and every move of support asks for."""

    reason = Paragraphs(
        label=gettext_lazy("Reason"),
        min_length=8,
        max_length=500,
        error_messages={"min_length": gettext_lazy("Say in a few words why: at least 8 characters.")},
        help_text=gettext_lazy("The ticket, or what the seller asked for. The seller can read it."),
    )


@dataclass(frozen=True, slots=True)
class SupportMove:
    """A verb on a case page; calls one service as the support agent. `why_not` is "" where it is possible."""

    name: str
    label: Text
    consequence: Text
    run: Callable[[str, Actor, dict[str, Any]], object]
    why_not: Callable[[Any], str]
    form: type[ReasonForm] = ReasonForm
    is_danger: bool = False


@dataclass(frozen=True, slots=True)
class CaseKind:
    """`locate` runs in support_scope() and gives the seller's id; `show` runs in that seller's scope."""

    kind: str
    label: Text
    locate: Callable[[str], int | None]
    show: Callable[[str], CasePage]
    moves: Sequence[SupportMove] = field(default_factory=tuple)


QUEUES: list[Callable[[datetime], QueueSection]] = []
FINDERS: list[Callable[[str, list[int]], list[Found]]] = []
CASES: dict[str, CaseKind] = {}
# What belongs to an order (returns, refunds), as links between cases; called in the seller's scope.
ORDER_RELATIONS: list[Callable[[Any], list[Related]]] = []


def register_case(kind: CaseKind) -> None:
    CASES[kind.kind] = kind


def not_from_here(model: type[StatusModel], move_name: str) -> Callable[[StatusModel], str]:
    """Why the machine does not allow this move now, in words; "" where it does."""
    move = move_named(model, move_name)
    if ActorKind.SUPPORT not in move.actors:
        raise ValueError(f"{model.machine}.{move_name} is not for support.")

    def why_not(obj: StatusModel) -> str:
        if str(obj.status) in move.sources:
            return ""
        states = ", ".join(str(status_word(model.machine, source).label) for source in move.sources)
        return _("Possible from: %(states)s.") % {"states": states}

    return why_not
