"""What a kernel page needs from the apps: a registry that each app fills; and the portal's page context."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from marketplace import tenancy
from marketplace.actors import Actor, Permission


@dataclass(frozen=True, slots=True)
class RailEntry:
    """One line of the rail; `count` is how many things wait for this actor (capped at 1,000 by its selector)."""

    key: str
    label: Any
    url_name: str
    icon: str
    order: int
    count: Callable[[Actor], int | str] | None = None


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One row of a work list on Today."""

    title: str
    detail: str
    url: str
    due: datetime | None
    status_machine: str
    status: str
    action_label: str = ""
    action_url: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class WorkLists:
    late: list[WorkItem] = field(default_factory=list)
    today: list[WorkItem] = field(default_factory=list)
    waiting: list[WorkItem] = field(default_factory=list)
    late_count: int = 0
    today_count: int = 0
    waiting_count: int = 0


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the four figures on Today: value, target, direction, 30 daily points, and where its rows are.

    `trend` is "up", "down" or ""; `is_good` says whether that is welcome; the texts stand beside them.
    """

    key: str
    label: Any
    value: str
    count: str
    points: list[float | None]
    target: float | None
    url: str
    explanation: Any
    trend: str = ""
    trend_text: str = ""
    is_good: bool | None = None
    target_text: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """One result of the search box."""

    kind: Any
    title: str
    detail: str
    url: str


@dataclass(frozen=True, slots=True)
class Card:
    """A block about one order, on the order's page."""

    title: Any
    template: str
    context: dict[str, Any]
    order: int = 50


RAIL: list[RailEntry] = []
WORK: list[Callable[[Actor, datetime], WorkLists]] = []
FIGURES: list[Callable[[Actor, datetime], list[Figure]]] = []
SEARCH: list[Callable[[Actor, str], list[Hit]]] = []
ORDER_CARDS: list[Callable[[Any, Actor], Card | None]] = []
# Asked before an import is undone: sentences that say what refers to these orders.
ORDER_REFERENCES: list[Callable[[list[int]], list[str]]] = []

# Asked before a sales channel is changed: (channel, settings wanted) -> a sentence about the last 90 days, or "".
CHANNEL_EFFECTS: list[Callable[[Any, Any], str]] = []


def actor_of(request: HttpRequest) -> Actor:
    """Who is acting in this request; set by the tenant middleware."""
    actor: Actor | None = getattr(request, "actor", None)
    if actor is None:
        raise RuntimeError("No actor: this view runs outside the tenant middleware.")
    return actor


def context(request: HttpRequest) -> dict[str, Any]:
    """For every template of the portal: the rail with its counts, the sellers one may switch to."""
    actor: Actor | None = getattr(request, "actor", None)
    found: dict[str, Any] = {"actor": actor, "seller": getattr(request, "seller", None)}
    # A page of refusal may be made after the scope has ended: then without the rail, whose counts need it.
    if actor is None or not getattr(request, "is_portal", False) or tenancy.current() is None:
        return found
    found["rail"] = [_rail_line(entry, actor, request.path) for entry in sorted(RAIL, key=lambda entry: entry.order)]
    found["sellers"] = getattr(request, "sellers", [])
    found["search_url"] = reverse("search")
    found["demo"] = settings.REDRESS_DEMO
    if settings.REDRESS_DEMO:
        found["mailbox_url"] = reverse("mailbox:index")
    is_at_settings = request.path.startswith("/settings/")  # which say it themselves, at more length
    found["needs_second_factor"] = (
        actor.lacks_second_factor and Permission.REFUND in actor.permissions and not is_at_settings
    )
    found["switch_url"] = reverse("switch")
    found["account_links"] = [
        {"label": _("Your profile"), "url": reverse("settings:profile"), "icon": "circle-user"},
        {"label": _("Your mails"), "url": reverse("settings:notifications"), "icon": "bell"},
        {"label": _("Two-factor sign-in"), "url": reverse("mfa_index"), "icon": "lock"},
    ]
    return found


def _rail_line(entry: RailEntry, actor: Actor, path: str) -> dict[str, Any]:
    url = reverse(entry.url_name)
    return {
        "key": entry.key,
        "label": entry.label,
        "url": url,
        "icon": entry.icon,
        "count": entry.count(actor) if entry.count else 0,
        "active": path == url or (url != "/" and path.startswith(url)),
    }
