"""The story of one thing, for its page: moves, notes, messages and mails, oldest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from marketplace.actors import ActorKind
from marketplace.mail_timeline import mails_about
from marketplace.models import Note, StateTransition
from marketplace.portal_parts import TimelineEntry


@dataclass(frozen=True, slots=True)
class Said:
    """What a page says about a move: a sentence in the past tense, what was written, why it happened."""

    sentence: str
    quote: str = ""
    why: str = ""
    is_failure: bool = False


Tell = Callable[[StateTransition], Said]


def story(machine: str, object_id: int, tell: Tell) -> list[TimelineEntry]:
    """Moves, notes and mails of one object, in three queries."""
    moves = StateTransition.objects.filter(machine=machine, object_id=object_id).order_by("version")
    mails = _once_per_letter(mails_about(machine, object_id))
    return in_order([*told(moves, tell), *notes_about(machine, object_id), *mails])


def _once_per_letter(mails: Iterable[TimelineEntry]) -> list[TimelineEntry]:
    """The same letter to several people, with the same fate, is one entry."""
    letters: dict[tuple[str, str, str], list[TimelineEntry]] = {}
    for mail in mails:
        one = mail.mail_url if mail.is_failure else mail.at.isoformat(timespec="minutes")
        letters.setdefault((mail.mail_subject, mail.mail_status, one), []).append(mail)
    return [
        same[0]
        if len(same) == 1
        else replace(same[0], sentence=_("wrote to %(n)s people of your team.") % {"n": len(same)})
        for same in letters.values()
    ]


def told(moves: Iterable[StateTransition], tell: Tell) -> list[TimelineEntry]:
    """Moves as entries; a move that stays in its state shows no change of state."""
    found = []
    for move in moves:
        said = tell(move)
        is_change = move.source != move.target
        found.append(
            TimelineEntry(
                at=move.at,
                actor_kind=move.actor_kind,
                actor=who(move.actor_kind, move.actor_label),
                sentence=said.sentence,
                machine=move.machine,
                source=move.source if is_change else "",
                target=move.target if is_change else "",
                quote=said.quote,
                why=said.why,
                is_failure=said.is_failure,
            )
        )
    return found


def notes_about(machine: str, object_id: int) -> list[TimelineEntry]:
    """Notes of the team, messages to the buyer, facts noticed."""
    sentences = {
        Note.Kind.NOTE.value: _("wrote a note."),
        Note.Kind.MESSAGE.value: _("wrote to the buyer."),
        Note.Kind.FACT.value: _("noticed:"),
    }
    return [
        TimelineEntry(
            at=note.at,
            actor_kind=note.actor_kind,
            actor=who(note.actor_kind, note.actor_label),
            sentence=sentences[note.kind],
            quote=note.text,
            is_note=note.kind == Note.Kind.NOTE,
        )
        for note in Note.objects.filter(machine=machine, object_id=object_id).order_by("id")
    ]


def who(kind: str, label: str) -> str:
    """The name of an actor as pages show it."""
    fixed = {
        ActorKind.CLOCK.value: _("The clock"),
        ActorKind.SYSTEM.value: _("Redress"),
        ActorKind.PROVIDER.value: _("The payment provider"),
    }
    return fixed.get(kind) or label or str(ActorKind(kind).label)


def in_order(entries: list[TimelineEntry]) -> list[TimelineEntry]:
    """Oldest first; what happened in one moment stays in the order in which it was given."""
    return sorted(entries, key=lambda entry: entry.at)
