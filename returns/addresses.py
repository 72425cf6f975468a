"""Where a return is sent to: the form's fields and their rules (seller-central.md 1.6), and which address holds."""

from __future__ import annotations

import functools
import re
from typing import Any

from babel import Locale
from django.utils.translation import gettext as _

from marketplace.errors import Refused
from marketplace.models import SalesChannel

LIMITS = {
    "name": 120,
    "line1": 120,
    "line2": 120,
    "city": 80,
    "region": 80,
    "postcode": 20,
    "country": 2,
    "phone": 40,
    "phone_ext": 10,
}
REQUIRED = ("name", "line1", "city", "postcode", "country")
# Of the countries of the marketplaces that sellers name most; elsewhere letters, digits, spaces and hyphens.
_POSTCODES = {
    "GB": re.compile(r"[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}", re.IGNORECASE),
    **dict.fromkeys(("DE", "ES", "FR", "IT"), re.compile(r"[0-9]{5}")),
    "NL": re.compile(r"[0-9]{4} ?[A-Z]{2}", re.IGNORECASE),
    "US": re.compile(r"[0-9]{5}(-[0-9]{4})?"),
    "JP": re.compile(r"[0-9]{3}-?[0-9]{4}"),
}
_POSTCODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z \-]{1,18}")
# Daytime phone with an optional extension; digits, and what people write between them.
_NO_COUNTRY = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})  # regions and pseudo-locales
_EXTENSION = re.compile(r"[0-9]{1,10}")
_PHONE = re.compile(r"\+?[(0-9][0-9 ()/.\-]{3,30}( ?(ext|x|#)\.? ?[0-9]{1,6})?", re.IGNORECASE)


def _words() -> dict[str, str]:
    return {
        "name": _("Name"),
        "line1": _("Address line 1"),
        "line2": _("Address line 2"),
        "city": _("City"),
        "region": _("Region"),
        "postcode": _("Postcode"),
        "country": _("Country"),
        "phone": _("Phone"),
        "phone_ext": _("Extension"),
    }


@functools.cache
def countries() -> frozenset[str]:
    """The two-letter codes of ISO 3166, without the regions that only look like one."""
    codes = (str(code) for code in Locale("en").territories)
    return frozenset(code for code in codes if len(code) == 2 and code.isalpha() and code not in _NO_COUNTRY)


def problems_of(address: dict[str, str]) -> dict[str, str]:
    """By field, a sentence that says what is wrong; empty when nothing is."""
    found: dict[str, str] = {}
    for key, word in _words().items():
        value = address[key]
        if key in REQUIRED and not value:
            found[key] = _("%(field)s is missing.") % {"field": word}
        elif len(value) > LIMITS[key] or any(ord(c) < 32 for c in value):
            found[key] = _("%(field)s has at most %(n)s characters, on one line.") % {"field": word, "n": LIMITS[key]}
    if "country" not in found and address["country"] not in countries():
        found["country"] = _("Country is a code of two letters, such as GB.")
    postcode = _POSTCODES.get(address["country"], _POSTCODE)
    rules = (
        ("postcode", postcode, _("This is no postcode of that country.")),
        ("phone", _PHONE, _("Phone is a number such as +44 113 496 0000, with ext. if there is one.")),
        ("phone_ext", _EXTENSION, _("Extension has digits only.")),
    )
    for key, pattern, sentence in rules:
        if address[key] and key not in found and not pattern.fullmatch(address[key]):
            found[key] = sentence
    return found


def tidy(address: dict[str, Any]) -> dict[str, str]:
    """All fields as trimmed text; unknown fields are dropped."""
    tidied = {key: " ".join(str(address.get(key) or "").split()) for key in LIMITS}
    tidied["country"] = tidied["country"].upper()
    return tidied


def resolve(address: dict[str, Any] | None, channel: SalesChannel) -> dict[str, str]:
    """The address given, else the channel's, as it will be kept on the return.

    Raises Refused `address_not_valid` with `fields`.
    """
    is_given = bool(address)
    tidied = tidy(address or channel.return_address or {})
    problems = problems_of(tidied)
    if problems:
        if is_given:
            message = _("The return address needs another look: %(problems)s") % {
                "problems": " ".join(problems.values())
            }
        else:
            message = _("%(channel)s has no complete return address. Give one here or in the settings.") % {
                "channel": channel.name
            }
        raise Refused(message, code="address_not_valid", fields=problems)
    return tidied


def of_channel(channel: SalesChannel) -> dict[str, str] | None:
    """The channel's address if it can be used as it stands."""
    tidied = tidy(channel.return_address or {})
    return None if problems_of(tidied) else tidied
