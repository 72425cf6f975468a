"""How does a job work through its file: in chunks, each committed with the position it reached.

A worker that dies leaves the position of the last commit; whoever takes over reads the file again up to there
(only to count equal lines) and goes on. A lease keeps two workers apart, and the position is compared under the
job's row lock, so that a worker that was thought dead can not write a chunk twice.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import InterfaceError, OperationalError, connection, models
from django.utils.translation import gettext as _

from marketplace import clock
from marketplace.crash import crashpoint
from marketplace.errors import DomainError
from marketplace.imports import storage, writing
from marketplace.imports.formats import context_of, report_of
from marketplace.imports.mapping import Field, Mapping
from marketplace.imports.problems import RowProblem
from marketplace.imports.reading import Record
from marketplace.imports.rows import read_order_row
from marketplace.imports.staging import StagedRow, stage
from marketplace.imports.writing import Effect
from marketplace.models import ImportJob, ImportRowError
from marketplace.models.imports import ImportStatus
from marketplace.tenancy import scope, system_scope

log = logging.getLogger(__name__)

CHUNK_ROWS = 2_000
LEASE = timedelta(seconds=60)
KEPT_ROW_ERRORS = 10_000  # of one file; more are counted and not listed
PREVIEW_ROWS = 20
OPEN = (ImportStatus.CHECKING, ImportStatus.QUEUED, ImportStatus.RUNNING)


@dataclass(slots=True)
class Chunk:
    """Rows `start` to `end` of the file: what can be written, and what can not be read."""

    start: int
    end: int
    rows: list[StagedRow] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)


class _TakenOverError(Exception):
    """Another worker has moved this job on; this one stops without a trace."""


def due_jobs() -> list[tuple[int, int]]:
    """(seller, job) of open jobs that nobody works on."""
    with system_scope():
        now = clock.now()
        free = models.Q(leased_until=None) | models.Q(leased_until__lt=now)
        found = ImportJob.across_sellers.filter(free, status__in=OPEN).order_by("id")
        return list(found.values_list("seller_id", "pk")[:50])


def work_on(seller_id: int, job_id: int, *, seconds: float = 120.0) -> bool:
    """Check or import until the file is through or the time is up; True if there is nothing left to do."""
    job = _claim(seller_id, job_id)
    if job is None:
        return True
    deadline = time.monotonic() + seconds
    try:
        if job.status == ImportStatus.CHECKING:
            return _check(job)
        return _import(job, deadline)
    except _TakenOverError:
        return True
    except (OperationalError, InterfaceError):
        raise  # the database went away: the lease runs out and the next worker goes on
    except DomainError as error:
        _fail(job, error.message)
    except Exception:
        log.exception("import %s stopped", job.public_id)
        _fail(job, _("This went wrong on our side. What was imported so far is complete up to the row shown."))
    return True


# --- the two kinds of work ---------------------------------------------------------------------------


def _check(job: ImportJob) -> bool:
    """Dry run: every row is read and compared with what is there; nothing but the preview is written."""
    preview: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    samples: list[dict[str, Any]] = []
    problems: list[RowProblem] = []
    end = 0
    for chunk in _chunks(job, skip=0):
        with scope(job.seller_id):
            fresh = _own(job, position=chunk.start)
            stage(chunk.rows, seller_id=job.seller_id)
            effect = writing.plan(fresh, is_tax_included=_mapping(job).is_tax_included)
            if len(samples) < PREVIEW_ROWS:
                samples += writing.sample(PREVIEW_ROWS - len(samples))
            _advance(job, chunk)
        found = chunk.problems + effect.refused
        preview.update(_figures(effect), rows_refused=len(found))
        reasons.update(problem.reason for problem in found)
        problems += found[: PREVIEW_ROWS - len(problems)]
        end = chunk.end
    with scope(job.seller_id):
        fresh = _own(job, position=end)
        fresh.preview = {
            "rows": end,
            **preview,
            "reasons": reasons.most_common(10),
            "samples": samples,
            "problems": [_as_dict(problem) for problem in problems],
        }
        fresh.rows_total, fresh.position = end, 0
        fresh.status, fresh.leased_until = ImportStatus.CHECKED, None
        fresh.save()
        crashpoint("import.checking")
    crashpoint("import.checked")
    return True


def _import(job: ImportJob, deadline: float) -> bool:
    end = job.position
    for chunk in _chunks(job, skip=job.position):
        with scope(job.seller_id):
            _write_chunk(job, chunk)
            crashpoint("import.before_commit")
        crashpoint("import.after_commit")
        end = chunk.end
        if time.monotonic() > deadline:
            _release(job)
            return False
    with scope(job.seller_id):
        fresh = _own(job, position=end)
        fresh.rows_total = end
        fresh.status, fresh.finished_at, fresh.leased_until = ImportStatus.DONE, clock.now(), None
        fresh.save()
        crashpoint("import.finishing")
    crashpoint("import.finished")
    storage.remove(seller_id=job.seller_id, public_id=job.public_id)
    return True


def _write_chunk(job: ImportJob, chunk: Chunk) -> None:
    """One transaction: the orders, the refused rows, the figures and the position."""
    fresh = _own(job, position=chunk.start)
    with connection.cursor() as cursor:  # imports of one channel go one chunk at a time
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [7_203_302, job.channel_id % 2_147_483_647])
    stage(chunk.rows, seller_id=job.seller_id)
    effect = writing.plan(fresh, is_tax_included=_mapping(job).is_tax_included)
    writing.carry_out(fresh, effect, now=clock.now())
    problems = chunk.problems + effect.refused
    _keep(fresh, problems)
    _advance(job, chunk, rows_refused=len(problems), **_figures(effect))


def _keep(job: ImportJob, problems: list[RowProblem]) -> None:
    room = max(KEPT_ROW_ERRORS - job.rows_refused, 0)
    ImportRowError.objects.bulk_create(ImportRowError(job=job, **_as_dict(problem)) for problem in problems[:room])


def _figures(effect: Effect) -> dict[str, int]:
    return {
        "orders_new": effect.orders_new,
        "orders_changed": effect.orders_changed,
        "lines_new": effect.lines_new,
        "lines_changed": effect.lines_changed,
        "lines_unchanged": effect.lines_unchanged,
        "lines_held": effect.lines_held,
    }


def _as_dict(problem: RowProblem) -> dict[str, Any]:
    return {
        "line": problem.line,
        "column": problem.column[:80],
        "reason": problem.reason[:500],
        "raw": problem.raw,
    }


# --- reading -----------------------------------------------------------------------------------------


def _mapping(job: ImportJob) -> Mapping:
    return Mapping.from_dict(job.mapping)


def _chunks(job: ImportJob, *, skip: int) -> Iterator[Chunk]:
    """The file's rows after the first `skip`, in chunks. What identifies a line is counted from the start of the
    file and before the row is read, so that a row that could not be read keeps its place."""
    report = report_of(job)
    mapping = _mapping(job).present_in(report)
    context = context_of(job)
    chunk = Chunk(skip, skip)
    for count, (record, nth, is_first) in enumerate(_identified(report.rows(mapping.columns)), start=1):
        if count <= skip:
            continue
        row = read_order_row(record, mapping, context) if isinstance(record, Record) else record
        if isinstance(row, RowProblem):
            chunk.problems.append(row)
        else:
            chunk.rows.append(StagedRow(row, nth, is_first))
        chunk.end = count
        if chunk.end - chunk.start >= CHUNK_ROWS:
            yield chunk
            chunk = Chunk(count, count)
    if chunk.end > chunk.start:
        yield chunk


def _identified(records: Iterable[Record | RowProblem]) -> Iterator[tuple[Record | RowProblem, int, bool]]:
    """With each record: the how manyth of its (order, SKU) it is, and whether it is its order's first.
    Fingerprints of 8 bytes are kept, about 100 bytes a line: 25 MB at the largest file allowed."""
    lines: set[int] = set()
    repeated: dict[int, int] = {}
    orders: set[int] = set()
    for record in records:
        if isinstance(record, RowProblem):
            yield record, 1, False
            continue
        number, sku = record.cells[Field.ORDER_NUMBER], record.cells[Field.SKU]
        line, order = hash((number, sku)), hash(number)
        if line in lines:
            repeated[line] = repeated.get(line, 1) + 1
        yield record, repeated.get(line, 1), order not in orders
        lines.add(line)
        orders.add(order)


# --- the job row -------------------------------------------------------------------------------------


def _claim(seller_id: int, job_id: int) -> ImportJob | None:
    with scope(seller_id):
        now = clock.now()
        job: ImportJob | None = (
            ImportJob.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("channel")
            .filter(models.Q(leased_until=None) | models.Q(leased_until__lt=now), pk=job_id, status__in=OPEN)
            .first()
        )
        if job is None:
            return None
        job.leased_until = now + LEASE
        job.started_at = job.started_at or now
        if job.status == ImportStatus.QUEUED:
            job.status = ImportStatus.RUNNING
        if job.status == ImportStatus.CHECKING:
            job.position = 0
        job.save(update_fields=["leased_until", "started_at", "status", "position"])
    crashpoint("import.claimed")
    return job


def _own(job: ImportJob, *, position: int) -> ImportJob:
    """The fresh row, locked, if it is still where this worker left it."""
    fresh: ImportJob | None = (
        ImportJob.objects.select_for_update(of=("self",))
        .select_related("channel")
        .filter(pk=job.pk, status=job.status, position=position)
        .first()
    )
    if fresh is None:
        raise _TakenOverError
    return fresh


def _advance(job: ImportJob, chunk: Chunk, **figures: int) -> None:
    ImportJob.objects.filter(pk=job.pk).update(
        position=chunk.end,
        leased_until=clock.now() + LEASE,
        **{name: models.F(name) + figure for name, figure in figures.items()},
    )


def _release(job: ImportJob) -> None:
    with scope(job.seller_id):
        ImportJob.objects.filter(pk=job.pk).update(leased_until=None)


def _fail(job: ImportJob, problem: str) -> None:
    """A dry run that fails leaves the file as it was uploaded, an import what it has committed so far."""
    with scope(job.seller_id):
        mine = ImportJob.objects.filter(pk=job.pk, status=job.status)
        if job.status == ImportStatus.CHECKING:
            mine.update(status=ImportStatus.UPLOADED, problem=problem[:500], leased_until=None, position=0)
        else:
            mine.update(
                status=ImportStatus.FAILED,
                problem=problem[:500],
                leased_until=None,
                finished_at=clock.now(),
            )
