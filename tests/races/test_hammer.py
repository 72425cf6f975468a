"""A hundred clients on one payment of 100.00, each asking 30.00 back: three get it, whichever door they use."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import timedelta

import pytest
import requests

from marketplace import clock
from marketplace.actors import MemberRole
from marketplace.models import Order
from marketplace.tenancy import scope
from refunds import executor, invariants
from refunds.models import LedgerLine, RefundBudget, RefundRequest
from returns.models import ReturnRequest
from tests.cast import Shop
from tests.factories import OrderFactory
from tests.races.web import Person, Press, Program, WebServer, all_at_once
from tests.refunds.sandbox_fixture import SandboxProcess
from tests.returns import stories
from tests.visitor import Form

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.server]
CLIENTS = 100
DOORS = 4
PEOPLE = (MemberRole.OWNER, MemberRole.MANAGER, MemberRole.FINANCE)


class Hammer:
    """The clients: people with the form of the return open in a tab each, and programs on two operations."""

    def __init__(self, server: WebServer, shop: Shop) -> None:
        self.shop = shop
        self.people = [Person(server, shop, role) for role in PEOPLE]
        self.programs = [Program(server, shop) for _number in range(3)]

    def round(self, sandbox: SandboxProcess) -> None:
        order, request = self._paid_order()
        with scope(self.shop.seller.pk):
            line = stories.first_line(order).pk
        path = f"/returns/{request.public_id}/refund/"
        forms = [person.form(path) for person in self.people]
        presses = [self._press(number, order, request, line, forms) for number in range(CLIENTS)]

        answers = all_at_once(presses)

        yes = [number for number, answer in enumerate(answers) if _is_yes(answer)]
        said = Counter((number % DOORS, answer.status_code) for number, answer in enumerate(answers))
        assert len(yes) == 3, said
        assert {answer.status_code for answer in answers} <= {201, 302, 409, 422}, said
        self._look(order, reserved=9_000, refunded=0)
        executor.execute_due()
        self._look(order, reserved=0, refunded=9_000)
        payouts = sandbox.payouts(order.payment_reference)
        assert [payout["amount"] for payout in payouts] == [3_000] * 3

    def _paid_order(self) -> tuple[Order, ReturnRequest]:
        with scope(self.shop.seller.pk):
            bought = clock.now() - timedelta(days=9)
            order: Order = OrderFactory(channel=self.shop.channel, buyer=self.shop.buyer, purchased_at=bought)
            request = stories.authorised(self.shop, order=order, quantity=2)
            return order, stories.receive(request, stories.owner_of(self.shop), 2)

    def _press(self, number: int, order: Order, request: ReturnRequest, line: int, forms: list[Form]) -> Press:
        """A quarter of the clients at each of two API operations, half in the portal, each with a form of their own."""
        ask = {"order_line_id": line, "component": "ITEM", "amount_minor": 3_000}
        mine = number % len(self.people)
        program, person, form = self.programs[mine], self.people[mine], forms[mine]
        if number % DOORS == 0:
            return lambda: program.post(f"returns/{request.public_id}/refund/", {"lines": [ask]})
        if number % DOORS == 1:
            body = {"order": order.public_id, "lines": [ask], "reason_code": "BUYER_RETURN"}
            return lambda: program.post("refunds/", body)
        values = {f"line_{line}": "30.00", "seen_total": "3000", "form_nonce": str(uuid.uuid4())}
        return lambda: person.send(form, **values)

    def _look(self, order: Order, *, reserved: int, refunded: int) -> None:
        """The budget, the rows and the books say the same, and never more than 100.00."""
        with scope(self.shop.seller.pk):
            budget = RefundBudget.objects.get(order=order)
            rows = RefundRequest.objects.filter(order=order)
            lines = LedgerLine.objects.filter(budget=budget, account__in=["RESERVED", "REFUNDED"])
            assert (budget.cap_minor, budget.reserved_minor, budget.refunded_minor) == (10_000, reserved, refunded)
            assert sum(row.amount_minor for row in rows) == 9_000
            assert sum(line.amount_minor for line in lines) == 9_000
            assert [str(breach) for breach in invariants.breaches()] == []


def _is_yes(answer: requests.Response) -> bool:
    return answer.status_code in {201, 302}


@pytest.mark.parametrize("rounds", [3, pytest.param(20, marks=pytest.mark.long)])
def test_never_more_than_was_paid(
    acme: Shop, web_server: WebServer, sandbox_process: SandboxProcess, rounds: int
) -> None:
    hammer = Hammer(web_server, acme)
    for _round in range(rounds):
        hammer.round(sandbox_process)
