"""Why money goes back: the words of AWS Marketplace and of Amazon's refund form; an asker brings its own codes."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.db import models
from django.utils.translation import gettext_lazy as _


class RefundReason(models.TextChoices):
    # AWS Marketplace billing adjustments (state-machines.md 2.4)
    INCORRECT_TERMS_ACCEPTED = "INCORRECT_TERMS_ACCEPTED", _("Incorrect terms accepted")
    INCORRECT_METERING = "INCORRECT_METERING", _("Incorrect metering")
    TEST_ENVIRONMENT_CHARGES = "TEST_ENVIRONMENT_CHARGES", _("Charges of a test environment")
    ALTERNATIVE_PROCUREMENT_CHANNEL = "ALTERNATIVE_PROCUREMENT_CHANNEL", _("Bought through another channel")
    UNINTENDED_RENEWAL = "UNINTENDED_RENEWAL", _("Unintended renewal")
    BUYER_DISSATISFACTION = "BUYER_DISSATISFACTION", _("Buyer is not satisfied")
    # A seller's refund form (seller-central.md 1.8)
    BUYER_RETURN = "BUYER_RETURN", _("Buyer return")
    OUT_OF_STOCK = "OUT_OF_STOCK", _("Out of stock")
    GENERAL_ADJUSTMENT = "GENERAL_ADJUSTMENT", _("General adjustment")
    COULD_NOT_SHIP = "COULD_NOT_SHIP", _("Shipment not possible")
    WRONG_ITEM = "WRONG_ITEM", _("Wrong item sent")
    CANCELLED_BY_BUYER = "CANCELLED_BY_BUYER", _("Cancelled by the buyer")
    NOT_RECEIVED = "NOT_RECEIVED", _("Product not received")
    NOT_AS_DESCRIBED = "NOT_AS_DESCRIBED", _("Not as described")
    PRICING_ERROR = "PRICING_ERROR", _("Pricing error")
    UNDELIVERABLE_ADDRESS = "UNDELIVERABLE_ADDRESS", _("Address could not be delivered to")
    LATE_BY_CARRIER = "LATE_BY_CARRIER", _("Late by the carrier")
    SHIP_DATE_MISSED = "SHIP_DATE_MISSED", _("Promised ship date missed")
    OTHER = "OTHER", _("Other")


NEEDS_TEXT = frozenset({RefundReason.OTHER})
# The words of an asker's own codes; filled by that app at start-up. It gives the code back where it knows none.
ASKERS_WORDS: list[Callable[[str], str]] = []
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{1,39}")


def is_reason_code(code: str, *, asker: str) -> bool:
    """One of ours; or, from an asker such as a return, any code of its own list (CR-DEFECTIVE ...)."""
    return code in RefundReason.values or bool(asker and _CODE.fullmatch(code))


def reason_words(code: str) -> str:
    """The words of a code; an unknown one is shown raw, never given an invented meaning."""
    if code in RefundReason.values:
        return str(RefundReason(code).label)
    return next((words for find in ASKERS_WORDS if (words := find(code)) != code), code)
