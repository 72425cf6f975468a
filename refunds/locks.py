"""Which rows a verb of refunds locks, and in which order: the budget, then its refunds by id.

NO KEY UPDATE: two verbs on one charge wait for each other; a foreign key that points here does not wait.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from marketplace.errors import NotFound
from marketplace.models import Order
from marketplace.tenancy import current_seller_id
from refunds.models import RefundBudget, RefundRequest

_CREDIT_NOTES = 7_203_311  # the first of the two keys of the advisory lock


def budget(pk: int) -> RefundBudget:
    """The budget, fresh and locked, with its order."""
    found: RefundBudget = (
        RefundBudget.objects.select_for_update(of=("self",), no_key=True).select_related("order__channel").get(pk=pk)
    )
    return found


def budget_of_order(order: Order) -> RefundBudget | None:
    """The order's budget, fresh and locked; None if it has none yet."""
    found: RefundBudget | None = (
        RefundBudget.objects.select_for_update(of=("self",), no_key=True).filter(order=order).first()
    )
    if found is not None:
        found.order = order
    return found


def refund(public_id: str) -> RefundRequest:
    """The refund alone, fresh and locked: for moves that leave the budget as it is. NotFound if not ours."""
    found: RefundRequest | None = (
        RefundRequest.objects.select_for_update(of=("self",), no_key=True).filter(public_id=public_id).first()
    )
    if found is None:
        raise NotFound
    return found


def refund_with_budget(public_id: str) -> RefundRequest:
    """The budget first, then the refund, both fresh and locked; `refund.budget` is the locked row."""
    found: tuple[int, int] | None = (
        RefundRequest.objects.filter(public_id=public_id).values_list("id", "budget_id").first()
    )
    if found is None:
        raise NotFound
    return _refund_of(budget(found[1]), found[0])


def refund_by_id(pk: int) -> RefundRequest:
    """The same by primary key, for the executor."""
    budget_id: int = RefundRequest.objects.values_list("budget_id", flat=True).get(pk=pk)
    return _refund_of(budget(budget_id), pk)


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
    return refunds_of(locked, [pk])[0]


def credit_notes() -> None:
    """The seller's numbering of credit notes, until the end of the transaction; always the last lock taken."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_CREDIT_NOTES, current_seller_id() % 2_147_483_647])
