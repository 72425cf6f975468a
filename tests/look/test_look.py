"""The parts of a page: icons exist, nothing stands inline, mails say the same twice, times and bars add up."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django import forms
from django.core.management import call_command
from django.template import Context, Template
from django.utils import timezone
from django.utils.html import strip_tags

from marketplace import charts, times
from marketplace.mail_text import render_mail
from marketplace.plain_forms import Paragraphs, PlainForm
from marketplace.portal_parts import Bar
from marketplace.portal_words import ACTOR_ICONS, STATUS_WORDS, Family, status_word
from marketplace.preview.mail_samples import EVENTS, sample

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "templates"
# A mail has no policy, and its styles stand inline.
PAGES = sorted(page for page in TEMPLATES.rglob("*.html") if "emails" not in page.parts)
NOW = datetime(2026, 11, 30, 9, 42, tzinfo=UTC)


def icons() -> set[str]:
    return set(re.findall(r'symbol id="([^"]+)"', (ROOT / "marketplace/static/vendor/lucide/icons.svg").read_text()))


def test_the_vendored_files_are_those_of_the_list() -> None:
    said = StringIO()
    call_command("vendor_static", "--check", stdout=said)
    assert "tabler/tabler.min.css ok" in said.getvalue()


def test_every_icon_that_is_named_is_in_the_sprite() -> None:
    named = {word.icon for words in STATUS_WORDS.values() for word in words.values()} | set(ACTOR_ICONS.values())
    for page in TEMPLATES.rglob("*.html"):
        named |= set(re.findall(r'{% icon "([^"]+)"', page.read_text()))
        named |= set(re.findall(r'icon="([^"]+)"', page.read_text()))
    assert named <= icons()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(TEMPLATES).as_posix())
def test_no_page_carries_inline_code(page: Path) -> None:
    """The content security policy would refuse it."""
    text = page.read_text()
    assert not re.search(r"\sstyle=", text)
    assert not re.search(r"\son[a-z]+=[\"']", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"(?:src|href)=[\"'](?:https?:)?//", text)


def test_an_unknown_status_shows_its_raw_code() -> None:
    word = status_word("return", "SOMETHING_NEW")
    assert (word.label, word.family) == ("SOMETHING_NEW", Family.ENDED)


def test_the_buyer_reads_other_words_than_the_seller() -> None:
    assert status_word("return", "PENDING_RESPONSE").family is Family.NEEDS_YOU
    assert status_word("return", "PENDING_RESPONSE", "buyer").family is Family.WAITS


@pytest.mark.parametrize("event", EVENTS)
def test_text_and_html_of_a_mail_say_the_same(event: str) -> None:
    mail = render_mail(event, sample(event))
    assert mail.subject
    assert "\n" not in mail.subject
    assert "&#" not in mail.text
    shown = " ".join(strip_tags(mail.html.split("<h1", 1)[1]).replace("&#x27;", "'").replace("&amp;", "&").split())
    for sentence in re.split(r"\n\s*\n", mail.text.split("\n--\n")[0]):
        for line in sentence.splitlines():
            if not line.strip().startswith(("-", "http")) and not line.endswith(":"):
                assert " ".join(line.split()).rstrip(".") in shown, line
    button = sample(event).get("button_url")
    if button:
        assert button in mail.text
        assert mail.html.count(button) == 3  # the button, the link and its own words


@pytest.mark.parametrize("event", EVENTS)
def test_a_mail_fetches_nothing(event: str) -> None:
    html = render_mail(event, sample(event)).html
    assert not re.search(r"<img|<link|url\(|@import", html)


def test_names_are_escaped_in_html_and_plain_in_text() -> None:
    mail = render_mail("seller_message_buyer", {**sample("seller_message_buyer"), "seller_name": "Ann & <b>Bob</b>'s"})
    assert "Ann & <b>Bob</b>'s" in mail.subject
    assert "Ann & <b>Bob</b>'s" in mail.text
    assert "<b>Bob</b>" not in mail.html


@pytest.mark.parametrize(
    ("left", "words", "family"),
    [
        (timedelta(hours=-3, minutes=-20), "late 3 h", "red"),
        (timedelta(days=-4, hours=-5), "late 4 d", "red"),
        (timedelta(seconds=20), "in under 1 min", "amber"),
        (timedelta(hours=5, minutes=12), "in 5 h 12 min", "amber"),
        (timedelta(hours=12), "in 12 h", "amber"),
        (timedelta(hours=12, seconds=1), "in 12 h", "grey"),
        (timedelta(days=2, hours=4), "in 2 d 4 h", "grey"),
        (timedelta(days=14), "by 14 Dec", "grey"),
    ],
)
def test_a_deadline_says_how_long_is_left(left: timedelta, words: str, family: str) -> None:
    assert times.until(NOW + left, NOW) == words
    assert times.urgency(NOW + left, NOW) == family


def test_a_moment_is_written_in_the_readers_zone() -> None:
    assert times.written(NOW, "Europe/Berlin") == "30 Nov 2026, 10:42 CET"
    with timezone.override("Asia/Dubai"):
        assert times.written(NOW) == "30 Nov 2026, 13:42 UTC+04"


def test_the_pieces_of_a_money_bar_fill_it() -> None:
    bar = charts.money_bar(Bar(2490, "GBP", refunded_minor=500, reserved_minor=200), adding=990)
    assert [part.minor for part in bar.parts] == [500, 200, 0, 990, 800]
    assert sum(float(part.width.rstrip("%")) for part in bar.parts) == pytest.approx(100, abs=0.01)
    assert "left 8.00\u00a0GBP" in bar.text


def test_a_bar_says_when_more_went_out_than_came_in() -> None:
    bar = charts.money_bar(Bar(2490, "GBP", refunded_minor=2490, disputed_minor=500))
    assert bar.over == "5.00\u00a0GBP"
    assert bar.parts[-1].minor == 0


def test_a_line_needs_two_values_and_keeps_inside_its_box() -> None:
    assert charts.line([4], label="x") is None
    drawn = charts.line([3, 9, 6], label="x", target=12)
    assert drawn is not None
    heights = [float(dot.split(",")[1]) for dot in drawn.points.split()]
    assert all(0 <= height <= 40 for height in heights)
    assert float(drawn.target_y) < min(heights)


class Asking(PlainForm):
    reason = forms.ChoiceField(label="Reason", choices=[("a", "A")])
    comment = Paragraphs(label="Comment", max_length=5, required=False)
    email = forms.EmailField(label="E-mail", error_messages={"required": "We need it to send the code."})


def test_a_form_names_what_is_missing() -> None:
    form = Asking({"comment": "123456"})
    assert form.errors["reason"] == ["Choose: Reason."]
    assert form.errors["comment"] == ["Comment: 6 characters are too many, 5 fit."]
    assert form.errors["email"] == ["We need it to send the code."]


def test_a_line_break_is_one_character() -> None:
    form = Asking({"reason": "a", "email": "a@example.com", "comment": "12\r\n45"})
    assert form.is_valid(), form.errors
    assert form.cleaned_data["comment"] == "12\n45"


def test_a_problem_links_to_its_field_and_the_field_names_it() -> None:
    form = Asking({})
    page = Template("{% error_summary form %}{% field form.email %}").render(Context({"form": form}))
    assert 'href="#id_email"' in page
    assert 'aria-describedby="id_email_error"' in page
    assert page.count("We need it to send the code.") == 2
