"""Which number stands for an amount at a gateway, where it is not simply the minor units of ISO 4217?

Stripe, from its page on currencies (zero-decimal, three-decimal and special cases):

- ISK and UGX have no decimals in ISO 4217, yet travel with two, which must be 00: 5 ISK is ``500``. The page
  also lists UGX as zero-decimal; the special case is the more precise statement and has UGX in its example.
- MGA has two decimals in ISO 4217, yet travels without: 5 MGA is ``5``.
- BHD, JOD, KWD, OMR and TND have three decimals on both sides, and the last digit must be 0.
- HUF and TWD have two decimals here as in ISO 4217; that Stripe pays them out to a seller's bank in whole
  units is no matter of refunds. All other zero-decimal currencies agree with ISO 4217.

Nothing is ever rounded: an amount that can not be said is refused before anything is sent.
"""

from __future__ import annotations

#: Stripe's amount is that of ISO 4217 times the first and divided by the second number.
STRIPE_SCALE = {"ISK": (100, 1), "UGX": (100, 1), "MGA": (1, 100)}
STRIPE_LAST_DIGIT_ZERO = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})


class AmountError(ValueError):
    """The gateway has no way to say this amount; the message tells why, in English, for the seller."""


def to_stripe(amount: int, currency: str) -> int:
    """Minor units of ISO 4217 to the ``amount`` that Stripe wants."""
    more, fewer = STRIPE_SCALE.get(currency, (1, 1))
    scaled, rest = divmod(amount * more, fewer)
    if rest:
        raise AmountError(f"Stripe moves {currency} in whole units only.")
    if currency in STRIPE_LAST_DIGIT_ZERO and scaled % 10:
        raise AmountError(f"Stripe moves {currency} in steps of ten minor units.")
    return scaled


def from_stripe(amount: int, currency: str) -> int:
    """Stripe's ``amount`` to minor units of ISO 4217; AmountError for a fraction that ISO does not know."""
    more, fewer = STRIPE_SCALE.get(currency, (1, 1))
    whole, rest = divmod(amount * fewer, more)
    if rest:
        raise AmountError(f"Stripe names a fraction of {currency}: {amount}.")
    return whole
