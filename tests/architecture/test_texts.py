"""The message catalogues are whole, keep their placeholders, and are compiled."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext

from marketplace.management.commands.compile_texts import compiled

FILES = sorted(Path(settings.BASE_DIR).glob("locale/*/LC_MESSAGES/*.po"))
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")


def forms(value: object) -> list[str]:
    return [value] if isinstance(value, str) else [str(each) for each in value]  # type: ignore[attr-defined]


def messages(file: Path) -> list[Message]:
    with file.open("rb") as source:
        return [message for message in read_po(source, locale=file.parent.parent.name) if message.id]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.parent.name)
def test_every_text_is_there_with_its_placeholders(file: Path) -> None:
    for message in messages(file):
        assert message.string, message.id
        assert all(forms(message.string)), message.id
        # The last form of a plural names the number; the first may say it in words.
        wanted, found = (sorted(PLACEHOLDER.findall(forms(each)[-1])) for each in (message.id, message.string))
        assert wanted == found, message.id


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.parent.name)
def test_the_compiled_catalogue_is_fresh(file: Path) -> None:
    assert file.with_suffix(".mo").read_bytes() == compiled(file), "Run: python3 manage.py compile_texts"


def test_a_language_that_is_offered_has_a_catalogue() -> None:
    offered = {code for code, _name in settings.LANGUAGES} - {"en"}
    assert offered == {file.parent.parent.name for file in FILES}
    with translation.override("de"):
        assert gettext("Refunds") == "Erstattungen"
