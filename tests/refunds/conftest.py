"""The sandbox gateway for refunds, a clean breaker, and short ways to ask, execute and look."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from refunds.breaker import BREAKER
from tests.cast import Shop
from tests.refunds.sandbox_fixture import SandboxProcess, sandbox_process

__all__ = ["sandbox_process"]
pytest.register_assert_rewrite("tests.refunds.machine")


@pytest.fixture(autouse=True)
def closed_breaker() -> Iterator[None]:
    BREAKER.forget()
    yield
    BREAKER.forget()


@pytest.fixture
def sandbox(sandbox_process: SandboxProcess, settings: Settings) -> SandboxProcess:
    """The real process, empty, and the application pointed at it."""
    settings.SANDBOX_GATEWAY_URL = sandbox_process.url
    settings.GATEWAY_READ_TIMEOUT = 0.5  # a silence that a test asks for is longer
    sandbox_process.reset()
    return sandbox_process


@pytest.fixture
def world(acme: Shop, sandbox: SandboxProcess, settings: Settings) -> None:
    """The shop and the sandbox of the machine of random steps."""
    from tests.refunds.machine import World

    settings.GATEWAY_READ_TIMEOUT = 0.15
    acme.seller.review_above_minor = 8_000
    acme.seller.save()
    World.shop, World.sandbox = acme, sandbox
