"""The shape of what the settings pages take; the rules are in the services."""

from __future__ import annotations

import functools
import zoneinfo
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from babel import Locale
from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from marketplace.actors import SCOPES, MemberRole
from marketplace.models import SalesChannel, User
from marketplace.models.trade import AutoAuthorise, GatewayName
from marketplace.money import EXPONENTS
from marketplace.plain_forms import Paragraphs, PlainForm
from marketplace.settings_portal.services.channels import ADDRESS_PARTS, AUTO_DAYS_AT_MOST, ChannelSettings
from marketplace.settings_portal.services.security import SecuritySettings

ROLE_HINTS = {
    MemberRole.OWNER: gettext_lazy("Everything, the team and the API keys included."),
    MemberRole.MANAGER: gettext_lazy("Everything but the team and the API keys."),
    MemberRole.AGENT: gettext_lazy("Answers and receives returns, imports orders; moves no money."),
    MemberRole.FINANCE: gettext_lazy("Makes and reviews refunds; does not decide returns."),
    MemberRole.READONLY: gettext_lazy("Sees and exports everything, changes nothing."),
}
SCOPE_HINTS = {
    "orders:read": gettext_lazy("see orders"),
    "orders:write": gettext_lazy("see and import orders"),
    "returns:read": gettext_lazy("see returns"),
    "returns:write": gettext_lazy("see, answer and receive returns"),
    "refunds:read": gettext_lazy("see refunds"),
    "refunds:write": gettext_lazy("see, make and review refunds: this key can move money"),
}


@functools.cache
def _zones() -> list[tuple[str, str]]:
    names = sorted(name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith("Etc/"))
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in names)]


def _countries() -> list[tuple[str, str]]:
    territories = Locale.parse(get_language() or "en", sep="-").territories
    countries = [(code, name) for code, name in territories.items() if len(code) == 2 and code.isalpha()]
    return [("", "–"), *sorted(countries, key=lambda pair: pair[1])]


def _languages() -> list[tuple[str, str]]:
    return list(settings.LANGUAGES)


class ProfileForm(PlainForm):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=120, strip=True)
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=_languages)
    zone = forms.ChoiceField(label=gettext_lazy("Time zone"), choices=_zones)


