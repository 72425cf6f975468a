"""What the pages and reports of imports show."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from django.db import models
from django.utils.translation import gettext as _

from marketplace.exports import Row
from marketplace.imports.mapping import PERSONAL
from marketplace.imports.problems import RowProblem
from marketplace.models import ImportJob, ImportMapping, ImportRowError
from marketplace.models.imports import ImportStatus
from marketplace.paging import Sort

_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class Figures:
    """What an import did; before it ran, what the dry run says that it would do."""

    rows: int = 0
    orders_new: int = 0
    orders_changed: int = 0
    lines_new: int = 0
    lines_changed: int = 0
    lines_unchanged: int = 0
    lines_held: int = 0
    rows_refused: int = 0


def figures_of(job: ImportJob) -> Figures:
    if job.status == ImportStatus.CHECKED:
        return Figures(**{one.name: int(job.preview.get(one.name, 0)) for one in fields(Figures)})
    done = {one.name: getattr(job, one.name) for one in fields(Figures) if one.name != "rows"}
    return Figures(rows=job.position, **done)


NEWEST = Sort("imports-newest", ("id",), is_descending=True)


def imports() -> models.QuerySet[ImportJob]:
    return ImportJob.objects.select_related("channel")


def saved_mappings() -> models.QuerySet[ImportMapping]:
    return ImportMapping.objects.order_by("name")


def same_file_before(job: ImportJob) -> ImportJob | None:
    """An earlier import of exactly this file for this channel that is through."""
    earlier: ImportJob | None = (
        ImportJob.objects.filter(
            file_sha256=job.file_sha256, channel=job.channel, status=ImportStatus.DONE, pk__lt=job.pk
        )
        .order_by("-pk")
        .first()
    )
    return earlier


def first_problems(job: ImportJob, count: int) -> list[RowProblem]:
    """The first rows that are not, or would not be, imported."""
    if job.status == ImportStatus.CHECKED:
        return [RowProblem(**problem) for problem in job.preview.get("problems", [])[:count]]
    return [RowProblem(row.line, row.column, row.reason, row.raw) for row in job.row_errors.all()[:count]]


def error_header(job: ImportJob) -> list[str]:
    return [_("Line"), _("Column"), _("Reason"), *_file_columns(job)]


def error_chunk(job: ImportJob, after: int | None) -> tuple[list[Row], int | None]:
    """The quarantined rows behind row `after`, and where the next chunk begins; no personal column is in them."""
    rows = list(ImportRowError.objects.filter(job=job, pk__gt=after or 0).order_by("pk")[:_CHUNK])
    columns = _file_columns(job)
    cells: list[Row] = [
        [str(row.line), row.column, row.reason, *(row.raw.get(column, "") for column in columns)] for row in rows
    ]
    return cells, rows[-1].pk if len(rows) == _CHUNK else None


def _file_columns(job: ImportJob) -> list[str]:
    columns: dict[str, str] = job.mapping.get("columns", {})
    return [column for name, column in columns.items() if name not in PERSONAL]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is, in figures and words."""

    done: int
    most: int
    rows_a_second: int
    seconds_left: int | None


def progress_of(job: ImportJob, now: datetime) -> Progress:
    most = max(job.rows_total, job.position, 1)
    seconds = (now - job.started_at).total_seconds() if job.started_at else 0.0
    speed = job.position / seconds if seconds > 1 else 0.0
    return Progress(job.position, most, int(speed), int((most - job.position) / speed) + 1 if speed else None)
