"""It is noon on 10 November 2026 in these tests, unless one says otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from marketplace import clock
from tests.returns.stories import NOON


@pytest.fixture
def noon() -> Iterator[None]:
    with clock.override(NOON):
        yield
