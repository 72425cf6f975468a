"""A delivery report marks the right mail, once, and the seller hears of it."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from marketplace import events
from marketplace.bounces import parse_report, record_bounce, record_report
from marketplace.mail import send_due
from marketplace.models import Mail, Note
from marketplace.models.record import MailStatus
from marketplace.tenancy import scope
from tests.cast import Shop
from tests.marketplace.test_mail_sending import facts, fresh, write
from tests.smtp_server import MailServer

pytestmark = pytest.mark.django_db

REPORT = """\
Return-Path: <>
From: MAILER-DAEMON@mx.example
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I am sorry.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
Arrival-Date: Sun, 22 Nov 2026 10:00:00 +0000

Final-Recipient: rfc822; lena@acme-buyers.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 <lena@acme-buyers.example>:
    Recipient address rejected: User unknown

--b
Content-Type: message/rfc822

Message-ID: {message_id}
Subject: as it was

Hello

--b--
"""


def report(mail: Mail, *, verp: bool = True, action: str = "failed", status: str = "5.1.1") -> bytes:
    to = f"returns+{mail.message_id[1:33]}@redress.example" if verp else "returns@redress.example"
    text = REPORT.format(to=to, action=action, status=status, message_id=mail.message_id)
    return text.replace("\n", "\r\n").encode()


@pytest.mark.parametrize("verp", [True, False])
def test_a_bounce_is_matched_by_return_path_or_by_the_mail_it_quotes(
    acme: Shop, mail_server: MailServer, verp: bool
) -> None:
    sent = write(acme)
    send_due()

    assert record_report(report(sent, verp=verp)) == 1
    assert record_report(report(sent, verp=verp)) == 0

    after = fresh(acme, sent)
    assert after.status == MailStatus.BOUNCED
    assert after.smtp_code == 550
    assert "User unknown" in after.last_error
    assert len(facts(acme)) == 1
    events.drain_all()
    with scope(acme.seller.pk):
        assert Mail.objects.filter(template="mail_failed_seller").count() == 3


@pytest.mark.parametrize(("action", "status"), [("delayed", "4.4.1"), ("delivered", "2.0.0"), ("failed", "4.7.1")])
def test_what_is_not_final_changes_nothing(acme: Shop, mail_server: MailServer, action: str, status: str) -> None:
    sent = write(acme)
    send_due()

    assert record_report(report(sent, action=action, status=status)) == 0
    assert fresh(acme, sent).status == MailStatus.SENT


@pytest.mark.parametrize(
    "raw", [b"", b"hello", b"\x00\xff\xfe", b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n--b--"]
)
def test_rubbish_is_no_report(acme: Shop, raw: bytes) -> None:
    assert parse_report(raw) == []


def test_a_bounce_of_an_unknown_mail_is_ignored(acme: Shop) -> None:
    assert not record_bounce(token="ab" * 16, code="5.1.1", text="unknown")
    assert not record_bounce(token="%", code="5.1.1", text="unknown")
    with scope(acme.seller.pk):
        assert not Note.objects.exists()


def test_a_bounce_reaches_one_seller_alone(acme: Shop, globex: Shop, mail_server: MailServer) -> None:
    ours, theirs = write(acme), write(globex)
    send_due()

    record_report(report(ours))

    assert fresh(acme, ours).status == MailStatus.BOUNCED
    assert fresh(globex, theirs).status == MailStatus.SENT
    assert facts(globex) == []


def test_a_mail_server_can_pipe_reports_in(acme: Shop, mail_server: MailServer, tmp_path: Path) -> None:
    sent = write(acme)
    send_due()
    file = tmp_path / "report.eml"
    file.write_bytes(report(sent))
    said = StringIO()

    call_command("record_bounce", str(file), stdout=said)

    assert said.getvalue() == "1 mail(s) marked as bounced.\n"
    assert fresh(acme, sent).status == MailStatus.BOUNCED
