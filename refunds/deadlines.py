"""Every time limit of a refund, with its source, and when the next thing about it is due."""

from __future__ import annotations

from datetime import datetime, timedelta

# A refund above the seller's limit waits for a second person; after this the team is reminded, once
# (state-machines.md 2.4).
REVIEW_REMINDER = timedelta(hours=48)

# The UNKNOWN ladder, counted from the first call (reliability.md 2.3): look up, and where the provider has
# nothing of it, repeat with the same key while the key is surely remembered (Stripe keeps keys for 24 h).
LOOK_UPS = tuple(timedelta(seconds=s) for s in (10, 60, 5 * 60, 30 * 60, 2 * 3600, 6 * 3600, 12 * 3600, 20 * 3600))
REPEAT_WITHIN = timedelta(hours=20)
DAILY_LOOK_UPS = tuple(timedelta(days=d) for d in range(1, 8))  # look-ups only
PERSON_FROM = timedelta(hours=24)  # from here on a person is asked, and may decide

# A refund that the provider has taken and not finished: how often it is asked, by age. A person is asked when
# it takes longer than a bank may need.
PENDING_POLLS = (
    (timedelta(minutes=1), timedelta(seconds=10)),
    (timedelta(minutes=10), timedelta(minutes=1)),
    (timedelta(hours=1), timedelta(minutes=5)),
    (timedelta(days=1), timedelta(minutes=15)),
    (timedelta(days=7), timedelta(hours=1)),
)
PENDING_POLL_LATER = timedelta(days=1)
PENDING_PERSON_FROM = timedelta(days=7)

# Who has claimed a refund and not come back by then is taken for dead.
CLAIM_LEASE = timedelta(seconds=30)
CALL_MARGIN = timedelta(seconds=20)
# How long a gateway is left alone after its breaker has opened.
BREAKER_PAUSE = timedelta(seconds=30)

# The provider's own list is compared soon after money moved, then nightly; refunds fail late for a month.
RECONCILE_SOON = timedelta(minutes=15)
RECONCILE_EVERY = timedelta(days=1)
RECONCILE_FOR = timedelta(days=30)
RECONCILE_AGAIN = timedelta(hours=1)  # after a list that could not be had


def call_lease(connect_timeout: float, read_timeout: float) -> timedelta:
    """How long one call may take: an adapter looks up once more when a refund is refused."""
    return 2 * timedelta(seconds=connect_timeout + read_timeout) + CALL_MARGIN


def next_look_up(first_called_at: datetime, now: datetime) -> datetime | None:
    """The next rung of the ladder after `now`; None after day 7, when the person alone is left."""
    for step in (*LOOK_UPS, *DAILY_LOOK_UPS):
        if first_called_at + step > now:
            return first_called_at + step
    return None


def may_repeat(first_called_at: datetime, now: datetime) -> bool:
    return now < first_called_at + REPEAT_WITHIN


def next_poll(first_called_at: datetime, now: datetime) -> datetime:
    """When a pending refund is asked about next."""
    for age, pause in PENDING_POLLS:
        if now - first_called_at < age:
            return now + pause
    return now + PENDING_POLL_LATER
