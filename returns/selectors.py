"""What the screens and programs read about returns: lists, buckets with counts, one return, what is to be done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Prefetch, Q, QuerySet, Subquery, prefetch_related_objects
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from marketplace import clock
from marketplace.errors import NotFound
from marketplace.models import Order, SalesChannel
from marketplace.paging import NONE, Count, Page, Sort, capped_counts, page_of
from returns import locks, searching, windows
from returns.models import (
    ALLOWED,
    BUYERS_MOVE,
    ENDED,
    NOT_ALLOWED,
    SELLERS_MOVE,
    ReceivedUnits,
    ReturnLine,
    ReturnRequest,
    ReturnSearchKey,
)
from returns.owed import ProposedLine, refund_proposal, refunds_of
from returns.units import LineUnits, units_of

__all__ = [
    "BUCKETS",
    "BUCKET_CHOICES",
    "Bucket",
    "ProposedLine",
    "ReturnFilters",
    "ReturnableLine",
    "Work",
    "bucket_counts",
    "expiry_due",
    "in_bucket",
    "lines_at_hand",
    "list_returns",
    "of_order_number",
    "on_channel",
    "overdue",
    "refund_proposal",
    "refunds_of",
    "respond_due",
    "return_named",
    "returnable_lines",
    "returns_awaiting_seller",
    "returns_of_buyer",
    "returns_of_order",
    "with_lines",
]


@dataclass(frozen=True, slots=True)
class Bucket:
    """A filter of Manage returns, in the words of seed 001; no statuses = all."""

    key: str
    label: str | Promise
    statuses: tuple[str, ...]


# The conditions are those of the partial indexes in models.py, to the letter.
BUCKETS: dict[str, Bucket] = {
    bucket.key: bucket
    for bucket in (
        Bucket("required", _("Authorisation required"), ("PENDING_RESPONSE",)),
        Bucket("authorised", _("Authorised"), ALLOWED),
        Bucket("not_authorised", _("Not authorised"), NOT_ALLOWED),
        Bucket("withdrawn", _("Withdrawn by buyer"), ("WITHDRAWN",)),
        Bucket("denied", _("Denied by seller"), ("DENIED",)),
        Bucket("closed", _("Closed"), ENDED),
        Bucket("all", _("View all"), ()),
    )
}
BUCKET_CHOICES = [(bucket.key, bucket.label) for bucket in BUCKETS.values()]

NEWEST = Sort("newest", ("requested_at", "id"), is_descending=True)
OLDEST = Sort("oldest", ("requested_at", "id"))
DEADLINE = Sort("deadline", ("due_at", "id"))  # those without a deadline are not in this order
SORTS = {sort.key: sort for sort in (NEWEST, OLDEST, DEADLINE)}
RECENT = timedelta(days=30)  # the list's first date range (seed 001: last 30 days)
BUYERS_LIST = timedelta(days=61)  # the buyer's list shows the past 2 months ([S1])


@dataclass(frozen=True, slots=True)
class ReturnFilters:
    """What a list is narrowed to; `search` finds order, RMA, SKU and buyer by their beginnings."""

    bucket: str = "all"
    channel: str = ""  # its code
    reason_code: str = ""
    requested_from: datetime | None = None
    requested_to: datetime | None = None  # not included
    search: str = ""
    is_overdue: bool | None = None
    sort: str = "newest"


def in_bucket(queryset: QuerySet[ReturnRequest], key: str) -> QuerySet[ReturnRequest]:
    """Narrowed to one of BUCKETS; an unknown one is empty."""
    bucket = BUCKETS.get(key)
    if bucket is None:
        return queryset.none()
    if not bucket.statuses:
        return queryset
    if len(bucket.statuses) == 1:
        return queryset.filter(status=bucket.statuses[0])
    return queryset.filter(status__in=bucket.statuses)


def on_channel(queryset: QuerySet[ReturnRequest], code: str) -> QuerySet[ReturnRequest]:
    """By the channel's code; a look-up, not a join: so the list stays a range of its index."""
    return queryset.filter(channel_id=Subquery(SalesChannel.objects.filter(code=code).values("pk")[:1]))


