"""The verbs of an import: start, choose the columns, preview, run, retry, discard, undo."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from celery import current_app
from django.db import transaction
from django.utils.translation import gettext as _

from marketplace import clock
from marketplace.actors import CLOCK_ACTOR, Actor, Permission
from marketplace.errors import NotFound, Refused, WrongState
from marketplace.ids import new_public_id
from marketplace.imports import storage
from marketplace.imports.formats import Format, first_mapping, limits, recognise_format, report_of
from marketplace.imports.mapping import Mapping
from marketplace.imports.reading import Report
from marketplace.models import ImportJob, ImportMapping, SalesChannel
from marketplace.models.imports import ImportStatus
from marketplace.tenancy import current_seller_id, scope, system_scope

KEEP_UNUSED_FILES = timedelta(days=7)
BEFORE_RUN = (ImportStatus.UPLOADED, ImportStatus.CHECKED)


def start_import(
    chunks: Iterable[bytes],
    *,
    by: Actor,
    name: str,
    channel: str,
    file_format: Format | None = None,
    mapping: Mapping | None = None,
    encoding: str = "",
) -> ImportJob:
    """Keep the file, see what it is and how its columns would be read. Nothing is imported yet.

    Without a format it is recognised by its header; without a mapping a saved one that fits is taken, or a guess.
    A file that is no report, or lacks a required column, is refused by FileProblem and not kept.
    """
    by.require(Permission.IMPORT)
    sales_channel = _channel(channel)
    public_id = new_public_id("imp")
    stored = storage.store(chunks, seller_id=current_seller_id(), public_id=public_id)
    try:
        report = Report(stored.path, limits=limits(), encoding=encoding)
        file_format = file_format or (Format.GENERIC if mapping else recognise_format(report))
        mapping = mapping or first_mapping(report, file_format, sales_channel)
        return ImportJob.objects.create(  # type: ignore[no-any-return]
            public_id=public_id,
            channel=sales_channel,
            format=file_format,
            mapping=mapping.as_dict(),
            encoding=encoding,
            file_name=name[-255:],
            file_path=str(stored.path)[-500:],
            file_sha256=stored.sha256,
            file_bytes=stored.size,
            rows_total=max(stored.lines - 1, 0),
            started_by=by.label[:120],
        )
    except BaseException:
        storage.remove(seller_id=current_seller_id(), public_id=public_id)
        raise


def choose_columns(public_id: str, *, by: Actor, mapping: Mapping, save_as: str = "") -> ImportJob:
    """Read the file with this mapping from now on; under a name it is kept for the seller's next file."""
    by.require(Permission.IMPORT)
    job = _locked(public_id)
    _demand(job, *BEFORE_RUN)
    mapping.present_in(report_of(job))
    if save_as.strip():
        ImportMapping.objects.update_or_create(name=save_as.strip()[:80], defaults={"mapping": mapping.as_dict()})
    job.mapping, job.preview, job.status = mapping.as_dict(), {}, ImportStatus.UPLOADED
    job.save(update_fields=["mapping", "preview", "status"])
    return job


def preview_import(public_id: str, *, by: Actor, moves_back: bool | None = None) -> ImportJob:
    """Queue a dry run: every row is read and compared, nothing is written but what would happen."""
    by.require(Permission.IMPORT)
    job = _locked(public_id)
    _demand(job, *BEFORE_RUN)
    Mapping.from_dict(job.mapping).present_in(report_of(job))
    if moves_back is not None:
        job.moves_back = moves_back
    job.status, job.position, job.preview, job.problem = ImportStatus.CHECKING, 0, {}, ""
    return _queue(job)


def run_import(public_id: str, *, by: Actor, moves_back: bool | None = None) -> ImportJob:
    """Queue the import itself. A job that failed goes on after the last row that was committed."""
    by.require(Permission.IMPORT)
    job = _locked(public_id)
    _demand(job, *BEFORE_RUN, ImportStatus.FAILED)
    Mapping.from_dict(job.mapping).present_in(report_of(job))
    if moves_back is not None:
        job.moves_back = moves_back
    job.status, job.problem, job.finished_at = ImportStatus.QUEUED, "", None
    return _queue(job)


def discard_import(public_id: str, *, by: Actor) -> None:
    """Forget a file that was never imported."""
    by.require(Permission.IMPORT)
    job = _locked(public_id)
    if job.status not in BEFORE_RUN and not (job.status == ImportStatus.FAILED and job.position == 0):
        raise WrongState(_("This file was imported already; it can be undone instead."), current=job.status)
    job.row_errors.all().delete()
    job.delete()
    transaction.on_commit(lambda: storage.remove(seller_id=job.seller_id, public_id=public_id))


def forget_unused_files() -> int:
    """Files that were uploaded and left lying: their jobs are discarded, of failed imports only the file goes."""
    with system_scope():
        old = ImportJob.across_sellers.filter(created_at__lt=clock.now() - KEEP_UNUSED_FILES)
        unused = old.filter(status__in=BEFORE_RUN) | old.filter(status=ImportStatus.FAILED).exclude(file_path="")
        found = list(unused.values_list("seller_id", "public_id", "status")[:50])
    for seller_id, public_id, status in found:
        with scope(seller_id):
            if status in BEFORE_RUN:
                discard_import(public_id, by=CLOCK_ACTOR)
            else:
                storage.remove(seller_id=seller_id, public_id=public_id)
                ImportJob.objects.filter(public_id=public_id).update(file_path="")
    return len(found)


def delete_mapping(pk: int, *, by: Actor) -> None:
    by.require(Permission.IMPORT)
    if not ImportMapping.objects.filter(pk=pk).delete()[0]:
        raise NotFound


def saved_mapping(name: str) -> Mapping:
    """A mapping that the seller saved under this name."""
    saved = ImportMapping.objects.filter(name=name).first()
    if saved is None:
        known = ", ".join(ImportMapping.objects.order_by("name").values_list("name", flat=True)) or _("none")
        raise NotFound(_("No mapping is saved under “%(name)s”. Saved: %(known)s.") % {"name": name, "known": known})
    return Mapping.from_dict(saved.mapping)


def find_import(public_id: str) -> ImportJob:
    job: ImportJob | None = ImportJob.objects.select_related("channel").filter(public_id=public_id).first()
    if job is None:
        raise NotFound
    return job


def _channel(code: str) -> SalesChannel:
    channel: SalesChannel | None = SalesChannel.objects.filter(code__iexact=code).first()
    if channel is None:
        known = ", ".join(SalesChannel.objects.values_list("code", flat=True)) or _("none")
        raise Refused(
            _("There is no sales channel “%(code)s”. Known: %(known)s.") % {"code": code, "known": known},
            code="channel_unknown",
        )
    return channel


def _locked(public_id: str) -> ImportJob:
    job: ImportJob | None = (
        ImportJob.objects.select_for_update(of=("self",)).select_related("channel").filter(public_id=public_id).first()
    )
    if job is None:
        raise NotFound
    return job


def _demand(job: ImportJob, *statuses: str) -> None:
    if job.status not in statuses:
        raise WrongState(
            _("This import is %(status)s. Nothing was changed.") % {"status": job.get_status_display().lower()},
            current=job.status,
        )


def _queue(job: ImportJob) -> ImportJob:
    job.leased_until = job.started_at = None
    job.save()
    transaction.on_commit(lambda: _ring(job.seller_id, job.pk), robust=True)
    return job


def _ring(seller_id: int, job_id: int) -> None:
    """Only to be quick: the clock finds queued jobs by itself."""
    current_app.send_task("marketplace.imports.tasks.run", (seller_id, job_id), retry=False)
