"""Two transactions that really overlap: the first has done its work and not committed when the second begins."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import connection, connections

from marketplace.tenancy import scope

Action = Callable[[], Any]
PATIENCE = 10.0

_WAITING = """
SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE a.datname = current_database() AND NOT l.granted
"""


class Side:
    """One thread with a connection of its own; `outcome` is what the action gave, or the exception it raised."""

    def __init__(self, run: Callable[[], Any]) -> None:
        self.outcome: Any = None
        self._run = run
        self.thread = threading.Thread(target=contextvars.copy_context().run, args=(self._go,), daemon=True)

    def _go(self) -> None:
        try:
            self.outcome = self._run()
        except Exception as error:  # noqa: BLE001  (the outcome is what is tested)
            self.outcome = error
        finally:
            connections.close_all()


def overlapping(seller_id: int, first: Action, second: Action) -> tuple[Any, Any]:
    """Run both in the seller's scope; the first commits when the second waits for it (or is done)."""
    first_has_worked, first_may_commit = threading.Event(), threading.Event()

    def lead() -> Any:
        try:
            with scope(seller_id):
                outcome = first()
                first_has_worked.set()
                assert first_may_commit.wait(PATIENCE)
                return outcome
        finally:
            first_has_worked.set()

    def follow() -> Any:
        assert first_has_worked.wait(PATIENCE)
        with scope(seller_id):
            return second()

    one, two = Side(lead), Side(follow)
    one.thread.start()
    two.thread.start()
    assert first_has_worked.wait(PATIENCE)
    _until(lambda: not two.thread.is_alive() or _somebody_waits())
    first_may_commit.set()
    for side in (one, two):
        side.thread.join(PATIENCE)
        assert not side.thread.is_alive(), "a deadlock, or a lock that nobody gives back"
    return one.outcome, two.outcome


def at_once(seller_id: int, actions: list[Action]) -> list[Any]:
    """Run all in the seller's scope, let go at the same moment."""
    barrier = threading.Barrier(len(actions))

    def go(action: Action) -> Any:
        barrier.wait(PATIENCE)
        with scope(seller_id):
            return action()

    sides = [Side(lambda action=action: go(action)) for action in actions]  # type: ignore[misc]
    for side in sides:
        side.thread.start()
    for side in sides:
        side.thread.join(PATIENCE)
        assert not side.thread.is_alive(), "a deadlock, or a lock that nobody gives back"
    return [side.outcome for side in sides]


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_WAITING)
        return bool(cursor.fetchone()[0])


def _until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end, "the second neither waits nor ends"
        time.sleep(0.005)
