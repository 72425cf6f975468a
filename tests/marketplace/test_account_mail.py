"""Mails about access: they leave once, are tried again, and nothing of their links stays behind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from marketplace import account_mail, clock
from marketplace.models import AccountMail
from tests.smtp_server import MailServer


def queued(**more: Any) -> AccountMail:
    facts = {"url": "http://127.0.0.1:8000/accounts/password/reset/key/1-secret/", "button": "Choose a new password"}
    return account_mail.queue("account.password_reset", to_email="ann@acme.example", to_name="Ann", **facts | more)


def test_it_is_sent_once_and_its_text_erased(db: None, mail_server: MailServer) -> None:
    mail = queued()
    assert "1-secret" in mail.text
    assert "1-secret" in mail.html

    assert account_mail.send_due() == 1
    assert account_mail.send_due() == 0

    (arrived,) = mail_server.accepted
    assert arrived.recipients == ["ann@acme.example"]
    assert b"1-secret" in arrived.raw
    mail.refresh_from_db()
    assert (mail.text, mail.html) == ("", "")
    assert mail.sent_at is not None


def test_not_now_is_tried_again_with_the_same_message_id(db: None, mail_server: MailServer) -> None:
    mail = queued()
    mail_server.plan = ["451 try again"]
    assert account_mail.send_due() == 0
    mail.refresh_from_db()
    assert (mail.attempts, mail.failed_at) == (1, None)
    assert "451" in mail.last_error
    assert account_mail.send_due() == 0

    with clock.override(mail.next_at + timedelta(seconds=1)):
        assert account_mail.send_due() == 1

    assert [each.message_id for each in mail_server.seen] == [mail.message_id, mail.message_id]


def test_a_refusal_ends_it_and_erases_the_text(db: None, mail_server: MailServer) -> None:
    mail = queued()
    mail_server.plan = ["550 no such mailbox"]

    account_mail.send_due()

    mail.refresh_from_db()
    assert mail.failed_at is not None
    assert (mail.text, mail.html) == ("", "")
    assert account_mail.send_due() == 0


def test_silence_after_the_whole_mail_counts_as_sent(db: None, mail_server: MailServer) -> None:
    mail = queued()
    mail_server.plan = ["drop"]

    account_mail.send_due()

    mail.refresh_from_db()
    assert mail.sent_at is not None


def test_without_a_server_it_waits(db: None, settings: Settings) -> None:
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    mail = queued()

    assert account_mail.send_due() == 0

    mail.refresh_from_db()
    assert (mail.sent_at, mail.failed_at) == (None, None)


def test_after_seven_tries_it_is_given_up(db: None, mail_server: MailServer) -> None:
    mail = queued()
    mail_server.plan = ["451 try again"] * 9
    for _try in range(len(account_mail.BACK_OFF) + 1):
        assert mail.failed_at is None
        with clock.override(mail.next_at + timedelta(seconds=1)):
            account_mail.send_due()
        mail.refresh_from_db()

    assert mail.failed_at is not None


def test_a_forged_name_breaks_no_header(db: None, mail_server: MailServer) -> None:
    forged = "Ann\r\nBcc: thief@x.example"
    mail = account_mail.queue("account.password_reset", to_email="ann@acme.example", to_name=forged)
    account_mail.send_due()

    assert "\n" not in mail.to_name
    (arrived,) = mail_server.accepted
    assert arrived.recipients == ["ann@acme.example"]
    assert arrived.message["Bcc"] is None


@pytest.mark.parametrize(
    "event",
    ["password_reset", "password_changed", "second_factor_on", "second_factor_off", "recovery_codes"],
)
def test_text_and_html_say_the_same_in_every_language(db: None, event: str) -> None:
    for language in ("en", "de"):
        facts: dict[str, Any] = {"ip": "192.0.2.7", "moment": "14 Dec 2026, 23:59 GMT"}
        mail = account_mail.queue(f"account.{event}", to_email="ann@acme.example", language=language, **facts)
        assert mail.subject
        assert "\n" not in mail.subject
        for sentence in [line for line in mail.text.splitlines() if len(line) > 40 and "://" not in line]:
            assert sentence.replace("'", "&#x27;") in mail.html, sentence
