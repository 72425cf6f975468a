"""What importing a file does to the orders; the rules of the domain's import table one by one."""

from __future__ import annotations

import random
from typing import Any

import pytest
from django.db import connection

from marketplace.actors import MemberRole
from marketplace.errors import DomainError, Forbidden, NotFound, WrongState
from marketplace.imports import running, services, storage
from marketplace.imports.amazon_orders import COLUMNS
from marketplace.imports.mapping import Field, Mapping
from marketplace.imports.problems import FileProblem
from marketplace.imports.staging import postcode_hash
from marketplace.imports.values import DateOrder
from marketplace.models import (
    Buyer,
    ImportJob,
    ImportMapping,
    ImportProvenance,
    ImportRowError,
    Order,
    OutboxEvent,
)
from marketplace.models.imports import ImportStatus
from marketplace.tenancy import scope, tenant_models
from tests.cast import Shop
from tests.factories import OrderFactory
from tests.imports.conftest import Desk, as_report, line, number, summary

pytestmark = [pytest.mark.django_db, pytest.mark.server]

OWN_FILE = (
    "Order No;Date;SKU;Qty;Price;Currency;Status;E-mail\n"
    "{number};13/11/2026;MUG;2;1.234,50;EUR;Shipped;Lena@Buyers.example\n"
)


# --- a first file --------------------------------------------------------------------------------------


def test_a_file_makes_orders_with_their_lines_totals_and_provenance(desk: Desk) -> None:
    job = desk.take_in(line(1), line(1, sku="LAMP", item_price="10.00", item_tax="1.50"), line(2))

    assert (job.status, job.orders_new, job.position) == (ImportStatus.DONE, 2, 3)
    assert summary(job) == (3, 0, 0, 0, 0)
    order = desk.order(1)
    assert (order.paid_minor, order.shipping_minor) == (2490 + 240 + 1000 + 240, 400)
    assert (order.status, order.currency, order.ship_country) == ("Shipped", "GBP", "GB")
    assert order.purchased_at.isoformat() == "2026-11-01T10:15:30+00:00"
    assert order.imported_by_id == job.pk
    kettle, lamp = desk.lines(1)
    assert (kettle.position, lamp.position) == (1, 2)
    assert (kettle.item_minor, kettle.tax_minor, kettle.shipping_minor, kettle.shipping_tax_minor) == (
        2075,
        415,
        200,
        40,
    )
    assert kettle.paid_minor == 2730
    with scope(desk.shop.seller.pk):
        assert list(ImportProvenance.objects.values_list("created_order", "changed")) == [(True, False)] * 2


def test_an_order_whose_lines_are_far_apart_in_the_file_is_one_order(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "CHUNK_ROWS", 2)
    job = desk.take_in(*(line(n, sku=sku) for sku in ("A", "B", "C") for n in (1, 2, 3)))
    assert (job.orders_new, job.orders_changed, job.lines_new) == (3, 0, 9)
    assert desk.order(2).paid_minor == 3 * 2730
    assert [(one.position, one.sku) for one in desk.lines(2)] == [(1, "A"), (2, "B"), (3, "C")]


def test_equal_lines_of_an_order_are_told_apart_by_their_place(desk: Desk) -> None:
    twice = [line(1), line(1, item_price="20.00"), line(1)]
    assert desk.take_in(*twice).lines_new == 3
    assert [one.nth for one in desk.lines()] == [1, 2, 3]
    assert summary(desk.take_in(*twice)) == (0, 3, 0, 0, 0)


def test_a_file_that_is_through_is_not_kept(desk: Desk) -> None:
    job = desk.start(line())
    assert storage.stored_path(seller_id=job.seller_id, public_id=job.public_id).is_file()
    with scope(job.seller_id):
        services.run_import(job.public_id, by=desk.actor)
    desk.work(job)
    with pytest.raises(FileProblem, match="not kept any more"):
        storage.stored_path(seller_id=job.seller_id, public_id=job.public_id)


def test_personal_columns_are_nowhere_in_the_database(desk: Desk) -> None:
    desk.take_in(line(1), line(2, quantity="many"))
    assert desk.order().postcode_hash == postcode_hash(desk.shop.seller.pk, "LS14DY")
    personal = ["LEEDS-CITY|West-Yorkshire-State|LS1 ?4DY"]
    with scope(desk.shop.seller.pk), connection.cursor() as cursor:
        for model in tenant_models():
            cursor.execute(f'SELECT count(*) FROM "{model._meta.db_table}" t WHERE t::text ~ %s', personal)
            assert cursor.fetchone() == (0,), model


# --- the same and later files --------------------------------------------------------------------------


