"""When is it due: the seller's versioned rule for this channel and moment, else the app's constant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from django.utils.functional import Promise

from marketplace import tenancy
from marketplace.prepared import Prepared

if TYPE_CHECKING:
    from marketplace.models import DeadlineRule

REMEMBERED = "deadline rules"  # by this name a scope remembers the seller's rules
# A person who was invited has a week to press (our own choice; the link is worth an account).
INVITATION_VALID_FOR = timedelta(days=7)
# A support agent sees a seller's data for so long after giving a reason (reliability.md 3.4).
SUPPORT_LOOK_FOR = timedelta(minutes=30)
# After a rotation the old API key works for so long, so that programs can be changed over.
KEY_OVERLAP = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class DeadlineKind:
    """A time limit that a seller may set for themselves; `default` None: the sales channel says it."""

    kind: str
    label: str | Promise
    default: timedelta | None
    source: str | Promise  # where the default comes from
    least: timedelta = timedelta(hours=1)
    most: timedelta = timedelta(days=365)
    # (channel code or "", new limit) -> a sentence about what would have been different in the last 90 days
    effect: Callable[[str, timedelta], str] | None = None


KINDS: dict[str, DeadlineKind] = {}


def register_kind(kind: DeadlineKind) -> None:
    """Called by an app at start-up for each limit it asks `due()` about; the settings page lists them."""
    KINDS[kind.kind] = kind


def due(kind: str, *, channel: str, start: datetime, default: timedelta) -> datetime:
    """`start` plus the limit that was in force at `start`; exact hours, never local days (T3)."""
    rule = rule_for(kind, channel=channel, start=start)
    return start + (timedelta(seconds=rule.seconds) if rule else default)


def rule_for(kind: str, *, channel: str, start: datetime) -> DeadlineRule | None:
    """The seller's rule in force at `start`: the channel's own before the one for all channels, newest first."""
    for rule in _rules_of_the_seller():
        is_meant = rule.kind == kind and rule.channel in {"", channel}
        if is_meant and rule.valid_from <= start and (rule.valid_to is None or rule.valid_to > start):
            return rule
    return None


def _rules_of_the_seller() -> list[DeadlineRule]:
    """All of them, read once in a scope; the most particular and the newest first."""
    return tenancy.remembered(REMEMBERED, lambda: list(_rules().all()))


@cache
def _rules() -> Prepared[DeadlineRule]:
    from marketplace.models import DeadlineRule

    return Prepared(lambda: DeadlineRule.objects.order_by("-channel", "-valid_from", "-id"))
