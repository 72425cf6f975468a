"""What the provider did without us is recorded."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketplace.actors import SYSTEM_ACTOR, Actor
from marketplace.errors import NotFound, Refused
from marketplace.models import Order
from marketplace.tenancy import scope, system_scope
from refunds import selectors
from refunds.models import Discrepancy, RefundBudget, RefundRequest
from refunds.services import (
    close_discrepancy,
    record_external_refund,
)
from tests.cast import Shop
from tests.refunds.steps import (
    ask,
    breaches,
    budget,
    only_changes,
)

pytestmark = pytest.mark.django_db(transaction=True)
SOON = timedelta(minutes=16)


def test_recording_an_external_refund(acme: Shop) -> None:
    with scope(acme.seller.pk):
        with only_changes(
            acme,
            "refundbudget",
            "refundrequest",
            "refundline",
            "ledgerline",
            "statetransition",
            "outboxevent",
            "discrepancy",
        ):
            first = record_external_refund(
                acme.order.public_id, provider_refund_id="re_1", amount_minor=4_000, currency="GBP"
            )
        with only_changes(acme):
            again = record_external_refund(
                acme.order.public_id, provider_refund_id="re_1", amount_minor=4_000, currency="GBP", by=SYSTEM_ACTOR
            )
        assert again.pk == first.pk
        with pytest.raises(Refused):
            record_external_refund(acme.order.public_id, provider_refund_id="re_2", amount_minor=4_000, currency="EUR")
        with pytest.raises(NotFound):
            record_external_refund("ord-none", provider_refund_id="re_2", amount_minor=1, currency="GBP")
    assert budget(acme) == (10_000, 0, 4_000, 6_000)
    assert breaches(acme) == []


def test_an_external_refund_of_an_unknown_payment_raises_the_cap(acme: Shop) -> None:
    with scope(acme.seller.pk):
        Order.objects.filter(pk=acme.order.pk).update(paid_minor=0)
        record_external_refund(acme.order.public_id, provider_refund_id="re_1", amount_minor=4_000, currency="GBP")
    assert budget(acme) == (4_000, 0, 4_000, 0)
    assert breaches(acme) == []


def test_a_person_closes_a_difference(acme: Shop, owner: Actor, mate: Actor) -> None:
    with scope(acme.seller.pk):
        record_external_refund(acme.order.public_id, provider_refund_id="re_1", amount_minor=4_000, currency="GBP")
        found = selectors.open_discrepancies().get()
        with pytest.raises(Exception, match="role"):
            close_discrepancy(found.pk, by=mate, note="Mine.")
        with pytest.raises(Refused):
            close_discrepancy(found.pk, by=owner, note=" ")
        with only_changes(acme, "discrepancy"):
            close_discrepancy(found.pk, by=owner, note="Refunded on the dashboard.")
        closed = Discrepancy.objects.get()
        assert (closed.closed_by, closed.closing_note) == (owner.label, "Refunded on the dashboard.")
        with only_changes(acme):
            close_discrepancy(found.pk, by=owner, note="Again.")
        with pytest.raises(NotFound):
            close_discrepancy(found.pk + 1, by=owner, note="Where?")


def test_the_system_may_set_the_date_and_nothing_else(acme: Shop, owner: Actor) -> None:
    from django.db import ProgrammingError, transaction

    ask(acme, owner)
    with system_scope():
        assert RefundBudget.across_sellers.update(reconcile_at=None) == 1
        with pytest.raises(ProgrammingError), transaction.atomic():
            RefundBudget.across_sellers.update(cap_minor=1)
        with pytest.raises(ProgrammingError), transaction.atomic():
            RefundRequest.across_sellers.update(amount_minor=1)
