"""How people sign in: allauth's adapters and forms; accounts are made by invitation, not by sign-up."""

from __future__ import annotations

import io
import logging
from datetime import timedelta
from typing import Any

import segno
from allauth.account import forms as account_forms
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base import forms as mfa_forms
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import forms as totp_forms
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext_lazy as _

from marketplace import account_mail, clock, sealing, times
from marketplace.models import User
from marketplace.plain_forms import PlainForm

log = logging.getLogger(__name__)

# allauth's name of a mail -> our three files templates/emails/<event>.*
MAILS = {
    "account/email/password_reset_key": "account.password_reset",
    "account/email/password_reset": "account.password_changed",
    "account/email/password_changed": "account.password_changed",
    "mfa/email/totp_activated": "account.second_factor_on",
    "mfa/email/totp_deactivated": "account.second_factor_off",
    "mfa/email/recovery_codes_generated": "account.recovery_codes",
}


def end_session_after_its_time(request: HttpRequest) -> None:
    """The session ends SESSION_COOKIE_AGE after the sign-in, however busy it is (OWASP ASVS 5.0 7.3.2)."""
    request.session.set_expiry(clock.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE))


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": _("This e-mail and password do not belong together. Nobody was signed in."),
        "too_many_login_attempts": _("Too many attempts with this e-mail. Wait five minutes, then try again."),
        "incorrect_code": _("This code is not right. Codes change every 30 seconds and work once."),
        "incorrect_password": _("This is not your password."),
        "enter_current_password": _("This is not your present password."),
        "rate_limited": _("Too many attempts. Wait a minute, then try again."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def login(self, request: HttpRequest, user: AbstractBaseUser) -> None:
        super().login(request, user)  # a new session id: what was planted before the sign-in is worth nothing
        end_session_after_its_time(request)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        event = MAILS.get(template_prefix)
        if event is None:
            log.warning("No words for the mail %s; it is not sent.", template_prefix)
            return
        user = User.objects.filter(email=email.lower()).first()
        if user is None:
            return
        facts: dict[str, Any] = {
            "ip": context.get("ip", ""),
            "why_text": _("You get this mail because it is about your account."),
        }
        if "timestamp" in context:
            facts["moment"] = times.written(context["timestamp"], user.zone)
        if "password_reset_url" in context:
            facts |= {"url": context["password_reset_url"], "button": _("Choose a new password")}
        account_mail.queue(event, to_email=user.email, to_name=user.name, language=user.language, **facts)


class MfaAdapter(DefaultMFAAdapter):
    """TOTP secrets and the seed of the recovery codes are sealed with the field keys."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": AccountAdapter.error_messages["incorrect_code"],
    }

    def encrypt(self, text: str) -> str:
        return sealing.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return sealing.unseal(encrypted_text)

    def build_totp_svg(self, url: str) -> str:
        """Black on white, so that it can be scanned in the dark theme too."""
        picture = io.BytesIO()
        segno.make(url, error="m").save(picture, kind="svg", scale=6, border=4, light="#fff", xmldecl=False)
        return picture.getvalue().decode()


def has_second_factor(request: HttpRequest, user: User) -> bool:
    """Did this session prove a second factor which the person still has?"""
    proved = any(record.get("method") == "mfa" for record in get_authentication_records(request, user))
    return proved and Authenticator.objects.filter(user_id=user.pk, type=Authenticator.Type.TOTP).exists()


def owns_second_factor(user: User) -> bool:
    """Is an authenticator app set up, whether or not this session used it?"""
    exists: bool = Authenticator.objects.filter(user_id=user.pk, type=Authenticator.Type.TOTP).exists()
    return exists


# --- forms: our words, no placeholders ---------------------------------------------------------------


LABELS = {
    "login": _("E-mail"),
    "email": _("E-mail"),
    "password": _("Password"),
    "oldpassword": _("Present password"),
    "password1": _("New password"),
    "password2": _("The same again"),
    "code": _("Code"),
}


class _Plain:
    """Labels stand above the field, hints in the template."""

    fields: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.help_text = ""
            field.label = LABELS.get(name, field.label)
        PlainForm.speak_plainly(self)  # type: ignore[arg-type]


class SignInForm(_Plain, account_forms.LoginForm):
    def login(self, request: HttpRequest, redirect_url: str | None = None) -> HttpResponseBase:
        response: HttpResponseBase = super().login(request, redirect_url=redirect_url)
        end_session_after_its_time(request)
        return response


class ReauthenticateForm(_Plain, account_forms.ReauthenticateForm):
    pass


class ChangePasswordForm(_Plain, account_forms.ChangePasswordForm):
    pass


class ResetPasswordForm(_Plain, account_forms.ResetPasswordForm):
    pass


class ResetPasswordKeyForm(_Plain, account_forms.ResetPasswordKeyForm):
    pass


class CodeForm(_Plain, mfa_forms.AuthenticateForm):
    pass


class ConfirmCodeForm(_Plain, mfa_forms.ReauthenticateForm):
    pass


class ActivateForm(_Plain, totp_forms.ActivateTOTPForm):
    pass