class InviteForm(PlainForm):
    email = forms.EmailField(label=gettext_lazy("E-mail"), max_length=254)
    role = forms.ChoiceField(label=gettext_lazy("Role"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = role_choices()  # type: ignore[attr-defined]


class RoleForm(PlainForm):
    role = forms.ChoiceField(label=gettext_lazy("Role"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = role_choices()  # type: ignore[attr-defined]


def role_choices() -> list[tuple[str, str]]:
    return [(role.value, f"{role.label}: {ROLE_HINTS[role]}") for role in MemberRole]


class NewPersonForm(PlainForm):
    """The page behind an invitation, for somebody without an account."""

    name = forms.CharField(label=gettext_lazy("Your name"), max_length=120, strip=True)
    password = forms.CharField(
        label=gettext_lazy("Password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        strip=False,
        max_length=200,
    )
    again = forms.CharField(
        label=gettext_lazy("The same again"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        strip=False,
        max_length=200,
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        password = cleaned.get("password", "")
        if password:
            try:
                validate_password(password, User(email=self.email, name=cleaned.get("name", "")))
            except ValidationError as error:
                self.add_error("password", error)
        if password and cleaned.get("again") and password != cleaned["again"]:
            self.add_error("again", _("The two passwords differ."))
        return cleaned


class ChannelForm(PlainForm):
    """One sales channel with its return address (the fields of the marketplace's own form)."""

    code = forms.SlugField(
        label=gettext_lazy("Code"),
        max_length=40,
        help_text=gettext_lazy("As the order files name it, for example amazon.co.uk. It can not be changed later."),
    )
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    currency = forms.ChoiceField(label=gettext_lazy("Currency"), choices=[(code, code) for code in sorted(EXPONENTS)])
    zone = forms.ChoiceField(label=gettext_lazy("Time zone"), choices=_zones)
    language = forms.ChoiceField(label=gettext_lazy("Language of the mails to buyers"), choices=_languages)
    gateway = forms.ChoiceField(label=gettext_lazy("How refunds are paid"), choices=GatewayName.choices)
    return_window_days = forms.IntegerField(
        label=gettext_lazy("Buyers may ask for so many days"), min_value=1, max_value=365
    )
    auto_authorise = forms.ChoiceField(
        label=gettext_lazy("Answer automatically"), choices=AutoAuthorise.choices, widget=forms.RadioSelect
    )
    auto_authorise_days = forms.IntegerField(
        label=gettext_lazy("Automatically for so many days after the order"),
        min_value=0,
        max_value=AUTO_DAYS_AT_MOST,
        help_text=gettext_lazy("At most 30. Later requests wait for your team."),
    )
    return_instructions = Paragraphs(
        label=gettext_lazy("Instructions for the buyer"),
        max_length=2000,
        required=False,
        help_text=gettext_lazy("They stand in the mail and on the slip below the address."),
    )
    address_name = forms.CharField(label=gettext_lazy("Name"), max_length=80, required=False)
    address_line1 = forms.CharField(
        label=gettext_lazy("Address line 1"),
        max_length=120,
        required=False,
        help_text=gettext_lazy("Street, or company name."),
    )
    address_line2 = forms.CharField(
        label=gettext_lazy("Address line 2"),
        max_length=120,
        required=False,
        help_text=gettext_lazy("Suite, unit, building, floor."),
    )
    address_city = forms.CharField(label=gettext_lazy("City or town"), max_length=80, required=False)
    address_region = forms.CharField(label=gettext_lazy("Province, region or state"), max_length=80, required=False)
    address_postcode = forms.CharField(label=gettext_lazy("Postcode"), max_length=20, required=False)
    address_country = forms.ChoiceField(label=gettext_lazy("Country"), choices=_countries, required=False)
    address_phone = forms.RegexField(
        r"^[0-9+()/ .-]{3,30}$",
        label=gettext_lazy("Daytime phone"),
        required=False,
        error_messages={"invalid": gettext_lazy("A phone number has digits, spaces and + ( ) / . - only.")},
    )
    address_phone_ext = forms.RegexField(
        r"^[0-9]{1,8}$",
        label=gettext_lazy("Extension"),
        required=False,
        error_messages={"invalid": gettext_lazy("An extension has up to eight digits.")},
    )
    NEEDED = ("name", "line1", "city", "postcode", "country")

    def __init__(self, *args: Any, channel: SalesChannel | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        code: forms.CharField = self.fields["code"]  # type: ignore[assignment]
        code.validators = [RegexValidator(r"^[a-z0-9][a-z0-9.-]*$", _("Use a-z, 0-9, dot and dash."))]
        if channel is not None:
            del self.fields["code"]

    @staticmethod
    def initial_of(channel: SalesChannel) -> dict[str, Any]:
        settings_ = ChannelSettings.of(channel)
        plain = {name: getattr(settings_, name) for name in settings_.__slots__ if name != "return_address"}
        return plain | {f"address_{part}": channel.return_address.get(part, "") for part in ADDRESS_PARTS}

    @property
    def address_fields(self) -> list[forms.BoundField]:
        return [self[f"address_{part}"] for part in ADDRESS_PARTS]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        address = {part: str(cleaned.get(f"address_{part}", "")).strip() for part in ADDRESS_PARTS}
        if any(address.values()):
            for part in self.NEEDED:
                if not address[part] and f"address_{part}" not in self.errors:
                    self.add_error(f"address_{part}", _("An address needs this."))
        address["postcode"] = address["postcode"].upper()
        cleaned["return_address"] = address if any(address.values()) else {}
        return cleaned

    def settings(self) -> ChannelSettings:
        names = [name for name in ChannelSettings.__slots__]  # noqa: C416  (slots of a dataclass are its fields)
        return ChannelSettings(**{name: self.cleaned_data[name] for name in names})


class KeyForm(PlainForm):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=80,
        help_text=gettext_lazy("Which program uses it. The name stands in the history of everything it does."),
    )
    scopes = forms.MultipleChoiceField(label=gettext_lazy("What it may do"), widget=forms.CheckboxSelectMultiple)
    expires = forms.ChoiceField(
        label=gettext_lazy("Works for"),
        choices=[
            ("30", gettext_lazy("30 days")),
            ("90", gettext_lazy("90 days")),
            ("365", gettext_lazy("a year")),
            ("", gettext_lazy("until it is revoked")),
        ],
        required=False,
        initial="365",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["scopes"].choices = [(scope, f"{scope}: {SCOPE_HINTS[scope]}") for scope in SCOPES]  # type: ignore[attr-defined]

    def expires_at(self, now: datetime) -> datetime | None:
        days = self.cleaned_data["expires"]
        return now + timedelta(days=int(days)) if days else None


class RuleForm(PlainForm):
    """A new version of one time limit."""

    channel = forms.ChoiceField(label=gettext_lazy("Sales channel"), required=False)
    amount = forms.IntegerField(label=gettext_lazy("New limit"), min_value=1, max_value=10_000)
    unit = forms.ChoiceField(
        label=gettext_lazy("Unit"), choices=[("hours", gettext_lazy("hours")), ("days", gettext_lazy("days"))]
    )
    valid_from = forms.DateTimeField(
        label=gettext_lazy("Holds from"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
        help_text=gettext_lazy("Empty means: from the moment it is saved. In your time zone."),
    )
    source = forms.CharField(
        label=gettext_lazy("Why"),
        max_length=300,
        help_text=gettext_lazy("The rule of the marketplace, the agreement, the season: for whoever asks later."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        channels = [(channel.code, channel.name) for channel in SalesChannel.objects.all()]
        self.fields["channel"].choices = [("", _("All channels")), *channels]  # type: ignore[attr-defined]

    @property
    def length(self) -> timedelta:
        return timedelta(**{self.cleaned_data["unit"]: self.cleaned_data["amount"]})


class SecurityForm(PlainForm):
    requires_second_factor = forms.BooleanField(
        label=gettext_lazy("Refunds need two-factor sign-in"),
        required=False,
        help_text=gettext_lazy("Whoever makes or reviews a refund has signed in with a code of an authenticator app."),
    )
    review_above = forms.DecimalField(
        label=gettext_lazy("A second person agrees to refunds above"),
        min_value=0,
        max_digits=12,
        decimal_places=2,
        help_text=gettext_lazy(
            "In the currency of the refund; 0 means never. For currencies without decimals it counts hundredths:"
            " 500.00 means 50,000 JPY."
        ),
    )
    quick_links_in_mail = forms.BooleanField(
        label=gettext_lazy("Mails to the team carry quick links"),
        required=False,
        help_text=gettext_lazy("A link that opens the decision form of a return. It asks to sign in first, always."),
    )

    def settings(self) -> SecuritySettings:
        data = self.cleaned_data
        return SecuritySettings(
            requires_second_factor=data["requires_second_factor"],
            review_above_minor=int((data["review_above"] * Decimal(100)).to_integral_value()),
            quick_links_in_mail=data["quick_links_in_mail"],
        )
