"""Which file formats are known, and with which mapping and context is a job's file read?"""

from __future__ import annotations

from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.utils.translation import gettext_lazy

from marketplace.imports import amazon_orders, generic
from marketplace.imports.mapping import Mapping
from marketplace.imports.reading import Limits, Report
from marketplace.imports.rows import Context
from marketplace.imports.storage import stored_path
from marketplace.models import ImportJob, ImportMapping, SalesChannel


class Format(StrEnum):
    ALL_ORDERS = "all_orders"
    GENERIC = "generic"


FORMAT_LABELS = {
    Format.ALL_ORDERS: gettext_lazy("Amazon All Orders report"),
    Format.GENERIC: gettext_lazy("Your own file with a column mapping"),
}


def limits() -> Limits:
    return Limits(bytes=settings.IMPORT_MAX_BYTES, rows=settings.IMPORT_MAX_ROWS)


def report_of(job: ImportJob) -> Report:
    """The job's file, ready to be read; FileProblem if it is gone or unreadable."""
    path = stored_path(seller_id=job.seller_id, public_id=job.public_id)
    return Report(path, limits=limits(), encoding=job.encoding)


def recognise_format(report: Report) -> Format:
    return Format.ALL_ORDERS if amazon_orders.fits(report) else Format.GENERIC


def first_mapping(report: Report, file_format: Format, channel: SalesChannel) -> Mapping:
    """The report's own mapping; for a seller's own file the saved one that fits best, else a guess."""
    if file_format == Format.ALL_ORDERS:
        return amazon_orders.all_orders_mapping(report, channel=channel.code)
    return _saved_that_fits(report) or generic.suggest_mapping(report, currency=channel.currency)


def _saved_that_fits(report: Report) -> Mapping | None:
    for saved in ImportMapping.objects.order_by("-id")[:50]:
        mapping = Mapping.from_dict(saved.mapping)
        if mapping.columns and all(report.has(column) for column in mapping.columns.values()):
            return mapping
    return None


def context_of(job: ImportJob) -> Context:
    channel = job.channel
    is_amazon = job.format == Format.ALL_ORDERS
    return Context(
        channel=channel.code,
        zone=_zone(channel.zone),
        currency=channel.currency,
        order_number_pattern=amazon_orders.ORDER_NUMBER if is_amazon else None,
    )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
