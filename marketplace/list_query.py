"""What the address of a list says: view, search, filters, dates, sort, place; and the addresses that differ in one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from marketplace import clock, times

RANGES = {"7": 7, "30": 30, "90": 90, "365": 365}
CUSTOM = "custom"


def range_choices() -> list[tuple[str, str]]:
    """For the select: any date, the last days, or two dates of one's own."""
    last = [(key, _("Last %(n)s days") % {"n": days}) for key, days in RANGES.items()]
    return [("", _("Any date")), *last, (CUSTOM, _("From, to …"))]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time; `until` is not included. `text` is its chip."""

    since: datetime | None = None
    until: datetime | None = None
    text: str = ""


class ListQuery:
    """The GET parameters of a list; unknown names and values are left out, never an error."""

    def __init__(self, request: HttpRequest, *, names: tuple[str, ...]) -> None:
        given = {name: request.GET.get(name, "").strip()[:200] for name in (*names, "cursor", "from", "to")}
        self.values: dict[str, str] = {name: value.replace("\0", "") for name, value in given.items() if value}

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    def url(self, **changed: str) -> str:
        """The same list with these parameters changed (empty = left out); always from its first page."""
        from urllib.parse import urlencode

        kept = {name: value for name, value in self.values.items() if name != "cursor"}
        kept |= changed
        return "?" + urlencode({name: value for name, value in kept.items() if value})

    def choice(self, name: str, allowed: Mapping[str, Any], default: str = "") -> str:
        return self[name] if self[name] in allowed else default

    def span(self) -> Span:
        """The dates asked for, as moments in the reader's zone; the last day counts whole."""
        if self["range"] in RANGES:
            days = RANGES[self["range"]]
            return Span(clock.now() - timedelta(days=days), None, _("Last %(n)s days") % {"n": days})
        first, last = _date(self["from"]), _date(self["to"])
        if self["range"] != CUSTOM or not (first or last):
            return Span()
        since = _midnight(first) if first else None
        until = _midnight(last + timedelta(days=1)) if last else None
        words = {
            (True, True): _("%(since)s to %(until)s"),
            (True, False): _("from %(since)s"),
            (False, True): _("up to %(until)s"),
        }[bool(first), bool(last)]
        return Span(
            since,
            until,
            words
            % {
                "since": times.written_date(since) if since else "",
                "until": times.written_date(_midnight(last)) if last else "",
            },
        )


def _date(text: str) -> date | None:
    try:
        found = parse_date(text)
    except ValueError:
        return None
    return found if found and 1970 <= found.year <= 9000 else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())