def of_order_number(queryset: QuerySet[ReturnRequest], number: str) -> QuerySet[ReturnRequest]:
    """By the exact order number, found by its search key."""
    keys = ReturnSearchKey.objects.filter(key=searching.normalised(number))
    return queryset.filter(pk__in=keys.values("return_request_id"), order_number=number)


def overdue(queryset: QuerySet[ReturnRequest], is_overdue: bool) -> QuerySet[ReturnRequest]:
    """Only what is unanswered can be overdue: saying so makes it a range of the index by status."""
    if is_overdue:
        queryset = queryset.filter(status="PENDING_RESPONSE")
    return queryset.filter(is_overdue=is_overdue)


def filtered(filters: ReturnFilters) -> QuerySet[ReturnRequest]:
    """The rows of a list, unordered."""
    queryset: QuerySet[ReturnRequest] = in_bucket(ReturnRequest.objects.all(), filters.bucket)
    if filters.channel:
        queryset = on_channel(queryset, filters.channel)
    if filters.reason_code:
        queryset = queryset.filter(first_reason_code=filters.reason_code)
    if filters.requested_from is not None:
        queryset = queryset.filter(requested_at__gte=filters.requested_from)
    if filters.requested_to is not None:
        queryset = queryset.filter(requested_at__lt=filters.requested_to)
    if filters.is_overdue is not None:
        queryset = overdue(queryset, filters.is_overdue)
    return searching.found_by(queryset, filters.search)


def list_returns(filters: ReturnFilters, *, cursor: str = "", size: int = 50) -> Page[ReturnRequest]:
    """One page of Manage returns, with channel and order at hand; a search leaves out nothing for its age."""
    sort = SORTS.get(filters.sort, NEWEST)
    queryset = filtered(filters).select_related("order", "channel")
    if sort is DEADLINE:
        queryset = queryset.filter(due_at__isnull=False)
    return page_of(queryset, sort=sort, cursor=cursor, size=size)


def bucket_counts(filters: ReturnFilters | None = None) -> dict[str, Count]:
    """By bucket, exact to 1,000; with `filters`, of what they leave (their bucket aside)."""
    base = filters or ReturnFilters()
    return capped_counts(
        {
            key: filtered(
                ReturnFilters(key, base.channel, base.reason_code, base.requested_from, base.requested_to, base.search)
            ).order_by(*NEWEST.order_by())
            for key in BUCKETS
        }
    )


# --- one return ---


def return_named(public_id: str) -> ReturnRequest:
    """The return with order, channel and buyer; NotFound if it is not ours."""
    found: ReturnRequest | None = (
        ReturnRequest.objects.select_related("order", "channel", "buyer").filter(public_id=public_id).first()
    )
    if found is None:
        raise NotFound
    return found


def lines_at_hand(request: ReturnRequest) -> list[ReturnLine]:
    """Its lines with their order lines: those that a service has just read or made, else read now."""
    return request.lines_at_hand if request.lines_at_hand is not None else locks.lines_of(request)


def with_lines(request: ReturnRequest) -> ReturnRequest:
    """The same with its lines, their order lines and received units read in two queries."""
    lines: QuerySet[ReturnLine] = (
        ReturnLine.objects.select_related("order_line")
        .prefetch_related(Prefetch("received", queryset=ReceivedUnits.objects.order_by("id")))
        .order_by("id")
    )
    prefetch_related_objects([request], Prefetch("lines", queryset=lines))
    return request


def returns_of_order(order: Order) -> list[ReturnRequest]:
    """All returns of an order, newest first."""
    found: QuerySet[ReturnRequest] = (
        ReturnRequest.objects.filter(order=order).select_related("channel").order_by("-requested_at", "-id")
    )
    return list(found)


def returns_of_buyer(buyer_id: int, *, now: datetime) -> list[ReturnRequest]:
    """The buyer's own list: what was asked for in the past two months, and all that is still open."""
    found: QuerySet[ReturnRequest] = (
        ReturnRequest.objects.filter(buyer_id=buyer_id)
        .filter(Q(requested_at__gte=now - BUYERS_LIST) | Q(ended_at=None))
        .select_related("order", "channel")
        .order_by("-requested_at", "-id")
    )
    return list(found[:200])


