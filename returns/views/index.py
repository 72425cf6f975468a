"""Manage returns: six filters and all, search, dates, sort, pages by key, and the same rows as a file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from marketplace import clock, times
from marketplace.actors import Actor, Permission
from marketplace.exports import CHUNK, Row, csv_response
from marketplace.list_query import ListQuery, range_choices
from marketplace.models import SalesChannel
from marketplace.money import Money
from marketplace.paging import capped_counts
from marketplace.portal import actor_of
from marketplace.portal_parts import Tab
from returns import selectors
from returns.choices import first_action
from returns.models import ReturnRequest
from returns.reasons import RETURN_REASONS, reason_words
from returns.selectors import BUCKETS, ReturnFilters

NAMES = ("bucket", "q", "channel", "reason", "range", "sort")
# In these views somebody has to keep a deadline, so the most urgent stands first.
WITH_DEADLINE = frozenset({"required", "authorised"})
PAGE = 50


def index(request: HttpRequest) -> HttpResponse:
    """The list; everything that it shows is in its address."""
    actor = actor_of(request)
    actor.require(Permission.VIEW)
    query = ListQuery(request, names=NAMES)
    filters = filters_of(query)
    page = selectors.list_returns(filters, cursor=query["cursor"], size=PAGE)
    context = {
        "rows": [(row, first_action(row, actor), reason_words(row.first_reason_code)) for row in page.items],
        "next_url": query.url(cursor=page.next) if page.next else "",
        "previous_url": query.url(cursor=page.previous) if page.previous else "",
        "may_decide": actor.can(Permission.DECIDE),
        "may_export": actor.can(Permission.EXPORT),
        "export_url": reverse("returns:export") + query.url(bucket=filters.bucket),
        "newest_url": query.url(sort="newest"),
        "bulk_actions": [("authorise", _("Authorise"))],
        "without_deadline": _without_deadline(filters) if not page.next else None,
        **_frame(query, filters),
    }
    return render(request, "returns/index.html", context)


def filters_of(query: ListQuery) -> ReturnFilters:
    """A search without a view looks in all of them; the list opens on what needs an answer."""
    bucket = query.choice("bucket", BUCKETS, "all" if query["q"] else "required")
    allowed = {"newest", "oldest"} | ({"deadline"} if bucket in WITH_DEADLINE else set())
    span = query.span()
    return ReturnFilters(
        bucket=bucket,
        channel=query["channel"][:40],
        reason_code=query["reason"][:40],
        requested_from=span.since,
        requested_to=span.until,
        search=query["q"],
        sort=query.choice("sort", dict.fromkeys(allowed), "deadline" if bucket in WITH_DEADLINE else "newest"),
    )


def _frame(query: ListQuery, filters: ReturnFilters) -> dict[str, Any]:
    """Tabs with counts, the filters as they stand, and each of them as a chip that takes it away."""
    counts = selectors.bucket_counts(filters)
    keys = ["all", *(key for key in BUCKETS if key != "all")]
    channels = {channel.code: channel.name for channel in SalesChannel.objects.all()}
    reasons = [(code, reason.words) for code, reason in RETURN_REASONS.items()]
    chips = [
        (query["q"] and f"“{query['q']}”", query.url(q="")),
        (channels.get(query["channel"], query["channel"]), query.url(channel="")),
        (query["reason"] and reason_words(query["reason"]), query.url(reason="")),
        (query.span().text, query.url(range="", **{"from": "", "to": ""})),
    ]
    sorts = [("newest", _("Newest first")), ("oldest", _("Oldest first"))]
    if filters.bucket in WITH_DEADLINE:
        sorts.insert(0, ("deadline", _("Deadline first")))
    return {
        "tabs": [
            Tab(BUCKETS[key].label, query.url(bucket=key, sort=""), counts[key].shown, key == filters.bucket)
            for key in keys
        ],
        "bucket": BUCKETS[filters.bucket],
        "count": counts[filters.bucket],
        "count_in_all": counts["all"],
        "all_url": query.url(bucket="all", sort=""),
        "filters_on": [chip for chip in chips if chip[0]],
        "clear_url": f"?bucket={filters.bucket}",
        "query": query.values,
        "sort": filters.sort,
        "choices": {"channel": list(channels.items()), "reason": reasons, "range": range_choices(), "sort": sorts},
    }


def _without_deadline(filters: ReturnFilters) -> Any:
    """How many of this view have no deadline now (their refund is under way), so that none seems lost."""
    if filters.sort != "deadline":
        return None
    return capped_counts({"n": selectors.filtered(filters).filter(due_at__isnull=True)})["n"]


def export(request: HttpRequest) -> StreamingHttpResponse:
    """The rows of the list as CSV, all of them, newest first."""
    actor: Actor = actor_of(request)
    actor.require(Permission.EXPORT)
    filters = replace(filters_of(ListQuery(request, names=NAMES)), sort="newest")

    def read(cursor: str | None) -> tuple[list[Row], str | None]:
        page = selectors.list_returns(filters, cursor=cursor or "", size=CHUNK)
        return [_cells(row) for row in page.items], page.next or None

    name = f"returns-{filters.bucket}-{times.written_date(clock.now()).replace(' ', '-')}"
    return csv_response(name, COLUMNS, read, seller_id=request.seller.pk)  # type: ignore[attr-defined]


COLUMNS = (
    "Return", "RMA", "Own RMA", "Order", "Channel", "Status", "Item", "Units", "Value", "Currency", "Reason code",
    "Reason", "Buyer", "Out of policy", "Requested", "Answer by", "Answered", "Authorised", "Post by", "Received",
    "Refund by", "Ended", "Close reason", "Deny reason",
)  # fmt: skip


def _cells(row: ReturnRequest) -> Row:
    moments = (
        row.requested_at, row.respond_by, row.answered_at, row.authorised_at, row.return_by, row.received_at,
        row.refund_by, row.ended_at,
    )  # fmt: skip
    return [
        row.public_id,
        row.rma,
        row.merchant_rma,
        row.order_number,
        row.channel.code,
        str(row.status),
        row.first_title,
        row.units,
        Money(row.value_minor, row.currency).decimal(),
        row.currency,
        row.first_reason_code,
        reason_words(row.first_reason_code),
        row.buyer_name,
        "yes" if row.is_out_of_policy else "no",
        *(moment.isoformat(timespec="seconds") if moment else "" for moment in moments),
        row.close_reason,
        row.deny_reason_code,
    ]