def test_the_same_file_twice_adds_nothing(desk: Desk) -> None:
    lines = [line(n) for n in range(1, 6)]
    first, second = desk.take_in(*lines), desk.take_in(*lines)
    assert summary(first) == (5, 0, 0, 0, 0)
    assert summary(second) == (0, 5, 0, 0, 0)
    assert (second.orders_new, second.orders_changed) == (0, 0)
    with scope(desk.shop.seller.pk):
        assert not ImportProvenance.objects.filter(job=second).exists()
        assert not OutboxEvent.objects.exists()


def test_shuffled_rows_and_columns_are_the_same_file(desk: Desk) -> None:
    lines, columns = [line(n) for n in range(1, 6)], [*COLUMNS, "url", "new-column"]
    desk.take_in(*lines)
    random.Random(1).shuffle(lines)
    random.Random(2).shuffle(columns)
    assert summary(desk.take_in(content=as_report(lines, columns))) == (0, 5, 0, 0, 0)


def test_a_later_file_without_optional_columns_takes_nothing_away(desk: Desk) -> None:
    desk.take_in(line())
    fewer = ["amazon-order-id", "purchase-date", "order-status", "sku", "quantity", "currency", "item-price"]
    job = desk.take_in(content=as_report([line()], fewer))
    assert summary(job) == (0, 1, 0, 0, 0)
    assert desk.order().paid_minor == 2730


def test_a_later_file_moves_a_status_forward(desk: Desk) -> None:
    desk.take_in(line(order_status="Pending", item_status="Unshipped", item_price="", item_tax=""))
    assert (desk.order().status, desk.order().paid_minor) == ("Unshipped", 0)
    job = desk.take_in(line(order_status="Shipped - Delivered to Buyer"))
    assert summary(job) == (0, 0, 1, 0, 0)
    assert (desk.order().status, desk.order().paid_minor) == ("Delivered", 2730)
    assert desk.lines()[0].quantity_shipped == 1
    with scope(desk.shop.seller.pk):
        provenance = ImportProvenance.objects.get(job=job)
    assert (provenance.created_order, provenance.changed) == (False, True)


@pytest.mark.parametrize(
    ("known", "late"),
    [
        ("Cancelled", "Shipped"),
        ("Shipped - Returned to Seller", "Shipped"),
        ("Shipped - Lost in Transit", "Shipped - Delivered to Buyer"),
        ("Shipped - Delivered to Buyer", "Shipped"),
        ("Shipped", "Unshipped"),
    ],
)
def test_an_older_file_moves_nothing_back_unless_it_is_told_to(desk: Desk, known: str, late: str) -> None:
    desk.take_in(line(order_status=known, item_status=known))
    before = desk.order()
    job = desk.take_in(line(order_status=late, item_status=late, item_price="99.00"))
    assert summary(job) == (0, 0, 0, 1, 0)
    assert (desk.order().status, desk.order().paid_minor) == (before.status, before.paid_minor)

    job = desk.take_in(line(order_status=late, item_status=late), moves_back=True)
    assert summary(job) == (0, 0, 1, 0, 0)
    assert desk.order().status != before.status


def test_a_cancelled_line_takes_its_money_out_of_the_order(desk: Desk) -> None:
    desk.take_in(line(1), line(1, sku="LAMP"))
    job = desk.take_in(line(1), line(1, sku="LAMP", item_status="Cancelled", quantity="0"))
    assert summary(job) == (0, 1, 1, 0, 0)
    assert (desk.order().status, desk.order().paid_minor) == ("Shipped", 2730)


def test_a_changed_amount_is_announced_so_that_the_cap_can_follow(desk: Desk) -> None:
    desk.take_in(line(1), line(2))
    desk.take_in(line(1, item_price="20.00"), line(2))
    with scope(desk.shop.seller.pk):
        assert list(OutboxEvent.objects.values_list("name", "object_id")) == [
            ("order.amounts_changed", Order.objects.get(number=number(1)).pk)
        ]


def test_some_lines_shipped_and_some_not_is_partially_shipped(desk: Desk) -> None:
    desk.take_in(
        line(1, order_status="PartiallyShipped"),
        line(1, sku="B", order_status="PartiallyShipped", item_status="Unshipped"),
    )
    assert desk.order().status == "Partially shipped"


def test_an_order_that_came_by_another_door_is_taken_up_not_doubled(desk: Desk) -> None:
    with scope(desk.shop.seller.pk):
        OrderFactory(
            number=number(1), channel=desk.shop.channel, lines=[{"sku": "KET-17", "quantity": 1, "item_minor": 2490}]
        )
    job = desk.take_in(line(1), line(1, sku="LAMP"))
    assert (job.orders_new, job.orders_changed, job.lines_new, job.lines_changed) == (0, 1, 1, 1)
    with scope(desk.shop.seller.pk):
        assert Order.objects.filter(number=number(1)).count() == 1


