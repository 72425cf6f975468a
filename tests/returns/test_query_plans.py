"""Lists, counts, search and sweep among many returns, as the app role: ranges of indexes, and few rows read.

Row-level security switches an index off for every operator that is not leakproof (rulings 7): an innocent
lower() or LIKE shows up here.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg2
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.tenancy import scope, system_scope
from returns import figures, registration, selectors
from returns.models import ReturnRequest
from returns.selectors import ReturnFilters
from tests.cast import Shop, open_shop
from tests.databases import Addresses
from tests.factories import SalesChannelFactory
from tests.returns.stories import NOON, owner_of

ROWS = int(os.environ.get("REDRESS_PLAN_ROWS", "30000"))  # a million was tried as well, see the bench
# What one page of 50 with its counts to 1,000 in seven views may read, with room for the neighbours of a range.
# Only a rare channel among live returns reads them all: a fortieth of the rows here.
MOST_ROWS = max(12_000, ROWS // 40)

_FILL = """
SET session_replication_role = replica;
INSERT INTO returns_returnrequest (seller_id, public_id, status, version, order_id, channel_id, buyer_id, rma,
    merchant_rma, order_number, first_title, first_reason_code, buyer_name, units, value_minor, currency,
    is_out_of_policy, is_overdue, was_late, policy_note, submitted_by_kind, return_address, deny_reason_code,
    deny_message, close_reason, carrier, tracking, requested_at, respond_by, answered_at, received_at, refunded_at,
    ended_at, due_at, expires_at)
SELECT %(seller)s, 'ret-' || md5(%(seller)s || '-' || n), status, 1, %(order)s,
    CASE n %% 1000 WHEN 0 THEN %(rare)s ELSE %(channel)s END, %(buyer)s,
    'D' || lpad(to_hex(n::bigint * 40503 %% 268435456), 7, '0') || 'RRMA', '',
    '202-' || lpad(n::text, 7, '0') || '-1', 'Lamp',
    CASE n %% 50 WHEN 0 THEN 'CR-EXTRA_ITEM' ELSE 'CR-DEFECTIVE' END, 'Buyer ' || n %% 1000, 1, 1000, 'GBP', false,
    status = 'PENDING_RESPONSE' AND n %% 200 = 1, n %% 20 = 0, '', 'buyer', '{}', '', '', '', '', '', at,
    at + interval '48 hours', CASE WHEN status <> 'PENDING_RESPONSE' THEN at + interval '5 hours' END,
    CASE WHEN status IN ('RECEIVED', 'CLOSED') THEN at + interval '9 days' END,
    CASE WHEN status = 'CLOSED' THEN at + interval '10 days' END,
    CASE WHEN status IN ('CLOSED', 'DENIED', 'WITHDRAWN', 'EXPIRED') THEN at + interval '10 days' END,
    CASE WHEN status IN ('PENDING_RESPONSE', 'AUTHORISED', 'IN_TRANSIT', 'RECEIVED') THEN at + interval '48 hours' END,
    CASE WHEN status = 'AUTHORISED' THEN at + interval '37 days' END
FROM (SELECT n, %(now)s - n * interval '10 minutes' AS at,
    CASE WHEN n %% 100 < 1 THEN 'PENDING_RESPONSE' WHEN n %% 100 < 2 THEN 'AUTHORISED' WHEN n %% 100 < 3 THEN 'RECEIVED'
         WHEN n %% 500 = 3 THEN 'DENIED' WHEN n %% 500 = 4 THEN 'EXPIRED' WHEN n %% 500 = 5 THEN 'WITHDRAWN'
         WHEN n %% 500 = 6 THEN 'IN_TRANSIT' ELSE 'CLOSED' END AS status
    FROM generate_series(1, %(rows)s) n) AS made;
INSERT INTO returns_returnsearchkey (seller_id, return_request_id, key)
SELECT seller_id, id, key FROM returns_returnrequest, LATERAL (VALUES (order_number), (lower(rma)),
    ('sku-' || id %% 5000), (lower(buyer_name))) AS keys(key) WHERE seller_id = %(seller)s;
