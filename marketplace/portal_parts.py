"""The shapes that a view hands to the recurring parts of a page: tabs, actions, timeline, steps, bar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.utils.functional import Promise

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Tab:
    """A saved view; `count` is a figure, "1,000+", or None for no figure."""

    label: Text
    url: str
    count: int | str | None = None
    active: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """A verb on a page. With a `reason` it is shown as not possible, and the reason is one press away."""

    label: Text
    url: str = ""
    icon: str = ""
    reason: Text = ""
    is_primary: bool = False
    is_danger: bool = False
    in_panel: bool = True


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that happened: who, a sentence in the past tense, when, and what it changed."""

    at: datetime
    actor_kind: str
    actor: Text
    sentence: Text
    machine: str = ""
    source: str = ""  # status before and after, where the entry is a move
    target: str = ""
    quote: str = ""  # what a person wrote
    is_note: bool = False  # only the seller's own team sees it
    is_failure: bool = False
    mail_url: str = ""
    mail_subject: str = ""
    mail_status: str = ""
    why: Text = ""
    icon: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One state in "where this stands"."""

    label: Text
    state: Literal["done", "now", "next"]
    at: datetime | None = None
    note: Text = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """What was paid for and what became of it, in minor units; a RefundBudget row has the same names."""

    cap_minor: int
    currency: str
    refunded_minor: int = 0
    reserved_minor: int = 0
    disputed_minor: int = 0