# --- bad rows and bad files ----------------------------------------------------------------------------


def test_a_bad_row_is_put_aside_with_line_and_reason_and_the_rest_kept(desk: Desk) -> None:
    job = desk.take_in(line(1), line(2, quantity="many"), line(3, purchase_date="=NOW()"), line(4))
    assert summary(job) == (2, 0, 0, 0, 2)
    with scope(desk.shop.seller.pk):
        errors = list(ImportRowError.objects.filter(job=job))
    assert [(e.line, e.column, e.reason) for e in errors] == [
        (3, "quantity", "“many” is no quantity."),
        (4, "purchase-date", "“=NOW()” is no date that is known here."),
    ]
    assert errors[1].raw["purchase-date"] == "'=NOW()"

    mended = desk.take_in(line(1), line(2), line(3), line(4))
    assert summary(mended) == (2, 2, 0, 0, 0)


def test_a_row_in_another_currency_than_its_order_is_put_aside(desk: Desk) -> None:
    job = desk.take_in(
        line(1),
        line(1, sku="LAMP", currency="EUR"),
        line(2, currency="JPY", item_price="2490", item_tax="", shipping_price="", shipping_tax=""),
    )
    assert summary(job) == (2, 0, 0, 0, 1)
    with scope(desk.shop.seller.pk):
        assert "is in GBP" in ImportRowError.objects.get(job=job).reason
    assert (desk.order(2).currency, desk.order(2).paid_minor) == ("JPY", 2490)


def test_a_missing_required_column_is_refused_by_name_and_nothing_is_kept(desk: Desk) -> None:
    with pytest.raises(FileProblem, match="missing: sku"):
        desk.start(content=as_report([line()], [column for column in COLUMNS if column != "sku"]))
    with scope(desk.shop.seller.pk):
        assert not ImportJob.objects.exists()


def test_a_file_over_the_limit_of_rows_stops_with_a_sentence_and_goes_on_when_allowed(
    desk: Desk, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "CHUNK_ROWS", 2)
    monkeypatch.setattr("marketplace.imports.mapping.SAMPLE_ROWS", 1)
    job = desk.start(*(line(n) for n in range(1, 6)))
    with scope(desk.shop.seller.pk):
        services.run_import(job.public_id, by=desk.actor)
    settings.IMPORT_MAX_ROWS = 3
    job = desk.work(job)
    assert (job.status, job.position, job.lines_new) == (ImportStatus.FAILED, 2, 2)
    assert "more than 3 rows" in job.problem

    settings.IMPORT_MAX_ROWS = 10
    with scope(desk.shop.seller.pk):
        services.run_import(job.public_id, by=desk.actor)
    job = desk.work(job)
    assert (job.status, job.position, job.lines_new) == (ImportStatus.DONE, 5, 5)


def test_a_file_over_the_limit_of_bytes_is_refused(desk: Desk, settings: Any) -> None:
    settings.IMPORT_MAX_BYTES = 100
    with pytest.raises(FileProblem, match="MB"):
        desk.start(line())


def test_an_unknown_channel_is_refused_with_the_known_ones(desk: Desk) -> None:
    with pytest.raises(DomainError, match=r"Known: amazon\.co\.uk"):
        desk.start(line(), channel="amazon.xx")


# --- dry run -------------------------------------------------------------------------------------------


def test_a_dry_run_says_what_the_import_then_does_and_writes_nothing(desk: Desk) -> None:
    desk.take_in(line(1), line(2, order_status="Cancelled", quantity="0"))
    job = desk.start(line(1, item_price="20.00"), line(2), line(3), line(3, sku="B"), line(4, sku=""))
    with scope(desk.shop.seller.pk):
        services.preview_import(job.public_id, by=desk.actor)
    before = desk.counts()
    job = desk.work(job)

    assert job.status == ImportStatus.CHECKED
    assert desk.counts() == before
    expected = {"rows": 5, "orders_new": 1, "orders_changed": 1, "lines_new": 2, "lines_changed": 1, "lines_held": 1}
    assert {key: job.preview[key] for key in expected} == expected
    assert job.preview["rows_refused"] == 1
    assert job.preview["samples"][0]["paid_minor"] == 2000 + 240
    assert job.preview["problems"][0]["line"] == 6

    with scope(desk.shop.seller.pk):
        services.run_import(job.public_id, by=desk.actor)
    job = desk.work(job)
    assert {key: getattr(job, key) for key in expected if key != "rows"} == {
        k: v for k, v in expected.items() if k != "rows"
    }


# --- the seller's own files ----------------------------------------------------------------------------


