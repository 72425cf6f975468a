"""Who there is: people, sellers, who works for whom, which secret leads to which seller."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from marketplace.actors import MemberRole
from marketplace.ids import new_public_id
from marketplace.tenancy import Reach, TenantModel


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in; sellers' people and support staff alike. Buyers have no account."""

    email = models.EmailField(_("e-mail"), max_length=254, unique=True)
    name = models.CharField(_("name"), max_length=120, blank=True)
    language = models.CharField(max_length=10, default="en")
    zone = models.CharField(max_length=64, default="UTC")
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(_("support staff"), default=False)
    date_joined = models.DateTimeField(auto_now_add=True)

    objects = UserManager()
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(Lower("email"), name="user_email_once")]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.name or self.email


class Seller(models.Model):
    """The tenant."""

    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    zone = models.CharField(max_length=64, default="UTC")
    language = models.CharField(max_length=10, default="en")
    contact_email = models.EmailField(max_length=254, blank=True)
    # Refund rights need two-factor sign-in (OWASP ASVS 5.0 6.3.3); on unless the owner says otherwise.
    requires_second_factor = models.BooleanField(default=True)
    # Above this amount, in minor units of the refund's own currency, a second person must agree; 0 = never.
    review_above_minor = models.BigIntegerField(default=50_000)
    quick_links_in_mail = models.BooleanField(default=True)
    is_money_stopped = models.BooleanField(default=False)  # a red invariant: payouts wait, all else works
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person works for a seller in a role."""

    seller = models.ForeignKey(Seller, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=MemberRole.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["seller", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} · {self.seller} · {self.get_role_display()}"


class Invitation(models.Model):
    """A person is asked by mail to join a seller; the token is stored as a keyed hash only."""

    seller = models.ForeignKey(Seller, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(max_length=254)
    role = models.CharField(max_length=10, choices=MemberRole.choices)
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.email} → {self.seller}"


class Route(models.Model):
    """Which seller a secret or handle leads to, before any tenant is set; read by `tenancy.resolve` alone."""

    kind = models.CharField(max_length=20)
    key_hash = models.CharField(max_length=64)
    seller = models.ForeignKey(Seller, on_delete=models.CASCADE, related_name="+")
    object_id = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "key_hash"], name="route_once")]

    def __str__(self) -> str:
        return f"{self.kind} → {self.seller_id}"


class SupportAccess(models.Model):
    """Every look of support into a seller's data, written in a commit of its own before the look."""

    seller = models.ForeignKey(Seller, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=500)
    path = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()
    until = models.DateTimeField()

    class Meta:
        verbose_name_plural = "support accesses"
        indexes: ClassVar = [models.Index(fields=["seller", "-at"])]

    def __str__(self) -> str:
        return f"{self.user} → {self.seller}: {self.reason}"


class AccountMail(models.Model):
    """One mail about a person's access: invitation, password, second factor. It belongs to no seller.

    It carries links that open accounts, so its text is erased once it is sent or given up.
    """

    event = models.CharField(max_length=60)
    to_email = models.EmailField(max_length=254)
    to_name = models.CharField(max_length=120, blank=True)
    subject = models.CharField(max_length=300)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    invitation = models.ForeignKey(Invitation, on_delete=models.CASCADE, related_name="mails", null=True, blank=True)
    message_id = models.CharField(max_length=200)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["next_at", "id"],
                condition=models.Q(sent_at=None, failed_at=None),
                name="account_mail_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.event} → {self.to_email}"


def _key_id() -> str:
    return new_public_id("key")


class ApiKey(TenantModel):
    """A program's key: shown once, stored as a keyed hash in Route; scopes say what it may do."""

    public_id = models.CharField(max_length=40, default=_key_id, editable=False)
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=16)
    scopes = models.JSONField(default=list)
    created_by = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_on = models.DateField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    reach = Reach()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["public_id", "seller"], name="key_public_id_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


# What was looked at, and why, stays as it was written.
GUARD_SQL = [
    "REVOKE UPDATE, DELETE ON marketplace_supportaccess FROM redress_login, redress_app;",
]
