"""Somebody with a plain browser, without scripts: opens pages, fills in their forms, presses a button."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

# What is typed into a form: a field's name, and what stands in it (several for ticked boxes of one name).
Fields = Mapping[str, str | list[str]]


class StepFailed(Exception):
    """A step did not do what it promises; the message says what was seen instead."""


@dataclass
class Form:
    """A form that is sent by POST: where to, and what it would send as it stands."""

    action: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[str] = field(default_factory=list)

    def value(self, name: str) -> str:
        return self.fields[name][0]


@dataclass(frozen=True)
class Page:
    """What came back, after the redirects."""

    path: str
    status: int
    html: str
    forms: list[Form]

    @property
    def text(self) -> str:
        """As it is read: without tags, every space a single one."""
        without_code = re.sub(r"<(script|style|noscript|head)\b.*?</\1>", " ", self.html, flags=re.DOTALL)
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", without_code)).split())

    def form(self, *, holding: str = "", going_to: str = "") -> Form:
        """The form with that field, or to that address."""
        for form in self.forms:
            if (holding and holding in form.fields) or (going_to and form.action == going_to):
                return form
        raise StepFailed(f"{self.path} has no form {'with ' + holding if holding else 'to ' + going_to}")

    def expect(self, *words: str) -> Page:
        for each in words:
            if each not in self.text:
                raise StepFailed(f"{self.path} does not say {each!r}; it says: {self.text[:300]}")
        return self

    def link(self, pattern: str) -> str:
        """The first address on the page that fits."""
        found = re.search(rf'href="({pattern})"', self.html)
        if found is None:
            raise StepFailed(f"{self.path} has no link like {pattern}")
        return unescape(found[1])


class Person:
    """One browser with its own cookies."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()

    def open(self, path: str, *, expect: int = 200) -> Page:
        return self._page(self.session.get(urljoin(self.url, path), timeout=30), expect)

    def send(
        self, form: Form, values: Fields | None = None, *, expect: int = 200, files: dict[str, Any] | None = None
    ) -> Page:
        """Fill in these fields and press the button."""
        values = values or {}
        if unknown := [name for name in values if name not in form.fields]:
            raise StepFailed(f"the form to {form.action} has no field {', '.join(unknown)}")
        data = {**form.fields, **values}
        answer = self.session.post(urljoin(self.url, form.action), data=data, files=files, timeout=30)
        return self._page(answer, expect)

    def post(self, path: str, values: Fields | None = None, *, expect: int) -> Page:
        """What no form shown to this person would send: these fields, with their token, to that address."""
        token = next((cookie.value for cookie in self.session.cookies if "csrf" in cookie.name), "")
        data = {"csrfmiddlewaretoken": token or "", **(values or {})}
        return self._page(self.session.post(urljoin(self.url, path), data=data, timeout=30), expect)

    def _page(self, answer: requests.Response, expect: int) -> Page:
        path = urlsplit(answer.url).path
        reader = _Forms(path)
        reader.feed(answer.text)
        page = Page(path, answer.status_code, answer.text, reader.forms)
        if answer.status_code != expect:
            raise StepFailed(f"{path} answered {answer.status_code}, not {expect}: {page.text[:300]}")
        return page


class _Forms(HTMLParser):
    """Reads what a browser would send."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._select = self._textarea = ""
        self._button: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("method", "").lower() == "post":
            self._form = Form(given.get("action") or self.path)
            self.forms.append(self._form)
        if self._form is None:
            return
        name = given.get("name", "")
        if tag == "input" and name and not (given.get("type") in {"checkbox", "radio"} and "checked" not in given):
            self._form.fields.setdefault(name, []).append(given.get("value", ""))
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in given or self._select not in self._form.fields):
            self._form.fields[self._select] = [given.get("value", "")]
        elif tag == "textarea":
            self._textarea = name
            self._form.fields[name] = [""]
        elif tag == "button":
            self._button = []

    def handle_data(self, data: str) -> None:
        if self._form is not None and self._textarea:
            self._form.fields[self._textarea][0] += data
        if self._button is not None:
            self._button.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea" and self._form is not None and self._textarea:
            self._form.fields[self._textarea] = [self._form.value(self._textarea).removeprefix("\n")]
            self._textarea = ""
        elif tag == "button" and self._button is not None and self._form is not None:
            self._form.buttons.append(" ".join("".join(self._button).split()))
            self._button = None
