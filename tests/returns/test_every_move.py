"""Every (state, verb, actor): what the machine's table allows is possible, everything else is refused by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import transaction

from marketplace import clock
from marketplace.actors import CLOCK_ACTOR, PROVIDER_ACTOR, SYSTEM_ACTOR, Actor
from marketplace.errors import DomainError, Forbidden, WrongState
from marketplace.fsm import moves_of
from returns import services
from returns.models import ReturnLine, ReturnRequest
from returns.services import ReceivedAsk
from tests.cast import Shop
from tests.returns import stories

pytestmark = pytest.mark.usefixtures("noon")
Verb = Callable[[ReturnRequest, Actor], object]


def _receive(request: ReturnRequest, by: Actor) -> object:
    line = ReturnLine.objects.get(return_request=request)
    ask = ReceivedAsk(line.pk, "SELLABLE", max(line.quantity - line.received_quantity, 1))
    return services.receive_return(request.public_id, by=by, units=[ask], reason="Because.")


VERBS: dict[str, Verb] = {
    "authorise": lambda r, by: services.authorise_return(r.public_id, by=by, reason="Because."),
    "deny": lambda r, by: services.deny_return(r.public_id, by=by, reason_code="OTHER", message="No."),
    "withdraw": lambda r, by: services.withdraw_return(r.public_id, by=by, reason="Because."),
    "ship": lambda r, by: services.ship_return(r.public_id, by=by, carrier="DPD", tracking="NEW", reason="Seen."),
    "receive": _receive,
    "close": lambda r, by: services.close_return(r.public_id, by=by, close_reason="REPLACED", reason="Because."),
    "reinstate": lambda r, by: services.reinstate_return(r.public_id, by=by, reason="Because."),
}
MOVES = {move.name: move for move in moves_of(ReturnRequest)}


@pytest.mark.parametrize("state", list(stories.STATES))
def test_from_this_state(in_acme: Shop, owner: Actor, buyer: Actor, program: Actor, support: Actor, state: str) -> None:
    request = stories.STATES[state](in_acme)
    assert request.status == state
    actors = [owner, buyer, program, support, CLOCK_ACTOR, SYSTEM_ACTOR, PROVIDER_ACTOR]
    moment = request.ended_at or clock.now()
    for name, verb in VERBS.items():
        for actor in actors:
            may = state in MOVES[name].sources and actor.kind in MOVES[name].actors
            with clock.override(moment):
                got = _tried(verb, request, actor)
            if may:
                assert got is None, f"{actor.kind} should be able to {name} from {state}, but: {got!r}"
            else:
                assert isinstance(got, WrongState | Forbidden), f"{actor.kind} {name} from {state}: {got!r}"
                assert got.message


def test_no_verb_is_forgotten() -> None:
    """What has no verb of its own is the clock's, the system's or the beginning."""
    assert set(MOVES) - set(VERBS) == {"submit", "auto_authorise", "mark_overdue", "expire"}
    assert set(stories.STATES) == set(ReturnRequest.Status.values)


def _tried(verb: Verb, request: ReturnRequest, by: Actor) -> DomainError | None:
    """What it was refused with, if it was; either way nothing of it stays."""
    with transaction.atomic():
        savepoint = transaction.savepoint()
        try:
            verb(request, by)
            stories.the_database_agrees()
        except DomainError as refusal:
            return refusal
        finally:
            transaction.savepoint_rollback(savepoint)
    return None
