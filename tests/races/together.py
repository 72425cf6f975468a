"""Doing several things at the same moment, each with a connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections

from marketplace.tenancy import scope


def together(calls: Sequence[Callable[[], Any]], *, at_once: int = 0) -> list[Any]:
    """Start all calls at one signal (`at_once` of them at a time); what each gave back or raised, in order."""
    width = at_once or len(calls)
    start = threading.Barrier(min(width, len(calls)))
    waiting = threading.local()

    def run(call: Callable[[], Any]) -> Any:
        try:
            if not getattr(waiting, "is_over", False):  # each thread waits once, then works on
                waiting.is_over = True
                start.wait(timeout=30)
            return call()
        except Exception as error:  # noqa: BLE001 - the test judges it
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(width) as pool:
        return list(pool.map(run, calls))


def inside(seller_id: int, call: Callable[[], Any]) -> Callable[[], Any]:
    """The call in a scope, that is in a transaction, of its own."""

    def run() -> Any:
        with scope(seller_id):
            return call()

    return run


def kinds(results: Sequence[object]) -> dict[str, int]:
    """How many of which outcome: the names of the exceptions, and "done"."""
    found: dict[str, int] = {}
    for result in results:
        name = type(result).__name__ if isinstance(result, Exception) else "done"
        found[name] = found.get(name, 0) + 1
    return found
