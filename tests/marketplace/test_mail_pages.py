"""A mail on the timeline, its page, and the demo's mailbox: shown as sent, without what would let somebody in."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from marketplace import clock, events
from marketplace.actors import Actor
from marketplace.buyers import invite_buyer
from marketplace.mail import send_due
from marketplace.mail_secrets import without_secrets
from marketplace.mail_timeline import mails_about
from marketplace.models import Mail
from marketplace.portal_parts import TimelineEntry
from marketplace.tenancy import scope
from tests.cast import Shop
from tests.smtp_server import MailServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def invitation(acme: Shop, owner: Actor) -> Mail:
    with scope(acme.seller.pk):
        invite_buyer(acme.order.public_id, by=owner, email=acme.buyer.email)
    events.drain_all()
    with scope(acme.seller.pk):
        mail: Mail = Mail.objects.get()
        return mail


@pytest.fixture
def signed_in(acme: Shop) -> Client:
    client = Client()
    client.force_login(acme.people[next(iter(acme.people))].user)
    return client


def entry_of(shop: Shop) -> TimelineEntry:
    with scope(shop.seller.pk):
        (entry,) = mails_about("order", shop.order.pk)
        return entry


def test_the_timeline_shows_what_became_of_a_mail(acme: Shop, invitation: Mail, mail_server: MailServer) -> None:
    assert entry_of(acme).mail_status == "QUEUED"
    mail_server.plan = ["451 4.3.0 busy"]
    send_due()
    waiting = entry_of(acme)
    assert waiting.mail_status == "RETRY"
    assert "451 4.3.0 busy" in str(waiting.why)
    mail_server.plan = ["550 5.1.1 no such mailbox"]
    with clock.override(clock.now() + timedelta(minutes=2)):
        send_due()
    lost = entry_of(acme)
    assert lost.mail_status == "FAILED"
    assert lost.is_failure
    assert "550 5.1.1 no such mailbox" in str(lost.why)


def test_once_sent_the_link_is_blotted_out(
    acme: Shop, invitation: Mail, mail_server: MailServer, signed_in: Client
) -> None:
    page = entry_of(acme).mail_url
    assert "/r/acme/l/…" in signed_in.get(page).content.decode()
    assert "/r/acme/l/…" in signed_in.get(f"{page}html/").content.decode()
    send_due()
    with scope(acme.seller.pk):
        kept = Mail.objects.get()
    assert "/r/acme/l/…" in kept.text
    assert "/r/acme/l/…" in kept.html
    token = invitation.text.split("/l/")[1].split("/")[0]
    assert token in mail_server.accepted[0].message.as_string().replace("=\n", "")
    assert token not in kept.text + kept.html


def test_codes_are_blotted_out_where_they_are_codes() -> None:
    assert without_secrets("buyer_code", "Your code:\n    ABCD-EF23\n") == "Your code:\n    …\n"
    assert without_secrets("seller_message_buyer", "Part ABCD-EF23 is missing") == "Part ABCD-EF23 is missing"


def test_the_page_of_a_mail_is_its_sellers(acme: Shop, globex: Shop, invitation: Mail, signed_in: Client) -> None:
    page = entry_of(acme).mail_url
    assert signed_in.get(page).status_code == 200
    stranger = Client()
    stranger.force_login(globex.people[next(iter(globex.people))].user)
    assert stranger.get(page).status_code == 404
    assert stranger.get(f"{page}html/").status_code == 404
    assert Client().get(page).status_code == 302
    assert signed_in.get("/mails/%25/").status_code == 404


def test_the_frame_can_run_nothing_and_reach_nothing(acme: Shop, invitation: Mail, signed_in: Client) -> None:
    page = entry_of(acme).mail_url
    assert "frame-src 'self'" in signed_in.get(page)["Content-Security-Policy"]
    frame = signed_in.get(f"{page}html/")
    policy = frame["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert "allow-scripts" not in policy
    assert "frame-ancestors 'self'" in policy
    assert frame["X-Frame-Options"] == "SAMEORIGIN"


def test_a_mail_that_waits_says_until_when(acme: Shop, invitation: Mail) -> None:
    with scope(acme.seller.pk):
        Mail.objects.update(not_before=clock.now() + timedelta(hours=20))
    assert "at most two mails a day about one case" in str(entry_of(acme).why)


# --- the demo's mailbox ---


@pytest.fixture
def mailbox(tmp_path: Path, settings: Settings) -> Path:
    settings.REDRESS_DEMO = True
    settings.MAILBOX_DIR = tmp_path
    for number, address in enumerate(("lena@example.com", "owner@acme.example"), start=1):
        message = EmailMessage()
        message["Subject"] = f"Mail {number} for <{address}>"
        message["From"] = "Redress <returns@redress.example>"
        message.set_content(f"Hello {number}\nhttp://127.0.0.1:8000/r/acme/l/{'t' * 43}/\n")
        message.add_alternative(
            f"<html><head></head><body><script>x</script>Hello {number}</body></html>", subtype="html"
        )
        head = f"X-Envelope-From: <>\r\nX-Envelope-To: {address}\r\n".encode()
        (tmp_path / f"{number:020d}-0000000a.eml").write_bytes(head + message.as_bytes())
    (tmp_path / ".00000000000000000003-0000000a.eml.part").write_bytes(b"half")
    (tmp_path / "secret.eml").write_bytes(b"Subject: no\r\n\r\n")
    return tmp_path


def name(number: int) -> str:
    return f"{number:020d}-0000000a"


def test_the_mailbox_lists_the_newest_first_and_filters(mailbox: Path) -> None:
    page = Client().get("/mailbox/").content.decode()
    assert page.index("Mail 2") < page.index("Mail 1")
    assert "Subject: no" not in page
    one = Client().get("/mailbox/?to=LENA@example.com").content.decode()
    assert "Mail 1" in one
    assert "Mail 2" not in one


def test_a_mail_of_the_mailbox_can_be_read_and_its_links_followed(mailbox: Path) -> None:
    page = Client().get(f"/mailbox/{name(1)}/")
    assert f'href="http://127.0.0.1:8000/r/acme/l/{"t" * 43}/"' in page.content.decode()
    assert "Mail 1 for &lt;lena@example.com&gt;" in page.content.decode()
    frame = Client().get(f"/mailbox/{name(1)}/html/")
    assert b"Hello 1" in frame.content
    assert "sandbox" in frame["Content-Security-Policy"]
    assert Client().get(f"/mailbox/{name(1)}/raw/")["Content-Type"] == "message/rfc822"


@pytest.mark.parametrize("evil", ["secret", "..%2f..%2fetc%2fpasswd", "....", "00000000000000000003-0000000a"])
def test_the_mailbox_opens_its_own_files_only(mailbox: Path, evil: str) -> None:
    for step in ("", "html/", "raw/"):
        assert Client().get(f"/mailbox/{evil}/{step}").status_code == 404


def test_there_is_no_mailbox_outside_the_demo(mailbox: Path, settings: Settings) -> None:
    settings.REDRESS_DEMO = False
    for path in ("", f"{name(1)}/", f"{name(1)}/html/", f"{name(1)}/raw/"):
        assert Client().get(f"/mailbox/{path}").status_code == 404
