"""The main job through the API: an order, a return, the decision, the goods, the money."""

from __future__ import annotations

from typing import Any

import pytest

from marketplace.models import Order
from marketplace.tenancy import scope
from refunds.models import RefundBudget
from tests.api.conftest import Api, key_of
from tests.cast import Shop

pytestmark = pytest.mark.django_db


def ask(api: Api, shop: Shop, quantity: int = 1, **more: Any) -> Any:
    with scope(shop.seller.pk):
        line = shop.order.lines.get()
    lines = [{"order_line_id": line.pk, "quantity": quantity, "reason_code": "CR-DEFECTIVE", "comment": "Broken."}]
    return api.post("returns/", {"order": shop.order.public_id, "lines": lines, **more})


@pytest.fixture(autouse=True)
def recent(acme: Shop, globex: Shop) -> None:
    """The orders are a few days old, whatever today is."""
    from datetime import timedelta

    from marketplace import clock

    for shop in (acme, globex):
        with scope(shop.seller.pk):
            Order.objects.update(
                purchased_at=clock.now() - timedelta(days=9),
                shipped_at=clock.now() - timedelta(days=8),
                delivered_at=clock.now() - timedelta(days=6),
            )


def test_from_asking_to_money(api: Api, acme: Shop) -> None:
    made = ask(api, acme, quantity=2)
    assert made.status_code == 201, made.json()
    public_id = made.json()["public_id"]
    assert made.json()["status"] == "PENDING_RESPONSE"

    authorised = api.post(f"returns/{public_id}/authorise/")
    assert authorised.status_code == 200, authorised.json()
    assert authorised.json()["rma"]

    line = made.json()["lines"][0]["id"]
    units = [{"return_line_id": line, "condition": "SELLABLE", "quantity": 2}]
    received = api.post(f"returns/{public_id}/receive/", {"units": units})
    assert received.json()["status"] == "RECEIVED"

    refund = api.post(f"returns/{public_id}/refund/", key="k1")
    assert refund.status_code == 201, refund.json()
    assert (refund.json()["amount_minor"], refund.json()["status"]) == (10_000, "PENDING")
    again = api.post(f"returns/{public_id}/refund/", key="k1")
    assert again.json() == refund.json()
    assert again["Idempotent-Replayed"] == "true"
    with scope(acme.seller.pk):
        assert RefundBudget.objects.get().reserved_minor == 10_000

    detail = api.get(f"returns/{public_id}/").json()
    assert [row["move"] for row in detail["history"]] == ["submit", "authorise", "receive"]


def test_refusals_have_one_shape_and_the_portals_words(api: Api, acme: Shop) -> None:
    public_id = ask(api, acme).json()["public_id"]
    api.post(f"returns/{public_id}/authorise/")
    late = api.post(f"returns/{public_id}/deny/", {"reason_code": "OTHER", "message": "No."})
    assert late.status_code == 409
    assert late.json()["error"]["code"] == "wrong_state"
    assert "already authorised" in late.json()["error"]["message"]
    assert late.json()["error"]["details"]["current"] == "AUTHORISED"
    missing = api.post(f"returns/{public_id}/refund/")
    assert (missing.status_code, missing.json()["error"]["code"]) == (422, "idempotency_key_missing")
    unknown = api.post(f"returns/{public_id}/authorise/", {"nonsense": 1})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (400, "validation")


def test_nobody_else_gets_in(api: Api, foreign_api: Api, acme: Shop) -> None:
    public_id = ask(api, acme).json()["public_id"]
    absent = foreign_api.get("returns/ret-0000000000000000000000/")
    foreign = foreign_api.get(f"returns/{public_id}/")
    assert foreign.status_code == absent.status_code == 404
    assert foreign.json() == absent.json()
    assert foreign_api.post(f"returns/{public_id}/authorise/").status_code == 404
    assert foreign_api.get("returns/").json()["results"] == []
    weak = Api(key_of(acme, ["returns:read"]))
    assert weak.post(f"returns/{public_id}/authorise/").status_code == 403
    nobody = Api("rk_nothing")
    assert nobody.get("returns/").status_code == 401


def test_pages_by_key(api: Api, acme: Shop) -> None:
    for _number in range(2):
        assert ask(api, acme, confirm_duplicate=True).status_code == 201
    first = api.get("returns/", page_size=1).json()
    assert len(first["results"]) == 1
    cursor = first["next"].split("cursor=")[1].split("&")[0]
    from urllib.parse import unquote

    second = api.get("returns/", page_size=1, cursor=unquote(cursor)).json()
    assert second["results"][0]["public_id"] != first["results"][0]["public_id"]
    assert second["next"] is None
    assert api.get("returns/", cursor="forged").status_code == 422


def test_orders(api: Api, acme: Shop) -> None:
    body = {
        "channel": "amazon.co.uk",
        "number": "N-1",
        "purchased_at": "2026-11-01T10:00:00Z",
        "shipped_at": "2026-11-02T10:00:00Z",
        "currency": "GBP",
        "lines": [{"sku": "A", "quantity": 2, "item_minor": 500}],
        "buyer_email": "New@buyers.example",
    }
    made = api.post("orders/", body)
    assert made.status_code == 201, made.json()
    assert made.json()["paid_minor"] == 500
    assert "New@buyers.example" not in made.content.decode()
    assert api.post("orders/", body).json()["error"]["code"] == "order_exists"
    assert api.post("orders/", {**body, "number": "N-2", "currency": "XXY"}).status_code == 422
    assert len(api.get("orders/", number="n-1").json()["results"]) == 1
    order = made.json()["public_id"]
    assert api.get(f"orders/{order}/budget/").json()["left_minor"] == 500


def test_the_document_and_its_page(client: Any) -> None:
    assert client.get("/api/schema/").json()["openapi"].startswith("3")
    page = client.get("/api/docs/").content.decode()
    assert "/api/v1/returns/{public_id}/refund/" in page
    assert "Idempotency-Key" in page
