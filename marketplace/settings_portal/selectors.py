"""What the settings pages read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Prefetch
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from marketplace import clock
from marketplace.deadlines import KINDS, DeadlineKind, rule_for
from marketplace.models import AccountMail, ApiKey, DeadlineRule, Invitation, Membership, SettingsChange, SupportAccess
from marketplace.tenancy import current_seller_id

SHOWN = 100


def members() -> list[Membership]:
    """The team, owners first."""
    found = Membership.objects.filter(seller_id=current_seller_id()).select_related("user")
    return sorted(found, key=lambda member: (member.role != "owner", str(member.user).lower()))


def member(membership_id: int) -> Membership | None:
    found = Membership.objects.filter(seller_id=current_seller_id(), pk=membership_id)
    return found.select_related("user").first()


def open_invitations() -> list[Invitation]:
    """Those that were not accepted and not taken back, with what became of their mail."""
    now = clock.now()
    mails = Prefetch("mails", AccountMail.objects.defer("text", "html").order_by("-id"))
    return list(
        Invitation.objects.filter(seller_id=current_seller_id(), accepted_at=None, revoked_at=None, expires_at__gt=now)
        .select_related("invited_by")
        .prefetch_related(mails)
        .order_by("-id")
    )


def api_keys() -> list[ApiKey]:
    return list(ApiKey.objects.order_by("revoked_at", "-id"))


def settings_changes(limit: int = SHOWN) -> list[SettingsChange]:
    return list(SettingsChange.objects.order_by("-id")[:limit])


@dataclass
class Look:
    """One stay of a support agent: the reason given, and every page looked at."""

    who: str
    reason: str
    at: datetime
    until: datetime
    pages: list[SupportAccess]


def support_looks(limit: int = 500) -> list[Look]:
    """Every look of support into this seller's data, newest first."""
    rows = SupportAccess.objects.filter(seller_id=current_seller_id()).select_related("user").order_by("-id")[:limit]
    looks: dict[tuple[int, datetime], Look] = {}
    for row in rows:
        look = looks.setdefault((row.user_id, row.until), Look(str(row.user), row.reason, row.at, row.until, []))
        look.at = row.at
        look.pages.insert(0, row)
    return list(looks.values())


# --- deadlines -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Limit:
    """One time limit: what holds by default, and the seller's own rules for it."""

    kind: DeadlineKind
    default: str
    now: str
    rules: list[DeadlineRule]


def limits() -> list[Limit]:
    now = clock.now()
    rules: dict[str, list[DeadlineRule]] = {}
    for rule in DeadlineRule.objects.order_by("channel", "-valid_from", "-id"):
        rules.setdefault(rule.kind, []).append(rule)
    return [
        Limit(kind, default_text(kind), limit_in_force(kind.kind, "", now), rules.get(kind.kind, []))
        for kind in KINDS.values()
    ]


def default_text(kind: DeadlineKind) -> str:
    return span(kind.default) if kind.default is not None else _("as the sales channel says")


def limit_in_force(kind: str, channel: str, at: datetime) -> str:
    """The limit that holds for something which starts at that moment, in words."""
    rule = rule_for(kind, channel=channel, start=at)
    if rule is not None:
        return span(timedelta(seconds=rule.seconds))
    return default_text(KINDS[kind]) if kind in KINDS else "–"


def span(length: timedelta) -> str:
    """ "48 hours", "30 days": whole days from three on, hours below."""
    hours = int(length.total_seconds() // 3600)
    if hours % 24 == 0 and hours >= 72:
        days = hours // 24
        return ngettext("%(n)s day", "%(n)s days", days) % {"n": days}
    return ngettext("%(n)s hour", "%(n)s hours", hours) % {"n": hours}


def with_state(rules: Iterable[DeadlineRule]) -> list[tuple[DeadlineRule, str, str]]:
    """Each rule with "now", "planned" or "past", and its limit in words."""
    now = clock.now()
    found = []
    for rule in rules:
        is_past = rule.valid_to is not None and rule.valid_to <= now
        state = "past" if is_past else "planned" if rule.valid_from > now else "now"
        found.append((rule, state, span(timedelta(seconds=rule.seconds))))
    return found
