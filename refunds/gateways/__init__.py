"""Payment gateways behind one small interface; ``gateway_for`` finds the one a sales channel uses."""

from refunds.gateways.base import (
    Absent,
    AwaitingSeller,
    Declined,
    Gateway,
    GatewayConfig,
    GatewayUnavailableError,
    Outcome,
    Pending,
    ProviderRefund,
    ProviderStatus,
    RefundAsk,
    Settled,
    Unknown,
)
from refunds.gateways.registry import GATEWAY_NAMES, UnknownGatewayError, gateway_for

__all__ = [
    "GATEWAY_NAMES",
    "Absent",
    "AwaitingSeller",
    "Declined",
    "Gateway",
    "GatewayConfig",
    "GatewayUnavailableError",
    "Outcome",
    "Pending",
    "ProviderRefund",
    "ProviderStatus",
    "RefundAsk",
    "Settled",
    "Unknown",
    "UnknownGatewayError",
    "gateway_for",
]
