"""A web server of this worker's own, the sandbox gateway behind it, and an order young enough to be returned."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from pytest_django.fixtures import Settings

from marketplace import clock
from marketplace.models import Order
from marketplace.tenancy import scope
from tests.cast import Shop
from tests.races.web import WebServer
from tests.refunds.conftest import closed_breaker, sandbox
from tests.refunds.sandbox_fixture import SandboxProcess, sandbox_process

__all__ = ["closed_breaker", "sandbox", "sandbox_process"]


@pytest.fixture(scope="session")
def web_server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    """gunicorn on this worker's database, for all tests that talk HTTP."""
    server = WebServer(tmp_path_factory.mktemp("web"))
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def gateway_is_the_sandbox(sandbox_process: SandboxProcess, settings: Settings) -> None:
    settings.SANDBOX_GATEWAY_URL = sandbox_process.url


@pytest.fixture
def recent(acme: Shop) -> Shop:
    """acme, whose order was bought nine days ago: within the window of a return."""
    bought = clock.now() - timedelta(days=9)
    with scope(acme.seller.pk):
        Order.objects.filter(pk=acme.order.pk).update(
            purchased_at=bought, shipped_at=bought + timedelta(days=1), delivered_at=bought + timedelta(days=3)
        )
        acme.order.refresh_from_db()
    return acme
