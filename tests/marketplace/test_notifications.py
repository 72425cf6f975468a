"""Who gets a mail, in which language and zone, and how often at most."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from marketplace import clock
from marketplace.actors import MemberRole, Permission
from marketplace.models import Buyer, Mail, NotificationPreference
from marketplace.notifications import KINDS, Recipient, buyer_recipient, notify, people_recipients, register_kind
from marketplace.tenancy import scope
from marketplace.times import written
from tests.cast import Shop

pytestmark = pytest.mark.django_db
MORNING = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
EVENT = "test.event"


@pytest.fixture(autouse=True)
def kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, EVENT, KINDS.get(EVENT))
    register_kind(EVENT, "Test", permission=Permission.DECIDE)


def tell(shop: Shop, dedupe: str, at: datetime, *, answers: bool = False) -> Mail:
    with clock.override(at):
        (mail,) = notify(
            dedupe,
            to=buyer_recipient(shop.buyer),
            template="buyer_invited",
            words=lambda _recipient: {"order_number": "1"},
            about=shop.order,
            answers=answers,
        )
    return mail


def test_those_who_may_act_get_it(in_acme: Shop) -> None:
    people = {r.email for r in people_recipients(EVENT)}

    assert people == {f"{role}@acme.example" for role in ("owner", "manager", "agent")}


def test_a_person_may_say_no_and_another_yes(in_acme: Shop) -> None:
    owner, agent = in_acme.people[MemberRole.OWNER].user, in_acme.people[MemberRole.AGENT].user
    NotificationPreference.objects.create(user=owner, event=EVENT, wants_mail=False)
    NotificationPreference.objects.create(user=agent, event=EVENT, wants_mail=True)

    assert {r.email for r in people_recipients(EVENT)} == {"manager@acme.example", "agent@acme.example"}

    register_kind(EVENT, "Test", permission=Permission.DECIDE, is_wanted=False)
    assert {r.email for r in people_recipients(EVENT)} == {"agent@acme.example"}


def test_a_buyer_without_an_address_gets_nothing(in_acme: Shop) -> None:
    assert buyer_recipient(None) == []
    assert buyer_recipient(Buyer(name="Lena")) == []


def test_a_mail_speaks_the_language_and_the_time_of_its_reader(in_acme: Shop) -> None:
    moment = datetime(2026, 12, 14, 23, 59, tzinfo=UTC)
    readers = [
        Recipient("a@example.com", language="en", zone="Europe/London"),
        Recipient("b@example.com", language="de", zone="Europe/Berlin"),
        Recipient("c@example.com", language="en", zone="Nowhere/At_all"),
    ]

    notify(
        "evt",
        to=readers,
        template="buyer_code",
        words=lambda _recipient: {"code": "AAAA-BBBB", "due_text": written(moment)},
        about=in_acme.order,
    )

    english, german, nowhere = (Mail.objects.get(to_email=r.email) for r in readers)
    assert "14 Dec 2026, 23:59 GMT" in english.text
    assert "00:59 CET" in german.text
    assert 'lang="de"' in german.html
    assert "23:59 UTC" in nowhere.text


def test_what_a_person_typed_is_text_in_both_halves(in_acme: Shop) -> None:
    (mail,) = notify(
        "evt",
        to=[Recipient("a@example.com", name="Tom & <b>Jerry</b>")],
        template="seller_message_buyer",
        words=lambda _recipient: {"message": "5 < 6 & 7 > 2", "order_number": "1"},
        about=in_acme.order,
    )

    assert "5 < 6 & 7 > 2" in mail.text
    assert "Tom & <b>Jerry</b>" in mail.text
    assert "5 &lt; 6 &amp; 7 &gt; 2" in mail.html
    assert "<b>Jerry" not in mail.html


def test_two_mails_a_case_and_day_and_the_third_waits(in_acme: Shop) -> None:
    times = [tell(in_acme, f"evt-{n}", MORNING + timedelta(hours=n)).not_before for n in range(5)]

    day = timedelta(hours=24)
    assert times[:2] == [MORNING, MORNING + timedelta(hours=1)]
    assert times[2:4] == [MORNING + day, MORNING + day + timedelta(hours=1)]
    assert times[4] == MORNING + 2 * day
    for first, third in zip(times, times[2:], strict=False):
        assert third - first >= day


def test_the_minute_before_of_and_after_the_day(in_acme: Shop) -> None:
    tell(in_acme, "evt-1", MORNING)
    tell(in_acme, "evt-2", MORNING)
    day = MORNING + timedelta(hours=24)

    before = tell(in_acme, "evt-3", day - timedelta(minutes=1))
    assert before.not_before == day
    at = tell(in_acme, "evt-4", day)
    assert at.not_before == day
    after = tell(in_acme, "evt-5", day + timedelta(minutes=1))
    assert after.not_before == day + timedelta(hours=24)


def test_answers_to_the_buyer_do_not_count_and_do_not_wait(in_acme: Shop) -> None:
    for n in range(4):
        assert tell(in_acme, f"answer-{n}", MORNING, answers=True).not_before == MORNING
    assert tell(in_acme, "evt-1", MORNING).not_before == MORNING
    assert tell(in_acme, "evt-2", MORNING).not_before == MORNING
    assert tell(in_acme, "evt-3", MORNING).not_before > MORNING


def test_another_case_of_the_same_buyer_has_its_own_two(in_acme: Shop) -> None:
    for n in range(3):
        tell(in_acme, f"evt-{n}", MORNING)
    with clock.override(MORNING):
        (mail,) = notify(
            "evt-9",
            to=buyer_recipient(in_acme.buyer),
            template="buyer_invited",
            words=lambda _recipient: {"order_number": "2"},
            about=("order", in_acme.order.pk + 1000),
        )
    assert mail.not_before == MORNING


def test_mails_to_the_seller_are_not_held_back(in_acme: Shop) -> None:
    with clock.override(MORNING):
        for n in range(4):
            mails = notify(
                f"evt-{n}",
                to=people_recipients(EVENT),
                template="return_withdrawn_seller",
                words=lambda _recipient: {"order_number": "1", "buyer_name": "Lena"},
                about=in_acme.order,
            )
            assert {mail.not_before for mail in mails} == {MORNING}


def test_a_mail_of_one_seller_is_nowhere_for_another(acme: Shop, globex: Shop) -> None:
    with scope(acme.seller.pk):
        tell(acme, "evt-1", MORNING)
    with scope(globex.seller.pk):
        assert not Mail.objects.exists()
