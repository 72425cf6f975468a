"""What does one chunk of staged rows do to the orders? First a plan, which a dry run only counts, then the writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from marketplace.events import announce
from marketplace.imports.problems import RowProblem
from marketplace.imports.statuses import LEFT, RANK, TERMINAL, OrderStatus
from marketplace.models import ImportJob, Order
from marketplace.tenancy import current_seller_id


def _rank(column: str) -> str:
    cases = " ".join(f"WHEN '{status}' THEN {rank}" for status, rank in RANK.items())
    return f"CASE {column} {cases} ELSE -1 END"


def _among(statuses: frozenset[Any]) -> str:
    return "(" + ", ".join(f"'{status}'" for status in sorted(statuses)) + ")"


_AMOUNTS = ("item", "tax", "shipping", "shipping_tax", "gift_wrap", "discount")
_PLAN = f"""
CREATE TEMPORARY TABLE import_plan ON COMMIT DROP AS
WITH known AS (
    SELECT s.*, o.id AS order_id, l.id AS line_id,
        COALESCE(o.currency, first_value(s.currency) OVER (PARTITION BY s.number ORDER BY s.line)) AS order_currency,
        l.status AS old_status, {_rank("l.status")} AS old_rank,
        l.quantity AS old_quantity, l.quantity_shipped AS old_quantity_shipped,
        l.asin AS old_asin, l.title AS old_title, l.paid_minor AS old_paid,
        {", ".join(f"l.{name}_minor AS old_{name}" for name in _AMOUNTS)},
        o.id IS NOT NULL AND (
            (o.buyer_id IS NULL AND s.email_key <> '') OR (o.shipped_at IS NULL AND s.shipped_at IS NOT NULL)
            OR (o.delivered_at IS NULL AND s.delivered_at IS NOT NULL)
            OR (o.payment_reference = '' AND s.payment_reference <> '')
            OR (o.ship_country = '' AND s.country <> '') OR (o.postcode_hash = '' AND s.postcode_hash <> '')
        ) AS fills_order
    FROM import_stage s
    LEFT JOIN marketplace_order o
        ON o.seller_id = %(seller)s AND o.channel_id = %(channel)s AND o.number = s.number
    LEFT JOIN marketplace_orderline l
        ON l.seller_id = %(seller)s AND l.order_id = o.id AND l.sku = s.sku AND l.nth = s.nth
), valued AS (
    SELECT *,
        COALESCE(NULLIF(asin, ''), old_asin, '') AS new_asin,
        COALESCE(NULLIF(title, ''), old_title, '') AS new_title,
        CASE WHEN item IS NULL THEN COALESCE(old_item, 0)
             WHEN tax IS NULL AND %(tax_included)s THEN GREATEST(item - COALESCE(old_tax, 0), 0)
             ELSE item END AS new_item,
        CASE WHEN shipping IS NULL THEN COALESCE(old_shipping, 0)
             WHEN shipping_tax IS NULL AND %(tax_included)s THEN GREATEST(shipping - COALESCE(old_shipping_tax, 0), 0)
             ELSE shipping END AS new_shipping,
        {", ".join(f"COALESCE({n}, old_{n}, 0) AS new_{n}" for n in ("tax", "shipping_tax", "gift_wrap", "discount"))}
    FROM known
), totalled AS (
    SELECT *, GREATEST(new_item + new_tax + new_shipping + new_shipping_tax + new_gift_wrap - new_discount, 0)
        AS new_paid
    FROM valued
)
SELECT *, CASE
    WHEN currency <> order_currency THEN 'refused'
    WHEN line_id IS NULL THEN 'new'
    WHEN status <> old_status AND NOT %(moves_back)s
        AND (old_status IN {_among(TERMINAL)} OR rank < old_rank) THEN 'held'
    WHEN fills_order OR (status, quantity, quantity_shipped, new_asin, new_title, new_paid,
            {", ".join(f"new_{name}" for name in _AMOUNTS)})
        IS DISTINCT FROM (old_status, old_quantity, old_quantity_shipped, old_asin, old_title, old_paid,
            {", ".join(f"old_{name}" for name in _AMOUNTS)}) THEN 'changed'
    ELSE 'unchanged' END AS action
FROM totalled
"""

_BUYERS = """
INSERT INTO marketplace_buyer
    (seller_id, public_id, alias, name, email, email_key, language, zone, created_at)
SELECT DISTINCT ON (s.email_key)
    %(seller)s, s.buyer_public_id, '', s.buyer_name, s.email, s.email_key, %(language)s, %(zone)s, %(now)s
