"""How a person comes to a seller: invited by mail, accepted by a press, never by opening a link."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from marketplace import account_mail, clock, times
from marketplace.actors import Actor, ActorKind, MemberRole, Permission
from marketplace.deadlines import INVITATION_VALID_FOR
from marketplace.errors import Conflict, Forbidden, NotFound, Refused
from marketplace.links import new_secret
from marketplace.models import Invitation, Membership, Seller, User
from marketplace.notifications import absolute_url
from marketplace.settings_log import Change, record_change
from marketplace.settings_portal.services.profile import person_id
from marketplace.tenancy import current_seller_id, key_hash, key_hashes, scope

KIND = "invitation"
OPEN_AT_MOST = 50  # so that nobody sends mails to the world in our name


def invite(email: str, *, by: Actor, role: MemberRole) -> Invitation:
    """Ask a person by mail to join; an older open invitation to the same address stops working."""
    by.require(Permission.TEAM)
    email, now = email.strip().lower(), clock.now()
    seller = Seller.objects.get(pk=current_seller_id())
    if Membership.objects.filter(seller=seller, user__email=email).exists():
        raise Refused(_("%(email)s is on the team already.") % {"email": email}, code="already_member")
    still_open = Invitation.objects.filter(seller=seller, accepted_at=None, revoked_at=None, expires_at__gt=now)
    still_open.filter(email=email).update(revoked_at=now)
    if still_open.count() >= OPEN_AT_MOST:
        raise Refused(
            _("%(count)s invitations are open. Wait for answers or revoke some.") % {"count": OPEN_AT_MOST},
            code="too_many_invitations",
        )
    secret = new_secret()
    invitation = Invitation.objects.create(
        seller=seller,
        email=email,
        role=role,
        token_hash=key_hash(KIND, secret),
        invited_by_id=person_id(by),
        expires_at=now + INVITATION_VALID_FOR,
    )
    account_mail.queue(
        "invitation",
        to_email=email,
        language=seller.language,
        invitation=invitation,
        seller_name=seller.name,
        inviter_name=by.label,
        role_text=role.label,
        due_text=times.written(invitation.expires_at, seller.zone),
        url=absolute_url("invitation", secret),
        button=_("Take the invitation"),
        why_text=_("You get this mail because %(name)s typed this address.") % {"name": by.label},
    )
    record_change("team", email, [Change(_("Invitation"), "–", role.label)], by=by)
    return invitation


def revoke_invitation(invitation_id: int, *, by: Actor) -> Invitation:
    """The mailed link stops working."""
    by.require(Permission.TEAM)
    invitation = Invitation.objects.select_for_update().filter(pk=invitation_id, seller_id=current_seller_id()).first()
    if invitation is None:
        raise NotFound
    if invitation.accepted_at is not None:
        raise Conflict(_("This invitation was accepted already. Remove the person from the team instead."))
    if invitation.revoked_at is None:
        invitation.revoked_at = clock.now()
        invitation.save(update_fields=["revoked_at"])
        role = MemberRole(invitation.role)
        record_change("team", invitation.email, [Change(_("Invitation"), role.label, _("revoked"))], by=by)
    return invitation


def invitation_behind(token: str) -> Invitation | None:
    """The invitation that a mailed link leads to, whatever became of it; reads and changes nothing."""
    return (
        Invitation.objects.filter(token_hash__in=key_hashes(KIND, token)).select_related("seller", "invited_by").first()
    )


def accept_invitation(token: str, *, user: User | None, name: str = "", password: str = "") -> Membership:
    """Join the seller: the signed-in person whom the mail was sent to, or a new person with a new password.

    Opens the seller's scope by itself: before this press nobody is anybody here.
    """
    found = invitation_behind(token)
    if found is None:
        raise NotFound(_("Nothing is behind this link. Was it copied whole?"))
    with scope(found.seller_id):
        invitation = Invitation.objects.select_for_update(of=("self",)).select_related("seller").get(pk=found.pk)
        refuse_unless_open(invitation)
        person = _new_person(invitation, name, password) if user is None else _invited(invitation, user)
        member, is_new = Membership.objects.get_or_create(
            seller=invitation.seller, user=person, defaults={"role": invitation.role}
        )
        invitation.accepted_at = clock.now()
        invitation.save(update_fields=["accepted_at"])
        if is_new:
            actor = Actor(ActorKind.SELLER, f"user:{person.pk}", str(person), invitation.seller_id, user_id=person.pk)
            role = MemberRole(invitation.role).label
            record_change("team", invitation.email, [Change(_("Invitation"), role, _("accepted"))], by=actor)
        return member


def refuse_unless_open(invitation: Invitation) -> None:
    if invitation.accepted_at is not None:
        raise Conflict(_("This invitation was accepted already. Sign in."), code="invitation_accepted")
    if invitation.revoked_at is not None:
        raise Conflict(_("This invitation was taken back. Ask for a new one."), code="invitation_revoked")
    if invitation.expires_at <= clock.now():
        raise Conflict(_("This invitation is too old. Ask for a new one."), code="invitation_expired")


def _invited(invitation: Invitation, user: User) -> User:
    if user.email.lower() != invitation.email.lower():
        raise Forbidden(
            _("This invitation is for %(invited)s, and you are signed in as %(email)s. Nothing was changed.")
            % {"invited": invitation.email, "email": user.email},
            code="invitation_of_somebody_else",
        )
    return user


def _new_person(invitation: Invitation, name: str, password: str) -> User:
    """An account whose address is known to be theirs: the link went there."""
    user = User(
        email=invitation.email, name=name.strip(), language=invitation.seller.language, zone=invitation.seller.zone
    )
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Refused(" ".join(error.messages), code="password_too_weak") from error
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:
        raise Conflict(_("There is an account for this address. Sign in to accept."), code="account_exists") from error
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user
