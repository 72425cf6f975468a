"""A person in front of the portal: opens a page, fills in its form as a browser would, presses a button."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from marketplace.actors import MemberRole
from tests.cast import Shop


@dataclass
class Form:
    """One form of a page: where it goes and what it would send."""

    action: str
    data: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)  # name, value, text


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open: Form | None = None
        self._select = self._textarea = ""
        self._button: tuple[str, str] | None = None
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("method", "get").lower() == "post":
            self._open = Form(given.get("action", ""))
        if self._open is None:
            return
        if tag == "input":
            self._input(given)
        elif tag == "select":
            self._select = given.get("name", "")
        elif tag == "option" and self._select:
            if "selected" in given or self._select not in self._open.data:
                self._open.data[self._select] = [given.get("value", "")]
        elif tag == "textarea":
            self._textarea, self._text = given.get("name", ""), ""
        elif tag == "button":
            self._button, self._text = (given.get("name", ""), given.get("value", "")), ""

    def _input(self, given: dict[str, str]) -> None:
        assert self._open is not None
        if given.get("type") in {"checkbox", "radio"} and "checked" not in given:
            return
        if given.get("name"):
            self._open.data.setdefault(given["name"], []).append(given.get("value", ""))

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if self._open is None:
            return
        if tag == "form":
            self.forms.append(self._open)
            self._open = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea" and self._textarea:
            self._open.data[self._textarea] = [self._text.removeprefix("\n")]
            self._textarea = ""
        elif tag == "button" and self._button is not None:
            self._open.buttons.append((*self._button, " ".join(self._text.split())))
            self._button = None


class Visitor:
    """Signed in as one person of a shop."""

    def __init__(self, shop: Shop, role: MemberRole = MemberRole.OWNER) -> None:
        self.client = Client()
        self.client.force_login(shop.people[role].user)

    def get(self, path: str, **parameters: str) -> Any:
        return self.client.get(path, parameters)

    def form(self, path: str, action: str = "") -> Form:
        """The form of a page: the one that goes to `action`, else to the page itself."""
        response = self.get(path)
        assert response.status_code == 200, f"{path}: {response.status_code}"
        return form_in(response, action or path)

    def press(self, path: str, **values: Any) -> Any:
        """Open the page, change these values of its form, press its button; the answer is not followed."""
        return self.send(self.form(path), **values)

    def send(self, form: Form, **values: Any) -> Any:
        """Send a form that is open already (a second time, in a second tab ...)."""
        return self.client.post(form.action, {**form.data, **values})

    def said(self, response: Any) -> list[str]:
        """What the messages framework says after an answer."""
        return [str(message) for message in get_messages(response.wsgi_request)]

    def queries(self, path: str) -> int:
        """How many statements a page needs, once the caches are warm."""
        self.get(path)
        with CaptureQueriesContext(
            connection,
        ) as caught:
            assert self.get(path).status_code == 200
        return len(caught)


def form_in(response: Any, action: str) -> Form:
    parser = _Forms()
    parser.feed(response.content.decode())
    found = [form for form in parser.forms if form.action == action]
    assert found, f"No form to {action}; there are {[form.action for form in parser.forms]}"
    return found[0]


def text_of(response: Any) -> str:
    """The page as it is read: without tags, spaces single."""
    page = re.sub(r"<(script|style)\b.*?</\1>", " ", response.content.decode(), flags=re.DOTALL)
    plain = re.sub(r"<[^>]+>", " ", page)
    for entity, character in (("&#x27;", "'"), ("&quot;", '"'), ("&nbsp;", " "), ("\u00a0", " "), ("&amp;", "&")):
        plain = plain.replace(entity, character)
    return " ".join(plain.split())
