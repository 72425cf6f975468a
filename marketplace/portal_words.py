"""Which word, colour family and icon stands for a state, so that every page and mail says the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Family(StrEnum):
    """The five families of portal.md; the value is the CSS class `f-<value>`."""

    NEEDS_YOU = "amber"
    WAITS = "blue"
    DONE = "green"
    REFUSED = "red"
    ENDED = "grey"


@dataclass(frozen=True, slots=True)
class StatusWord:
    label: str | Promise
    family: Family
    icon: str


def _needs(label: str | Promise, icon: str = "circle-alert") -> StatusWord:
    return StatusWord(label, Family.NEEDS_YOU, icon)


def _waits(label: str | Promise, icon: str = "clock") -> StatusWord:
    return StatusWord(label, Family.WAITS, icon)


def _done(label: str | Promise, icon: str = "circle-check") -> StatusWord:
    return StatusWord(label, Family.DONE, icon)


def _refused(label: str | Promise, icon: str = "circle-x") -> StatusWord:
    return StatusWord(label, Family.REFUSED, icon)


def _ended(label: str | Promise, icon: str = "circle-minus") -> StatusWord:
    return StatusWord(label, Family.ENDED, icon)


# Keyed by machine, then by status; "return:buyer" is the same machine in the buyer's words.
STATUS_WORDS: dict[str, dict[str, StatusWord]] = {
    "return": {
        "PENDING_RESPONSE": _needs(_("Authorisation required")),
        "AUTHORISED": _waits(_("Authorised"), "package"),
        "IN_TRANSIT": _waits(_("In transit"), "truck"),
        "PARTIALLY_RECEIVED": _needs(_("Partly received"), "package-open"),
        "RECEIVED": _needs(_("Received"), "package-check"),
        "DENIED": _refused(_("Denied by seller")),
        "WITHDRAWN": _ended(_("Withdrawn by buyer"), "undo-2"),
        "EXPIRED": _ended(_("Expired"), "hourglass"),
        "CLOSED": _done(_("Closed")),
    },
    "return:buyer": {
        "PENDING_RESPONSE": _waits(_("Pending response from seller"), "hourglass"),
        "AUTHORISED": _needs(_("Authorised: send it back"), "package"),
        "IN_TRANSIT": _waits(_("On its way back"), "truck"),
        "PARTIALLY_RECEIVED": _waits(_("Partly received"), "package-open"),
        "RECEIVED": _waits(_("Received by the seller"), "package-check"),
        "DENIED": _refused(_("Denied by the seller")),
        "WITHDRAWN": _ended(_("Cancelled by you"), "undo-2"),
        "EXPIRED": _ended(_("Expired"), "hourglass"),
        "CLOSED": _done(_("Closed")),
    },
    "refund": {
        "VALIDATING": _waits(_("Being checked"), "hourglass"),
        "REVIEW": _needs(_("Second person needed"), "users"),
        "ON_HOLD": _needs(_("On hold"), "circle-pause"),
        "RESERVED": _waits(_("Reserved")),
        "SUBMITTED": _waits(_("With the provider"), "arrow-up-right"),
        "AWAITING_SELLER": _needs(_("Pay outside, then confirm"), "banknote"),
        "UNKNOWN": _needs(_("Outcome unknown"), "circle-question-mark"),
        "PENDING": _waits(_("Pending")),
        "COMPLETED": _done(_("Completed")),
        "VALIDATION_FAILED": _refused(_("Validation failed")),
        "FAILED": _refused(_("Failed")),
        "CANCELLED": _ended(_("Cancelled")),
    },
    "refund:buyer": {
        "PENDING": _waits(_("On its way to you")),
        "COMPLETED": _done(_("Refunded")),
        "VALIDATION_FAILED": _waits(_("Being looked into"), "eye"),
        "FAILED": _waits(_("Being looked into"), "eye"),
        "CANCELLED": _ended(_("Cancelled")),
    },
    "import": {
        "UPLOADED": _needs(_("Check the columns"), "file-up"),
        "CHECKING": _waits(_("Being checked"), "eye"),
        "CHECKED": _needs(_("Ready to import"), "eye"),
        "QUEUED": _waits(_("Queued")),
        "RUNNING": _waits(_("Running"), "refresh-cw"),
        "DONE": _done(_("Done")),
        "DONE_WITH_ERRORS": _needs(_("Done, some rows left out"), "triangle-alert"),
        "FAILED": _refused(_("Failed")),
        "UNDONE": _ended(_("Undone"), "undo-2"),
    },
    "order": {"NEEDS_ADDRESS": _needs(_("Buyer's address missing"), "mail-x")},
    "mail": {
        "QUEUED": _waits(_("Queued")),
        "PENDING": _waits(_("Queued")),
        "SENDING": _waits(_("Being sent"), "mail"),
        "SENT": _done(_("Sent"), "mail"),
        "RETRY": _waits(_("Will be tried again"), "refresh-cw"),
        "UNCONFIRMED": _needs(_("Handed over, not confirmed"), "mail"),
        "FAILED": _refused(_("Not delivered"), "mail-x"),
        "BOUNCED": _refused(_("Bounced"), "mail-x"),
        "SUPPRESSED": _ended(_("Not wanted"), "circle-slash"),
    },
}

ACTOR_ICONS = {
    "seller": "circle-user",
    "buyer": "shopping-bag",
    "api": "key",
    "clock": "clock",
    "system": "cog",
    "support": "shield-check",
    "provider": "banknote",
}


def register_status_words(machine: str, words: Mapping[str, StatusWord]) -> None:
    """Called in `AppConfig.ready()` by an app with a machine of its own, or with a word to replace."""
    STATUS_WORDS.setdefault(machine, {}).update(words)


def status_word(machine: str, status: str, audience: str = "") -> StatusWord:
    """An unknown status shows its raw code and never an invented meaning."""
    for key in (f"{machine}:{audience}", machine):
        word = STATUS_WORDS.get(key, {}).get(status)
        if word is not None:
            return word
    return StatusWord(status, Family.ENDED, "circle-question-mark")
