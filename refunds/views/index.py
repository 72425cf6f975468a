"""The list of refunds: by public status, and first of all what needs somebody; the same rows as a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from marketplace import clock, times
from marketplace.actors import Permission
from marketplace.exports import CHUNK, Row, csv_response
from marketplace.list_query import ListQuery, range_choices
from marketplace.models import SalesChannel
from marketplace.paging import Sort, capped_counts, page_of
from marketplace.portal import actor_of
from marketplace.portal_parts import Tab
from refunds.choices import first_action
from refunds.models import PublicStatus, RefundRequest
from refunds.reasons import reason_words
from refunds.selectors import RefundFilters, open_discrepancies, refunds_list

NAMES = ("view", "q", "channel", "range")
NEEDS_YOU = "NEEDS_PERSON"
VIEWS: Mapping[str, str | Promise] = {
    "all": gettext_lazy("View all"),
    "needs-you": gettext_lazy("Needs you"),
    **{status.value.lower().replace("_", "-"): status.label for status in PublicStatus},
}
NEWEST = Sort("newest", ("id",), is_descending=True)
PAGE = 50


def index(request: HttpRequest) -> HttpResponse:
    """The list; everything that it shows is in its address."""
    actor = actor_of(request)
    actor.require(Permission.VIEW)
    query = ListQuery(request, names=NAMES)
    view = query.choice("view", VIEWS, "all")
    page = page_of(refunds_list(filters_of(query, view)).order_by(), sort=NEWEST, cursor=query["cursor"], size=PAGE)
    views = {key: refunds_list(filters_of(query, key)) for key in VIEWS}
    counts = capped_counts({**views, "differences": open_discrepancies()})
    channels = {channel.code: channel.name for channel in SalesChannel.objects.all()}
    chips = [
        (query["q"] and f"“{query['q']}”", query.url(q="")),
        (channels.get(query["channel"], query["channel"]), query.url(channel="")),
        (query.span().text, query.url(range="", **{"from": "", "to": ""})),
    ]
    context: dict[str, Any] = {
        "differences": counts["differences"],
        "rows": [(row, first_action(row, actor), reason_words(row.reason_code)) for row in page.items],
        "next_url": query.url(cursor=page.next) if page.next else "",
        "previous_url": query.url(cursor=page.previous) if page.previous else "",
        "tabs": [Tab(label, query.url(view=key), counts[key].shown, key == view) for key, label in VIEWS.items()],
        "view": view,
        "view_label": VIEWS[view],
        "count": counts[view],
        "count_in_all": counts["all"],
        "all_url": query.url(view="all"),
        "filters_on": [chip for chip in chips if chip[0]],
        "clear_url": f"?view={view}",
        "query": query.values,
        "choices": {"channel": list(channels.items()), "range": range_choices()},
        "may_export": actor.can(Permission.EXPORT),
        "export_url": reverse("refunds:export") + query.url(view=view),
    }
    return render(request, "refunds/index.html", context)


def filters_of(query: ListQuery, view: str) -> RefundFilters:
    span = query.span()
    status = {"all": "", "needs-you": NEEDS_YOU}.get(view, view.upper().replace("-", "_"))
    return RefundFilters(
        status=status,
        channel=query["channel"][:40],
        created_from=span.since,
        created_before=span.until,
        search=query["q"],
    )


def export(request: HttpRequest) -> StreamingHttpResponse:
    """The rows of the list as CSV, all of them, newest first."""
    actor_of(request).require(Permission.EXPORT)
    query = ListQuery(request, names=NAMES)
    view = query.choice("view", VIEWS, "all")
    filters = filters_of(query, view)

    def read(cursor: str | None) -> tuple[list[Row], str | None]:
        page = page_of(refunds_list(filters).order_by(), sort=NEWEST, cursor=cursor or "", size=CHUNK)
        return [_cells(row) for row in page.items], page.next or None

    name = f"refunds-{view}-{times.written_date(clock.now()).replace(' ', '-')}"
    return csv_response(name, COLUMNS, read, seller_id=request.seller.pk)  # type: ignore[attr-defined]


COLUMNS = (
    "Refund", "Order", "Channel", "Status", "Stage", "Amount", "Currency", "Reason code", "Reason", "Explanation",
    "Return", "Gateway", "Payment", "Provider's id", "Credit note", "Asked by", "Second person", "Asked", "Ended",
)  # fmt: skip


def _cells(row: RefundRequest) -> Row:
    return [
        row.public_id,
        row.order_number,
        row.channel.code,
        row.public_status,
        str(row.status),
        row.amount.decimal(),
        row.currency,
        row.reason_code,
        reason_words(row.reason_code),
        row.reason_text,
        row.asker_public_id,
        row.gateway,
        row.payment_reference,
        row.provider_refund_id,
        row.credit_note_number,
        row.created_by_label,
        row.reviewed_by_label,
        row.created_at.isoformat(timespec="seconds"),
        row.settled_at.isoformat(timespec="seconds") if row.settled_at else "",
    ]
