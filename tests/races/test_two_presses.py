"""Two people, or two tabs of one, press at the same moment, over HTTP: one effect, and a plain answer for both."""

from __future__ import annotations

from collections import Counter

import pytest
import requests

from marketplace import clock
from marketplace.actors import MemberRole
from marketplace.models import OrderLine, OutboxEvent, StateTransition
from marketplace.tenancy import scope
from refunds import executor, invariants
from refunds.models import RefundBudget, RefundRequest
from returns.models import ReturnRequest
from returns.services import close_return
from tests.cast import Shop
from tests.races.web import BuyerOf, Caller, Person, Press, Program, WebServer, all_at_once
from tests.refunds.sandbox_fixture import SandboxProcess
from tests.returns import stories
from tests.visitor import Form

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.server]
ROUNDS = 10


def sender(who: Caller, form: Form, **values: str) -> Press:
    return lambda: who.send(form, **values)


def asked(shop: Shop, quantity: int = 1) -> ReturnRequest:
    with scope(shop.seller.pk):
        return stories.asked(shop, quantity=quantity, confirm_duplicate=True)


def received(shop: Shop) -> ReturnRequest:
    with scope(shop.seller.pk):
        return stories.received(shop, quantity=2)


def moves(shop: Shop, request: ReturnRequest) -> list[str]:
    with scope(shop.seller.pk):
        rows = StateTransition.objects.filter(machine="return", object_id=request.pk).order_by("version")
        return list(rows.values_list("move", flat=True))


def all_is_well(shop: Shop) -> None:
    with scope(shop.seller.pk):
        assert [str(breach) for breach in invariants.breaches()] == []


def test_the_buyer_withdraws_while_the_seller_authorises(recent: Shop, web_server: WebServer) -> None:
    """One of the two wins each time; the other is told how it stands, and nothing of theirs is kept."""
    seller, buyer = Person(web_server, recent), BuyerOf(web_server, recent)
    won: Counter[str] = Counter()
    for _round in range(ROUNDS):
        request = asked(recent, quantity=2)
        authorise = seller.form(f"/returns/{request.public_id}/authorise/")
        withdraw = buyer.form(f"/r/acme/returns/{request.public_id}/withdraw/")

        answers = all_at_once([sender(seller, authorise), sender(buyer, withdraw)])

        history = moves(recent, request)
        assert len(history) == 2, history
        won[history[1]] += 1
        codes = [answer.status_code for answer in answers]
        assert codes == ([302, 409] if history[1] == "authorise" else [409, 302]), (history, codes)
        with scope(recent.seller.pk):
            events = OutboxEvent.objects.filter(machine="return", object_id=request.pk)
            assert events.count() == 2
            if history[1] == "authorise":  # the unit must be free again for the next round
                close_return(request.public_id, by=stories.owner_of(recent), close_reason="RESOLVED_OTHERWISE")
    assert set(won) <= {"authorise", "withdraw"}
    all_is_well(recent)


def test_two_of_the_team_decide_differently(recent: Shop, web_server: WebServer) -> None:
    owner, manager = Person(web_server, recent), Person(web_server, recent, MemberRole.MANAGER)
    request = asked(recent)
    authorise = owner.form(f"/returns/{request.public_id}/authorise/")
    deny = manager.form(f"/returns/{request.public_id}/deny/")

    answers = all_at_once(
        [sender(owner, authorise), sender(manager, deny, reason_code="OTHER", message="No, sorry.")] * 3
    )

    history = moves(recent, request)
    assert len(history) == 2
    winner = 0 if history[1] == "authorise" else 1
    for number, answer in enumerate(answers):
        if number % 2 == winner:
            assert answer.status_code in {302, 409}  # 409: the first press of the same form was still at work
        else:
            assert answer.status_code == 409
    all_is_well(recent)


def test_a_refund_in_two_tabs_with_one_nonce(
    recent: Shop, web_server: WebServer, sandbox_process: SandboxProcess
) -> None:
    """A form that was opened once and is sent by eight: one refund; each is sent to its page or told to wait."""
    person, request = Person(web_server, recent), received(recent)
    form = person.form(f"/returns/{request.public_id}/refund/")

    answers = all_at_once([sender(person, form)] * 8)

    assert {answer.status_code for answer in answers} <= {302, 409}
    assert 302 in {answer.status_code for answer in answers}
    again = person.send(form)
    assert again.status_code == 302, "a later press of the same form is answered as the first was"
    with scope(recent.seller.pk):
        assert [row.amount_minor for row in RefundRequest.objects.all()] == [10_000]
    executor.execute_due()
    assert [payout["amount"] for payout in sandbox_process.payouts(recent.order.payment_reference)] == [10_000]
    all_is_well(recent)


