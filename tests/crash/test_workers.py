"""Real workers, a real clock and a real broker: the broker is emptied, the workers are killed, the job goes on."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
import redis

from marketplace import clock
from marketplace.embedded import Valkey, processes
from marketplace.models import Mail, OutboxEvent
from marketplace.tenancy import scope
from refunds.models import RefundRequest
from tests.crash.world import World
from tests.databases import Addresses
from tests.refunds.sandbox_fixture import ROOT

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workers")]
STORY = ("submit", "authorise", "ship", "receive", "refund")
PATIENCE = 120


class Workers:
    """A broker of our own, and beside it Celery's worker and clock, started as the demo starts them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.valkey = Valkey(folder / "valkey", durable=False)
        self.valkey.start()
        self.broker = redis.Redis.from_url(self.valkey.url())
        self.celery = [sys.executable, "-m", "celery", "--app=marketplace.celery:app"]
        self.running: list[subprocess.Popen[bytes]] = []

    def environment(self, world: World) -> dict[str, str]:
        return world.environment | {"REDIS_URL": self.valkey.url(), "LOG_LEVEL": "INFO"}

    def start(self, world: World, **more: str) -> None:
        """One worker with two children, and the clock."""
        environment = self.environment(world) | more
        worker = [*self.celery, "worker", "--concurrency=2", "--loglevel=INFO", "--without-gossip", "--without-mingle"]
        beat = [*self.celery, "beat", "--pidfile=", f"--schedule={self.folder / 'schedule'}"]
        for name, command in (("worker", worker), ("beat", beat)):
            log = self.folder / f"{name}.log"
            self.running.append(processes.start(command, log=log, environment=environment, directory=ROOT))

    def kill(self) -> None:
        """kill -9 of every process, parents and children."""
        for process in self.running:
            processes.kill_group(process.pid)
            process.wait()
        self.running.clear()

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def stop(self) -> None:
        self.kill()
        self.broker.close()
        self.valkey.stop()


@pytest.fixture
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    found = Workers(tmp_path_factory.mktemp("workers"))
    yield found
    found.stop()


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < ends, f"{what} did not happen within {PATIENCE} seconds"
        time.sleep(0.1)


def is_done(world: World) -> bool:
    """The money has gone back, everything that is due was told to everybody."""
    with scope(world.seller_id):
        refund = RefundRequest.objects.first()
        is_told = not OutboxEvent.objects.filter(handled_at=None).exists()
        is_mailed = not Mail.objects.exclude(status="SENT").filter(next_at__lte=clock.now()).exists()
        return refund is not None and str(refund.status) == "COMPLETED" and is_told and is_mailed


def ends_well(world: World, new_world: Callable[[str], World]) -> None:
    world.wait_for_late_mails()
    world.check()
    undisturbed = new_world("globex")
    undisturbed.tell(*STORY)
    undisturbed.recover()
    undisturbed.wait_for_late_mails()
    assert world.picture() == undisturbed.picture()


def leases_run_out(addresses: Addresses) -> None:
    """As if the minutes of every lease had gone by."""
    with psycopg2.connect(addresses.admin) as connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for table in ("refunds_refundrequest", "marketplace_outboxevent", "marketplace_mail"):
            cursor.execute(f"UPDATE {table} SET leased_until = now() WHERE leased_until > now()")
        cursor.execute("UPDATE refunds_refundrequest SET next_attempt_at = now() WHERE next_attempt_at > now()")
    connection.close()


def test_an_emptied_broker_loses_nothing(workers: Workers, new_world: Callable[[str], World]) -> None:
    """Before the workers start, every message is lost; while they run, the broker is emptied all the time."""
    world = new_world("acme")
    rung = 0
    for name in STORY:
        done = world.process(name, environment=workers.environment(world))
        assert done.returncode == 0, done.stderr
        world.heard(name, done.stdout)
        rung += int(workers.broker.llen("celery"))
        workers.broker.flushall()
    assert rung > 0, "nobody rang: this test proves nothing"
    assert not is_done(world)

    over = threading.Event()

    def keep_emptying() -> None:
        while not over.wait(0.25):
            workers.broker.flushall()

    emptier = threading.Thread(target=keep_emptying, daemon=True)
    workers.start(world)
    emptier.start()
    try:
        wait_until(lambda: is_done(world), "the end of the story")
    finally:
        over.set()
        emptier.join()
    ends_well(world, new_world)


def test_a_worker_killed_in_the_middle_of_a_payout(
    workers: Workers, new_world: Callable[[str], World], database_addresses: Addresses
) -> None:
    """kill -9 while the gateway has paid and not answered: the next worker asks, and pays nothing twice."""
    world = new_world("acme")
    world.tell(*STORY)
    world.sandbox.control("timeout_after", delay=60, match=world.shop.order.payment_reference)
    workers.start(world, GATEWAY_READ_TIMEOUT="30")
    wait_until(lambda: bool(world.payouts()), "the payout")

    workers.kill()
    with scope(world.seller_id):
        assert str(RefundRequest.objects.get().status) == "SUBMITTED"
    leases_run_out(database_addresses)
    workers.start(world)

    wait_until(lambda: is_done(world), "the end of the story")
    ends_well(world, new_world)


def test_a_child_of_the_worker_dies_in_its_task(
    workers: Workers, new_world: Callable[[str], World], database_addresses: Addresses
) -> None:
    """Celery has acknowledged the task and forgets it; the row has not."""
    world = new_world("acme")
    world.tell(*STORY)
    workers.start(world, REDRESS_KILL_AT="refund.called")
    wait_until(lambda: "WorkerLostError" in workers.log("worker"), "the death of the child")

    leases_run_out(database_addresses)

    wait_until(lambda: is_done(world), "the end of the story")
    ends_well(world, new_world)
