"""Random steps over one charge, with faults, kills and zombies: nothing is ever paid twice, the books agree."""

from __future__ import annotations

import os

import pytest

from tests.refunds.machine import run

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_machine(world: None) -> None:
    run(12, 25)


@pytest.mark.long
def test_the_machine_for_long(world: None) -> None:
    """REFUND_MACHINE=1000x60 for another size."""
    runs, steps = os.environ.get("REFUND_MACHINE", "400x50").split("x")
    run(int(runs), int(steps))
