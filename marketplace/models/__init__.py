"""The kernel's tables: tenants and people, trade, the record of what happened, imports."""

from marketplace.models.buyers import BuyerCode, BuyerLink, RateWindow
from marketplace.models.imports import ImportJob, ImportMapping, ImportProvenance, ImportRowError
from marketplace.models.record import (
    DeadlineRule,
    IdempotencyKey,
    Mail,
    Note,
    NotificationPreference,
    OutboxEvent,
    OutboxRun,
    SettingsChange,
    StateTransition,
)
from marketplace.models.tenants import (
    GUARD_SQL,
    AccountMail,
    ApiKey,
    Invitation,
    Membership,
    Route,
    Seller,
    SupportAccess,
    User,
)
from marketplace.models.trade import Buyer, Order, OrderLine, SalesChannel

__all__ = [
    "GUARD_SQL",
    "AccountMail",
    "ApiKey",
    "Buyer",
    "BuyerCode",
    "BuyerLink",
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
    "RateWindow",
    "Route",
    "SalesChannel",
    "Seller",
    "SettingsChange",
    "StateTransition",
    "SupportAccess",
    "User",
]
