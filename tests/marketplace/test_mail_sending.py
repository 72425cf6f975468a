"""A mail is claimed, sent outside any transaction, and settled by what the server really said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from pytest_django import Settings

from marketplace import clock, events, mail
from marketplace.actors import MemberRole
from marketplace.mail import Claim, send_due, settle
from marketplace.models import Mail, Note, OutboxEvent
from marketplace.models.record import MailStatus
from marketplace.notifications import Recipient, buyer_recipient, notify
from marketplace.smtp import Accepted
from marketplace.tenancy import scope
from tests.cast import Shop
from tests.smtp_server import MailServer

pytestmark = pytest.mark.django_db


def write(shop: Shop, dedupe: str = "evt-1") -> Mail:
    """One queued mail to the buyer about the order."""
    with scope(shop.seller.pk):
        written = notify(
            dedupe,
            to=buyer_recipient(shop.buyer),
            template="buyer_invited",
            words=lambda _recipient: {"order_number": shop.order.number, "button_url": "https://x.example/"},
            about=shop.order,
        )
    assert len(written) == 1
    return written[0]


def fresh(shop: Shop, written: Mail) -> Mail:
    with scope(shop.seller.pk):
        found: Mail = Mail.objects.get(pk=written.pk)
        return found


@contextmanager
def later(delta: timedelta) -> Iterator[None]:
    with clock.override(clock.now() + delta):
        yield


def facts(shop: Shop) -> list[str]:
    with scope(shop.seller.pk):
        return list(Note.objects.filter(kind=Note.Kind.FACT).values_list("text", flat=True))


def test_an_accepted_mail_is_sent_once(acme: Shop, mail_server: MailServer) -> None:
    written = write(acme)

    assert send_due() == 1
    assert send_due() == 0

    assert [m.recipients for m in mail_server.accepted] == [[acme.buyer.email]]
    after = fresh(acme, written)
    assert after.status == MailStatus.SENT
    assert after.sent_at is not None
    assert after.attempts == 1
    assert after.smtp_code == 250


def test_the_message_says_the_same_twice_and_tells_machines_what_it_is(acme: Shop, mail_server: MailServer) -> None:
    written = write(acme)

    send_due()

    message = mail_server.accepted[0].message
    assert message["Message-ID"] == written.message_id
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["From"] == "Acme <returns@redress.example>"
    assert message["Reply-To"] == "contact@acme.example"
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    for body in (text.get_content(), html.get_content()):
        assert acme.order.number in body
        assert "https://x.example/" in body
    assert max(len(line) for line in mail_server.accepted[0].raw.split(b"\r\n")) <= 998


def test_the_return_path_names_the_mail(acme: Shop, mail_server: MailServer) -> None:
    written = write(acme)

    send_due()

    token = written.message_id[1:33]
    assert mail_server.accepted[0].sender == f"returns+{token}@redress.example"


def test_a_busy_server_is_asked_again_after_a_minute_then_five(acme: Shop, mail_server: MailServer) -> None:
    mail_server.plan = ["451 busy", "451 still busy"]
    written = write(acme)

    send_due()
    after = fresh(acme, written)
    assert after.status == MailStatus.QUEUED
    assert after.smtp_code == 451
    assert "busy" in after.last_error
    with later(timedelta(seconds=59)):
        assert send_due() == 0
        assert len(mail_server.seen) == 1
    with later(timedelta(seconds=70)):
        send_due()
        assert len(mail_server.seen) == 2
        with later(timedelta(minutes=4)):
            assert send_due() == 0
        with later(timedelta(minutes=6)):
            assert send_due() == 1

    assert {m.message_id for m in mail_server.seen} == {written.message_id}
    assert fresh(acme, written).status == MailStatus.SENT
    assert facts(acme) == []


def test_without_a_connection_it_waits_and_after_48_hours_it_has_failed(
    acme: Shop, mail_server: MailServer, settings: Settings
) -> None:
    settings.EMAIL_PORT = 1  # nobody listens there
    written = write(acme)

    send_due()
    assert fresh(acme, written).status == MailStatus.QUEUED
    with later(timedelta(hours=47)):
        send_due()
        assert fresh(acme, written).status == MailStatus.QUEUED
    with later(timedelta(hours=53)):
        send_due()

    assert fresh(acme, written).status == MailStatus.FAILED
    assert len(facts(acme)) == 1


def test_a_refusal_is_final_and_everybody_who_should_know_does(acme: Shop, mail_server: MailServer) -> None:
    mail_server.at_rcpt = {acme.buyer.email: "550 5.1.1 no such mailbox"}
    written = write(acme)

    send_due()
    events.drain_all()

    after = fresh(acme, written)
    assert after.status == MailStatus.FAILED
    assert after.smtp_code == 550
    with later(timedelta(hours=5)):
        send_due()
    assert fresh(acme, written).attempts == 1
    assert len(facts(acme)) == 1
    assert "550 5.1.1 no such mailbox" in facts(acme)[0]
    with scope(acme.seller.pk):
        assert OutboxEvent.objects.filter(name="mail.failed").count() == 1
        told = Mail.objects.filter(template="mail_failed_seller")
        wanted = {acme.people[role].user.email for role in (MemberRole.OWNER, MemberRole.MANAGER, MemberRole.AGENT)}
        assert {m.to_email for m in told} == wanted
        assert all("550 5.1.1 no such mailbox" in m.text for m in told)


def test_silence_after_the_whole_mail_sends_the_same_mail_once_more(acme: Shop, mail_server: MailServer) -> None:
    mail_server.plan = ["drop"]
    written = write(acme)

    send_due()
    assert fresh(acme, written).status == MailStatus.QUEUED
    with later(timedelta(minutes=2)):
        assert send_due() == 1

    assert [m.message_id for m in mail_server.seen] == [written.message_id] * 2
    assert fresh(acme, written).status == MailStatus.SENT


def test_silence_twice_is_left_at_that(acme: Shop, mail_server: MailServer) -> None:
    mail_server.plan = ["drop", "drop"]
    written = write(acme)

    send_due()
    for minutes in (2, 20, 200):
        with later(timedelta(minutes=minutes)):
            send_due()

    assert len(mail_server.seen) == 2
    assert fresh(acme, written).status == MailStatus.UNCONFIRMED
    assert len(facts(acme)) == 1


def test_one_bad_mail_does_not_hold_up_the_others(acme: Shop, mail_server: MailServer) -> None:
    bad, good = write(acme, "evt-1"), write(acme, "evt-2")
    with scope(acme.seller.pk):
        Mail.objects.filter(pk=bad.pk).update(subject="Hello\r\nBcc: everybody@example.com")

    assert send_due() == 1

    assert fresh(acme, bad).status == MailStatus.FAILED
    assert fresh(acme, good).status == MailStatus.SENT
    assert [m.message_id for m in mail_server.seen] == [good.message_id]


def test_a_sender_that_died_is_followed_by_another_with_the_same_mail(acme: Shop, mail_server: MailServer) -> None:
    written = write(acme)
    died = mail._claim(10)

    assert send_due() == 0
    with later(mail.LEASE + timedelta(seconds=1)):
        assert send_due() == 1

    assert [m.message_id for m in mail_server.accepted] == [written.message_id]
    assert [claim.pk for claim in died] == [written.pk]


def test_a_sender_whose_lease_has_ended_may_not_settle(acme: Shop, mail_server: MailServer) -> None:
    written = write(acme)
    (zombie,) = mail._claim(10)
    with later(mail.LEASE + timedelta(seconds=1)):
        mail_server.plan = ["451 busy"]
        send_due()

    assert settle(zombie, Accepted(250, "OK")) is None
    assert fresh(acme, written).status == MailStatus.QUEUED


def test_two_senders_never_hold_the_same_mail(acme: Shop) -> None:
    for number in range(2):
        write(acme, f"evt-{number}")

    first, second = mail._claim(1), mail._claim(10)

    assert len(first) == len(second) == 1
    assert not {claim.pk for claim in first} & {claim.pk for claim in second}


def test_nothing_is_sent_inside_a_transaction(acme: Shop) -> None:
    with scope(acme.seller.pk), pytest.raises(RuntimeError):
        send_due()


def test_mails_of_all_sellers_leave_and_each_settles_in_its_own_scope(
    acme: Shop, globex: Shop, mail_server: MailServer
) -> None:
    ours, theirs = write(acme), write(globex)

    assert send_due() == 2

    assert fresh(acme, ours).status == fresh(globex, theirs).status == MailStatus.SENT
    with scope(acme.seller.pk):
        assert not Mail.objects.filter(pk=theirs.pk).exists()


def test_the_same_event_writes_one_mail_per_recipient(acme: Shop) -> None:
    with scope(acme.seller.pk):
        for _attempt in range(2):
            notify(
                "evt-1",
                to=[Recipient("a@example.com"), Recipient("b@example.com"), Recipient("a@example.com")],
                template="buyer_invited",
                words=lambda _recipient: {"order_number": "1"},
                about=acme.order,
            )
        assert sorted(Mail.objects.values_list("to_email", flat=True)) == ["a@example.com", "b@example.com"]


def test_a_claim_is_plain_data(acme: Shop) -> None:
    written = write(acme)
    (claim,) = mail._claim(1)
    assert isinstance(claim, Claim)
    assert claim.letter.message_id == written.message_id
