"""Walks the resolver, asks every route for the other shop's things, and looks at what comes back and what changed."""

from __future__ import annotations

import html
import random
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import quote, quote_plus

import psycopg2
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.tenancy import route_table, support_table
from tests.tenancy.full_shop import Things
from tests.tenancy.route_table import Fields, Probe

# After these a visitor comes in anew.
SIGNS_OUT = {"account_logout", "admin:logout", "admin:support_end", "buyer:leave"}
OTHER_VERBS = ("HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True)
class Route:
    """`key`: its full name, or its pattern where it has none. `shape`: the pattern to be filled."""

    key: str
    shape: str

    def path(self, values: Mapping[str, str]) -> str:
        filled = re.sub(r"\(\?P<(\w+)>[^)]*\)|<(?:\w+:)?(\w+)>", lambda m: quote(values[m[1] or m[2]]), self.shape)
        return "/" + filled.replace("^", "").removesuffix("$").removesuffix("\\Z")

    @property
    def area(self) -> str:
        head = re.split(r"[:/]", self.key)[0]
        return {"api": "api", "buyer": "buyer", "admin": "support"}.get(head) or (
            "open" if self.key in route_table.OPEN else "portal"
        )


def routes() -> list[Route]:
    """Every route of the resolver, once per key."""
    found = {route.key: route for route in _walk(get_resolver().url_patterns)}
    return [found[key] for key in sorted(found)]


def _walk(patterns: list[Any], space: str = "", shape: str = "") -> Iterator[Route]:
    for entry in patterns:
        here = shape + str(entry.pattern)
        if isinstance(entry, URLResolver):
            inner = f"{space}{entry.namespace}:" if entry.namespace else space
            yield from _walk(entry.url_patterns, inner, here)
        elif isinstance(entry, URLPattern):
            yield Route(f"{space}{entry.name}" if entry.name else here, here)


def probes_of(route: Route) -> list[Probe] | None:
    """None: nobody has said what to ask there."""
    for table in (route_table.PORTAL, route_table.API, route_table.BUYER, route_table.OPEN):
        if route.key in table:
            return table[route.key]
    return support_table.support_probes(route.key)


# --- asking ----------------------------------------------------------------------------------------------


class _Used(dict[str, Any]):
    """Remembers which things a probe named."""

    def __init__(self, things: Things) -> None:
        super().__init__(things)
        self.used: set[str] = set()

    def __missing__(self, key: str) -> Any:
        raise KeyError(f"the shop has no thing called {key}")

    def __getitem__(self, key: str) -> Any:
        self.used.add(key)
        return super().__getitem__(key)


@dataclass
class Filled:
    """A probe with its names replaced by things."""

    path: Fields
    query: Fields
    form: Fields | None
    body: Any
    files: Fields
    headers: Fields
    said: list[str]  # the values of the other shop that the visitor brings along


def fill(probe: Probe, *, theirs: Things, own: Things, there: str) -> Filled:
    used = _Used(theirs)

    def put(value: Any) -> Any:
        match value:
            case str():
                text = value.format_map({"t": used, "o": own, "there": there, "nonce": uuid.uuid4().hex})
                return int(text) if re.fullmatch(r"\{[to]\[\w*(line|pk)\w*\]\}", value) else text
            case dict():
                return {put(name): put(inner) for name, inner in value.items()}
            case list() | tuple():
                return [put(inner) for inner in value]
        return value

    parts: Any = [put(part) for part in (probe.path, probe.query, probe.form, probe.body, probe.files, probe.headers)]
    parts[0] = {name: str(value) for name, value in parts[0].items()}
    path, query, form, body, files, headers = parts
    return Filled(
        path, query, form, body, files, headers, said=[str(dict.__getitem__(used, name)) for name in used.used]
    )


@dataclass
class Answer:
    """What came back, with what differs from one request to the next taken out."""

    status: int
    headers: dict[str, str]
    text: str

    def about(self, said: list[str]) -> Answer:
        """The same with what the visitor brought along blotted out."""
        headers = {name: _blot(value, said) for name, value in self.headers.items()}
        return Answer(self.status, headers, _blot(self.text, said))


_FLEETING = (
    re.compile(r'name="csrfmiddlewaretoken" value="[^"]*"'),
    re.compile(r'name="form_nonce" value="[^"]*"'),
    re.compile(r'name="server-now" content="[^"]*"'),
)
_DROPPED = {"Set-Cookie", "X-Request-Id", "Content-Length", "Date", "Expires", "Last-Modified", "ETag"}


def _blot(text: str, said: list[str]) -> str:
    for value in sorted(said, key=len, reverse=True):
        for shown in {
            value,
            html.escape(value),
            quote(value),
            quote_plus(value),
            quote(value, safe=""),
            quote(quote(value)),
        }:
            text = text.replace(shown, "▮")
    return text


@dataclass
class Visitor:
    """Somebody of the first shop; starts every request with the cookies they came with."""

    name: str
    cookies: SimpleCookie = field(default_factory=SimpleCookie)
    headers: Fields = field(default_factory=dict)
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def ask(self, verb: str, path: str, filled: Filled) -> Answer:
        client = self.client
        client.cookies = SimpleCookie({name: morsel.value for name, morsel in self.cookies.items()})
        # One address each, so that nobody is asked to wait for the others.
        more: Fields = {"REMOTE_ADDR": f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(1, 255)}"}
        more["headers"] = {**self.headers, **filled.headers}
        if filled.query:
            more["query_params"] = filled.query
        if verb == "POST" and filled.body is None:
            form = {"form_nonce": str(uuid.uuid4()), **(filled.form or {})}
            for name, (file_name, content) in filled.files.items():
                form[name] = SimpleUploadedFile(file_name, content.encode())
            response = client.post(path, form, **more)
        elif filled.body is not None:
            response = client.generic(verb, path, _json(filled.body), content_type="application/json", **more)
        else:
            response = client.generic(verb, path, **more)
        whole: Any = response
        raw = b"".join(whole.streaming_content) if whole.streaming else whole.content
        text = raw.decode(errors="replace")
        for pattern in _FLEETING:
            text = pattern.sub("", text)
        headers = {name: value for name, value in response.headers.items() if name not in _DROPPED}
        headers["cookies"] = " ".join(sorted(set(response.cookies) - {settings.SESSION_COOKIE_NAME}))
        return Answer(response.status_code, headers, text)


def _json(body: Any) -> str:
    import json

    return json.dumps(body)


# --- what changed ----------------------------------------------------------------------------------------


class Watcher:
    """The rows of one shop, as the administrator sees them: a count and a checksum per table."""

    def __init__(self, admin_url: str, seller_id: int) -> None:
        self.connection = psycopg2.connect(admin_url)
        self.connection.autocommit = True
        with self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT table_name FROM information_schema.columns WHERE column_name = 'seller_id'"
                " AND table_schema = 'public' ORDER BY 1"
            )
            tables = [name for (name,) in cursor.fetchall()]
        conditions = dict.fromkeys(tables, f"x.seller_id = {seller_id}") | {
            "marketplace_seller": f"x.id = {seller_id}",
            "marketplace_user": f"x.id IN (SELECT user_id FROM marketplace_membership WHERE seller_id = {seller_id})",
            "marketplace_accountmail": "x.invitation_id IN"
            f" (SELECT id FROM marketplace_invitation WHERE seller_id = {seller_id})",
        }
        self.question = " UNION ALL ".join(
            f"SELECT '{table}', count(*), md5(coalesce(string_agg(x::text, '|' ORDER BY x.id), '')) FROM {table} x"
            f" WHERE {condition}"
            for table, condition in conditions.items()
        )

    def look(self) -> dict[str, tuple[int, str]]:
        with self.connection.cursor() as cursor:
            cursor.execute(self.question)
            return {table: (count, checksum) for table, count, checksum in cursor.fetchall()}

    def close(self) -> None:
        self.connection.close()


