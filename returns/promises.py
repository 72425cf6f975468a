"""What the buyer is told when a return is allowed: where to send it, under which number, by when."""

from __future__ import annotations

from datetime import datetime

from marketplace.actors import SYSTEM_ACTOR
from marketplace.ids import new_rma
from marketplace.models import Order, SalesChannel
from marketplace.models.trade import AutoAuthorise
from marketplace.moves import save_transition
from returns import addresses, deadlines, searching
from returns.models import Promise, ReturnRequest


def promise_for(
    channel: SalesChannel, *, at: datetime, address: dict[str, str], merchant_rma: str = "", expires: bool = True
) -> Promise:
    """A new RMA number, and the deadlines that hold from `at` on."""
    return_by = deadlines.return_by(channel.code, at, channel.return_window_days)
    return Promise(
        at=at,
        rma=new_rma(),
        address=address,
        return_by=return_by,
        expires_at=deadlines.expires_at(channel.code, return_by, at) if expires else None,
        merchant_rma=merchant_rma,
    )


def automatic_rule(order: Order, *, is_out_of_policy: bool, is_flagged: bool, now: datetime) -> str:
    """The channel's rule that allows this request at once, or an empty text: then a person decides.

    A flagged request (a second one on the same item) and a channel without a usable address go to a person.
    """
    channel = order.channel
    rule = str(channel.auto_authorise)
    if rule == AutoAuthorise.MANUAL or is_flagged:
        return ""
    if rule == AutoAuthorise.POLICY and is_out_of_policy:
        return ""
    if now > deadlines.auto_authorise_until(order.purchased_at, channel.auto_authorise_days):
        return ""
    return rule if addresses.of_channel(channel) else ""


def authorise_automatically(request: ReturnRequest, rule: str, *, now: datetime) -> ReturnRequest:
    """By the channel's rule, in the transaction of the request; the history keeps the rule as it was."""
    channel: SalesChannel = request.channel
    promise = promise_for(channel, at=now, address=addresses.resolve(None, channel))
    request.auto_authorise(promise=promise)
    save_transition(
        request,
        by=SYSTEM_ACTOR,
        reason_code=f"auto:{rule}",
        data={
            "is_automatic": True,
            "rule": rule,
            "days": channel.auto_authorise_days,
            "window_days": channel.return_window_days,
            "channel": channel.code,
        },
    )
    searching.add_keys(request, [request.rma])
    return request