@dataclass(frozen=True, slots=True)
class ReturnableLine:
    """One line of the buyer's page: what can still come back, or a code that says why nothing can.

    `problem` is "", not_shipped, no_returnable_quantity or window_closed.
    """

    units: LineUnits
    window: windows.Window
    problem: str

    @property
    def order_line(self) -> object:
        return self.units.order_line

    @property
    def left(self) -> int:
        return 0 if self.problem else self.units.left

    @property
    def open_requests(self) -> list[ReturnRequest]:
        return self.units.open_requests

    @property
    def open_request_public_ids(self) -> list[str]:
        return [request.public_id for request in self.units.open_requests]


def returnable_lines(order: Order) -> list[ReturnableLine]:
    """Every line of the order, for the page on which items are picked; in the order of the order's lines."""
    window = windows.window_of(order)
    is_open = window.is_open(clock.now())
    lines: list[ReturnableLine] = []
    for units in units_of(order).values():
        problem = ""
        if units.order_line.quantity_shipped == 0:
            problem = "not_shipped"
        elif not is_open:
            problem = "window_closed"
        elif units.left == 0:
            problem = "no_returnable_quantity"
        lines.append(ReturnableLine(units, window, problem))
    return lines


# --- what is to be done ---


@dataclass(frozen=True, slots=True)
class Work:
    """What waits: the seller's late ones, those due before the seller's day ends, and what waits for buyers."""

    late: list[ReturnRequest] = field(default_factory=list)
    today: list[ReturnRequest] = field(default_factory=list)
    waiting: list[ReturnRequest] = field(default_factory=list)
    late_count: Count = NONE
    today_count: Count = NONE
    waiting_count: Count = NONE


def _from_seller() -> QuerySet[ReturnRequest]:
    found: QuerySet[ReturnRequest] = ReturnRequest.objects.filter(status__in=SELLERS_MOVE, due_at__isnull=False)
    return found


def end_of_day(now: datetime, zone: str) -> datetime:
    """Midnight after `now` where the seller is."""
    local = now.astimezone(ZoneInfo(zone))
    tomorrow = (local + timedelta(days=1)).date()
    return datetime.combine(tomorrow, datetime.min.time(), tzinfo=ZoneInfo(zone))


def returns_awaiting_seller(now: datetime, zone: str = "UTC", *, size: int = 10) -> Work:
    """The three work lists of Today, most urgent first."""
    midnight = end_of_day(now, zone)
    lists = {
        "late": _from_seller().filter(due_at__lt=now),
        "today": _from_seller().filter(due_at__gte=now, due_at__lt=midnight),
        "waiting": ReturnRequest.objects.filter(status__in=BUYERS_MOVE, due_at__isnull=False),
    }
    lists = {key: queryset.order_by(*DEADLINE.order_by()) for key, queryset in lists.items()}
    counts = capped_counts(lists)
    rows = {key: list(queryset[:size]) if counts[key] else [] for key, queryset in lists.items()}
    return Work(rows["late"], rows["today"], rows["waiting"], counts["late"], counts["today"], counts["waiting"])


def waiting_for_seller_count() -> Count:
    """For the rail: how many returns wait for an answer or a refund of the seller."""
    return capped_counts({"all": _from_seller().order_by(*DEADLINE.order_by())})["all"]


# --- what the clock looks for ---


def respond_due(queryset: QuerySet[ReturnRequest], now: datetime) -> QuerySet[ReturnRequest]:
    """Unanswered past `respond_by`; the last moment is still in time."""
    return queryset.filter(status="PENDING_RESPONSE", is_overdue=False, answered_at=None, respond_by__lt=now)


def expiry_due(queryset: QuerySet[ReturnRequest], now: datetime) -> QuerySet[ReturnRequest]:
    """Authorised, and neither a parcel nor word of one until the grace was over."""
    return queryset.filter(status="AUTHORISED", expires_at__lt=now)


def search_returns(words: str, *, size: int = 5) -> Iterable[ReturnRequest]:
    """The newest returns that the search box finds; two characters at least."""
    if len(searching.normalised(words)) < 2:
        return []
    rows = searching.found_by(ReturnRequest.objects.all(), words)
    return list(rows.order_by(*NEWEST.order_by())[:size])