# --- the crawl -------------------------------------------------------------------------------------------


@dataclass
class Crawl:
    """One walk: the visitors of the first shop ask for `theirs`, and again for `nobodys`."""

    own: Things
    theirs: Things
    nobodys: Things
    there: str
    mark: str
    watcher: Watcher
    verbs: tuple[str, ...] = OTHER_VERBS
    leaks: list[str] = field(default_factory=list)
    probes: int = 0

    def visit(self, route: Route, visitors: list[Visitor]) -> None:
        """Every probe and every verb by the first visitor; the others read once and write once."""
        before = self.watcher.look()
        probes = probes_of(route) or []
        reads = [probe for probe in probes if not probe.posts]
        writes = [probe for probe in probes if probe.posts] or probes[:1]
        for visitor in visitors:
            is_first = visitor is visitors[0]
            for probe in reads if is_first else reads[:1]:
                self._compare(route, visitor, probe, "GET", must_be_in=is_first)
            for probe in writes if is_first else writes[:1]:
                self._compare(route, visitor, probe, "POST", must_be_in=is_first)
        for verb in self.verbs if probes else ():
            self._compare(route, visitors[0], probes[0], verb)
        after = self.watcher.look()
        changed = sorted(table for table in after if after[table] != before[table])
        if changed:
            self.leaks.append(f"{route.key}: the other shop's rows changed in {', '.join(changed)}")

    def _compare(self, route: Route, visitor: Visitor, probe: Probe, verb: str, *, must_be_in: bool = False) -> None:
        asked = fill(probe, theirs=self.theirs, own=self.own, there=self.there)
        answer = visitor.ask(verb, route.path(asked.path), asked)
        where = f"{visitor.name}: {verb} {route.path(asked.path)} {asked.query or ''} {asked.form or asked.body or ''}"
        self.probes += 1
        if answer.status >= 500:
            self.leaks.append(f"{where}: {answer.status}")
        if must_be_in and self._is_shut_out(route, asked, answer):
            self.leaks.append(f"{where}: {answer.status}, signed out: this probe proves nothing")
        found = answer.about(asked.said)
        self._find_marks(where, found)
        if route.area == "support" and visitor.name == "agent" and route.key in support_table.SUPPORT_SEES_IDS:
            return
        self._find_ids(where, found)
        is_shut = route.area == "support" and (verb in OTHER_VERBS or visitor.name != "agent")
        if not asked.said or answer.status == 405 or is_shut:
            return
        wanted = fill(probe, theirs=self.nobodys, own=self.own, there=self.there)
        absent = visitor.ask(verb, route.path(wanted.path), wanted)
        self.probes += 1
        if found != (expected := absent.about(wanted.said)):
            self.leaks.append(f"{where}: not what an absent id gets: {_difference(found, expected)}")

    def _is_shut_out(self, route: Route, asked: Filled, answer: Answer) -> bool:
        """Was the first visitor of an area not let in where they belong?"""
        target = answer.headers.get("Location", "")
        if route.area == "buyer":
            is_for_all = route.key in {"buyer:code", "buyer:leave"}
            return target.endswith("/find/") and asked.path["slug"] == self.own["slug"] and not is_for_all
        is_left = route.area in {"portal", "support"} and "/login/" in target and route.key not in SIGNS_OUT
        return is_left or (route.area == "api" and answer.status == 401)

    def _find_marks(self, where: str, answer: Answer) -> None:
        text = f"{answer.headers} {answer.text}".lower()
        position = text.find(self.mark.lower())
        if position >= 0:
            self.leaks.append(f"{where}: {answer.status} ...{text[max(0, position - 60) : position + 60]!r}")

    def _find_ids(self, where: str, answer: Answer) -> None:
        text = f"{answer.headers} {answer.text}"
        for name, value in self.theirs.items():
            if isinstance(value, str) and len(value) > 12 and value in text:
                self.leaks.append(f"{where}: {answer.status} shows their {name} {value}")
            if isinstance(value, int) and re.search(rf"\b{value}\b", text):
                self.leaks.append(f"{where}: {answer.status} shows their {name} {value}")


def _difference(one: Answer, other: Answer) -> str:
    if one.status != other.status:
        return f"{one.status} instead of {other.status}"
    if one.headers != other.headers:
        return f"{one.headers} instead of {other.headers}"
    start = next((n for n, (a, b) in enumerate(zip(one.text, other.text, strict=False)) if a != b), 0)
    return f"{one.text[max(0, start - 80) : start + 80]!r} instead of {other.text[max(0, start - 80) : start + 80]!r}"
