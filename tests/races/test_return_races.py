"""Two verbs on one return at the same moment: one effect, and the loser hears why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from marketplace import clock
from marketplace.actors import Actor
from marketplace.errors import Conflict, DomainError, Refused, WrongState
from marketplace.fsm import moves_of
from marketplace.models import OutboxEvent, StateTransition
from marketplace.tenancy import scope
from refunds.models import RefundBudget, RefundRequest
from refunds.services import RefundLineAsk
from returns import services
from returns.models import ReturnLine, ReturnRequest
from returns.services import ReceivedAsk
from tests.cast import Shop
from tests.races.overlap import at_once, overlapping
from tests.returns import stories

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.server]
LATER = stories.NOON + timedelta(days=60)  # every deadline has passed
Verb = Callable[[Shop, ReturnRequest], Any]


def _receive(shop: Shop, request: ReturnRequest) -> Any:
    line = ReturnLine.objects.get(return_request=request)
    return services.receive_return(request.public_id, by=_owner(shop), units=[ReceivedAsk(line.pk, "SELLABLE", 1)])


def _owner(shop: Shop) -> Actor:
    return stories.owner_of(shop)


VERBS: dict[str, Verb] = {
    "authorise": lambda s, r: services.authorise_return(r.public_id, by=_owner(s)),
    "deny": lambda s, r: services.deny_return(r.public_id, by=_owner(s), reason_code="OTHER", message="No."),
    "withdraw": lambda s, r: services.withdraw_return(r.public_id, by=s.buyer_actor),
    "mark_overdue": lambda _, r: services.mark_overdue([r.pk]),
    "ship": lambda s, r: services.ship_return(r.public_id, by=s.buyer_actor, carrier="DPD", tracking="1"),
    "receive": _receive,
    "close": lambda s, r: services.close_return(r.public_id, by=_owner(s), close_reason="REPLACED"),
    "expire": lambda _, r: services.expire_returns([r.pk]),
    "reinstate": lambda s, r: services.reinstate_return(r.public_id, by=_owner(s), reason="Oops."),
}
MOVES = {move.name: move for move in moves_of(ReturnRequest)}
BY_CLOCK = {"mark_overdue", "expire"}


def _pairs() -> list[tuple[str, str, str]]:
    """(state, first, second) for every two verbs that share a source, a verb with itself included."""
    return [
        (state, first, second)
        for state in ReturnRequest.Status.values
        for first in VERBS
        for second in VERBS
        if state in MOVES[first].sources and state in MOVES[second].sources
    ]


@pytest.mark.parametrize(("state", "first", "second"), _pairs())
def test_one_effect(acme: Shop, state: str, first: str, second: str) -> None:
    """The second waits for the first, and then does what it would have done had it come later."""
    with clock.override(stories.NOON), scope(acme.seller.pk):
        request = stories.STATES[state](acme)
    moment = LATER if BY_CLOCK & {first, second} or state == "EXPIRED" else stories.NOON
    if state == "EXPIRED":
        assert request.ended_at is not None
        moment = request.ended_at

    with clock.override(moment):
        one, two = overlapping(
            acme.seller.pk, lambda: VERBS[first](acme, request), lambda: VERBS[second](acme, request)
        )

    assert not isinstance(one, Exception), one
    with scope(acme.seller.pk):
        after_first = StateTransition.objects.get(machine="return", object_id=request.pk, version=request.version + 1)
        assert after_first.move == first
        kept = stories.fresh(request)
        may_follow = after_first.target in MOVES[second].sources
        if second in BY_CLOCK:
            assert two == 0, "the clock leaves a locked row alone"
            assert kept.version == request.version + 1
        elif not may_follow:
            assert isinstance(two, WrongState), two
            assert kept.version == request.version + 1
        elif isinstance(two, Exception):
            assert isinstance(two, DomainError), two  # its own guard: the last unit is back already
            assert kept.version == request.version + 1
        else:
            assert stories.last_move(kept).move == second
            assert kept.version == request.version + 2
        _one_history_row_and_event_per_version(kept)


def _one_history_row_and_event_per_version(request: ReturnRequest) -> None:
    rows = StateTransition.objects.filter(machine="return", object_id=request.pk).order_by("version")
    assert list(rows.values_list("version", flat=True)) == list(range(1, request.version + 1))
    assert len(stories.events_of(request)) == request.version


# --- units ---


def test_two_ask_for_the_last_unit(acme: Shop) -> None:
    def ask() -> ReturnRequest:
        return stories.asked(acme, quantity=2)

    with clock.override(stories.NOON):
        one, two = overlapping(acme.seller.pk, ask, ask)
    assert isinstance(one, ReturnRequest)
    assert isinstance(two, Refused)
    assert two.code == "no_returnable_quantity"


def test_ten_ask_at_once_for_two_units(acme: Shop) -> None:
    def ask() -> ReturnRequest:
        return stories.asked(acme, quantity=1, confirm_duplicate=True)

    with clock.override(stories.NOON):
        outcomes = at_once(acme.seller.pk, [ask] * 10)
    made = [outcome for outcome in outcomes if isinstance(outcome, ReturnRequest)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert (len(made), len(refused)) == (2, 8)


def test_one_asks_again_while_the_other_is_taken_back(acme: Shop) -> None:
    """The units are the reinstated return's or the new one's, never both."""
    with clock.override(stories.NOON), scope(acme.seller.pk):
        request = stories.denied(acme, quantity=2)

    def reinstate() -> ReturnRequest:
        return VERBS["reinstate"](acme, request)  # type: ignore[no-any-return]

    def ask() -> ReturnRequest:
        return stories.asked(acme, quantity=2)

    with clock.override(stories.NOON):
        one, two = overlapping(acme.seller.pk, ask, reinstate)
    assert isinstance(one, ReturnRequest)
    assert isinstance(two, Refused)
    assert two.code == "units_not_free"


def test_the_same_form_twice_at_once(acme: Shop) -> None:
    def ask() -> ReturnRequest:
        return stories.asked(acme, client_token="form-1")

    with clock.override(stories.NOON):
        outcomes = at_once(acme.seller.pk, [ask] * 6)
    made = {outcome.pk for outcome in outcomes if isinstance(outcome, ReturnRequest)}
    assert len(made) == 1
    assert all(isinstance(outcome, ReturnRequest | Conflict) for outcome in outcomes), outcomes
    with scope(acme.seller.pk):
        assert ReturnRequest.objects.count() == 1


# --- money ---


def test_withdrawn_while_it_is_refunded(acme: Shop) -> None:
    with clock.override(stories.NOON), scope(acme.seller.pk):
        request = stories.asked(stories.pays_by_hand(acme))
    with clock.override(stories.NOON):
        one, two = overlapping(
            acme.seller.pk,
            lambda: services.refund_return(request.public_id, by=_owner(acme)),
            lambda: VERBS["withdraw"](acme, request),
        )
    assert isinstance(one, RefundRequest)
    assert isinstance(two, Conflict)
    assert two.code == "refund_in_flight"


@pytest.mark.parametrize("verb", ["close", "deny"])
def test_decided_while_it_is_refunded(acme: Shop, verb: str) -> None:
    with clock.override(stories.NOON), scope(acme.seller.pk):
        request = stories.asked(stories.pays_by_hand(acme))
    with clock.override(stories.NOON):
        one, two = overlapping(
            acme.seller.pk,
            lambda: services.refund_return(request.public_id, by=_owner(acme)),
            lambda: VERBS[verb](acme, request),
        )
    assert isinstance(one, RefundRequest)
    assert isinstance(two, Conflict)


def test_two_refund_one_return(acme: Shop) -> None:
    """The proposal of the second is what the first left over: nothing."""
    with clock.override(stories.NOON), scope(acme.seller.pk):
        request = stories.received(stories.pays_by_hand(acme))

    def refund() -> RefundRequest:
        return services.refund_return(request.public_id, by=_owner(acme))

    with clock.override(stories.NOON):
        one, two = overlapping(acme.seller.pk, refund, refund)
    assert isinstance(one, RefundRequest)
    assert isinstance(two, Refused)
    assert two.code == "nothing_to_refund"


def test_many_refunds_of_two_returns_stay_under_the_cap(acme: Shop) -> None:
    with clock.override(stories.NOON), scope(acme.seller.pk):
        first = stories.asked(stories.pays_by_hand(acme))
        second = stories.asked(acme, confirm_duplicate=True)
    asks = [RefundLineAsk(None, "GOODWILL", 3_000)]

    def refund(request: ReturnRequest) -> Callable[[], RefundRequest]:
        return lambda: services.refund_return(request.public_id, by=_owner(acme), lines=asks)

    with clock.override(stories.NOON):
        outcomes = at_once(acme.seller.pk, [refund(first), refund(second)] * 4)
    assert sum(isinstance(outcome, RefundRequest) for outcome in outcomes) == 3
    assert all(isinstance(outcome, RefundRequest | Refused) for outcome in outcomes), outcomes
    with scope(acme.seller.pk):
        assert RefundBudget.objects.get().reserved_minor == 9_000


# --- the clock ---


def test_two_sweeps_and_a_seller(acme: Shop) -> None:
    """Whoever is first, each return is marked overdue at most once, and the answer stands."""
    from returns.sweeping import sweep_due
    from tests.returns import bulk

    with clock.override(stories.NOON), scope(acme.seller.pk):
        request = stories.asked(acme)
        bulk.pending_returns(acme, 300)
    outcomes: list[Any] = []

    def answer() -> Any:
        return VERBS["authorise"](acme, request)

    with clock.override(LATER):
        outcomes = _sweeping_together(acme, sweep_due, answer)
    assert sum(outcomes[:2]) in {300, 301}
    with scope(acme.seller.pk):
        assert stories.fresh(request).status == "AUTHORISED"
        assert ReturnRequest.objects.filter(is_overdue=True, version=2).count() == 300
        assert OutboxEvent.objects.filter(name="return.overdue").count() == sum(outcomes[:2])


def _sweeping_together(shop: Shop, sweep: Callable[[], int], answer: Callable[[], Any]) -> list[Any]:
    from tests.races.overlap import PATIENCE, Side

    def answering() -> Any:
        with scope(shop.seller.pk):
            return answer()

    sides = [Side(sweep), Side(sweep), Side(answering)]
    for side in sides:
        side.thread.start()
    for side in sides:
        side.thread.join(PATIENCE)
        assert not side.thread.is_alive()
        assert not isinstance(side.outcome, Exception), side.outcome
    return [side.outcome for side in sides]
