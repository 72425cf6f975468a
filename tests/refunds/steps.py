"""Short ways to ask for a refund, to send it, and to see what became of it and of everything else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from marketplace import clock
from marketplace.actors import Actor
from marketplace.models import Order, OutboxEvent, StateTransition
from marketplace.tenancy import current, scope, tenant_models
from refunds import executor, invariants
from refunds.models import LedgerLine, RefundBudget, RefundRequest
from refunds.services import RefundLineAsk, create_refund
from tests.cast import Shop

Row = dict[str, Any]


def ask(
    shop: Shop,
    by: Actor,
    amount: int = 3_000,
    *,
    order: Order | None = None,
    component: str = "ITEM",
    token: str | None = None,
    reason: str = "BUYER_RETURN",
    text: str = "",
    **more: Any,
) -> RefundRequest:
    """Ask for `amount` on the first line of the shop's order, inside a scope or in one of its own."""
    order = order or shop.order
    if current() is None:
        with scope(shop.seller.pk):
            return ask(
                shop, by, amount, order=order, component=component, token=token, reason=reason, text=text, **more
            )
    line_id = None if component == "GOODWILL" else order.lines.order_by("position").values_list("id", flat=True)[0]
    return create_refund(
        order.public_id,
        by=by,
        lines=[RefundLineAsk(line_id, component, amount)],
        reason_code=reason,
        reason_text=text,
        client_token=token,
        **more,
    )


def send(after: timedelta | None = None, at: datetime | None = None) -> int:
    """Let the executor work, now or `after` so long."""
    if after is None and at is None:
        return executor.execute_due()
    with clock.override(at or clock.now() + (after or timedelta())):
        return executor.execute_due()


def sent(shop: Shop, by: Actor, amount: int = 3_000, **more: Any) -> RefundRequest:
    """A refund that has gone out through the sandbox as far as it goes."""
    refund = ask(shop, by, amount, **more)
    send()
    return fresh(refund)


def fresh(refund: RefundRequest) -> RefundRequest:
    """The refund as it is now, with its budget."""
    if current() is None:
        with scope(refund.seller_id):
            return fresh(refund)
    found: RefundRequest = RefundRequest.objects.select_related("budget").get(pk=refund.pk)
    return found


def state(refund: RefundRequest) -> str:
    return str(fresh(refund).status)


def moves(refund: RefundRequest) -> list[str]:
    """The names of its moves, oldest first."""
    with scope(refund.seller_id):
        rows = StateTransition.objects.filter(machine="refund", object_id=refund.pk)
        return list(rows.order_by("version").values_list("move", flat=True))


def last_move(refund: RefundRequest) -> StateTransition:
    with scope(refund.seller_id):
        rows = StateTransition.objects.filter(machine="refund", object_id=refund.pk)
        found: StateTransition = rows.latest("version")
        return found


def event_names(refund: RefundRequest) -> list[str]:
    with scope(refund.seller_id):
        rows = OutboxEvent.objects.filter(machine="refund", object_id=refund.pk)
        return list(rows.order_by("id").values_list("name", flat=True))


def budget(shop: Shop, order: Order | None = None) -> tuple[int, int, int, int]:
    """(cap, reserved, refunded, left) of the order."""
    with scope(shop.seller.pk):
        found = RefundBudget.objects.filter(order=order or shop.order).first()
        assert found is not None
        return found.cap_minor, found.reserved_minor, found.refunded_minor, found.left_minor


def balances(shop: Shop) -> dict[str, int]:
    """The balance of every account of the shop's order, without the empty ones."""
    with scope(shop.seller.pk):
        totals: dict[str, int] = {}
        for account, amount in LedgerLine.objects.filter(budget__order=shop.order).values_list(
            "account", "amount_minor"
        ):
            totals[account] = totals.get(account, 0) + amount
        return {account: total for account, total in totals.items() if total}


def breaches(shop: Shop) -> list[str]:
    with scope(shop.seller.pk):
        return [str(breach) for breach in invariants.breaches()]


@contextmanager
def only_changes(shop: Shop, *tables: str) -> Iterator[None]:
    """Of all tables of the seller, exactly these change in the block; and every deferred rule holds at its end."""
    before = _contents(shop)
    yield
    after = _contents(shop)
    assert {table for table in after if after[table] != before[table]} == set(tables)


def _contents(shop: Shop) -> dict[str, str]:
    with scope(shop.seller.pk), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        found = {}
        for model in tenant_models():
            table = model._meta.db_table
            cursor.execute(f"SELECT coalesce(md5(string_agg(t::text, '|' ORDER BY id)), '') FROM \"{table}\" t")
            found[table.removeprefix("refunds_").removeprefix("marketplace_")] = cursor.fetchone()[0]
        return found
