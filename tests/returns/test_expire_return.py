"""Nothing came back in time: the units are free again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketplace import clock
from returns import services
from tests.cast import Shop
from tests.returns import stories
from tests.returns.stories import MINUTE, NOON

pytestmark = pytest.mark.usefixtures("noon")


@pytest.mark.parametrize(("moment", "has_expired"), [(-MINUTE, False), (timedelta(0), False), (MINUTE, True)])
def test_the_minute_before_of_and_after(in_acme: Shop, moment: timedelta, has_expired: bool) -> None:
    request = stories.authorised(in_acme, quantity=2)
    assert request.expires_at == NOON + timedelta(days=37)
    with clock.override(request.expires_at + moment):
        assert services.expire_returns([request.pk]) == int(has_expired)
    kept = stories.fresh(request)
    if not has_expired:
        assert kept.status == "AUTHORISED"
        return
    assert (kept.status, kept.ended_at) == ("EXPIRED", NOON + timedelta(days=37) + MINUTE)
    assert (kept.due_at, kept.expires_at) == (None, None)
    assert stories.last_move(kept).move == "expire"
    assert stories.events_of(kept)[-1] == "return.expired"
    assert stories.asked(in_acme, quantity=2).units == 2
    stories.the_database_agrees()


@pytest.mark.parametrize("state", [state for state in stories.STATES if state != "AUTHORISED"])
def test_only_what_was_allowed_and_never_posted(in_acme: Shop, state: str) -> None:
    request = stories.STATES[state](in_acme)
    with clock.override(NOON + timedelta(days=400)), stories.nothing_happens():
        assert services.expire_returns([request.pk]) == 0
