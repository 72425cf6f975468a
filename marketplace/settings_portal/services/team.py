"""Who works for the seller, in which role; at least one owner always stays."""

from __future__ import annotations

from django.utils.translation import gettext as _

from marketplace.actors import Actor, MemberRole, Permission
from marketplace.errors import NotFound, Refused
from marketplace.models import Membership, NotificationPreference
from marketplace.settings_log import Change, record_change
from marketplace.tenancy import current_seller_id


def change_role(membership_id: int, *, by: Actor, role: MemberRole) -> Membership:
    """The member has the new role from their next request on."""
    by.require(Permission.TEAM)
    team = _locked_team()
    member = _member(team, membership_id)
    if role != MemberRole.OWNER:
        _keep_an_owner(team, without=member)
    before, member.role = MemberRole(member.role), role
    member.save(update_fields=["role"])
    record_change("team", str(member.user), [Change(_("Role"), before.label, role.label)], by=by)
    return member


def remove_member(membership_id: int, *, by: Actor) -> None:
    """The person loses the seller at once; their account and their other sellers stay."""
    by.require(Permission.TEAM)
    team = _locked_team()
    member = _member(team, membership_id)
    _keep_an_owner(team, without=member)
    NotificationPreference.objects.filter(user=member.user).delete()
    member.delete()
    record_change(
        "team", f"{member.user} ({member.user.email})", [Change(_("Role"), MemberRole(member.role).label, "–")], by=by
    )


def _locked_team() -> list[Membership]:
    """All members, locked in order, so that two owners can not remove each other in the same moment."""
    return list(
        Membership.objects.select_for_update(of=("self",))
        .filter(seller_id=current_seller_id())
        .select_related("user")
        .order_by("pk")
    )


def _member(team: list[Membership], membership_id: int) -> Membership:
    for member in team:
        if member.pk == membership_id:
            return member
    raise NotFound


def _keep_an_owner(team: list[Membership], *, without: Membership) -> None:
    others = [m for m in team if m.role == MemberRole.OWNER and m.user.is_active and m.pk != without.pk]
    if without.role == MemberRole.OWNER and not others:
        raise Refused(
            _("%(name)s is the last owner. Make somebody else an owner first; nothing was changed.")
            % {"name": without.user},
            code="last_owner",
        )
