"""Who is acting, in which role, and what that role may do."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.errors import Forbidden


class ActorKind(models.TextChoices):
    SELLER = "seller", gettext_lazy("Seller")
    BUYER = "buyer", gettext_lazy("Buyer")
    API = "api", gettext_lazy("Program")
    CLOCK = "clock", gettext_lazy("Clock")
    SYSTEM = "system", gettext_lazy("System")
    SUPPORT = "support", gettext_lazy("Support")
    PROVIDER = "provider", gettext_lazy("Payment provider")


class MemberRole(models.TextChoices):
    OWNER = "owner", gettext_lazy("Owner")
    MANAGER = "manager", gettext_lazy("Manager")
    AGENT = "agent", gettext_lazy("Agent")
    FINANCE = "finance", gettext_lazy("Finance")
    READONLY = "readonly", gettext_lazy("Read only")


class Permission(enum.StrEnum):
    VIEW = "view"
    EXPORT = "export"
    DECIDE = "decide"  # authorise, deny, close, contact the buyer
    RECEIVE = "receive"
    REFUND = "refund"
    REVIEW_REFUND = "review_refund"
    IMPORT = "import"
    SETTINGS = "settings"
    TEAM = "team"
    KEYS = "keys"


_ALL = frozenset(Permission)
ROLE_PERMISSIONS: dict[MemberRole, frozenset[Permission]] = {
    MemberRole.OWNER: _ALL,
    MemberRole.MANAGER: _ALL - {Permission.TEAM, Permission.KEYS},
    MemberRole.AGENT: frozenset(
        {Permission.VIEW, Permission.EXPORT, Permission.DECIDE, Permission.RECEIVE, Permission.IMPORT}
    ),
    MemberRole.FINANCE: frozenset({Permission.VIEW, Permission.EXPORT, Permission.REFUND, Permission.REVIEW_REFUND}),
    MemberRole.READONLY: frozenset({Permission.VIEW, Permission.EXPORT}),
}
SCOPE_PERMISSIONS: dict[str, frozenset[Permission]] = {
    "orders:read": frozenset({Permission.VIEW}),
    "orders:write": frozenset({Permission.VIEW, Permission.IMPORT}),
    "returns:read": frozenset({Permission.VIEW}),
    "returns:write": frozenset({Permission.VIEW, Permission.DECIDE, Permission.RECEIVE}),
    "refunds:read": frozenset({Permission.VIEW}),
    "refunds:write": frozenset({Permission.VIEW, Permission.REFUND, Permission.REVIEW_REFUND}),
}
SCOPES = tuple(SCOPE_PERMISSIONS)
NEEDS_SECOND_FACTOR = frozenset({Permission.REFUND, Permission.REVIEW_REFUND})


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. `id` is stable within its kind; `label` is what the timeline shows."""

    kind: ActorKind
    id: str
    label: str
    seller_id: int | None = None
    role: MemberRole | None = None
    scopes: frozenset[str] = frozenset()
    user_id: int | None = None
    buyer_id: int | None = None
    lacks_second_factor: bool = False

    @property
    def permissions(self) -> frozenset[Permission]:
        if self.kind == ActorKind.SELLER and self.role is not None:
            return ROLE_PERMISSIONS[self.role]
        if self.kind == ActorKind.API:
            return frozenset().union(*(SCOPE_PERMISSIONS.get(scope, frozenset()) for scope in self.scopes))
        if self.kind in {ActorKind.SUPPORT, ActorKind.SYSTEM, ActorKind.CLOCK, ActorKind.PROVIDER}:
            return _ALL
        return frozenset()

    def can(self, permission: Permission) -> bool:
        if permission in NEEDS_SECOND_FACTOR and self.lacks_second_factor:
            return False
        return permission in self.permissions

    def require(self, permission: Permission) -> None:
        if permission not in self.permissions:
            raise Forbidden(
                _("Your role does not allow this. Ask the owner of the account."), permission=permission.value
            )
        if permission in NEEDS_SECOND_FACTOR and self.lacks_second_factor:
            raise Forbidden(
                _("Refunds need two-factor sign-in. Switch it on under Settings, then sign in again."),
                code="second_factor_required",
            )


CLOCK_ACTOR = Actor(ActorKind.CLOCK, "clock", "Clock")
SYSTEM_ACTOR = Actor(ActorKind.SYSTEM, "system", "System")
PROVIDER_ACTOR = Actor(ActorKind.PROVIDER, "provider", "Payment provider")
