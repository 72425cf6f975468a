"""The kernel's tables: tenants and people, trade, the record of what happened, imports."""

from marketplace.models.imports import ImportJob, ImportMapping, ImportProvenance, ImportRowError
from marketplace.models.record import (
    DeadlineRule,
    IdempotencyKey,
    Mail,
    Note,
    NotificationPreference,
    OutboxEvent,
    OutboxRun,
    StateTransition,
)
from marketplace.models.tenants import ApiKey, Invitation, Membership, Route, Seller, SupportAccess, User
from marketplace.models.trade import Buyer, Order, OrderLine, SalesChannel

__all__ = [
    "ApiKey",
    "Buyer",
    "DeadlineRule",
    "IdempotencyKey",
    "ImportJob",
    "ImportMapping",
    "ImportProvenance",
    "ImportRowError",
    "Invitation",
    "Mail",
    "Membership",
    "Note",
    "NotificationPreference",
    "Order",
    "OrderLine",
    "OutboxEvent",
    "OutboxRun",
    "Route",
    "SalesChannel",
    "Seller",
    "StateTransition",
    "SupportAccess",
    "User",
]
