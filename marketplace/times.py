"""How a moment is written for people: dates written out with their zone, and how long until a deadline."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

FAR = timedelta(days=7)  # beyond this a date says more than a count of hours
SOON = timedelta(hours=12)  # from here on a deadline is amber


def _local(moment: datetime, zone: str) -> datetime:
    return timezone.localtime(moment, ZoneInfo(zone) if zone else None)


def written(moment: datetime, zone: str = "") -> str:
    """ "14 Dec 2026, 23:59 GMT" in the named zone, or in the reader's where none is named."""
    local = _local(moment, zone)
    name = local.tzname() or ""
    if name[:1] in {"+", "-"}:
        name = f"UTC{name}"
    return f"{date_format(local, 'j M Y, H:i')} {name}".strip()


def written_date(moment: datetime, zone: str = "") -> str:
    """ "14 Dec 2026"."""
    return date_format(_local(moment, zone), "j M Y")


def written_short(moment: datetime, now: datetime, zone: str = "") -> str:
    """ "10:42" today, "14 Dec, 10:42" this year, "14 Dec 2025" before."""
    local, today = _local(moment, zone), _local(now, zone)
    if local.date() == today.date():
        return date_format(local, "H:i")
    return date_format(local, "j M, H:i" if local.year == today.year else "j M Y")


def _span(length: timedelta, *, coarse: bool) -> str:
    minutes = int(length.total_seconds()) // 60
    days, hours = minutes // 1440, minutes // 60
    if days >= 2:
        big, small = _("%(n)s d") % {"n": days}, hours % 24 and _("%(n)s h") % {"n": hours % 24}
    elif hours:
        big, small = _("%(n)s h") % {"n": hours}, minutes % 60 and _("%(n)s min") % {"n": minutes % 60}
    elif minutes:
        big, small = _("%(n)s min") % {"n": minutes}, ""
    else:
        big, small = _("under 1 min"), ""
    return f"{big} {small}" if small and not coarse else big


def until(due: datetime, now: datetime, by: str = "") -> str:
    """ "in 5 h 12 min", "late 3 h", or "by 14 Dec" where it is far off; `by` may say more: "post by"."""
    left = due - now
    if left < timedelta(0):
        return _("late %(span)s") % {"span": _span(-left, coarse=True)}
    if left >= FAR:
        return f"{by or _('by')} {date_format(timezone.localtime(due), 'j M')}"
    return _("in %(span)s") % {"span": _span(left, coarse=False)}


def ago(moment: datetime, now: datetime) -> str:
    """ "3 h ago"; "just now" under a minute."""
    passed = now - moment
    if passed < timedelta(minutes=1):
        return _("just now")
    return _("%(span)s ago") % {"span": _span(passed, coarse=True)}


def urgency(due: datetime, now: datetime) -> str:
    """The family of a deadline: red when late, amber when soon, grey otherwise."""
    left = due - now
    if left < timedelta(0):
        return "red"
    return "amber" if left <= SOON else "grey"
