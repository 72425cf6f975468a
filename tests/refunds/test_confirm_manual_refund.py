"""Where there is no gateway the seller pays outside and confirms."""

from __future__ import annotations

import pytest

from marketplace import clock
from marketplace.actors import Actor, MemberRole
from marketplace.errors import Conflict, Forbidden, Refused, WrongState
from marketplace.models import Order
from refunds.models import RefundRequest
from refunds.services import confirm_manual_refund
from tests.cast import Shop
from tests.factories import OrderFactory, SalesChannelFactory
from tests.refunds.steps import ask, breaches, budget, event_names, fresh, last_move, moves, only_changes, send

MOVED = ("refundrequest", "refundbudget", "ledgerline", "statetransition", "outboxevent")


@pytest.fixture
def order(in_acme: Shop) -> Order:
    found: Order = OrderFactory(channel=SalesChannelFactory(code="shop", gateway="manual"), payment_reference="")
    return found


@pytest.fixture
def waiting(in_acme: Shop, owner: Actor, order: Order) -> RefundRequest:
    return ask(in_acme, owner, order=order)


def test_a_confirmed_refund_is_done(in_acme: Shop, owner: Actor, order: Order, waiting: RefundRequest) -> None:
    with only_changes(in_acme, *MOVED):
        confirm_manual_refund(waiting.public_id, by=owner, reference=" SEPA 4711 ")

    row = fresh(waiting)
    assert (row.status, row.public_status, row.provider_refund_id) == ("COMPLETED", "COMPLETED", "SEPA 4711")
    assert (row.settled_at, row.credit_note_number, row.attempts) == (clock.now(), "CN-000001", 0)
    assert moves(waiting) == ["create", "reserve", "confirm"]
    assert last_move(waiting).reason_text == "SEPA 4711"
    assert event_names(waiting)[-1] == "refund.completed"
    assert budget(in_acme, order) == (10_000, 0, 3_000, 7_000)
    assert breaches(in_acme) == []


def test_each_payment_stands_for_one_refund(in_acme: Shop, owner: Actor, order: Order, waiting: RefundRequest) -> None:
    confirm_manual_refund(waiting.public_id, by=owner, reference="SEPA 4711")
    second = ask(in_acme, owner, order=order)
    with only_changes(in_acme), pytest.raises(Conflict) as refusal:
        confirm_manual_refund(second.public_id, by=owner, reference="SEPA 4711")
    assert refusal.value.code == "reference_used"
    assert waiting.public_id in refusal.value.message


def test_credit_notes_count_up_without_gaps(in_acme: Shop, owner: Actor, order: Order) -> None:
    numbers = []
    for n in range(3):
        refund = ask(in_acme, owner, 1_000, order=order)
        with pytest.raises(Refused):
            confirm_manual_refund(refund.public_id, by=owner, reference="")
        confirm_manual_refund(refund.public_id, by=owner, reference=f"SEPA {n}")
        numbers.append(fresh(refund).credit_note_number)
    assert numbers == ["CN-000001", "CN-000002", "CN-000003"]


@pytest.mark.parametrize("reference", ["", "   ", "x" * 121])
def test_the_payment_must_be_named(in_acme: Shop, owner: Actor, waiting: RefundRequest, reference: str) -> None:
    with only_changes(in_acme), pytest.raises(Refused):
        confirm_manual_refund(waiting.public_id, by=owner, reference=reference)


def test_twice_is_once(in_acme: Shop, owner: Actor, waiting: RefundRequest) -> None:
    confirm_manual_refund(waiting.public_id, by=owner, reference="SEPA 4711")
    with only_changes(in_acme), pytest.raises(WrongState):
        confirm_manual_refund(waiting.public_id, by=owner, reference="SEPA 4711")


def test_what_a_provider_sends_nobody_confirms(in_acme: Shop, owner: Actor) -> None:
    refund = ask(in_acme, owner)  # by the sandbox
    with only_changes(in_acme), pytest.raises(Conflict) as refusal:
        confirm_manual_refund(refund.public_id, by=owner, reference="SEPA 4711")
    assert refusal.value.code == "not_manual"


@pytest.mark.parametrize("role", [MemberRole.AGENT, MemberRole.READONLY])
def test_who_may_not_confirm(in_acme: Shop, waiting: RefundRequest, role: MemberRole) -> None:
    with only_changes(in_acme), pytest.raises(Forbidden):
        confirm_manual_refund(waiting.public_id, by=in_acme.actor(role), reference="SEPA 4711")


@pytest.mark.django_db(transaction=True)
def test_the_executor_leaves_it_alone(acme: Shop, owner: Actor) -> None:
    from marketplace.tenancy import scope

    with scope(acme.seller.pk):
        order = OrderFactory(channel=SalesChannelFactory(code="shop", gateway="manual"))
    refund = ask(acme, owner, order=order)
    assert send() == 0
    assert fresh(refund).status == "RESERVED"
