"""What the refund form of a return offers: a row per item and one for its shipping, with what is owed and left."""

from __future__ import annotations

from collections import defaultdict

from django.utils.translation import gettext as _

from refunds.forms import RefundRow
from refunds.lines import LineLeft, lines_left
from refunds.models import Component
from returns.models import ReturnLine, ReturnRequest
from returns.owed import refund_proposal

ITEM, TAX, SHIPPING = Component.ITEM.value, Component.TAX.value, Component.SHIPPING.value


def refund_rows(request: ReturnRequest) -> list[RefundRow]:
    """In the order of the order's lines; only those of which something was asked back."""
    proposed: dict[int, dict[str, int]] = defaultdict(dict)
    for line in refund_proposal(request):
        proposed[line.order_line.pk][line.component] = line.amount.minor
    asked = set(ReturnLine.objects.filter(return_request=request).values_list("order_line_id", flat=True))
    rows: list[RefundRow] = []
    for left in lines_left(request.order):
        if left.order_line.pk in asked:
            rows += _rows_of(left, proposed[left.order_line.pk])
    return rows


def _rows_of(left: LineLeft, proposed: dict[str, int]) -> list[RefundRow]:
    pk, title = left.order_line.pk, str(left.order_line.title or left.order_line.sku)
    item = {name: proposed[name] for name in (ITEM, TAX) if proposed.get(name)}
    if left.left_minor is None:
        return [RefundRow(f"line_{pk}", pk, title, _("amount paid not known"), item)]
    remaining = {name: left.component(name) or 0 for name in (ITEM, TAX)}
    detail = _("item and tax") if left.order_line.tax_minor else _("item")
    rows = [RefundRow(f"line_{pk}", pk, title, detail, item, remaining)]
    shipping = left.component(SHIPPING) or 0
    if shipping or left.order_line.shipping_minor:
        wanted = {SHIPPING: proposed[SHIPPING]} if proposed.get(SHIPPING) else {}
        rows.append(RefundRow(f"ship_{pk}", pk, title, _("outward shipping"), wanted, {SHIPPING: shipping}))
    return rows
