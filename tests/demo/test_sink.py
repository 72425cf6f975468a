"""The demo's mail server keeps what it takes, and refuses two addresses on purpose."""

from __future__ import annotations

import smtplib
import sys
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest

from marketplace.demo.layout import ROOT
from marketplace.embedded import processes


@pytest.fixture
def mailbox(tmp_path: Path) -> Path:
    return tmp_path / "mailbox"


@pytest.fixture
def server(tmp_path: Path, mailbox: Path) -> Iterator[smtplib.SMTP]:
    port, log = processes.free_port(), tmp_path / "sink.log"
    command = [sys.executable, "-m", "marketplace.demo.sink", f"--port={port}", f"--dir={mailbox}"]
    process = processes.start(command, log=log, directory=ROOT)
    try:
        processes.wait_until(lambda: _listens(port), process=process, what="The sink", log=log)
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            yield client
    finally:
        processes.stop(process)


def test_a_mail_is_kept_whole_with_its_envelope(server: smtplib.SMTP, mailbox: Path) -> None:
    text = "Subject: Grüße\r\n\r\nline one\r\n.dot\r\n"

    server.sendmail("shop@example.com", ["ann@example.com", "bob@example.com"], text.encode())

    (file,) = mailbox.iterdir()
    assert file.suffix == ".eml"
    mail = message_from_bytes(file.read_bytes())
    assert mail["X-Envelope-From"] == "shop@example.com"
    assert mail.get_all("X-Envelope-To") == ["ann@example.com", "bob@example.com"]
    assert file.read_bytes().endswith(text.encode())


@pytest.mark.parametrize(
    ("address", "code"),
    [("bounce@example.com", 550), ("Bounce+7@example.com", 550), ("defer@example.com", 451)],
)
def test_a_refused_address_keeps_nothing(server: smtplib.SMTP, mailbox: Path, address: str, code: int) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        server.sendmail("shop@example.com", [address], "Subject: x\r\n\r\n")

    assert refused.value.recipients[address][0] == code
    assert list(mailbox.iterdir()) == []


def test_one_refused_address_does_not_lose_the_others(server: smtplib.SMTP, mailbox: Path) -> None:
    refused = server.sendmail("shop@example.com", ["bounce@example.com", "ann@example.com"], "Subject: x\r\n\r\n")

    assert list(refused) == ["bounce@example.com"]
    assert len(list(mailbox.iterdir())) == 1


def _listens(port: int) -> bool:
    try:
        smtplib.SMTP("127.0.0.1", port, timeout=5).close()
    except OSError:
        return False
    return True
