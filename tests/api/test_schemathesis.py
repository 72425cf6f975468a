"""Thousands of requests made from the OpenAPI document, good and bad: none may end in a server error."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from marketplace import api_docs, clock
from marketplace.models import Order
from marketplace.tenancy import scope
from marketplace.wsgi import application
from returns import services
from tests.api.conftest import key_of
from tests.cast import Shop

pytestmark = pytest.mark.django_db

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "25"))
CHECKS = (not_a_server_error, status_code_conformance, response_schema_conformance)


def operations() -> dict[str, Any]:
    schema = schemathesis.openapi.from_dict(api_docs.document())
    schema.app = application
    results: list[Any] = list(schema.get_all_operations())
    return {result.ok().label: result.ok() for result in results}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "label" in metafunc.fixturenames:
        metafunc.parametrize("label", sorted(operations()))


@pytest.fixture
def world(acme: Shop) -> Iterator[dict[str, str]]:
    """A key, and a return and an order whose ids some of the requests use."""
    request_started.disconnect(close_old_connections)  # the test's connection must outlive each request
    request_finished.disconnect(close_old_connections)
    with scope(acme.seller.pk):
        bought = clock.now() - timedelta(days=9)
        Order.objects.update(purchased_at=bought, shipped_at=bought, delivered_at=bought)
        ask = services.LineAsk(acme.order.lines.get().pk, 1, "CR-DEFECTIVE", "Broken.")
        request = services.submit_return(acme.order.public_id, by=acme.buyer_actor, lines=[ask])
    yield {"key": key_of(acme), "return": request.public_id, "order": acme.order.public_id}
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


def test_no_request_ends_in_a_server_error(label: str, world: dict[str, str]) -> None:
    operation = operations()[label]
    kind = "order" if "/orders/" in label else "return"
    seen: list[int] = []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def run(case: Any) -> None:
        if "public_id" in (case.path_parameters or {}) and len(seen) % 2:
            case.path_parameters["public_id"] = world[kind]
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {world['key']}"}
        seen.append(case.call_and_validate(checks=CHECKS).status_code)

    run()
    assert len(seen) >= min(EXAMPLES, 10)