"""


@pytest.fixture
def crowd(transactional_db: None, database_addresses: Addresses) -> Iterator[Shop]:
    """A seller with many returns, whose rows stand in the table behind another seller's."""
    shops = [(open_shop("globex"), ROWS // 2), (open_shop("acme"), ROWS)]
    admin = psycopg2.connect(database_addresses.admin)
    admin.autocommit = True
    with admin.cursor() as cursor:
        for shop, rows in shops:
            with scope(shop.seller.pk):
                rare = SalesChannelFactory(code="rare.example")
            values = {"seller": shop.seller.pk, "order": shop.order.pk, "channel": shop.channel.pk, "rare": rare.pk}
            cursor.execute(_FILL, {**values, "buyer": shop.buyer.pk, "now": NOON, "rows": rows})
        cursor.execute("ANALYZE returns_returnrequest; ANALYZE returns_returnsearchkey")
    yield shops[1][0]
    with admin.cursor() as cursor:
        cursor.execute("TRUNCATE returns_returnsearchkey, returns_returnrequest CASCADE")
    admin.close()


def _page(**filters: Any) -> Callable[[], Any]:
    return lambda: selectors.list_returns(ReturnFilters(**filters))


def _deep(**filters: Any) -> Callable[[], Any]:
    """The page after the one in the middle of the list, by its cursor."""
    from marketplace.paging import _cursor

    sort = selectors.SORTS[filters.get("sort", "newest")]
    rows = selectors.filtered(ReturnFilters(**filters)).filter(due_at__isnull=False)
    middle = rows.order_by(*sort.order_by())[400]
    cursor = _cursor(sort, middle, is_back=False)
    return lambda: selectors.list_returns(ReturnFilters(**filters), cursor=cursor)


@pytest.mark.server
def test_only_ranges_of_indexes(crowd: Shop) -> None:
    since = NOON - timedelta(days=30)
    with scope(crowd.seller.pk):
        looks: dict[str, Callable[[], Any]] = {
            **{f"bucket {key}": _page(bucket=key) for key in selectors.BUCKETS},
            **{f"oldest {key}": _page(bucket=key, sort="oldest") for key in selectors.BUCKETS},
            "required by deadline": _page(bucket="required", sort="deadline"),
            "authorised by deadline": _page(bucket="authorised", sort="deadline"),
            "all by deadline": _page(sort="deadline"),
            "deep in the list": _deep(bucket="authorised"),
            "deep by deadline": _deep(bucket="authorised", sort="deadline"),
            "a channel": _page(channel=crowd.channel.code),
            "a rare channel": _page(channel="rare.example"),
            "a rare channel by deadline": _page(bucket="authorised", channel="rare.example", sort="deadline"),
            "overdue": _page(is_overdue=True),
            "an order number": lambda: list(
                selectors.of_order_number(ReturnRequest.objects.all(), "202-0000077-1").order_by("-id")[:5]
            ),
            "an RMA": lambda: list(ReturnRequest.objects.filter(rma="DabcdefgRRMA").order_by("-id")[:5]),
            "a rare reason": _page(reason_code="CR-EXTRA_ITEM"),
            "the last 30 days": _page(bucket="denied", requested_from=since),
            "counts": selectors.bucket_counts,
            "counts of 30 days": lambda: selectors.bucket_counts(ReturnFilters(requested_from=since)),
            "search order": _page(search="202-0050000"),
            "search RMA": _page(search="d1234"),
            "search SKU": _page(search="SKU-123"),
            "search buyer": _page(search="buyer 77"),
            "search that fits all": _page(search="202"),
            "search nothing": _page(search="zzz"),
            "work": lambda: selectors.returns_awaiting_seller(NOON),
            "rail": lambda: registration.rail_count(owner_of(crowd)),
        }
        _check(looks, MOST_ROWS)
        _check({"one day's figures": lambda: figures._count(figures.days_until(NOON, "UTC", 1))}, MOST_ROWS)
    with system_scope():
        _check(
            {
                "sweep answers": lambda: _due(selectors.respond_due),
                "sweep expiries": lambda: _due(selectors.expiry_due),
            },
            MOST_ROWS,
        )


def _due(find: Callable[..., Any]) -> Any:
    return list(find(ReturnRequest.across_sellers.all(), NOON - timedelta(days=300)).order_by("id")[:5])


def _check(looks: dict[str, Callable[[], Any]], most: int) -> None:
    troubles = []
    for name, look in looks.items():
        with CaptureQueriesContext(connection) as captured:
            look()
        statements = [query["sql"] for query in captured.captured_queries if "returns_return" in query["sql"]]
        assert statements, name
        for sql in statements:
            plan = _explain(sql)
            read = sum(_rows_read(node) for node in _nodes(plan))
            scans = [node["Relation Name"] for node in _nodes(plan) if node["Node Type"] == "Seq Scan"]
            if read > most or any(relation.startswith("returns_") for relation in scans):
                troubles.append(f"{name}: {read} rows read, whole tables {scans}\n{_short(plan)}\n{sql[:600]}")
    assert not troubles, "\n\n".join(troubles)


def _explain(sql: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql.replace("%", "%%"), [])
        found = cursor.fetchone()[0]
    return dict((json.loads(found) if isinstance(found, str) else found)[0]["Plan"])


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def _rows_read(node: dict[str, Any]) -> int:
    if not str(node.get("Relation Name", "")).startswith("returns_"):
        return 0
    rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return int(rows * node["Actual Loops"])


def _short(plan: dict[str, Any], depth: int = 0) -> str:
    words = [str(plan.get(key, "")) for key in ("Node Type", "Relation Name", "Index Name", "Index Cond", "Filter")]
    line = "  " * depth + re.sub(r" +", " ", " | ".join(words)) + f" | rows {plan.get('Actual Rows')}"
    return "\n".join([line[:300], *(_short(child, depth + 1) for child in plan.get("Plans", []))])
