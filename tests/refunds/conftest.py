"""The sandbox gateway for refunds, a clean breaker, and short ways to ask, execute and look."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from refunds.breaker import BREAKER
from tests.refunds.sandbox_fixture import SandboxProcess, sandbox_process

__all__ = ["sandbox_process"]


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
