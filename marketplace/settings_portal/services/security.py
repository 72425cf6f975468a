"""The seller's own guard rails: second factor, second person, quick links in mails."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from marketplace.actors import Actor, Permission
from marketplace.errors import Forbidden
from marketplace.models import Seller
from marketplace.settings_log import Change, real, record_change
from marketplace.tenancy import current_seller_id


@dataclass(frozen=True, slots=True)
class SecuritySettings:
    """`review_above_minor`: hundredths of the refund's own currency; 0 = a second person is never asked."""

    requires_second_factor: bool
    review_above_minor: int
    quick_links_in_mail: bool


def security_changes(seller: Seller, wanted: SecuritySettings) -> list[Change]:
    """What would change, in words."""
    return real(
        [
            Change(
                _("Refunds need two-factor sign-in"),
                _yes(seller.requires_second_factor),
                _yes(wanted.requires_second_factor),
            ),
            Change(
                _("A second person agrees to refunds above"),
                _amount(seller.review_above_minor),
                _amount(wanted.review_above_minor),
            ),
            Change(
                _("Mails to the team carry quick links"),
                _yes(seller.quick_links_in_mail),
                _yes(wanted.quick_links_in_mail),
            ),
        ]
    )


def change_security(wanted: SecuritySettings, *, by: Actor) -> list[Change]:
    """Save the guard rails. Lowering one takes what it guards: a session with the second factor."""
    by.require(Permission.SETTINGS)
    seller = Seller.objects.get(pk=current_seller_id())
    if by.lacks_second_factor and _lowers(seller, wanted):
        raise Forbidden(
            _("Lowering these needs two-factor sign-in, just as the refunds they guard. Sign in with a code first."),
            code="second_factor_required",
        )
    changes = security_changes(seller, wanted)
    Seller.objects.filter(pk=seller.pk).update(
        requires_second_factor=wanted.requires_second_factor,
        review_above_minor=wanted.review_above_minor,
        quick_links_in_mail=wanted.quick_links_in_mail,
    )
    record_change("security", seller.name, changes, by=by)
    return changes


def _lowers(seller: Seller, wanted: SecuritySettings) -> bool:
    if seller.requires_second_factor and not wanted.requires_second_factor:
        return True
    limit = seller.review_above_minor
    return limit > 0 and (wanted.review_above_minor == 0 or wanted.review_above_minor > limit)


def _yes(value: bool) -> str:
    return _("yes") if value else _("no")


def _amount(minor: int) -> str:
    return f"{Decimal(minor) / 100:,.2f}" if minor else _("never")
