"""Every time limit of a return, with its source; a seller's DeadlineRule row overrides by channel and date."""

from __future__ import annotations

from datetime import datetime, timedelta

from marketplace.deadlines import due, rule_for

# The seller answers within 48 h or is late (seller-central.md 1.3, [RDR-US]).
RESPOND_WITHIN = timedelta(hours=48)
# Refund after receipt: 2 business days until 2026, 4 calendar days from 26 Jan 2026 in the US ([MSR-US], [ECB26]).
REFUND_WITHIN = timedelta(days=4)
# After the return-by date the parcel may still be on its way (our own promise to buyers).
EXPIRY_GRACE = timedelta(days=7)
# A denial, expiry or closing by mistake can be taken back by the seller within a day (state-machines.md 2.3).
REINSTATE_WITHIN = timedelta(hours=24)


def respond_by(channel: str, requested_at: datetime) -> datetime:
    return due("return.respond", channel=channel, start=requested_at, default=RESPOND_WITHIN)


def refund_by(channel: str, received_at: datetime) -> datetime:
    return due("return.refund", channel=channel, start=received_at, default=REFUND_WITHIN)


def return_by(channel: str, authorised_at: datetime, window_days: int) -> datetime:
    """The channel's policy days from the authorisation, counted as exact days of 24 h."""
    return due("return.send_back", channel=channel, start=authorised_at, default=timedelta(days=window_days))


def expires_at(channel: str, return_by_: datetime, promised_at: datetime) -> datetime:
    """The grace that is in force when it is promised, after the last day to post."""
    rule = rule_for("return.expiry_grace", channel=channel, start=promised_at)
    return return_by_ + (timedelta(seconds=rule.seconds) if rule else EXPIRY_GRACE)


def window_ends_at(channel: str, arrived_at: datetime, window_days: int) -> datetime:
    """Until when a buyer may ask: the channel's policy days, or a season's rule, from the arrival (1.6, 1.7)."""
    return due("return.window", channel=channel, start=arrived_at, default=timedelta(days=window_days))


def reinstate_until(ended_at: datetime) -> datetime:
    return ended_at + REINSTATE_WITHIN


def auto_authorise_until(purchased_at: datetime, days: int) -> datetime:
    """Both automatic options count from the order date, at most 30 days ([SET-CA])."""
    return purchased_at + timedelta(days=min(days, 30))
