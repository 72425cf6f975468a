"""Where the lines and bars of a figure stand; drawn on the server as SVG, readable without script or colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from marketplace.money import Money, format_money


class Budget(Protocol):
    """Read only: a RefundBudget row, or portal_parts.Bar."""

    @property
    def cap_minor(self) -> Any: ...
    @property
    def refunded_minor(self) -> Any: ...
    @property
    def reserved_minor(self) -> Any: ...
    @property
    def disputed_minor(self) -> Any: ...
    @property
    def currency(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a money bar; x and width are percentages for SVG attributes."""

    kind: str
    label: str
    minor: int
    shown: str
    x: str
    width: str


@dataclass(frozen=True, slots=True)
class MoneyBar:
    paid: str
    currency: str
    parts: Sequence[Part]
    text: str
    is_unknown: bool
    over: str
    whole: int


def money_bar(budget: Budget, *, adding: int | None = None, locale: str | None = None) -> MoneyBar:
    """The bar of what was paid; `adding` shows how it would stand after a refund of so many minor units."""
    cap, currency = int(budget.cap_minor), str(budget.currency)

    def show(minor: int) -> str:
        return format_money(Money(minor, currency), locale)

    spent = [
        ("refunded", _("refunded"), int(budget.refunded_minor)),
        ("reserved", _("reserved"), int(budget.reserved_minor)),
        ("disputed", _("disputed"), int(budget.disputed_minor)),
        ("new", _("this refund"), adding or 0),
    ]
    out = sum(minor for _kind, _label, minor in spent)
    left, whole = max(cap - out, 0), max(cap, out, 1)
    parts, x = [], 0.0
    for kind, label, minor in [*spent, ("left", _("left"), left)]:
        width = 100 * minor / whole
        if kind != "new" or adding is not None:
            parts.append(Part(kind, label, minor, show(minor), f"{x:.3f}%", f"{width:.3f}%"))
        x += width
    sums = ", ".join(f"{part.label} {part.shown}" for part in parts)
    return MoneyBar(
        paid=show(cap),
        currency=currency,
        parts=parts,
        text=_("Paid %(paid)s: %(sums)s") % {"paid": show(cap), "sums": sums},
        is_unknown=cap == 0,
        over=show(out - cap) if cap and out > cap else "",
        whole=whole,
    )


@dataclass(frozen=True, slots=True)
class Line:
    """A line in a box of 100 by 40, y downwards, as SVG's `points` wants it."""

    points: str
    area: str
    target_y: str
    text: str


def line(values: Sequence[float], *, label: str | Promise, target: float | None = None) -> Line | None:
    """None with fewer than two values: a single dot is no line."""
    if len(values) < 2:
        return None
    low = min([*values, *([] if target is None else [target])])
    high = max([*values, *([] if target is None else [target])])
    room = (high - low) or 1.0

    def y(value: float) -> float:
        return 38 - 36 * (value - low) / room

    dots = [f"{100 * i / (len(values) - 1):.2f},{y(value):.2f}" for i, value in enumerate(values)]
    text = _("%(label)s, last %(n)s: from %(first)s to %(last)s, lowest %(low)s, highest %(high)s") % {
        "label": label,
        "n": len(values),
        "first": f"{values[0]:g}",
        "last": f"{values[-1]:g}",
        "low": f"{min(values):g}",
        "high": f"{max(values):g}",
    }
    return Line(
        points=" ".join(dots),
        area=" ".join(["0,40", *dots, "100,40"]),
        target_y="" if target is None else f"{y(target):.2f}",
        text=text,
    )
