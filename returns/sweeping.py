"""Finds what is due across all sellers and hands it to the verbs, seller by seller, in batches.

A sweep that dies has lost nothing: each batch is a commit of its own, and the next sweep finds the rest.
Two sweeps at once share the work: locked rows are skipped, and every batch looks again whether it is due.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import groupby

from django.db import DatabaseError
from django.db.models import QuerySet

from marketplace import clock
from marketplace.crash import crashpoint
from marketplace.errors import DomainError
from marketplace.paging import RowIs
from marketplace.tenancy import scope, system_scope
from returns import selectors
from returns.models import ReturnRequest
from returns.services import clock as clock_services

log = logging.getLogger(__name__)

FOUND_AT_ONCE = 5_000
BATCH = 500

Due = Callable[[QuerySet[ReturnRequest], datetime], QuerySet[ReturnRequest]]
SWEEPS: tuple[tuple[str, Due, Callable[[list[int]], int]], ...] = (
    ("respond_by", selectors.respond_due, clock_services.mark_overdue),
    ("expires_at", selectors.expiry_due, clock_services.expire_returns),
)


def sweep_due() -> int:
    """Act on every deadline that has passed; returns how many returns moved."""
    return sum(_act(seller_id, ids, act) for deadline, due, act in SWEEPS for seller_id, ids in _found(deadline, due))


def _found(deadline: str, due: Due) -> Iterator[tuple[int, list[int]]]:
    """(seller, ids) of what is due and free, the oldest deadlines first, in batches."""
    passed: tuple[datetime, int] | None = None
    while True:
        rows = _look(deadline, due, passed)
        by_seller = sorted((seller_id, pk) for seller_id, pk, _moment in rows)
        for seller_id, group in groupby(by_seller, key=lambda row: row[0]):
            ids = [pk for _seller, pk in group]
            for start in range(0, len(ids), BATCH):
                yield seller_id, ids[start : start + BATCH]
        if len(rows) < FOUND_AT_ONCE:
            return
        passed = (rows[-1][2], rows[-1][1])


def _look(deadline: str, due: Due, passed: tuple[datetime, int] | None) -> list[tuple[int, int, datetime]]:
    with system_scope():
        queryset = due(ReturnRequest.across_sellers.all(), clock.now())
        if passed is not None:  # what failed in this sweep waits for the next one
            queryset = queryset.filter(RowIs((deadline, "id"), ">", passed))
        rows = queryset.order_by(deadline, "id").select_for_update(skip_locked=True, no_key=True)
        return list(rows.values_list("seller_id", "id", deadline)[:FOUND_AT_ONCE])


def _act(seller_id: int, ids: list[int], act: Callable[[list[int]], int]) -> int:
    """One batch of one seller in one transaction; a seller's trouble is not the next one's."""
    try:
        with scope(seller_id):
            moved = act(ids)
        crashpoint("return.sweep.after_commit")
        return moved
    except (DatabaseError, DomainError):
        log.exception("A sweep batch of seller %s failed; the next sweep tries again.", seller_id)
        return 0
