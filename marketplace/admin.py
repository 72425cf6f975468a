"""What support may do with the kernel's things: orders and events as cases, the tables read only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace import clock, events
from marketplace.actors import Actor, ActorKind
from marketplace.errors import NotFound, WrongState
from marketplace.models import (
    AccountMail,
    ApiKey,
    Buyer,
    DeadlineRule,
    ImportJob,
    Invitation,
    Mail,
    Membership,
    Note,
    Order,
    OutboxEvent,
    SalesChannel,
    Seller,
    SettingsChange,
    StateTransition,
    SupportAccess,
    User,
)
from marketplace.money import format_money
from marketplace.support_door.base import OperatorAdmin, ReadOnlyAdmin, TenantAdmin
from marketplace.support_door.registry import (
    FINDERS,
    ORDER_RELATIONS,
    QUEUE_ROWS,
    QUEUES,
    CaseKind,
    CasePage,
    Found,
    QueueRow,
    QueueSection,
    SupportMove,
    register_case,
)
from marketplace.timeline import Said, story

COUNTED = 1000


# --- the queue -----------------------------------------------------------------------------------------


def parked_events(now: datetime) -> QueueSection:
    found = OutboxEvent.across_sellers.filter(parked_at__isnull=False).order_by("parked_at")
    rows = found.values_list("id", "seller_id", "name", "parked_at")[:QUEUE_ROWS]
    return QueueSection(
        gettext_lazy("Events that were given up"),
        gettext_lazy("Their reaction failed eight times. Find out why, then run them again."),
        [QueueRow(name, seller, "event", str(pk), at) for pk, seller, name, at in rows],
        found.values("id")[:COUNTED].count(),
    )


def failed_mails(now: datetime) -> QueueSection:
    found = Mail.across_sellers.filter(status__in=["FAILED", "BOUNCED"]).order_by("-id")
    rows = found.values_list("id", "seller_id", "template", "status", "created_at")[:QUEUE_ROWS]
    return QueueSection(
        gettext_lazy("Mails that did not arrive"),
        gettext_lazy("Refused or bounced. The seller sees it on the timeline, too."),
        [QueueRow(name, seller, "mail", str(pk), at, "mail", status) for pk, seller, name, status, at in rows],
        found.values("id")[:COUNTED].count(),
    )


QUEUES += [parked_events, failed_mails]


# --- finding -------------------------------------------------------------------------------------------


def find_orders(text: str, seller_ids: list[int]) -> list[Found]:
    """By public id, or by number at any seller: both are equality on an index."""
    here = Q(public_id=text) | Q(seller_id__in=seller_ids, number_key=text.lower())
    rows = Order.across_sellers.filter(here).values_list("public_id", "number", "seller_id")[:20]
    return [Found("order", public_id, number, seller) for public_id, number, seller in rows]


FINDERS.append(find_orders)


# --- orders ----------------------------------------------------------------------------------------------


def _order_seller(public_id: str) -> int | None:
    return Order.across_sellers.filter(public_id=public_id).values_list("seller_id", flat=True).first()


def show_order(public_id: str) -> CasePage:
    order = Order.objects.select_related("channel", "buyer").filter(public_id=public_id).first()
    if order is None:
        raise NotFound
    lines = [f"{line.quantity} × {line.title or line.sku} ({line.sku})" for line in order.lines.order_by("position")]
    return CasePage(
        title=_("Order %(number)s") % {"number": order.number},
        subject=order,
        facts=[
            (_("Channel"), order.channel.name),
            (_("Status in the file"), order.status or "–"),
            (_("Bought"), order.purchased_at),
            (_("Paid"), format_money(order.paid)),
            (_("Buyer"), str(order.buyer) if order.buyer else _("not known")),
            (_("Gateway"), order.gateway_name),
        ],
        lines=lines,
        entries=story("order", order.pk, lambda move: Said(move.move.replace("_", " "))),
        related=[each for find in ORDER_RELATIONS for each in find(order)],
    )


register_case(CaseKind("order", gettext_lazy("Order"), _order_seller, show_order))


# --- events and mails ------------------------------------------------------------------------------------


def _event_seller(pk: str) -> int | None:
    if not pk.isdigit():
        return None
    return OutboxEvent.across_sellers.filter(pk=int(pk)).values_list("seller_id", flat=True).first()


def show_event(pk: str) -> CasePage:
    event: OutboxEvent | None = OutboxEvent.objects.filter(pk=int(pk)).first()
    if event is None:
        raise NotFound
    state = _("given up") if event.parked_at else _("done") if event.handled_at else _("waiting")
    return CasePage(
        title=_("Event %(name)s") % {"name": event.name},
        subject=event,
        facts=[
            (_("State"), state),
            (_("About"), f"{event.machine} {event.object_id}"),
            (_("Written"), event.created_at),
            (_("Given up"), event.parked_at),
            (_("Tries"), event.attempts),
            (_("What went wrong last"), event.last_error or "–"),
            (_("Request"), event.request_id or "–"),
        ],
        lines=[str(run) for run in event.runs.order_by("id")],
    )


def run_again(pk: str, by: Actor, data: dict[str, Any]) -> None:
    """A parked event gets eight new tries; what its handlers did already is not done twice."""
    event: OutboxEvent | None = OutboxEvent.objects.select_for_update().filter(pk=int(pk)).first()
    if event is None:
        raise NotFound
    if event.parked_at is None:
        raise WrongState(_("This event is not given up; it runs by itself."), current="open")
    event.parked_at, event.attempts, event.next_at, event.leased_until = None, 0, clock.now(), None
    event.save(update_fields=["parked_at", "attempts", "next_at", "leased_until"])
    _note(event.machine, event.object_id, by, _("Ran %(name)s again: %(reason)s") % {"name": event.name, **data})
    events.ring_after_commit()


def _note(machine: str, object_id: int, by: Actor, text: str) -> None:
    Note.objects.create(
        machine=machine,
        object_id=object_id,
        kind=Note.Kind.FACT,
        text=text,
        actor_kind=ActorKind.SUPPORT,
        actor_label=by.label,
        at=clock.now(),
    )


def _is_parked(event: OutboxEvent) -> str:
    return "" if event.parked_at else _("Only an event that was given up is run again.")


register_case(
    CaseKind(
        "event",
        gettext_lazy("Event"),
        _event_seller,
        show_event,
        [
            SupportMove(
                "run-again",
                gettext_lazy("Run it again"),
                gettext_lazy("The worker tries its reactions again at once. A reaction that was done is not repeated."),
                run_again,
                _is_parked,
            )
        ],
    )
)


def _mail_seller(pk: str) -> int | None:
    if not pk.isdigit():
        return None
    return Mail.across_sellers.filter(pk=int(pk)).values_list("seller_id", flat=True).first()


def show_mail(pk: str) -> CasePage:
    mail: Mail | None = Mail.objects.filter(pk=int(pk)).first()
    if mail is None:
        raise NotFound
    return CasePage(
        title=mail.subject,
        subject=mail,
        machine="mail",
        status=mail.status,
        facts=[
            (_("To"), mail.to_email),
            (_("Side"), mail.side),
            (_("Words"), mail.template),
            (_("About"), f"{mail.machine} {mail.object_id}"),
            (_("Written"), mail.created_at),
            (_("Tries"), mail.attempts),
            (_("Code of the mail server"), mail.smtp_code or "–"),
            (_("What it said"), mail.last_error or "–"),
        ],
    )


register_case(CaseKind("mail", gettext_lazy("Mail"), _mail_seller, show_mail))


# --- the tables --------------------------------------------------------------------------------------------


@admin.register(Seller)
class SellerAdmin(ReadOnlyAdmin):
    list_display = ("name", "slug", "requires_second_factor", "is_money_stopped", "created_at")
    search_fields = ("name", "slug")


@admin.register(SupportAccess)
class SupportAccessAdmin(ReadOnlyAdmin):
    list_display = ("at", "user", "seller", "reason", "path", "until")
    ordering = ("-id",)


@admin.register(User)
class UserAdmin(OperatorAdmin):
    list_display = ("email", "name", "is_active", "is_staff", "last_login")
    search_fields = ("email", "name")
    exclude = ("password",)


@admin.register(Membership)
class MembershipAdmin(OperatorAdmin):
    list_display = ("user", "seller", "role", "created_at")
    list_filter = ("role",)


@admin.register(Invitation)
class InvitationAdmin(OperatorAdmin):
    list_display = ("email", "seller", "role", "created_at", "expires_at", "accepted_at", "revoked_at")
    exclude = ("token_hash",)


@admin.register(AccountMail)
class AccountMailAdmin(OperatorAdmin):
    list_display = ("event", "to_email", "created_at", "sent_at", "failed_at", "last_error")
    exclude = ("text", "html")  # the links in them open accounts


@admin.register(Order)
class OrderAdmin(TenantAdmin):
    list_display = ("number", "channel", "status", "purchased_at", "currency", "paid_minor")
    search_fields = ("number",)


@admin.register(Buyer)
class BuyerAdmin(TenantAdmin):
    list_display = ("public_id", "name", "email", "language", "zone")


@admin.register(SalesChannel)
class SalesChannelAdmin(TenantAdmin):
    list_display = ("code", "name", "currency", "gateway", "return_window_days", "auto_authorise")


@admin.register(StateTransition)
class StateTransitionAdmin(TenantAdmin):
    list_display = ("at", "machine", "object_id", "version", "move", "source", "target", "actor_kind", "actor_label")
    list_filter = ("machine",)
    ordering = ("-id",)


@admin.register(OutboxEvent)
class OutboxEventAdmin(TenantAdmin):
    list_display = ("name", "public_id", "machine", "object_id", "created_at", "attempts", "handled_at", "parked_at")
    ordering = ("-id",)


@admin.register(Mail)
class MailAdmin(TenantAdmin):
    list_display = ("subject", "template", "side", "status", "attempts", "created_at", "sent_at")
    list_filter = ("status",)
    ordering = ("-id",)
    exclude = ("text", "html")  # they carry the buyers' links


@admin.register(Note)
class NoteAdmin(TenantAdmin):
    list_display = ("at", "machine", "object_id", "kind", "actor_label", "text")
    ordering = ("-id",)


@admin.register(ApiKey)
class ApiKeyAdmin(TenantAdmin):
    list_display = ("name", "prefix", "created_by", "created_at", "last_used_on", "expires_at", "revoked_at")


@admin.register(DeadlineRule)
class DeadlineRuleAdmin(TenantAdmin):
    list_display = ("kind", "channel", "seconds", "valid_from", "valid_to", "source")


@admin.register(SettingsChange)
class SettingsChangeAdmin(TenantAdmin):
    list_display = ("at", "area", "subject", "actor_label")
    ordering = ("-id",)


@admin.register(ImportJob)
class ImportJobAdmin(TenantAdmin):
    list_display = ("__str__", "status", "created_at")
    ordering = ("-id",)
