# ruff: noqa: SIM905  (a list of currency codes is read as words)
"""Exact money: whole minor units and an ISO 4217 code; all rounding and splitting happens here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import total_ordering

from babel.numbers import format_currency, format_decimal

# Exponents from ISO 4217, list one; CLDR's display digits differ for 13 currencies and are not used.
_ZERO = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split())
_THREE = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
_FOUR = frozenset("CLF UYW".split())
_TWO = frozenset(
    (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD "
        "CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP "
        "GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK "
        "LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO "
        "NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS "
        "SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST "
        "XCD YER ZAR ZMW ZWG"
    ).split()
)
EXPONENTS: dict[str, int] = {
    **dict.fromkeys(_ZERO, 0),
    **dict.fromkeys(_TWO, 2),
    **dict.fromkeys(_THREE, 3),
    **dict.fromkeys(_FOUR, 4),
}
LARGEST = 10**15  # minor units; well inside bigint, far above any sale


class MoneyError(ValueError):
    """The text is no amount, or the currency is unknown or differs; the message is for people."""


def exponent(currency: str) -> int:
    """Decimal places of an ISO 4217 code; unknown codes are refused."""
    try:
        return EXPONENTS[currency]
    except KeyError:
        raise MoneyError(f"{currency!r} is not a currency code of ISO 4217.") from None


@total_ordering
@dataclass(frozen=True, slots=True)
class Money:
    """`Money(1250, "GBP")` is 12.50 GBP."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        exponent(self.currency)
        if type(self.minor) is not int:
            raise MoneyError("Money is counted in whole minor units.")
        if abs(self.minor) > LARGEST:
            raise MoneyError("The amount is too large.")

    @classmethod
    def parse(cls, text: str | Decimal | int, currency: str) -> Money:
        """ "12.50" -> 1250 minor units; more decimals than the currency has are refused, not rounded."""
        places = exponent(currency)
        raw = str(text).strip()
        if not re.fullmatch(r"[+-]?\d{1,15}(\.\d{1,10})?", raw):
            raise MoneyError(f"{raw[:40]!r} is not an amount such as {cls(1250, currency).plain()}.")
        try:
            scaled = Decimal(raw).scaleb(places)
        except InvalidOperation:
            raise MoneyError(f"{raw[:40]!r} is not an amount.") from None
        if scaled != scaled.to_integral_value():
            raise MoneyError(f"{currency} has {places} decimal places; {raw[:40]} has more.")
        return cls(int(scaled), currency)

    def decimal(self) -> Decimal:
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def plain(self) -> str:
        """ "12.50": digits with a point, for files, forms and programs."""
        return f"{self.decimal():.{exponent(self.currency)}f}"

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise MoneyError(f"{self.currency} and {other.currency} can not be put together.")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.minor < other.minor

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        return f"{self.plain()} {self.currency}"


def format_money(money: Money, locale: str | None = None) -> str:
    """ "1,250.00 GBP": figures as the reader's language writes them, and the code, never a lone symbol."""
    places = exponent(money.currency)
    pattern = "#,##0" + ("." + "0" * places if places else "")
    return f"{format_decimal(money.decimal(), format=pattern, locale=locale or 'en')}\u00a0{money.currency}"


def format_symbol(money: Money, locale: str | None = None) -> str:
    """ "£1,250.00" for mails' subjects in the buyer's language."""
    return format_currency(money.decimal(), money.currency, locale=locale or "en", currency_digits=False)


def round_share(money: Money, numerator: int, denominator: int) -> Money:
    """`money * numerator / denominator`, rounded half up to a whole minor unit."""
    exact = Decimal(money.minor) * numerator / denominator
    return Money(int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP)), money.currency)


def split(money: Money, weights: Sequence[int]) -> list[Money]:
    """Shares in the ratio of `weights` that add up exactly; the remainder goes to the last share."""
    total = sum(weights)
    if not weights or total <= 0 or min(weights) < 0:
        raise MoneyError("A split needs weights that add up to more than nothing.")
    sign = -1 if money.minor < 0 else 1
    shares = [sign * (abs(money.minor) * weight // total) for weight in weights[:-1]]
    shares.append(money.minor - sum(shares))
    return [Money(share, money.currency) for share in shares]
