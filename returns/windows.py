"""Until when an item may come back, and whether a request meets the channel's policy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from marketplace.models import Order
from returns import deadlines


@dataclass(frozen=True, slots=True)
class Window:
    """`basis` is delivered, shipped or ordered: the best that is known about the arrival."""

    basis: str
    starts_at: datetime
    ends_at: datetime

    def is_open(self, now: datetime) -> bool:
        """The last moment still counts."""
        return now <= self.ends_at


def window_of(order: Order) -> Window:
    """From the arrival; from the dispatch or the order date where no arrival is known ([BP-US])."""
    known = (("delivered", order.delivered_at), ("shipped", order.shipped_at), ("ordered", order.purchased_at))
    basis, start = next((name, moment) for name, moment in known if moment is not None)
    channel = order.channel
    return Window(basis, start, deadlines.window_ends_at(channel.code, start, channel.return_window_days))
