"""An order's money as the bar that pages draw."""

from __future__ import annotations

from marketplace.portal_parts import Bar
from refunds.selectors import BudgetFigures


def bar_of(figures: BudgetFigures) -> Bar:
    """`cap_minor` 0 where it is not known what the buyer paid."""
    return Bar(
        cap_minor=figures.paid.minor if figures.is_cap_known else 0,
        currency=figures.paid.currency,
        refunded_minor=figures.refunded.minor,
        reserved_minor=figures.reserved.minor,
        disputed_minor=figures.disputed.minor,
    )
