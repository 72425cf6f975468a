"""Which rows a verb of refunds locks, and in which order: the budget, then its refunds by id.

NO KEY UPDATE: two verbs on one charge wait for each other; a foreign key that points here does not wait.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from marketplace.errors import NotFound
from marketplace.models import Order
from marketplace.prepared import Prepared, given
from marketplace.tenancy import current_seller_id
from refunds.models import RefundBudget, RefundRequest

_CREDIT_NOTES = 7_203_311  # the first of the two keys of the advisory lock

_budget: Prepared[RefundBudget] = Prepared(
    lambda: (
        RefundBudget.objects.select_for_update(of=("self",), no_key=True)
        .select_related("order__channel")
        .filter(pk=given("id"))
    )
)
_budget_of_order: Prepared[RefundBudget] = Prepared(
    lambda: RefundBudget.objects.select_for_update(of=("self",), no_key=True).filter(order_id=given("order"))
)
_refund: Prepared[RefundRequest] = Prepared(
    lambda: RefundRequest.objects.select_for_update(of=("self",), no_key=True).filter(public_id=given("public_id"))
)
_refund_by_id: Prepared[RefundRequest] = Prepared(
    lambda: RefundRequest.objects.select_for_update(of=("self",), no_key=True).filter(pk=given("id"))
)
_budget_id: Prepared[RefundRequest] = Prepared(
    lambda: RefundRequest.objects.filter(pk=given("id")).values_list("budget_id")
)
_ids: Prepared[RefundRequest] = Prepared(
    lambda: RefundRequest.objects.filter(public_id=given("public_id")).values_list("id", "budget_id")
)


def budget(pk: int) -> RefundBudget:
    """The budget, fresh and locked, with its order."""
    found: RefundBudget | None = _budget.first(id=pk)
    if found is None:
        raise RefundBudget.DoesNotExist
    return found


def budget_of_order(order: Order) -> RefundBudget | None:
    """The order's budget, fresh and locked; None if it has none yet."""
    found: RefundBudget | None = _budget_of_order.first(order=order.pk)
    if found is not None:
        found.order = order
    return found


def refund(public_id: str) -> RefundRequest:
    """The refund alone, fresh and locked: for moves that leave the budget as it is. NotFound if not ours."""
    found: RefundRequest | None = _refund.first(public_id=public_id)
    if found is None:
        raise NotFound
    return found


def refund_with_budget(public_id: str) -> RefundRequest:
    """The budget first, then the refund, both fresh and locked; `refund.budget` is the locked row."""
    found: tuple[int, int] | None = _ids.first(public_id=public_id)
    if found is None:
        raise NotFound
    return _refund_of(budget(found[1]), found[0])


def refund_by_id(pk: int) -> RefundRequest:
    """The same by primary key, for the executor."""
    found: tuple[int] | None = _budget_id.first(id=pk)
    if found is None:
        raise RefundRequest.DoesNotExist
    return _refund_of(budget(found[0]), pk)


def refunds_of(locked: RefundBudget, ids: Sequence[int] | None = None) -> list[RefundRequest]:
    """All refunds of a locked budget, locked in the order of their ids."""
    queryset = RefundRequest.objects.select_for_update(of=("self",), no_key=True).filter(budget=locked)
    if ids is not None:
        queryset = queryset.filter(pk__in=ids)
    found: list[RefundRequest] = list(queryset.order_by("id"))
    for each in found:
        each.budget = locked
    return found


def _refund_of(locked: RefundBudget, pk: int) -> RefundRequest:
    found: RefundRequest | None = _refund_by_id.first(id=pk)
    if found is None:
        raise RefundRequest.DoesNotExist
    found.budget = locked
    return found


def credit_notes() -> None:
    """The seller's numbering of credit notes, until the end of the transaction; always the last lock taken."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_CREDIT_NOTES, current_seller_id() % 2_147_483_647])
