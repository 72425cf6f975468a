"""Two at once, and a worker that dies in the middle: nothing is lost and nothing is there twice."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from marketplace import clock
from marketplace.imports import running, services
from marketplace.models import ImportJob, OrderLine
from marketplace.models.imports import ImportStatus
from marketplace.tenancy import scope
from tests import databases
from tests.imports.conftest import Desk, line, summary

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.server]

LINES = [line(n, sku=sku) for n in range(1, 31) for sku in ("A", "B")]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "CHUNK_ROWS", 7)


def queued(desk: Desk) -> ImportJob:
    job = desk.start(*LINES)
    with scope(desk.shop.seller.pk):
        return services.run_import(job.public_id, by=desk.actor)


def work_in_threads(jobs: list[ImportJob]) -> None:
    def work(job: ImportJob) -> None:
        try:
            running.work_on(job.seller_id, job.pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)


def test_the_same_file_imported_twice_at_once_is_there_once(desk: Desk) -> None:
    jobs = [queued(desk), queued(desk), queued(desk)]
    work_in_threads(jobs)
    done = [desk.fresh(job) for job in jobs]
    assert [job.status for job in done] == [ImportStatus.DONE] * 3
    assert sum(job.lines_new for job in done) == 60
    assert sum(job.orders_new for job in done) == 30
    assert sum(job.lines_unchanged for job in done) == 120
    assert desk.counts() == (30, 60)


def test_two_workers_at_one_job_do_it_once(desk: Desk) -> None:
    job = queued(desk)
    work_in_threads([job, job, job])
    done = desk.fresh(job)
    assert (done.status, summary(done)) == (ImportStatus.DONE, (60, 0, 0, 0, 0))


def test_a_worker_thought_dead_can_not_write_a_chunk_again(desk: Desk) -> None:
    job = queued(desk)
    slow = running._claim(job.seller_id, job.pk)
    assert slow is not None
    chunks = running._chunks(slow, skip=0)
    late = next(chunks)
    with scope(job.seller_id):
        ImportJob.objects.filter(pk=job.pk).update(leased_until=clock.now() - timedelta(seconds=1))
    assert desk.work(job).status == ImportStatus.DONE

    with pytest.raises(running._TakenOverError), scope(job.seller_id):
        running._write_chunk(slow, late)
    assert desk.counts() == (30, 60)


@pytest.mark.parametrize("kill_at", ["import.claimed", "import.before_commit#3", "import.after_commit#3"])
def test_a_killed_worker_loses_nothing_and_doubles_nothing(
    desk: Desk, kill_at: str, database_addresses: databases.Addresses
) -> None:
    job = queued(desk)
    program = (
        "import django; django.setup();"
        "from marketplace.imports import running; running.CHUNK_ROWS = 7;"
        f"running.work_on({job.seller_id}, {job.pk})"
    )
    environment = os.environ | database_addresses.environment
    environment |= {
        "DJANGO_SETTINGS_MODULE": "marketplace.settings",
        "REDRESS_KILL_AT": kill_at,
        "VAR_DIR": str(settings.VAR_DIR),
    }
    root = Path(__file__).resolve().parents[2]
    died = subprocess.run([sys.executable, "-c", program], cwd=root, env=environment, check=False, timeout=60)
    assert died.returncode == -9

    left = desk.fresh(job)
    assert left.status == ImportStatus.RUNNING
    assert left.position == {"import.claimed": 0, "import.before_commit#3": 14, "import.after_commit#3": 21}[kill_at]
    with scope(job.seller_id):
        assert OrderLine.objects.filter(imported_by=job).count() == left.position
    assert running.due_jobs() == []  # the lease still runs

    with scope(job.seller_id):
        ImportJob.objects.filter(pk=job.pk).update(leased_until=clock.now() - timedelta(seconds=1))
    assert running.due_jobs() == [(job.seller_id, job.pk)]
    done = desk.work(job)
    assert (done.status, done.position, summary(done)) == (ImportStatus.DONE, 60, (60, 0, 0, 0, 0))
    assert desk.counts() == (30, 60)


def test_work_stops_when_its_time_is_up_and_goes_on_later(desk: Desk) -> None:
    job = queued(desk)
    assert not running.work_on(job.seller_id, job.pk, seconds=0)
    assert desk.fresh(job).position == 7
    assert desk.work(job).lines_new == 60
