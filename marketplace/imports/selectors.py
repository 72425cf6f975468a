"""What the pages and reports of imports show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from django.db import models
from django.utils.translation import gettext as _

from marketplace.imports.problems import RowProblem, neutralise
from marketplace.models import ImportJob, ImportMapping, ImportRowError
from marketplace.models.imports import ImportStatus

_PAGE = 2_000


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


def recent_imports() -> models.QuerySet[ImportJob]:
    return ImportJob.objects.select_related("channel").order_by("-id")


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


def error_rows(job: ImportJob) -> Iterator[list[str]]:
    """The quarantined rows as a table for a spreadsheet: no cell is a formula, no personal column is in it."""
    columns = list(job.mapping.get("columns", {}).values())
    yield [_("Line"), _("Column"), _("Reason"), *map(neutralise, columns)]
    last = 0
    while page := list(ImportRowError.objects.filter(job=job, pk__gt=last).order_by("pk")[:_PAGE]):
        for row in page:
            cells = [row.raw.get(column, "") for column in columns]
            yield [str(row.line), neutralise(row.column), neutralise(row.reason, limit=500), *map(neutralise, cells)]
        last = page[-1].pk