FROM import_plan s WHERE s.email_key <> '' AND s.action IN ('new', 'changed') ORDER BY s.email_key, s.line
ON CONFLICT (seller_id, email_key) WHERE NOT (email_key = '') DO NOTHING
"""

_ORDERS = """
WITH made AS (
    INSERT INTO marketplace_order
        (seller_id, public_id, channel_id, number, number_key, buyer_id, status, purchased_at, shipped_at,
         delivered_at, currency, paid_minor, shipping_minor, gateway, payment_reference, ship_country,
         postcode_hash, imported_by_id, created_at, updated_at)
    SELECT DISTINCT ON (p.number)
        %(seller)s, p.order_public_id, %(channel)s, p.number, p.number_key, b.id, p.status, p.purchased_at,
        p.shipped_at, p.delivered_at, p.currency, 0, 0, '', p.payment_reference, p.country, p.postcode_hash,
        %(job)s, %(now)s, %(now)s
    FROM import_plan p
    LEFT JOIN marketplace_buyer b
        ON b.seller_id = %(seller)s AND b.email_key = p.email_key AND p.email_key <> ''
    WHERE p.order_id IS NULL AND p.action = 'new'
    ORDER BY p.number, p.line
    ON CONFLICT (seller_id, channel_id, number) DO NOTHING
    RETURNING id, number
), noted AS (
    INSERT INTO marketplace_importprovenance (seller_id, job_id, order_id, created_order, changed)
    SELECT %(seller)s, %(job)s, id, true, false FROM made
), found AS (
    UPDATE import_plan p SET order_id = made.id FROM made WHERE p.order_id IS NULL AND p.number = made.number
)
SELECT count(*) FROM made
"""

# Orders that another door made between the plan and the insert.
_FIND_ORDERS = """
UPDATE import_plan p SET order_id = o.id FROM marketplace_order o
WHERE p.order_id IS NULL AND p.action = 'new'
    AND o.seller_id = %(seller)s AND o.channel_id = %(channel)s AND o.number = p.number
"""

_LINES = f"""
INSERT INTO marketplace_orderline
    (seller_id, order_id, position, sku, asin, title, quantity, quantity_shipped,
     {", ".join(f"{name}_minor" for name in _AMOUNTS)}, paid_minor, status, nth, imported_by_id)
SELECT %(seller)s, p.order_id,
    COALESCE((SELECT max(x.position) FROM marketplace_orderline x
              WHERE x.seller_id = %(seller)s AND x.order_id = p.order_id), 0)
        + row_number() OVER (PARTITION BY p.order_id ORDER BY p.line),
    p.sku, p.new_asin, p.new_title, p.quantity, p.quantity_shipped,
    {", ".join(f"p.new_{name}" for name in _AMOUNTS)}, p.new_paid, p.status, p.nth, %(job)s
FROM import_plan p WHERE p.action = 'new'
ON CONFLICT (seller_id, order_id, sku, nth) DO NOTHING
"""

_CHANGED_LINES = f"""
UPDATE marketplace_orderline l SET
    asin = p.new_asin, title = p.new_title, quantity = p.quantity, quantity_shipped = p.quantity_shipped,
    {", ".join(f"{name}_minor = p.new_{name}" for name in _AMOUNTS)}, paid_minor = p.new_paid, status = p.status
FROM import_plan p WHERE p.action = 'changed' AND l.seller_id = %(seller)s AND l.id = p.line_id
"""

_LIVING = f"l.status <> '{OrderStatus.CANCELLED}'"
# The same as `statuses.order_status`, over all lines of the order; and what the order did not know yet.
_TOTALS = f"""
WITH touched AS (
    SELECT p.order_id, max(p.shipped_at) AS shipped_at, max(p.delivered_at) AS delivered_at,
        max(p.country) AS country, max(p.postcode_hash) AS postcode_hash,
        max(p.payment_reference) AS payment_reference, max(p.email_key) AS email_key
    FROM import_plan p WHERE p.action IN ('new', 'changed') GROUP BY p.order_id
), before AS (
    SELECT o.id, o.paid_minor FROM marketplace_order o
    WHERE o.seller_id = %(seller)s AND o.id IN (SELECT order_id FROM touched) ORDER BY o.id FOR UPDATE
), totals AS (
    SELECT l.order_id, sum(l.paid_minor)::bigint AS paid, sum(l.shipping_minor)::bigint AS shipping,
        CASE WHEN NOT bool_or({_LIVING}) THEN '{OrderStatus.CANCELLED}'
             WHEN bool_or(l.status IN {_among(LEFT)}) FILTER (WHERE {_LIVING})
              AND bool_or(l.status NOT IN {_among(LEFT)}) FILTER (WHERE {_LIVING})
             THEN '{OrderStatus.PARTIALLY_SHIPPED}'
             ELSE (array_agg(l.status ORDER BY {_rank("l.status")}) FILTER (WHERE {_LIVING}))[1] END AS status
    FROM marketplace_orderline l
    WHERE l.seller_id = %(seller)s AND l.order_id IN (SELECT order_id FROM touched) GROUP BY l.order_id
), done AS (
    UPDATE marketplace_order o SET
        paid_minor = t.paid, shipping_minor = t.shipping, status = t.status, updated_at = %(now)s,
        shipped_at = COALESCE(o.shipped_at, u.shipped_at), delivered_at = COALESCE(o.delivered_at, u.delivered_at),
        ship_country = COALESCE(NULLIF(o.ship_country, ''), u.country),
        postcode_hash = COALESCE(NULLIF(o.postcode_hash, ''), u.postcode_hash),
        payment_reference = COALESCE(NULLIF(o.payment_reference, ''), u.payment_reference),
        buyer_id = COALESCE(o.buyer_id, b.id)
    FROM totals t JOIN touched u ON u.order_id = t.order_id JOIN before ON before.id = t.order_id
    LEFT JOIN marketplace_buyer b
        ON b.seller_id = %(seller)s AND b.email_key = u.email_key AND u.email_key <> ''
    WHERE o.seller_id = %(seller)s AND o.id = t.order_id
    RETURNING o.id, o.paid_minor <> before.paid_minor AS is_repriced
)
SELECT done.id FROM done
WHERE done.is_repriced AND NOT EXISTS (
    SELECT 1 FROM marketplace_importprovenance v
    WHERE v.seller_id = %(seller)s AND v.job_id = %(job)s AND v.order_id = done.id AND v.created_order)
