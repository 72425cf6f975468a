"""Many at once at the buyer's door and the mail server: five tries a code, one mail, one press."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.test import Client

from marketplace import events
from marketplace.buyer_codes import CODE_TRIES, check_code
from marketplace.mail import send_due
from marketplace.models import BuyerCode, Mail
from marketplace.notifications import buyer_recipient, notify
from marketplace.tenancy import scope
from returns.models import ReturnRequest
from tests.cast import Shop
from tests.races.together import inside, together
from tests.returns.buyer.conftest import code_in, enter_by_code, find, mails
from tests.smtp_server import MailServer, mail_server

__all__ = ["mail_server"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.server]


def test_twenty_guesses_at_once_are_five_tries(acme: Shop) -> None:
    find(Client(), acme)
    events.drain_all()
    code = code_in(mails(acme)[0])
    with scope(acme.seller.pk):
        ask = BuyerCode.objects.get().public_id

    def guess(text: str) -> Any:
        return inside(acme.seller.pk, lambda: check_code(ask, text))

    wrong = together([guess("AAAA-AAAA") for _each in range(20)], at_once=10)
    assert wrong == [None] * 20
    with scope(acme.seller.pk):
        assert BuyerCode.objects.get().tries == CODE_TRIES
    assert together([guess(code) for _each in range(4)]) == [None] * 4


def test_the_right_code_at_once_in_four_tabs_opens_once(acme: Shop) -> None:
    find(Client(), acme)
    events.drain_all()
    code = code_in(mails(acme)[0])
    with scope(acme.seller.pk):
        ask = BuyerCode.objects.get().public_id

    answers = together([inside(acme.seller.pk, lambda: check_code(ask, code)) for _each in range(4)])
    assert sum(answer is not None for answer in answers) == 1


def test_four_senders_send_each_mail_once(acme: Shop, mail_server: MailServer) -> None:
    with scope(acme.seller.pk):
        for number in range(30):
            notify(
                f"evt-{number}",
                to=buyer_recipient(acme.buyer),
                template="buyer_invited",
                words=lambda _recipient: {"order_number": "1"},
                about=acme.order,
                answers=True,
            )

    together([lambda: send_due(limit=3) for _each in range(4)])

    assert len(mail_server.accepted) == 30
    assert len({mail.message_id for mail in mail_server.accepted}) == 30
    with scope(acme.seller.pk):
        assert set(Mail.objects.values_list("status", flat=True)) == {"SENT"}


def test_three_mails_at_once_about_one_case_are_two_today(acme: Shop) -> None:
    def write(number: int) -> Any:
        return inside(
            acme.seller.pk,
            lambda: notify(
                f"evt-{number}",
                to=buyer_recipient(acme.buyer),
                template="buyer_invited",
                words=lambda _recipient: {"order_number": "1"},
                about=acme.order,
            ),
        )

    together([write(number) for number in range(6)])

    with scope(acme.seller.pk):
        held = [mail for mail in Mail.objects.all() if mail.not_before > mail.created_at]
        assert Mail.objects.count() == 6
    assert len(held) == 4


def test_two_equal_presses_at_once_are_one_return_and_one_answer(recent: Shop) -> None:
    first = Client()
    enter_by_code(first, recent)
    with scope(recent.seller.pk):
        pk = recent.order.lines.get().pk
    order = f"/r/acme/orders/{recent.order.public_id}/"
    first.post(order, {f"quantity_{pk}": "1"})
    first.post(f"{order}reasons/", {f"reason_{pk}": "CR-DEFECTIVE", f"comment_{pk}": "It hums."})
    second = Client()
    for name, morsel in first.cookies.items():
        second.cookies[name] = morsel.value
    nonce = str(uuid.uuid4())

    def press(client: Client) -> Any:
        return lambda: client.post(f"{order}check/", {"form_nonce": nonce})

    answers: list[Any] = together([press(first), press(second)])

    assert [answer.status_code for answer in answers] == [302, 302]
    assert answers[0]["Location"] == answers[1]["Location"]
    with scope(recent.seller.pk):
        assert ReturnRequest.objects.count() == 1
