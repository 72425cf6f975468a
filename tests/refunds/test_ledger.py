"""The budget of a charge: every change is a posting that adds up, facts go beyond the cap and decisions do not."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F

from marketplace.actors import Actor
from marketplace.errors import Refused
from marketplace.models import Order
from marketplace.tenancy import scope
from refunds import ledger, locks, sweeping
from refunds.models import Discrepancy, LedgerLine, RefundBudget, RefundRequest
from tests.cast import Shop
from tests.refunds.steps import ask, balances, breaches, budget, only_changes


def of(shop: Shop) -> RefundBudget:
    shop.order.refresh_from_db()
    return ledger.budget_for(shop.order)


def paid(shop: Shop, minor: int) -> None:
    """What a later file says was paid."""
    Order.objects.filter(pk=shop.order.pk).update(paid_minor=minor)


@contextmanager
def refused_by_the_database(match: str) -> Iterator[None]:
    with pytest.raises(DatabaseError, match=match), transaction.atomic():
        yield
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


# --- the budget follows the order


def test_a_budget_is_made_on_first_use(in_acme: Shop) -> None:
    with only_changes(in_acme, "refundbudget", "ledgerline"):
        found = of(in_acme)
    assert (found.cap_minor, found.is_cap_known, found.currency) == (10_000, True, "GBP")
    assert (found.gateway, found.payment_reference) == ("sandbox", in_acme.order.payment_reference)
    assert balances(in_acme) == {"OUTSIDE": -10_000, "CAPTURED": 10_000}
    with only_changes(in_acme):
        assert of(in_acme).pk == found.pk


def test_a_later_file_raises_the_cap(in_acme: Shop) -> None:
    of(in_acme)
    paid(in_acme, 12_000)
    assert of(in_acme).left_minor == 12_000
    assert balances(in_acme) == {"OUTSIDE": -12_000, "CAPTURED": 12_000}


def test_a_later_file_lowers_the_cap_within_what_is_left(in_acme: Shop, owner: Actor) -> None:
    ask(in_acme, owner, 3_000)
    paid(in_acme, 3_000)
    found = of(in_acme)
    assert (found.cap_minor, found.left_minor, found.over_recovery_minor) == (3_000, 0, 0)
    assert breaches(in_acme) == []


def test_a_later_file_below_what_is_out_becomes_over_recovery(in_acme: Shop, owner: Actor) -> None:
    ask(in_acme, owner, 3_000)
    paid(in_acme, 1_000)

    found = of(in_acme)

    assert (found.cap_minor, found.reserved_minor, found.over_recovery_minor) == (1_000, 3_000, 2_000)
    assert balances(in_acme) == {"OUTSIDE": -1_000, "RESERVED": 3_000, "OVER_RECOVERY": -2_000}
    difference = Discrepancy.objects.get()
    assert (difference.kind, difference.amount_minor, difference.closed_at) == ("OVER_RECOVERY", 2_000, None)
    with pytest.raises(Refused, match="Nothing is left"):
        ask(in_acme, owner, 1)
    assert breaches(in_acme) == []

    paid(in_acme, 2_000)
    of(in_acme)
    difference.refresh_from_db()
    assert difference.amount_minor == 1_000
    paid(in_acme, 3_000)
    assert of(in_acme).over_recovery_minor == 0
    difference.refresh_from_db()
    assert difference.closed_by == "System"
    assert breaches(in_acme) == []


def test_a_file_that_says_nothing_any_more_leaves_the_cap(in_acme: Shop) -> None:
    of(in_acme)
    paid(in_acme, 0)
    assert of(in_acme).cap_minor == 10_000


def test_gateway_and_payment_follow_the_order_but_not_on_refunds_made(in_acme: Shop, owner: Actor) -> None:
    refund = ask(in_acme, owner)
    Order.objects.filter(pk=in_acme.order.pk).update(gateway="stripe", payment_reference="pi_1")
    found = of(in_acme)
    assert (found.gateway, found.payment_reference) == ("stripe", "pi_1")
    assert RefundRequest.objects.get().gateway == "sandbox"
    assert RefundRequest.objects.get().payment_reference == refund.payment_reference


# --- disputes share the budget


def test_a_dispute_takes_room_and_gives_it_back(in_acme: Shop, owner: Actor) -> None:
    ledger.dispute(of(in_acme), 8_000)
    with pytest.raises(Refused, match=r"No more than 20.00.GBP can be refunded: .* 80.00.GBP is disputed"):
        ask(in_acme, owner, 2_001)
    ask(in_acme, owner, 2_000)
    ledger.end_dispute(of(in_acme), 8_000)
    assert budget(in_acme) == (10_000, 2_000, 0, 8_000)
    assert balances(in_acme) == {"OUTSIDE": -10_000, "RESERVED": 2_000, "CAPTURED": 8_000}


def test_a_chargeback_after_a_refund_is_over_recovery(in_acme: Shop, owner: Actor) -> None:
    ask(in_acme, owner, 6_000)
    ledger.dispute(of(in_acme), 10_000)
    found = of(in_acme)
    assert (found.disputed_minor, found.over_recovery_minor, found.left_minor) == (10_000, 6_000, 0)
    assert breaches(in_acme) == []


# --- recounting


def test_a_row_that_differs_from_its_lines_is_put_right_and_shown(in_acme: Shop, owner: Actor) -> None:
    ask(in_acme, owner, 3_000)
    RefundBudget.objects.update(refunded_minor=500, reserved_minor=2_500)
    assert {text.split()[0] for text in breaches(in_acme)} == {"I1", "I2"}

    assert ledger.recompute(locks.budget(RefundBudget.objects.get().pk))

    assert budget(in_acme) == (10_000, 3_000, 0, 7_000)
    assert Discrepancy.objects.get().kind == "BOOKS"
    assert breaches(in_acme) == []
    assert not ledger.recompute(locks.budget(RefundBudget.objects.get().pk))


@pytest.mark.django_db(transaction=True)
def test_the_nightly_recount_visits_every_seller(acme: Shop, globex: Shop, owner: Actor, stranger: Actor) -> None:
    ask(acme, owner)
    ask(globex, stranger)
    assert sweeping.recompute_budgets() == 0
    with scope(globex.seller.pk):
        RefundBudget.objects.update(cap_minor=11_000)
    with scope(acme.seller.pk):
        Order.objects.update(paid_minor=12_000)  # only later: no difference of the books
    assert sweeping.recompute_budgets() == 1
    assert budget(globex)[0] == 10_000
    assert budget(acme)[0] == 12_000


# --- what the database itself refuses


def test_nothing_is_reserved_beyond_the_cap(in_acme: Shop, owner: Actor) -> None:
    ask(in_acme, owner, 9_000)
    with refused_by_the_database("beyond the cap"):
        RefundBudget.objects.update(reserved_minor=F("reserved_minor") + 1_001)
    with refused_by_the_database("beyond the cap"):  # nor by calling the excess a fact
        RefundBudget.objects.update(reserved_minor=F("reserved_minor") + 1_001, over_recovery_minor=1)


@pytest.mark.parametrize(
    "change",
    [
        {"refunded_minor": 1_001},  # reserved 9,000 of 10,000
        {"over_recovery_minor": 1},
        {"cap_minor": 8_999},
        {"cap_minor": -1},
        {"reserved_minor": -1},
        {"refunded_minor": -1},
        {"disputed_minor": -1},
        {"over_recovery_minor": -1},
    ],
)
def test_a_budget_that_does_not_add_up_is_refused(in_acme: Shop, owner: Actor, change: dict[str, int]) -> None:
    ask(in_acme, owner, 9_000)
    with pytest.raises(IntegrityError), transaction.atomic():
        RefundBudget.objects.update(**change)


def test_a_posting_adds_up_to_zero(in_acme: Shop) -> None:
    found = of(in_acme)
    with refused_by_the_database("does not add up"):
        LedgerLine.objects.create(
            posting=uuid.uuid4(),
            budget=found,
            account="CAPTURED",
            amount_minor=1,
            currency="GBP",
            at=found.order.created_at,
        )


def test_a_posting_adds_up_in_each_currency(in_acme: Shop) -> None:
    found, posting = of(in_acme), uuid.uuid4()
    with refused_by_the_database("does not add up"):
        for currency, amount in (("GBP", 1), ("EUR", -1)):
            LedgerLine.objects.create(
                posting=posting,
                budget=found,
                account="CAPTURED",
                amount_minor=amount,
                currency=currency,
                at=found.order.created_at,
            )


@pytest.mark.parametrize("verb", ["UPDATE refunds_ledgerline SET amount_minor = 0", "DELETE FROM refunds_ledgerline"])
def test_the_books_are_append_only(in_acme: Shop, verb: str) -> None:
    of(in_acme)
    with refused_by_the_database("permission denied"), connection.cursor() as cursor:
        cursor.execute(verb)


@pytest.mark.parametrize("verb", ["UPDATE refunds_refundline SET amount_minor = 1", "DELETE FROM refunds_refundline"])
def test_the_lines_of_a_refund_never_change(in_acme: Shop, owner: Actor, verb: str) -> None:
    ask(in_acme, owner)
    with refused_by_the_database("permission denied"), connection.cursor() as cursor:
        cursor.execute(verb)


def test_one_budget_per_order(in_acme: Shop) -> None:
    of(in_acme)
    with pytest.raises(IntegrityError), transaction.atomic():
        RefundBudget.objects.create(order=in_acme.order, currency="GBP", cap_minor=0, gateway="manual")


def test_what_was_never_called_is_not_done(in_acme: Shop, owner: Actor) -> None:
    """The tables of moves know manual refunds; a gateway's refund can not take their way, even in raw SQL."""
    refund = ask(in_acme, owner)
    with refused_by_the_database("what_is_done_was_called"), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE refunds_refundrequest SET status = 'COMPLETED', version = version + 1 WHERE id = %s", [refund.pk]
        )
    with refused_by_the_database("what_is_sent_was_called"), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE refunds_refundrequest SET status = 'SUBMITTED', version = version + 1 WHERE id = %s", [refund.pk]
        )
