"""Undoing a whole import, and what stands in its way."""

from __future__ import annotations

import pytest

from marketplace import clock
from marketplace.actors import MemberRole
from marketplace.errors import Forbidden, Refused, WrongState
from marketplace.imports import undo
from marketplace.imports.undo import undo_import
from marketplace.models import Buyer, ImportJob, Note, Order
from marketplace.models.imports import ImportStatus
from marketplace.tenancy import scope
from refunds.models import RefundBudget
from tests.factories import OrderFactory
from tests.imports.conftest import Desk, line, number, summary

pytestmark = [pytest.mark.django_db, pytest.mark.server]


def undone(desk: Desk, job: ImportJob) -> ImportJob:
    with scope(desk.shop.seller.pk):
        return undo_import(job.public_id, by=desk.actor)


def test_undo_takes_away_all_that_the_import_made(desk: Desk) -> None:
    job = desk.take_in(line(1), line(1, sku="LAMP"), line(2))
    assert desk.counts() == (2, 3)
    assert undone(desk, job).status == ImportStatus.UNDONE
    assert desk.counts() == (0, 0)
    with scope(desk.shop.seller.pk):
        assert Order.objects.get() == desk.shop.order
    assert summary(desk.take_in(line(1), line(1, sku="LAMP"), line(2))) == (3, 0, 0, 0, 0)


def test_undo_takes_lines_off_an_older_order_and_leaves_what_it_changed(desk: Desk) -> None:
    desk.take_in(line(1, order_status="Unshipped", item_status="Unshipped"))
    job = desk.take_in(line(1), line(1, sku="LAMP"))
    assert desk.order().paid_minor == 2 * 2730
    undone(desk, job)
    assert desk.counts() == (1, 1)
    assert (desk.order().paid_minor, desk.order().status) == (2730, "Shipped")


def test_a_later_import_that_changed_an_order_stands_in_the_way(desk: Desk) -> None:
    first = desk.take_in(line(1), line(2))
    later = desk.take_in(line(1, item_price="20.00"))
    with pytest.raises(Refused, match="a later import changed 1 order"):
        undone(desk, first)
    assert desk.counts() == (2, 2)
    undone(desk, later)
    undone(desk, first)
    assert desk.counts() == (0, 0)


def test_the_same_file_again_does_not_stand_in_the_way(desk: Desk) -> None:
    first = desk.take_in(line(1))
    desk.take_in(line(1))
    undone(desk, first)
    assert desk.counts() == (0, 0)


def test_whatever_refers_to_an_order_stands_in_the_way(desk: Desk) -> None:
    job = desk.take_in(line(1), line(2))
    with scope(desk.shop.seller.pk):
        order = Order.objects.get(number=number(2))
        RefundBudget.objects.create(order=order, currency="GBP", cap_minor=2730)
    with pytest.raises(Refused, match="refund budget"):
        undone(desk, job)
    assert desk.counts() == (2, 2)


def test_a_note_on_an_order_stands_in_the_way(desk: Desk) -> None:
    job = desk.take_in(line(1))
    order = desk.order()
    with scope(desk.shop.seller.pk):
        Note.objects.create(machine="order", object_id=order.pk, text="Call them.", actor_kind="seller", at=clock.now())
    with pytest.raises(Refused, match="1 note is on its orders"):
        undone(desk, job)


def test_the_database_refuses_what_the_questions_did_not_find(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    job = desk.take_in(line(1), line(2))
    with scope(desk.shop.seller.pk):
        RefundBudget.objects.create(order=Order.objects.get(number=number(1)), currency="GBP", cap_minor=2730)
    monkeypatch.setattr(undo, "obstacles_to_undo", lambda _job: [])
    with pytest.raises(Refused, match="something refers"):
        undone(desk, job)
    assert desk.counts() == (2, 2)
    assert desk.fresh(job).status == ImportStatus.DONE


def test_buyers_that_came_with_the_file_go_with_it(desk: Desk) -> None:
    head, row = "Order No,Date,SKU,Qty,Price,E-mail", "{},2026-11-01,A,1,9.00,{}"
    with scope(desk.shop.seller.pk):
        OrderFactory(number="old", channel=desk.shop.channel, buyer=Buyer.objects.create(email="old@buyers.example"))
    content = "\n".join([head, row.format(1, "new@buyers.example"), row.format(2, "old@buyers.example"), ""])
    job = desk.take_in(content=content.encode())
    undone(desk, job)
    with scope(desk.shop.seller.pk):
        kept = set(Buyer.objects.values_list("email", flat=True))
    assert "old@buyers.example" in kept
    assert "new@buyers.example" not in kept


def test_undo_happens_once_and_only_to_what_is_through(desk: Desk) -> None:
    job = desk.take_in(line(1))
    undone(desk, job)
    with pytest.raises(WrongState, match="undone"):
        undone(desk, job)
    with pytest.raises(WrongState, match="uploaded"):
        undone(desk, desk.start(line(2)))


def test_who_may_only_read_may_not_undo(desk: Desk) -> None:
    job = desk.take_in(line(1))
    with scope(desk.shop.seller.pk), pytest.raises(Forbidden):
        undo_import(job.public_id, by=desk.shop.actor(MemberRole.READONLY))
