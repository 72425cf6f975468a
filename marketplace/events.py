"""Who listens when X happened: the outbox, its handlers, the doorbell and the drain.

An event is a row of the same commit as the move. The worker runs its handlers, each once per event, in
order per object; a handler that fails is tried again with back-off and parked in the open after 8 tries.
The doorbell in Redis only makes it quick: without it the sweep finds the row within seconds.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from celery import current_app
from django.db import connection, models, transaction

from marketplace import clock, logs
from marketplace.crash import crashpoint
from marketplace.fsm import StatusModel
from marketplace.tenancy import current_seller_id, scope, system_scope

if TYPE_CHECKING:
    from marketplace.models import OutboxEvent

log = logging.getLogger(__name__)

Handler = Callable[["OutboxEvent"], None]
HANDLERS: dict[str, dict[str, Handler]] = {}
MAX_ATTEMPTS = 8
LEASE = timedelta(seconds=60)
BACK_OFF = tuple(timedelta(seconds=s) for s in (2, 10, 60, 300, 900, 3600, 3 * 3600, 12 * 3600))
BELL_PAUSE = 0.05  # seconds between two rings of one process


def handles(*names: str) -> Callable[[Handler], Handler]:
    """Register `<reaction>_on_<event>`; it runs inside the seller's scope, once per event."""

    def register(handler: Handler) -> Handler:
        for name in names:
            HANDLERS.setdefault(name, {})[f"{handler.__module__}.{handler.__name__}"] = handler
        return handler

    return register


def announce(name: str, about: models.Model, payload: dict[str, Any] | None = None) -> OutboxEvent:
    """Write an event that is no move of a machine, in this transaction."""
    from marketplace.models import OutboxEvent

    now = clock.now()
    event: OutboxEvent = OutboxEvent.objects.create(
        seller_id=current_seller_id(),
        name=name,
        machine=about.machine if isinstance(about, StatusModel) else about._meta.model_name,
        object_id=about.pk,
        payload=payload or {},
        request_id=logs.request_id.get()[:40],
        created_at=now,
        next_at=now,
    )
    ring_after_commit()
    return event


# --- the doorbell ----------------------------------------------------------------------------------

_DRAIN = "marketplace.tasks.drain_outbox"
_bell = threading.Event()
_wanted: set[str] = set()  # the tasks to wake at the next ring
_ringer: threading.Thread | None = None
_lock = threading.Lock()
bell_is_muted = False  # the tests drain by hand


def ring_after_commit(task: str = _DRAIN) -> None:
    """Once this transaction has committed, tell the worker that there is something to do."""
    if not bell_is_muted:
        transaction.on_commit(lambda: _ring(task))


def _ring(task: str) -> None:
    """Wake the one ringing thread of this process: the request does not wait for the broker."""
    global _ringer  # noqa: PLW0603
    _wanted.add(task)
    _bell.set()
    if _ringer is None or not _ringer.is_alive():
        with _lock:
            if _ringer is None or not _ringer.is_alive():
                _ringer = threading.Thread(target=_ring_forever, name="doorbell", daemon=True)
                _ringer.start()


def _ring_forever() -> None:
    while True:
        _bell.wait()
        _bell.clear()
        try:
            while _wanted:
                current_app.send_task(_wanted.pop(), expires=10, retry=False)
        except Exception:  # noqa: BLE001 whatever the broker's trouble is, the sweep finds the row
            log.warning("The doorbell did not ring; the sweep will find the work.")
        threading.Event().wait(BELL_PAUSE)


# --- the drain -------------------------------------------------------------------------------------

_CLAIM_SQL = """
UPDATE marketplace_outboxevent SET leased_until = %(until)s, attempts = attempts + 1
WHERE id IN (
    SELECT e.id FROM marketplace_outboxevent e
    WHERE e.handled_at IS NULL AND e.parked_at IS NULL AND e.next_at <= %(now)s
      AND (e.leased_until IS NULL OR e.leased_until < %(now)s)
      AND NOT EXISTS (
        SELECT 1 FROM marketplace_outboxevent older
        WHERE older.seller_id = e.seller_id AND older.machine = e.machine AND older.object_id = e.object_id
          AND older.id < e.id AND older.handled_at IS NULL AND older.parked_at IS NULL)
    ORDER BY e.next_at, e.id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
RETURNING id, seller_id, name
"""


def drain(limit: int = 100) -> int:
    """Claim due events, run their handlers; returns how many events were handled."""
    now_handled = 0
    with system_scope():
        now = clock.now()
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM_SQL, {"now": now, "until": now + LEASE, "limit": limit})
            claimed: list[tuple[int, int, str]] = sorted(cursor.fetchall())
            nobody_listens = [pk for pk, _seller, name in claimed if name not in HANDLERS]
            if nobody_listens:
                cursor.execute(
                    "UPDATE marketplace_outboxevent SET handled_at = %s, leased_until = NULL WHERE id = ANY(%s)",
                    [now, nobody_listens],
                )
        crashpoint("outbox.claiming")
    crashpoint("outbox.claimed")
    now_handled += len(nobody_listens)
    for pk, seller_id, name in claimed:
        if name in HANDLERS:
            now_handled += _run(pk, seller_id)
    return now_handled


def _run(pk: int, seller_id: int) -> int:
    from marketplace.models import OutboxEvent, OutboxRun

    with scope(seller_id):
        event = (
            OutboxEvent.objects.select_for_update(skip_locked=True)
            .filter(pk=pk, handled_at=None, parked_at=None)
            .first()
        )
        if event is None:
            return 0
        token = logs.request_id.set(event.request_id or "-")
        done = set(OutboxRun.objects.filter(event=event).values_list("handler", flat=True))
        failures: list[str] = []
        try:
            for key, handler in HANDLERS[event.name].items():
                if key in done:
                    continue
                try:
                    with transaction.atomic():
                        handler(event)
                        OutboxRun.objects.create(event=event, handler=key, done_at=clock.now())
                except Exception as error:
                    log.exception("%s failed on %s", key, event.public_id)
                    failures.append(f"{key}: {type(error).__name__}: {error}")
        finally:
            logs.request_id.reset(token)
        now = clock.now()
        event.leased_until = None
        if not failures:
            event.handled_at = now
        else:
            event.last_error = "; ".join(failures)[:1000]
            event.next_at = now + BACK_OFF[min(event.attempts, len(BACK_OFF)) - 1]
            if event.attempts >= MAX_ATTEMPTS:
                event.parked_at = now
        event.save(update_fields=["leased_until", "handled_at", "last_error", "next_at", "parked_at"])
        crashpoint("outbox.before_commit")
    crashpoint("outbox.after_commit")
    return 0 if failures else 1


def drain_all(rounds: int = 200) -> int:
    """Until nothing is due; for tests, the demo's walk and `manage.py drain`."""
    total = 0
    for _round in range(rounds):
        count = drain()
        if not count:
            break
        total += count
    return total
