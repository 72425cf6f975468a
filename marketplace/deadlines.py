"""When is it due: the seller's versioned rule for this channel and moment, else the app's constant."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q


def due(kind: str, *, channel: str, start: datetime, default: timedelta) -> datetime:
    """`start` plus the limit that was in force at `start`; exact hours, never local days (T3)."""
    from marketplace.models import DeadlineRule

    rule = (
        DeadlineRule.objects.filter(
            Q(valid_to=None) | Q(valid_to__gt=start),
            kind=kind,
            channel__in=["", channel],
            valid_from__lte=start,
        )
        .order_by("-channel", "-valid_from", "-id")
        .first()
    )
    return start + (timedelta(seconds=rule.seconds) if rule else default)