ORDER BY done.id
"""

_PROVENANCE = """
WITH noted AS (
    INSERT INTO marketplace_importprovenance AS v (seller_id, job_id, order_id, created_order, changed)
    SELECT DISTINCT %(seller)s, %(job)s, p.order_id, false, true FROM import_plan p
    WHERE p.action IN ('new', 'changed')
    ON CONFLICT (seller_id, order_id, job_id) DO NOTHING
    RETURNING v.id
)
SELECT count(*) FROM noted
"""

_REFUSED = "SELECT line, number, sku, currency, order_currency FROM import_plan WHERE action = 'refused' ORDER BY line"
_SAMPLE = """
SELECT line, number, sku, quantity, status, new_paid, currency, action FROM import_plan
WHERE action <> 'refused' ORDER BY line LIMIT %(count)s
"""


@dataclass(slots=True)
class Effect:
    """What a chunk did, or would do: figures for the job row, and the rows that the orders refuse."""

    orders_new: int = 0
    orders_changed: int = 0
    lines_new: int = 0
    lines_changed: int = 0
    lines_unchanged: int = 0
    lines_held: int = 0
    refused: list[RowProblem] = field(default_factory=list)


def plan(job: ImportJob, *, is_tax_included: bool) -> Effect:
    """Compare `import_stage` with what is there; makes the temporary table `import_plan`, writes nothing else."""
    numbers = {
        "seller": current_seller_id(),
        "channel": job.channel_id,
        "tax_included": is_tax_included,
        "moves_back": job.moves_back,
    }
    with connection.cursor() as cursor:
        cursor.execute(_PLAN, numbers)
        cursor.execute("ANALYZE import_plan")
        cursor.execute("SELECT action, count(*) FROM import_plan GROUP BY action")
        counts = dict(cursor.fetchall())
        cursor.execute("SELECT count(*) FROM import_plan WHERE order_id IS NULL AND is_first AND action = 'new'")
        effect = Effect(
            orders_new=cursor.fetchone()[0],
            lines_new=counts.get("new", 0),
            lines_changed=counts.get("changed", 0),
            lines_unchanged=counts.get("unchanged", 0),
            lines_held=counts.get("held", 0),
        )
        cursor.execute(
            "SELECT count(DISTINCT order_id) FROM import_plan WHERE order_id IS NOT NULL"
            " AND action IN ('new', 'changed')"
        )
        effect.orders_changed = cursor.fetchone()[0]
        cursor.execute(_REFUSED)
        effect.refused = [_currency_problem(*row) for row in cursor.fetchall()]
    return effect


def sample(count: int) -> list[dict[str, Any]]:
    """The first rows of the plan, for the preview."""
    names = ("line", "number", "sku", "quantity", "status", "paid_minor", "currency", "action")
    with connection.cursor() as cursor:
        cursor.execute(_SAMPLE, {"count": count})
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def carry_out(job: ImportJob, effect: Effect, *, now: Any) -> Effect:
    """Do what the plan says, in this transaction; the effect then holds what was really done."""
    values = {
        "seller": current_seller_id(),
        "channel": job.channel_id,
        "job": job.pk,
        "now": now,
        "language": job.channel.language,
        "zone": job.channel.zone,
    }
    with connection.cursor() as cursor:
        cursor.execute(_BUYERS, values)
        cursor.execute(_ORDERS, values)
        effect.orders_new = cursor.fetchone()[0]
        cursor.execute("SELECT 1 FROM import_plan WHERE order_id IS NULL AND action = 'new' LIMIT 1")
        if cursor.fetchone():
            cursor.execute(_FIND_ORDERS, values)
        cursor.execute(_LINES, values)
        effect.lines_new = cursor.rowcount
        cursor.execute(_CHANGED_LINES, values)
        cursor.execute(_TOTALS, values)
        repriced = [row[0] for row in cursor.fetchall()]
        cursor.execute(_PROVENANCE, values)
        effect.orders_changed = cursor.fetchone()[0]
    for pk in repriced:
        announce("order.amounts_changed", Order(pk=pk))
    return effect


def _currency_problem(line: int, number: str, sku: str, currency: str, order_currency: str) -> RowProblem:
    words = {"number": number, "sku": sku, "order": order_currency, "row": currency}
    return RowProblem(line, "", _("Order %(number)s is in %(order)s, this row (%(sku)s) in %(row)s.") % words)
