"""Files that came in: the job, its saved mappings, which rows were refused, which orders it made."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from marketplace.ids import new_public_id
from marketplace.tenancy import Reach, TenantForeignKey, TenantModel


def _import_id() -> str:
    return new_public_id("imp")


class ImportStatus(models.TextChoices):
    UPLOADED = "UPLOADED", _("Uploaded")
    CHECKING = "CHECKING", _("Being checked")
    CHECKED = "CHECKED", _("Checked")
    QUEUED = "QUEUED", _("Waiting")
    RUNNING = "RUNNING", _("Running")
    DONE = "DONE", _("Done")
    FAILED = "FAILED", _("Failed")
    UNDONE = "UNDONE", _("Undone")


class ImportMapping(TenantModel):
    """Which column is which in this seller's own files."""

    name = models.CharField(max_length=80)
    mapping = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["seller", "name"], name="mapping_name_once")]

    def __str__(self) -> str:
        return self.name


class ImportJob(TenantModel):
    """One file; work is committed in chunks, `position` says how far it got (rows read)."""

    public_id = models.CharField(max_length=40, default=_import_id, editable=False)
    channel = TenantForeignKey("marketplace.SalesChannel", on_delete=models.PROTECT, related_name="+")
    format = models.CharField(max_length=40)
    mapping = models.JSONField(default=dict, blank=True)
    encoding = models.CharField(max_length=20, blank=True)
    moves_back = models.BooleanField(default=False)  # may this file take finished orders back?
    file_name = models.CharField(max_length=255)
    file_path = models.CharField(max_length=500)
    file_sha256 = models.CharField(max_length=64)
    file_bytes = models.BigIntegerField(default=0)
    status = models.CharField(max_length=10, choices=ImportStatus.choices, default=ImportStatus.UPLOADED)
    position = models.BigIntegerField(default=0)
    rows_total = models.BigIntegerField(default=0)
    orders_new = models.BigIntegerField(default=0)
    orders_changed = models.BigIntegerField(default=0)
    lines_new = models.BigIntegerField(default=0)
    lines_changed = models.BigIntegerField(default=0)
    lines_unchanged = models.BigIntegerField(default=0)
    lines_held = models.BigIntegerField(default=0)  # older than what we know: left alone
    rows_refused = models.BigIntegerField(default=0)
    preview = models.JSONField(default=dict, blank=True)  # what the dry run found
    problem = models.CharField(max_length=500, blank=True)
    started_by = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)

    reach = Reach(system="SELECT, UPDATE")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["public_id", "seller"], name="import_public_id_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["seller", "-id"], name="import_recent"),
            models.Index(
                fields=["id"],
                condition=models.Q(status__in=["CHECKING", "QUEUED", "RUNNING"]),
                name="import_open",
            ),
        ]

    def __str__(self) -> str:
        return self.file_name


class ImportRowError(TenantModel):
    """A quarantined row: its line number, the column, the reason in words, and the row without personal data."""

    job = TenantForeignKey(ImportJob, on_delete=models.CASCADE, related_name="row_errors")
    line = models.BigIntegerField()
    column = models.CharField(max_length=80, blank=True)
    reason = models.CharField(max_length=500)
    raw = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering: ClassVar = ["line", "id"]
        indexes: ClassVar = [models.Index(fields=["seller", "job", "line"], name="row_error_line")]

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


class ImportProvenance(TenantModel):
    """Which import made or changed which order; undo asks it."""

    job = TenantForeignKey(ImportJob, on_delete=models.CASCADE, related_name="provenance")
    order = TenantForeignKey("marketplace.Order", on_delete=models.CASCADE, related_name="provenance")
    created_order = models.BooleanField(default=False)
    changed = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["seller", "order", "job"], name="provenance_once")]
        indexes: ClassVar = [models.Index(fields=["seller", "job", "order"], name="provenance_job")]

    def __str__(self) -> str:
        return f"{self.job_id} → {self.order_id}"
