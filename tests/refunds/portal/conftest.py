"""Acme's people in front of the portal."""

from __future__ import annotations

import pytest

from marketplace.actors import MemberRole
from marketplace.tenancy import scope
from tests.cast import Shop
from tests.visitor import Visitor


@pytest.fixture
def anna(acme: Shop) -> Visitor:
    """The owner of acme."""
    return Visitor(acme)


@pytest.fixture
def fritz(acme: Shop) -> Visitor:
    """Finance: the second person."""
    return Visitor(acme, MemberRole.FINANCE)


@pytest.fixture
def mary(acme: Shop) -> Visitor:
    """The read-only mate."""
    return Visitor(acme, MemberRole.READONLY)


@pytest.fixture
def by_hand(acme: Shop) -> Shop:
    """Acme pays outside and confirms."""
    with scope(acme.seller.pk):
        acme.channel.gateway = "manual"
        acme.channel.save(update_fields=["gateway"])
    return acme


@pytest.fixture
def strict(acme: Shop) -> Shop:
    """From 10.00 on a second person must agree."""
    acme.seller.review_above_minor = 1000
    acme.seller.save(update_fields=["review_above_minor"])
    return acme
