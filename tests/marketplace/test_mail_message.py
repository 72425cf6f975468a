"""Nothing that a person typed can become a header, and no lax address is written to."""

from __future__ import annotations

import email
from datetime import UTC, datetime
from email.policy import default

import pytest
from pytest_django import Settings

from marketplace.mail_message import Letter, Unsendable, build, on_the_wire, plain_address, return_path, token_of

WHEN = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
MESSAGE_ID = f"<{'ab' * 16}@redress.example>"


def letter(**changes: str) -> Letter:
    values = {
        "message_id": MESSAGE_ID,
        "to_email": "lena@buyers.example",
        "to_name": "Lena Büyer",
        "from_name": 'Acme, Sons & "Daughters"',
        "reply_to": "",
        "subject": "Zurückschicken bis 14. Dezember – 2 × Lampe",
        "text": "Hello,\n.a line that begins with a dot\n",
        "html": "<p>Hello</p>",
    }
    return Letter(**(values | changes), created_at=WHEN)


@pytest.mark.parametrize("field", ["subject", "to_name", "from_name", "message_id", "to_email", "reply_to"])
@pytest.mark.parametrize("evil", ["\r\nBcc: all@example.com", "\nX: y", "\rX: y", "\x00", "\u2028X: y", "\x85X: y"])
def test_no_header_breaks_out_of_its_line(field: str, evil: str) -> None:
    with pytest.raises(Unsendable):
        build(letter(**{field: f"{getattr(letter(), field) or 'a@b.example'}{evil}"}))


@pytest.mark.parametrize(
    "address",
    [
        "",
        "lena",
        "lena@",
        "@buyers.example",
        "lena@buyers.example, eve@example.com",
        "Lena <lena@buyers.example>",
        "lena@buyers.example>",
        '"lena\\"@x"@buyers.example',
        "lena@buyers..example",
        "lena..b@buyers.example",
        ".lena@buyers.example",
        "lena@-buyers.example",
        "lena@[127.0.0.1]",
        "lena @buyers.example",
        "lena(comment)@buyers.example",
        "lé@buyers.example",
        "lena@büyers.example",
        "l" * 65 + "@buyers.example",
        "lena@" + "b" * 250 + ".example",
    ],
)
def test_lax_addresses_are_refused(address: str) -> None:
    with pytest.raises(Unsendable):
        plain_address(address)


@pytest.mark.parametrize("address", ["lena@buyers.example", "o'neil+tag.x@sub.buyers.example", "a@b", "A-1@B.example"])
def test_plain_addresses_pass(address: str) -> None:
    assert plain_address(address) == address


def test_other_alphabets_travel_in_seven_bits() -> None:
    raw = on_the_wire(build(letter()))

    assert raw.isascii()
    assert b"=?utf-8?" in raw
    assert b"\nZur" not in raw


@pytest.mark.parametrize(
    "subject", ["Short", "Send back by 15 Dec 2026: return authorised for order " + "9" * 60, "Zurück " * 30]
)
def test_a_subject_of_any_length_arrives_as_it_was(subject: str) -> None:
    raw = on_the_wire(build(letter(subject=subject, to_name="Lena", from_name="Acme")))

    assert b"Subject:\r\n" not in raw
    assert email.message_from_bytes(raw, policy=default)["Subject"].strip() == subject.strip()
    assert max(len(line) for line in raw.split(b"\r\n")) < 998


def test_the_return_path_carries_the_token(settings: Settings) -> None:
    settings.DEFAULT_FROM_EMAIL = "Redress <returns@redress.example>"
    settings.BOUNCE_ADDRESS = "bounces@mail.redress.example"

    assert return_path(MESSAGE_ID) == f"bounces+{'ab' * 16}@mail.redress.example"
    assert token_of(MESSAGE_ID) == "ab" * 16
    assert token_of("<somebody-else@example.com>") == ""
