"""Fields of forms that several apps use: an amount of money, a country, an address of the street."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from babel import Locale
from django import forms
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from marketplace.money import Money, MoneyError
from marketplace.plain_forms import PlainForm


class AmountField(forms.CharField):
    """An amount in major units as people type it; cleaned to minor units (0 when left empty)."""

    def __init__(self, *, currency: str, sign: int = 1, **kwargs: Any) -> None:
        self.currency = currency
        attrs = {"inputmode": "decimal", "autocomplete": "off"}
        if sign:
            attrs["data-amount"] = str(sign)
        kwargs.setdefault("max_length", 20)
        super().__init__(widget=forms.TextInput(attrs=attrs), **kwargs)

    def clean(self, value: Any) -> int:
        text = str(super().clean(value)).replace("\u00a0", "").replace(" ", "")
        if not text:
            return 0
        if text.count(",") == 1 and "." not in text:
            text = text.replace(",", ".")
        try:
            amount = Money.parse(text, self.currency)
        except MoneyError as error:
            example = Money(1250, self.currency).plain()
            raise forms.ValidationError(
                _("Write an amount in %(currency)s, such as %(example)s.")
                % {"currency": self.currency, "example": example},
                code="amount",
            ) from error
        if amount.minor < 0:
            raise forms.ValidationError(_("An amount is not below zero."), code="amount")
        return amount.minor


@lru_cache(maxsize=8)
def _countries(language: str) -> list[tuple[str, str]]:
    names = Locale.parse(language, sep="-").territories
    found = [
        (code, name) for code, name in names.items() if len(code) == 2 and code.isalpha() and code not in _NO_LANDS
    ]
    return sorted(found, key=lambda pair: pair[1])


# Codes of Unicode that are no country of ISO 3166: unions, pseudo regions, unknown.
_NO_LANDS = frozenset({"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"})


def country_choices() -> list[tuple[str, str]]:
    """Every country by its two-letter code, in the reader's language."""
    return [("", _("Choose a country")), *_countries(get_language() or "en")]


class AddressForm(PlainForm):
    """A street address; which fields must be filled is said by the service that keeps it."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    line1 = forms.CharField(label=gettext_lazy("Address line 1"), max_length=120)
    line2 = forms.CharField(label=gettext_lazy("Address line 2"), max_length=120, required=False)
    city = forms.CharField(label=gettext_lazy("City or town"), max_length=80)
    region = forms.CharField(label=gettext_lazy("Region or county"), max_length=80, required=False)
    postcode = forms.CharField(label=gettext_lazy("Postcode"), max_length=20)
    country = forms.ChoiceField(label=gettext_lazy("Country"), choices=country_choices)
    phone = forms.CharField(
        label=gettext_lazy("Daytime phone"),
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"type": "tel"}),
    )

    @property
    def address(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name in AddressForm.base_fields}
