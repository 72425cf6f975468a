"""The portal door to imports: upload, columns, preview, progress, result, undo."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from marketplace import clock
from marketplace.actors import Permission
from marketplace.errors import Conflict, Refused
from marketplace.exports import csv_response
from marketplace.imports import generic, selectors, services
from marketplace.imports.amazon_orders import COLUMNS
from marketplace.imports.examples import examples_of
from marketplace.imports.formats import FORMAT_LABELS, Format, report_of
from marketplace.imports.forms import ColumnsForm, RulesForm, UploadForm
from marketplace.imports.mapping import Mapping
from marketplace.imports.reading import Report
from marketplace.imports.running import OPEN
from marketplace.imports.undo import obstacles_to_undo, undo_import
from marketplace.models import ImportJob, SalesChannel
from marketplace.models.imports import ImportStatus
from marketplace.paging import page_of
from marketplace.portal import actor_of
from marketplace.portal_forms import Act, conflict_page, explain, press, press_once, status_of

_SHOWN_PROBLEMS = 20


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """All imports, newest first, and the mappings that are saved."""
    actor = actor_of(request)
    actor.require(Permission.VIEW)
    page = page_of(selectors.imports(), sort=selectors.NEWEST, cursor=request.GET.get("cursor", ""), size=25)
    context = {"page": page, "mappings": selectors.saved_mappings(), "may_import": actor.can(Permission.IMPORT)}
    return render(request, "imports/index.html", context)


def new(request: HttpRequest) -> HttpResponse:
    """Upload a file; what it is, is found out at once."""
    actor_of(request).require(Permission.IMPORT)
    channels = list(SalesChannel.objects.all())
    form = UploadForm(request.POST or None, request.FILES or None, channels=channels)
    if form.is_valid():
        try:
            answer = press_once(request, "import", lambda: {"public_id": _start(request, form).public_id})
        except Conflict as conflict:
            return conflict_page(request, conflict, back=reverse("imports:new"))
        except Refused as refusal:
            explain(form, refusal)
        else:
            return redirect("imports:columns", answer.body["public_id"])
    return render(request, "imports/new.html", {"form": form, "channels": channels}, status=status_of(form))


def _start(request: HttpRequest, form: UploadForm) -> ImportJob:
    chosen = form.cleaned_data
    return services.start_import(
        chosen["file"].chunks(),
        by=actor_of(request),
        name=chosen["file"].name,
        channel=chosen["channel"],
        file_format=Format(chosen["file_format"]) if chosen["file_format"] else None,
        encoding=chosen["encoding"],
    )


def columns(request: HttpRequest, public_id: str) -> HttpResponse:
    """How the columns are read; a press on "Check the file" begins the dry run."""
    actor_of(request).require(Permission.IMPORT)
    job = services.find_import(public_id)
    if job.status not in services.BEFORE_RUN:
        return redirect("imports:detail", public_id)
    report = report_of(job)
    form = _columns_form(request, job, report)
    is_look = request.POST.get("step") == "look"
    if form.is_valid() and not is_look:
        answer = press(
            request,
            form,
            lambda: _check(request, job, form),
            operation="import-columns",
            back=reverse("imports:detail", args=[public_id]),
            machine="import",
        )
        if answer is not None:
            return answer
    context = _columns_context(job, report, form)
    return render(request, "imports/columns.html", context, status=200 if is_look else status_of(form))


def _columns_form(request: HttpRequest, job: ImportJob, report: Report) -> RulesForm:
    mapping = Mapping.from_dict(job.mapping)
    saved = request.GET.get("use", "")
    if saved:
        mapping = services.saved_mapping(saved)
    if job.format == Format.ALL_ORDERS:
        return RulesForm(request.POST or None, mapping=mapping, moves_back=job.moves_back)
    words = generic.unknown_words(report, mapping)
    return ColumnsForm(
        request.POST or None, headers=report.headers, words=words, mapping=mapping, moves_back=job.moves_back
    )


def _columns_context(job: ImportJob, report: Report, form: RulesForm) -> dict[str, Any]:
    mapping = form.mapping() if form.is_bound and form.is_valid() else form.before
    examples = examples_of(report, mapping)
    if isinstance(form, ColumnsForm):
        form.examples = examples
    return {
        "job": job,
        "form": form,
        "format_label": FORMAT_LABELS[Format(job.format)],
        "is_own": isinstance(form, ColumnsForm),
        "known": [(column, examples.get(name, "")) for name, column in mapping.columns.items()],
        "missing": [column for column in COLUMNS if not report.has(column)],
        "headers": report.headers,
        "mappings": selectors.saved_mappings(),
        "earlier": selectors.same_file_before(job),
    }


def _check(request: HttpRequest, job: ImportJob, form: RulesForm) -> str:
    actor, chosen = actor_of(request), form.cleaned_data
    services.choose_columns(job.public_id, by=actor, mapping=form.mapping(), save_as=chosen.get("save_as", ""))
    services.preview_import(job.public_id, by=actor, moves_back=chosen["moves_back"])
    return _("The file is being checked. Nothing is imported yet.")


@require_GET
def detail(request: HttpRequest, public_id: str) -> HttpResponse:
    """One import: the progress while it runs, else what it found or did."""
    actor = actor_of(request)
    actor.require(Permission.VIEW)
    job = services.find_import(public_id)
    is_open = job.status in OPEN
    context = {
        "job": job,
        "state": "DONE_WITH_ERRORS" if job.status == ImportStatus.DONE and job.rows_refused else job.status,
        "format_label": FORMAT_LABELS[Format(job.format)],
        "figures": selectors.figures_of(job),
        "is_open": is_open,
        "progress": selectors.progress_of(job, clock.now()) if is_open else None,
        "problems": selectors.first_problems(job, _SHOWN_PROBLEMS),
        "earlier": selectors.same_file_before(job),
        "may_import": actor.can(Permission.IMPORT),
    }
    response = render(request, "imports/detail.html", context)
    if request.headers.get("HX-Request") and not is_open:
        response["HX-Refresh"] = "true"  # the work is done: show the whole page anew
    return response


@require_POST
def run(request: HttpRequest, public_id: str) -> HttpResponse:
    """Import it, or go on with what stopped."""
    back = reverse("imports:detail", args=[public_id])

    def act() -> str:
        services.run_import(public_id, by=actor_of(request))
        return _("The import has begun. You can leave this page and come back.")

    return _pressed(request, act, operation="import-run", back=back)


@require_GET
def errors(request: HttpRequest, public_id: str) -> StreamingHttpResponse:
    """The rows that were left out, with reasons, as a file for a spreadsheet."""
    actor_of(request).require(Permission.EXPORT)
    job = services.find_import(public_id)
    return csv_response(
        f"{public_id}-rows-left-out",
        selectors.error_header(job),
        lambda after: selectors.error_chunk(job, after),
        seller_id=job.seller_id,
    )


def discard(request: HttpRequest, public_id: str) -> HttpResponse:
    """Forget a file that was not imported."""
    actor = actor_of(request)
    actor.require(Permission.IMPORT)

    def act() -> str:
        services.discard_import(public_id, by=actor)
        return _("The file is forgotten.")

    if request.method == "POST":
        return _pressed(request, act, operation="import-discard", back=reverse("imports:index"))
    context = {
        "job": services.find_import(public_id),
        "title": _("Discard this file?"),
        "consequence": _("The uploaded file is deleted. No order changes."),
        "verb": _("Discard the file"),
    }
    return render(request, "imports/confirm.html", context)


def undo(request: HttpRequest, public_id: str) -> HttpResponse:
    """Take away what the import made; first what that means, and what stands in the way."""
    actor = actor_of(request)
    actor.require(Permission.IMPORT)

    def act() -> str:
        undo_import(public_id, by=actor)
        return _("The import is undone.")

    if request.method == "POST":
        return _pressed(request, act, operation="import-undo", back=reverse("imports:detail", args=[public_id]))
    job = services.find_import(public_id)
    context = {
        "job": job,
        "title": _("Undo this import?"),
        "obstacles": obstacles_to_undo(job),
        "consequence": _consequence(job),
        "verb": _("Undo the import"),
        "danger": True,
    }
    return render(request, "imports/confirm.html", context)


def _consequence(job: ImportJob) -> str:
    orders = ngettext("%(count)s order", "%(count)s orders", job.orders_new) % {"count": f"{job.orders_new:,}"}
    lines = ngettext("%(count)s line", "%(count)s lines", job.lines_new) % {"count": f"{job.lines_new:,}"}
    return _(
        "%(orders)s and %(lines)s that this file brought are deleted. What it changed on older orders stays changed."
    ) % {"orders": orders, "lines": lines}


@require_POST
def delete_mapping(request: HttpRequest, mapping_id: int) -> HttpResponse:
    """Forget a saved mapping; imports that used it keep theirs."""

    def act() -> str:
        services.delete_mapping(mapping_id, by=actor_of(request))
        return _("The mapping is deleted.")

    return _pressed(request, act, operation="mapping-delete", back=reverse("imports:index"))


def _pressed(request: HttpRequest, act: Act, *, operation: str, back: str) -> HttpResponse:
    """The answer to a button without fields: back with a sentence, or the page of a conflict."""
    try:
        answer = press_once(request, operation, lambda: {"done": act()})
    except Conflict as conflict:
        return conflict_page(request, conflict, back=back, machine="import")
    if answer.replayed:
        messages.info(request, _("This was done already, by your first press. Nothing was done twice."))
    else:
        messages.success(request, answer.body["done"])
    return redirect(back)