def test_a_refund_in_two_tabs_with_a_nonce_each(
    recent: Shop, web_server: WebServer, sandbox_process: SandboxProcess
) -> None:
    """Two honest forms of all that is owed: the second finds that nothing is left."""
    person, request = Person(web_server, recent), received(recent)
    path = f"/returns/{request.public_id}/refund/"
    forms = [person.form(path), person.form(path)]
    assert forms[0].data["form_nonce"] != forms[1].data["form_nonce"]

    answers = all_at_once([sender(person, form) for form in forms])

    assert sorted(answer.status_code for answer in answers) == [302, 422]
    executor.execute_due()
    assert [payout["amount"] for payout in sandbox_process.payouts(recent.order.payment_reference)] == [10_000]
    all_is_well(recent)


def test_the_same_nonce_with_other_amounts(recent: Shop, web_server: WebServer) -> None:
    """The back button: what was sent once is not sent again with other content."""
    person, request = Person(web_server, recent), received(recent)
    with scope(recent.seller.pk):
        field = f"line_{OrderLine.objects.get(order=recent.order).pk}"
    form = person.form(f"/returns/{request.public_id}/refund/")

    answers = all_at_once(
        [sender(person, form, **{field: f"{n}.00", "seen_total": f"{n * 100}"}) for n in (10, 20, 30, 40)]
    )

    assert sorted(answer.status_code for answer in answers) == [302, 409, 409, 409]
    with scope(recent.seller.pk):
        assert RefundRequest.objects.count() == 1
        budget = RefundBudget.objects.get()
        assert budget.reserved_minor == RefundRequest.objects.get().amount_minor
    all_is_well(recent)


def test_a_program_repeats_itself(recent: Shop, web_server: WebServer) -> None:
    """One Idempotency-Key, twenty at once: one refund; the others get its answer again, or 409 with Retry-After."""
    program, request = Program(web_server, recent), received(recent)

    answers = all_at_once([lambda: program.post(f"returns/{request.public_id}/refund/", key="one-key")] * 20)

    made = [answer for answer in answers if answer.status_code == 201]
    busy = [answer for answer in answers if answer.status_code == 409]
    assert len(made) + len(busy) == 20
    assert len({answer.content for answer in made}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in made) == 1
    assert all("Retry-After" in answer.headers for answer in busy)
    with scope(recent.seller.pk):
        assert RefundRequest.objects.count() == 1
    all_is_well(recent)


def test_a_buyer_sends_the_request_twice(recent: Shop, web_server: WebServer) -> None:
    """A double click on "Send": one return, and both presses lead to it."""
    buyer = BuyerOf(web_server, recent)
    order = f"/r/acme/orders/{recent.order.public_id}/"
    with scope(recent.seller.pk):
        line = recent.order.lines.get().pk
    _goes_on(buyer.send(buyer.form(order), **{f"quantity_{line}": "1"}))
    reasons = {f"reason_{line}": "CR-DEFECTIVE", f"comment_{line}": "It hums."}
    _goes_on(buyer.send(buyer.form(f"{order}reasons/"), **reasons))
    form = buyer.form(f"{order}check/")

    answers = all_at_once([sender(buyer, form)] * 4)

    assert {answer.status_code for answer in answers} == {302}
    assert len({answer.headers["Location"] for answer in answers}) == 1
    with scope(recent.seller.pk):
        assert ReturnRequest.objects.count() == 1
    all_is_well(recent)


def _goes_on(answer: requests.Response) -> None:
    assert answer.status_code == 302, answer.text


def test_receiving_twice_at_once(recent: Shop, web_server: WebServer) -> None:
    """Two people count the same parcel: the units are noted once."""
    owner, manager = Person(web_server, recent), Person(web_server, recent, MemberRole.MANAGER)
    with scope(recent.seller.pk):
        request = stories.authorised(recent, quantity=2)
    path = f"/returns/{request.public_id}/receive/"
    forms = [owner.form(path), manager.form(path)]

    answers = all_at_once([sender(owner, forms[0]), sender(manager, forms[1])])

    assert sorted(answer.status_code for answer in answers) in ([302, 409], [302, 422])
    assert moves(recent, request) == ["submit", "authorise", "receive"]
    with scope(recent.seller.pk):
        row = stories.fresh(request)
        assert [line.received_quantity for line in row.lines.all()] == [2]
        assert clock.now() >= row.requested_at
    all_is_well(recent)
