"""Acme's people in front of the portal; a buyer who has asked for something."""

from __future__ import annotations

import pytest

from marketplace.actors import MemberRole
from tests.cast import Shop
from tests.visitor import Visitor


@pytest.fixture
def anna(acme: Shop) -> Visitor:
    """The owner of acme."""
    return Visitor(acme)


@pytest.fixture
def mary(acme: Shop) -> Visitor:
    """The read-only mate."""
    return Visitor(acme, MemberRole.READONLY)


@pytest.fixture
def stranger_visits(globex: Shop) -> Visitor:
    """The owner of another seller."""
    return Visitor(globex)
