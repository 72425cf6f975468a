"""Returns in every state, reached through the services; and what a test looks at afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from marketplace import clock
from marketplace.actors import Actor, MemberRole
from marketplace.models import Mail, Note, Order, OrderLine, OutboxEvent, StateTransition
from refunds.models import RefundRequest
from refunds.services import confirm_manual_refund
from returns import services
from returns.models import ReceivedUnits, ReturnLine, ReturnRequest
from returns.services import LineAsk, ReceivedAsk
from tests.cast import Shop
from tests.factories import OrderFactory

# The factories' orders were bought on 1 Nov 2026, 9:00, delivered on 4 Nov; the window is 30 days.
NOON = datetime(2026, 11, 10, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def owner_of(shop: Shop) -> Actor:
    return shop.actor(MemberRole.OWNER)


def order_of(shop: Shop, **more: Any) -> Order:
    order: Order = OrderFactory(channel=shop.channel, buyer=shop.buyer, **more)
    return order


def first_line(order: Order) -> OrderLine:
    line: OrderLine = OrderLine.objects.filter(order=order).order_by("position")[0]
    return line


def line_ask(order: Order, quantity: int = 1, **more: Any) -> LineAsk:
    values = {"reason_code": "CR-DEFECTIVE", "comment": "It hums.", **more}
    return LineAsk(first_line(order).pk, quantity, **values)


def asked(shop: Shop, *, order: Order | None = None, quantity: int = 1, **more: Any) -> ReturnRequest:
    """Pending: the buyer has asked for units of the order's first line."""
    order = order or shop.order
    return services.submit_return(order.public_id, by=shop.buyer_actor, lines=[line_ask(order, quantity)], **more)


def authorised(shop: Shop, **more: Any) -> ReturnRequest:
    return services.authorise_return(asked(shop, **more).public_id, by=owner_of(shop))


def shipped(shop: Shop, *, tracking: str = "RM1", **more: Any) -> ReturnRequest:
    return services.ship_return(
        authorised(shop, **more).public_id, by=shop.buyer_actor, carrier="Royal Mail", tracking=tracking
    )


def received(shop: Shop, *, quantity: int = 1, back: int | None = None, condition: str = "SELLABLE") -> ReturnRequest:
    """RECEIVED, or PARTIALLY_RECEIVED where fewer units are `back`."""
    request = authorised(shop, quantity=quantity)
    return receive(request, owner_of(shop), back or quantity, condition)


def receive(request: ReturnRequest, by: Actor, quantity: int, condition: str = "SELLABLE") -> ReturnRequest:
    line = ReturnLine.objects.get(return_request=request)
    return services.receive_return(request.public_id, by=by, units=[ReceivedAsk(line.pk, condition, quantity)])


def denied(shop: Shop, **more: Any) -> ReturnRequest:
    return services.deny_return(
        asked(shop, **more).public_id, by=owner_of(shop), reason_code="OTHER", message="Sorry, no."
    )


def withdrawn(shop: Shop, **more: Any) -> ReturnRequest:
    return services.withdraw_return(asked(shop, **more).public_id, by=shop.buyer_actor)


def expired(shop: Shop, **more: Any) -> ReturnRequest:
    request = authorised(shop, **more)
    assert request.expires_at is not None
    with clock.override(request.expires_at + MINUTE):
        assert services.expire_returns([request.pk]) == 1
    request.refresh_from_db()
    return request


def closed(shop: Shop, **more: Any) -> ReturnRequest:
    return services.close_return(asked(shop, **more).public_id, by=owner_of(shop), close_reason="RESOLVED_OTHERWISE")


STATES = {
    "PENDING_RESPONSE": asked,
    "AUTHORISED": authorised,
    "IN_TRANSIT": shipped,
    "PARTIALLY_RECEIVED": lambda shop: received(shop, quantity=2, back=1),
    "RECEIVED": received,
    "DENIED": denied,
    "WITHDRAWN": withdrawn,
    "EXPIRED": expired,
    "CLOSED": closed,
}


def pays_by_hand(shop: Shop) -> Shop:
    """The channel's refunds are paid outside and confirmed: money arrives when the test says so."""
    shop.channel.gateway = "manual"
    shop.channel.save(update_fields=["gateway"])
    return shop


def arrive(refund: RefundRequest, by: Actor) -> None:
    """The money has arrived, and returns has heard of it."""
    from returns.services.refunding import refund_arrived

    confirm_manual_refund(refund.public_id, by=by, reference=f"bank-{refund.pk}")
    refund_arrived(refund.pk)


# --- what a test looks at ---


def fresh(request: ReturnRequest) -> ReturnRequest:
    found: ReturnRequest = ReturnRequest.objects.get(pk=request.pk)
    return found


def last_move(request: ReturnRequest) -> StateTransition:
    found: StateTransition = StateTransition.objects.filter(machine="return", object_id=request.pk).latest("version")
    return found


def events_of(request: ReturnRequest) -> list[str]:
    rows = OutboxEvent.objects.filter(machine="return", object_id=request.pk).order_by("id")
    return list(rows.values_list("name", flat=True))


def _everything() -> dict[str, list[Any]]:
    models = (ReturnRequest, ReturnLine, ReceivedUnits, RefundRequest, StateTransition, OutboxEvent, Mail, Note)
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in models}


@contextmanager
def nothing_happens() -> Iterator[None]:
    """Whatever is tried in this block leaves every row as it was."""
    before = _everything()
    yield
    assert _everything() == before


def the_database_agrees() -> None:
    """Run what is deferred to the commit: every move has its history, every reference its seller."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
