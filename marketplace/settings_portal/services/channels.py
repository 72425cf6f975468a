"""A sales channel: where returns go, how long buyers may ask, what is answered by itself, how money goes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from marketplace.actors import Actor, Permission
from marketplace.errors import Conflict, NotFound, Refused
from marketplace.models import Order, SalesChannel
from marketplace.models.trade import AutoAuthorise, GatewayName
from marketplace.settings_log import Change, real, record_change

ADDRESS_PARTS = ("name", "line1", "line2", "city", "region", "postcode", "country", "phone", "phone_ext")
AUTO_DAYS_AT_MOST = 30  # seed 001; the database refuses more, too


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """Everything of a channel that can be set; `return_address` has the keys of ADDRESS_PARTS."""

    name: str
    currency: str
    zone: str
    language: str
    gateway: str
    return_window_days: int
    auto_authorise: str
    auto_authorise_days: int
    return_instructions: str = ""
    return_address: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, channel: SalesChannel) -> ChannelSettings:
        return cls(**{each.name: getattr(channel, each.name) for each in fields(cls)})


def channel_changes(before: ChannelSettings | None, after: ChannelSettings) -> list[Change]:
    """What would change, in words; all of it for a new channel."""

    def row(name: str, show: Callable[[ChannelSettings], object]) -> Change:
        return Change(name, str(show(before)) if before else "–", str(show(after)))

    return real(
        [
            row(_("Name"), lambda s: s.name),
            row(_("Currency"), lambda s: s.currency),
            row(_("Time zone"), lambda s: s.zone),
            row(_("Language of the mails"), lambda s: s.language),
            row(_("How refunds are paid"), lambda s: GatewayName(s.gateway).label),
            row(_("Buyers may ask for"), lambda s: _("%(days)s days") % {"days": s.return_window_days}),
            row(_("Answered by itself"), _automatic),
            row(_("Instructions for the buyer"), lambda s: s.return_instructions or "–"),
            row(_("Return address"), lambda s: address_text(s.return_address)),
        ]
    )


def add_channel(code: str, settings: ChannelSettings, *, by: Actor) -> SalesChannel:
    """A new sales channel; its code is what orders and imports name it by, and stays."""
    by.require(Permission.SETTINGS)
    _check(settings)
    try:
        with transaction.atomic():
            channel: SalesChannel = SalesChannel.objects.create(code=code, **_values(settings))
    except IntegrityError as error:
        raise Conflict(
            _("There is a sales channel %(code)s already.") % {"code": code}, code="channel_exists"
        ) from error
    record_change("channel", code, channel_changes(None, settings), by=by)
    return channel


def change_channel(code: str, settings: ChannelSettings, *, by: Actor) -> list[Change]:
    """Save it. Returns and refunds that are under way keep what was promised to them."""
    by.require(Permission.SETTINGS)
    _check(settings)
    channel = SalesChannel.objects.select_for_update().filter(code=code).first()
    if channel is None:
        raise NotFound
    before = ChannelSettings.of(channel)
    if settings.currency != before.currency and Order.objects.filter(channel=channel).exists():
        raise Refused(
            _("This channel has orders in %(currency)s; its currency stays. Add another channel instead.")
            % {"currency": before.currency},
            code="currency_in_use",
        )
    changes = channel_changes(before, settings)
    for name, value in _values(settings).items():
        setattr(channel, name, value)
    channel.save()
    record_change("channel", code, changes, by=by)
    return changes


def address_text(address: dict[str, str]) -> str:
    """On one line, for lists and the log."""
    phone = " ".join(part for part in (address.get("phone", ""), _extension(address)) if part)
    parts = [address.get(part, "") for part in ADDRESS_PARTS if part not in {"phone", "phone_ext"}]
    return ", ".join(part for part in (*parts, phone) if part) or "–"


def _extension(address: dict[str, str]) -> str:
    return _("ext. %(number)s") % {"number": address["phone_ext"]} if address.get("phone_ext") else ""


def _automatic(settings: ChannelSettings) -> str:
    label = str(AutoAuthorise(settings.auto_authorise).label)
    if settings.auto_authorise == AutoAuthorise.MANUAL:
        return label
    return _("%(what)s, up to %(days)s days after the order") % {"what": label, "days": settings.auto_authorise_days}


def _check(settings: ChannelSettings) -> None:
    if settings.auto_authorise_days > AUTO_DAYS_AT_MOST:
        raise Refused(
            _("Requests can be answered by themselves for at most %(days)s days after the order.")
            % {"days": AUTO_DAYS_AT_MOST},
            code="auto_days_too_many",
        )
    address = settings.return_address
    missing = [part for part in ("name", "line1", "city", "postcode", "country") if not address.get(part)]
    if address and any(address.values()) and missing:
        raise Refused(_("The return address is not complete."), code="address_not_valid", fields=missing)
    if settings.auto_authorise != AutoAuthorise.MANUAL and not any(address.values()):
        raise Refused(
            _("Without a return address no request can be authorised by itself. Give the address first."),
            code="address_needed",
        )


def _values(settings: ChannelSettings) -> dict[str, object]:
    return {each.name: getattr(settings, each.name) for each in fields(settings)}
