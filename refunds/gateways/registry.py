"""Which gateway does a sales channel use?"""

from __future__ import annotations

from collections.abc import Callable

from refunds.gateways.base import Gateway, GatewayConfig
from refunds.gateways.manual import ManualGateway
from refunds.gateways.sandbox import SandboxGateway
from refunds.gateways.stripe import StripeGateway

MAKERS: dict[str, Callable[[GatewayConfig], Gateway]] = {
    ManualGateway.name: lambda _: ManualGateway(),
    SandboxGateway.name: SandboxGateway,
    StripeGateway.name: StripeGateway,
}
GATEWAY_NAMES = tuple(MAKERS)


class UnknownGatewayError(LookupError):
    """No gateway has that name."""


def gateway_for(name: str, *, config: GatewayConfig) -> Gateway:
    """The gateway of that name ("manual", "sandbox", "stripe"), with one seller's credentials."""
    try:
        make = MAKERS[name]
    except KeyError:
        raise UnknownGatewayError(f"{name!r} is none of {', '.join(GATEWAY_NAMES)}") from None
    return make(config)