def test_an_own_file_comes_in_by_a_mapping_that_is_saved_for_the_next(desk: Desk) -> None:
    first = desk.start(content=OWN_FILE.format(number=1).encode("cp1252"))
    mapping = Mapping.from_dict(first.mapping)
    assert mapping.date_order == DateOrder.DMY
    with scope(desk.shop.seller.pk):
        services.choose_columns(first.public_id, by=desk.actor, mapping=mapping, save_as="Shop export")
        services.run_import(first.public_id, by=desk.actor)
    assert summary(desk.work(first)) == (1, 0, 0, 0, 0)
    with scope(desk.shop.seller.pk):
        order = Order.objects.get(number="1")
        assert (order.paid_minor, order.currency) == (123450, "EUR")
        assert order.purchased_at.isoformat() == "2026-11-13T00:00:00+00:00"
        assert (order.buyer.email, order.buyer.email_key) == ("Lena@Buyers.example", "lena@buyers.example")
        saved = ImportMapping.objects.get()
        saved.mapping = saved.mapping | {"default_status": "Delivered"}
        saved.save()

    second = desk.take_in(content=OWN_FILE.format(number=2).replace(";Shipped;", ";;").encode())
    assert second.mapping["default_status"] == "Delivered"
    with scope(desk.shop.seller.pk):
        assert Order.objects.get(number="2").status == "Delivered"
        assert Order.objects.get(number="2").buyer_id == order.buyer_id
        assert Buyer.objects.filter(email_key="lena@buyers.example").count() == 1


def test_a_date_order_that_is_open_must_be_chosen_first(desk: Desk) -> None:
    job = desk.start(content=OWN_FILE.format(number=1).replace("13/11", "03/11").encode())
    with scope(desk.shop.seller.pk), pytest.raises(FileProblem, match="Choose the date order"):
        services.run_import(job.public_id, by=desk.actor)


def test_a_buyer_is_filled_in_on_an_order_that_had_none(desk: Desk) -> None:
    content = OWN_FILE.format(number=1)
    desk.take_in(content=content.replace("Lena@Buyers.example", "").encode())
    with scope(desk.shop.seller.pk):
        assert Order.objects.get(number="1").buyer is None
    assert summary(desk.take_in(content=content.encode())) == (0, 0, 1, 0, 0)
    with scope(desk.shop.seller.pk):
        assert Order.objects.get(number="1").buyer.email == "Lena@Buyers.example"


def test_a_mapping_without_a_needed_field_is_refused(desk: Desk) -> None:
    job = desk.start(content=OWN_FILE.format(number=1).encode())
    mapping = Mapping.from_dict(job.mapping)
    del mapping.columns[Field.SKU]
    with scope(desk.shop.seller.pk), pytest.raises(FileProblem, match="Choose the column for: SKU"):
        services.choose_columns(job.public_id, by=desk.actor, mapping=mapping)


# --- who may, and whose --------------------------------------------------------------------------------


def test_another_sellers_import_never_touches_our_orders(desk: Desk, desk_of_globex: Desk) -> None:
    ours = desk.take_in(line(1), line(2))
    theirs = desk_of_globex.take_in(line(1, item_price="1.00", item_tax=""), line(2, order_status="Cancelled"))
    assert summary(theirs) == (2, 0, 0, 0, 0)
    assert desk.order(1).paid_minor == 2730
    assert desk.order(2).status == "Shipped"
    assert desk_of_globex.order(1).paid_minor == 340
    with scope(desk_of_globex.shop.seller.pk):
        for verb in (services.run_import, services.preview_import):
            with pytest.raises(NotFound):
                verb(ours.public_id, by=desk_of_globex.actor)
        with pytest.raises(NotFound):
            services.find_import(ours.public_id)


def test_who_may_only_read_may_not_import(desk: Desk, acme: Shop) -> None:
    job = desk.start(line())
    mate = acme.actor(MemberRole.READONLY)
    with scope(acme.seller.pk):
        with pytest.raises(Forbidden):
            services.start_import([as_report([line()])], by=mate, name="x", channel="amazon.co.uk")
        with pytest.raises(Forbidden):
            services.run_import(job.public_id, by=mate)
        with pytest.raises(Forbidden):
            services.discard_import(job.public_id, by=mate)


def test_a_job_runs_once_and_an_unused_one_can_be_discarded(desk: Desk) -> None:
    done = desk.take_in(line())
    unused = desk.start(line(2))
    with scope(desk.shop.seller.pk):
        with pytest.raises(WrongState):
            services.run_import(done.public_id, by=desk.actor)
        with pytest.raises(WrongState):
            services.discard_import(done.public_id, by=desk.actor)
        services.discard_import(unused.public_id, by=desk.actor)
        assert not ImportJob.objects.filter(pk=unused.pk).exists()
