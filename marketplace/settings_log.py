"""Who changed which setting, from what to what: one append-only log per seller, read by its whole team."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise

from marketplace import clock
from marketplace.actors import Actor
from marketplace.models import SettingsChange


@dataclass(frozen=True, slots=True)
class Change:
    """One setting, before and after, in the words of the page."""

    name: str | Promise
    before: str | Promise
    after: str | Promise

    @property
    def is_real(self) -> bool:
        return str(self.before) != str(self.after)


def real(changes: Iterable[Change]) -> list[Change]:
    return [change for change in changes if change.is_real]


def record_change(area: str, subject: str, changes: Iterable[Change], *, by: Actor) -> SettingsChange | None:
    """Write it down in this transaction, inside the seller's scope; nothing where nothing changed."""
    rows = [
        {"name": str(change.name), "before": str(change.before)[:500], "after": str(change.after)[:500]}
        for change in real(changes)
    ]
    if not rows:
        return None
    row: SettingsChange = SettingsChange.objects.create(
        area=area,
        subject=subject[:200],
        changes=rows,
        actor_kind=by.kind,
        actor_id=by.id[:60],
        actor_label=by.label[:160],
        at=clock.now(),
    )
    return row
