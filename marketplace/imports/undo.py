"""What does undoing an import take away, and what stands in its way?"""

from __future__ import annotations

from django.db import IntegrityError, connection, models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from marketplace import clock
from marketplace.actors import Actor, Permission
from marketplace.errors import NotFound, Refused, WrongState
from marketplace.imports import storage
from marketplace.imports.statuses import RANK, OrderStatus, order_status
from marketplace.models import Buyer, ImportJob, ImportProvenance, Note, Order, OrderLine
from marketplace.models.imports import ImportStatus
from marketplace.portal import ORDER_REFERENCES

_UNDOABLE = (ImportStatus.DONE, ImportStatus.FAILED)
_OURS = (OrderLine, ImportProvenance)
_DELETIONS = (
    "DELETE FROM marketplace_orderline WHERE seller_id = %(seller)s AND imported_by_id = %(job)s",
    "DELETE FROM marketplace_importprovenance WHERE seller_id = %(seller)s AND job_id = %(job)s",
    "DELETE FROM marketplace_order WHERE seller_id = %(seller)s AND imported_by_id = %(job)s",
)


def undo_import(public_id: str, *, by: Actor) -> ImportJob:
    """Take away the orders and lines that this import made; all of them or none.

    Refused when a later import changed one of them or anything refers to them (a return, a refund, a note).
    What the import changed on older orders stays: the values before are not kept.
    """
    by.require(Permission.IMPORT)
    job = _locked(public_id)
    if job.status not in _UNDOABLE:
        raise WrongState(
            _("Only an import that is through can be undone; this one is %(status)s.")
            % {"status": job.get_status_display().lower()},
            current=job.status,
        )
    list(_orders(job).select_for_update().order_by("pk").values_list("pk"))
    obstacles = obstacles_to_undo(job)
    if obstacles:
        raise Refused(
            _("This import can not be undone: %(obstacles)s.") % {"obstacles": "; ".join(obstacles)},
            code="import_in_use",
            obstacles=obstacles,
        )
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            _take_away(job)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except IntegrityError as error:
        raise Refused(
            _("This import can not be undone: something refers to its orders."), code="import_in_use"
        ) from error
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    job.status, job.finished_at = ImportStatus.UNDONE, clock.now()
    job.problem = _("Undone by %(person)s.") % {"person": by.label}
    job.save(update_fields=["status", "finished_at", "problem"])
    transaction.on_commit(lambda: storage.remove(seller_id=job.seller_id, public_id=public_id))
    return job


def obstacles_to_undo(job: ImportJob) -> list[str]:
    """Sentences that say what stands in the way; empty if nothing does."""
    later = ImportProvenance.objects.filter(order__in=_orders(job)).exclude(job=job).values("order").distinct().count()
    found = []
    if later:
        found.append(
            ngettext("a later import changed %(count)s order", "later imports changed %(count)s orders", later)
            % {"count": later}
        )
    said = [sentence for ask in ORDER_REFERENCES for sentence in ask(list(_orders(job).values_list("pk", flat=True)))]
    return found + (said or _references(job))


def _references(job: ImportJob) -> list[str]:
    """Every table of the project that points at an order or a line is asked through Django's own registry."""
    found = []
    for model, rows in ((Order, _orders(job)), (OrderLine, _lines(job))):
        for relation in model._meta.related_objects:
            other = relation.related_model
            if other in _OURS or not isinstance(relation.field, models.ForeignKey):
                continue
            count = other._default_manager.filter(**{f"{relation.field.name}__in": rows}).count()
            if count:
                name = other._meta.verbose_name if count == 1 else other._meta.verbose_name_plural
                found.append(_("%(count)s %(things)s refer to it") % {"count": count, "things": name})
    notes = Note.objects.filter(machine="order", object_id__in=_orders(job).values("pk")).count()
    if notes:
        found.append(
            ngettext("%(count)s note is on its orders", "%(count)s notes are on its orders", notes) % {"count": notes}
        )
    return found


def _orders(job: ImportJob) -> models.QuerySet[Order]:
    return Order.objects.filter(imported_by=job)


def _lines(job: ImportJob) -> models.QuerySet[OrderLine]:
    return OrderLine.objects.filter(imported_by=job)


def _take_away(job: ImportJob) -> None:
    orders = _orders(job)
    buyers = list(
        Buyer.objects.filter(orders__in=orders, created_at__gte=job.created_at).distinct().values_list("pk", flat=True)
    )
    shortened = list(
        Order.objects.filter(lines__in=_lines(job)).exclude(imported_by=job).distinct().values_list("pk", flat=True)
    )
    with connection.cursor() as cursor:  # Django's own delete would fetch every row first
        for statement in _DELETIONS:
            cursor.execute(statement, {"seller": job.seller_id, "job": job.pk})
    _forget_buyers(buyers)
    for pk in shortened:
        _total_again(pk)


def _forget_buyers(buyers: list[int]) -> None:
    """Buyers that came with this import and to whom nothing refers any more."""
    lonely = Buyer.objects.filter(pk__in=buyers)
    for relation in Buyer._meta.related_objects:
        others = relation.related_model._default_manager.exclude(**{relation.field.name: None})
        lonely = lonely.exclude(pk__in=others.values(relation.field.attname))
    lonely.delete()


def _total_again(pk: int) -> None:
    order = Order.objects.get(pk=pk)
    lines = list(order.lines.all())
    statuses = [OrderStatus(line.status) for line in lines if line.status in RANK]
    order.paid_minor = sum(line.paid_minor for line in lines)
    order.shipping_minor = sum(line.shipping_minor for line in lines)
    order.status = order_status(statuses) if statuses else order.status
    order.save(update_fields=["paid_minor", "shipping_minor", "status", "updated_at"])


def _locked(public_id: str) -> ImportJob:
    job: ImportJob | None = ImportJob.objects.select_for_update().filter(public_id=public_id).first()
    if job is None:
        raise NotFound
    return job
