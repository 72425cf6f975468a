"""Short ways to have returns on the desk, each made in the shop's own scope as the services make them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marketplace.models import Note, OutboxEvent, StateTransition
from marketplace.tenancy import scope
from refunds.models import RefundRequest
from returns.models import ReturnRequest
from tests.cast import Shop
from tests.returns import stories

Story = Callable[..., ReturnRequest]


def have(shop: Shop, story: Story = stories.asked, **more: Any) -> ReturnRequest:
    """A return in the state that the story leads to."""
    with scope(shop.seller.pk):
        return story(shop, **more)


def page(request: ReturnRequest, verb: str = "") -> str:
    return f"/returns/{request.public_id}/{verb + '/' if verb else ''}"


def now(shop: Shop, request: ReturnRequest) -> ReturnRequest:
    """The return as it is in the database."""
    with scope(shop.seller.pk):
        found: ReturnRequest = ReturnRequest.objects.get(pk=request.pk)
        return found


def moves(shop: Shop, request: ReturnRequest) -> list[str]:
    with scope(shop.seller.pk):
        rows = StateTransition.objects.filter(machine="return", object_id=request.pk)
        return list(rows.order_by("version").values_list("move", flat=True))


def event_names(shop: Shop, request: ReturnRequest) -> list[str]:
    with scope(shop.seller.pk):
        rows = OutboxEvent.objects.filter(machine="return", object_id=request.pk)
        return list(rows.order_by("id").values_list("name", flat=True))


def notes(shop: Shop, request: ReturnRequest) -> list[tuple[str, str]]:
    with scope(shop.seller.pk):
        rows = Note.objects.filter(machine="return", object_id=request.pk)
        return list(rows.order_by("id").values_list("kind", "text"))


def refunds(shop: Shop, request: ReturnRequest) -> list[tuple[int, str]]:
    with scope(shop.seller.pk):
        rows = RefundRequest.objects.filter(asker_public_id=request.public_id)
        return list(rows.order_by("id").values_list("amount_minor", "status"))
