"""Nobody of one shop sees or changes anything of another, at any URL, with any verb; each wall holds alone.

The crawl runs three times: as it is; with the manager's filter off, so that row-level security alone holds; and
as roles that bypass row-level security, so that the manager alone holds. A route that the table does not list
fails by its name.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client, override_settings
from django.urls import clear_url_caches, resolve
from psycopg2 import sql
from pytest_django import DjangoDbBlocker

from marketplace import events, tenancy, urls
from marketplace.actors import MemberRole
from marketplace.models import Order, User
from marketplace.support_door.views import SELLER_IN_SESSION
from marketplace.tenancy import Role, scope
from tests import databases
from tests.conftest import Eraser
from tests.factories import UserFactory
from tests.tenancy import route_table, support_table
from tests.tenancy.crawler import SIGNS_OUT, Crawl, Route, Visitor, Watcher, probes_of, routes
from tests.tenancy.full_shop import FullShop, link_path, move_ids_away, nothing_like, open_full_shop, use_the_doors

# Long until its last echoes of its own probes are told from leaks (see CHANGELOG.md).
pytestmark = [pytest.mark.server, pytest.mark.long]
AREAS = ("portal", "api", "buyer", "support", "open")
MODES = ("as it is", "row-level security alone", "manager alone")
HUGE = 10**9


@dataclass
class Town:
    """Two shops full of things, and the people of the first."""

    acme: FullShop
    globex: FullShop
    addresses: databases.Addresses

    def crawl(self) -> Crawl:
        theirs = {name: value for name, value in self.globex.things.items() if name != "orders"}
        watcher = Watcher(self.addresses.admin, self.globex.seller.pk)
        own = {name: value for name, value in self.acme.things.items() if name != "orders"}
        return Crawl(own, theirs, nothing_like(theirs), self.globex.seller.slug, self.globex.mark, watcher)

    def person(self, role: MemberRole) -> Visitor:
        return Visitor(role.value, signed_in(self.acme.shop.people[role].user))

    def visitors(self, area: str) -> list[Visitor]:
        people = [self.person(role) for role in (MemberRole.OWNER, MemberRole.MANAGER, MemberRole.READONLY)]
        program = Visitor("program", headers={"Authorization": f"Bearer {self.acme.key}"})
        return {
            "portal": [*people, program, self.buyer()],
            "api": [program, people[0]],
            "buyer": [self.buyer(), people[0]],
            "support": [self.agent(), people[0]],
            "open": [people[0], Visitor("nobody")],
        }[area]

    def buyer(self) -> Visitor:
        client = Client()
        assert client.get(link_path(self.acme)).status_code == 302
        return Visitor("buyer", client.cookies)

    def agent(self) -> Visitor:
        """Support, who has given a reason to look into the first shop."""
        user = User.objects.filter(email="crawling.agent@redress.example").first()
        user = user or UserFactory(email="crawling.agent@redress.example", is_staff=True)
        client = Client()
        client.force_login(user)
        client.post("/admin/open/acme/", {"reason": "Ticket 4711: the buyer wrote to us"})
        assert client.session[SELLER_IN_SESSION] == self.acme.seller.pk
        return Visitor("agent", client.cookies)


def signed_in(user: User) -> SimpleCookie:
    client = Client()
    client.force_login(user)
    return client.cookies


@pytest.fixture(scope="module")
def town(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    """Built once, committed, and left as it is by every crawl; all pages of the demo are there as well."""
    addresses = databases.addresses(databases.database_of_this_worker())
    folder = tmp_path_factory.mktemp("town")
    demo = override_settings(
        REDRESS_DEMO=True, VAR_DIR=folder, MAILBOX_DIR=folder / "mailbox", API_REQUESTS_PER_MINUTE=HUGE
    )
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch, demo:
        patch.setattr(events, "bell_is_muted", True)
        _load_urls_again()
        acme = open_full_shop("acme", "ACME-OWN")
        move_ids_away(addresses.admin)
        globex = open_full_shop("globex", "GLOBEX-SENTINEL")
        for full in (acme, globex):
            use_the_doors(full)
        yield Town(acme, globex, addresses)
        eraser = Eraser(addresses.admin)
        eraser.empty()
        eraser.close()
    _load_urls_again()


def _load_urls_again() -> None:
    importlib.reload(urls)
    clear_url_caches()


@contextlib.contextmanager
def walls(mode: str, addresses: databases.Addresses) -> Iterator[None]:
    """Which of the two walls stand."""
    with contextlib.ExitStack() as stack:
        if mode in {"row-level security alone", "none"}:
            tenancy.switched_off.add("manager")
            stack.callback(tenancy.switched_off.discard, "manager")
        if mode in {"manager alone", "none"}:
            stack.enter_context(_roles_that_bypass(addresses))
        yield


@contextlib.contextmanager
def _roles_that_bypass(addresses: databases.Addresses) -> Iterator[None]:
    """The same rights as before, but no policy is asked; for the app's and the buyer's role."""
    names = {role: f"{databases.database_of_this_worker()}_{role.value}"[:63] for role in (Role.APP, Role.BUYER)}
    admin = psycopg2.connect(addresses.admin)
    admin.autocommit = True
    with admin.cursor() as cursor, pytest.MonkeyPatch.context() as patch:
        _forget_roles_of_runs_that_were_killed(cursor)
        for role, name in names.items():
            quoted = sql.Identifier(name)
            cursor.execute(sql.SQL("CREATE ROLE {} BYPASSRLS IN ROLE {}").format(quoted, sql.Identifier(role.value)))
            cursor.execute(sql.SQL("GRANT {} TO redress_login").format(quoted))
            patch.setitem(tenancy.role_names, role, str(name))
        try:
            yield
        finally:
            for name in names.values():
                cursor.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
    admin.close()


def _forget_roles_of_runs_that_were_killed(cursor: Any) -> None:
    """Roles are the whole server's: those whose database is gone nobody needs."""
    cursor.execute(
        "SELECT rolname FROM pg_roles WHERE rolbypassrls AND rolname LIKE %s AND NOT EXISTS"
        " (SELECT 1 FROM pg_database WHERE starts_with(rolname, datname || '_'))",
        ["%\\_redress\\_%"],
    )
    for (name,) in cursor.fetchall():
        cursor.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


def routes_of(area: str) -> list[Route]:
    return [route for route in routes() if route.area == area and probes_of(route) is not None]


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize("mode", MODES)
def test_nothing_of_another_shop(town: Town, mode: str, area: str) -> None:
    crawl = town.crawl()
    visitors = town.visitors(area)
    if mode != MODES[0]:
        crawl.verbs = ("DELETE",)  # the doors are the same in every mode; what lies behind them is asked again
    with walls(mode, town.addresses):
        for route in routes_of(area):
            crawl.visit(route, visitors)
            if route.key in SIGNS_OUT:
                visitors = town.visitors(area)
    crawl.watcher.close()
    print(f"{mode}, {area}: {crawl.probes} probes of {len(routes_of(area))} routes")  # noqa: T201
    assert crawl.leaks == [], "\n".join(crawl.leaks[:50])
    assert crawl.probes > 20


def test_every_route_is_listed(town: Town) -> None:
    unlisted = [f"{route.key} ({route.shape})" for route in routes() if probes_of(route) is None]
    assert unlisted == [], "say in route_table.py what to ask there"
    known = {route.key for route in routes()}
    listed = {*route_table.PORTAL, *route_table.API, *route_table.BUYER, *route_table.OPEN, *support_table.SUPPORT}
    assert listed - known == set(), "routes that are no more"


def test_every_operation_of_the_document_is_listed(town: Town) -> None:
    document = Client().get("/api/schema/").json()
    operations = [
        (verb, path.replace("{public_id}", "ret-1"))
        for path, verbs in document["paths"].items()
        for verb in verbs
        if verb in {"get", "post", "put", "patch", "delete"}
    ]
    assert len(operations) > 15
    for verb, path in operations:
        match = resolve(path)
        probes = route_table.API[match.view_name]
        assert any(probe.posts == (verb == "post") for probe in probes), f"{verb} {path}"


def test_each_wall_is_really_down(town: Town) -> None:
    """What the three modes switch off is off: asked by raw SQL and by the manager."""

    def seen() -> tuple[bool, bool]:
        """(by the manager, by raw SQL): are the other shop's orders there?"""
        with scope(town.acme.seller.pk), connection.cursor() as cursor:
            cursor.execute("SELECT DISTINCT seller_id FROM marketplace_order")
            raw = {row[0] for row in cursor.fetchall()}
            managed = set(Order.objects.values_list("seller_id", flat=True))
            assert bool(Order.objects.all().query.where) != ("manager" in tenancy.switched_off)
        return len(managed) > 1, len(raw) > 1

    found = {}
    for mode in (*MODES, "none"):
        with walls(mode, town.addresses):
            found[mode] = seen()
    assert found == {
        "as it is": (False, False),
        "row-level security alone": (False, False),
        "manager alone": (False, True),
        "none": (True, True),
    }


def test_the_crawler_sees_a_leak(town: Town) -> None:
    """With both walls down every kind of page leaks, and is caught."""
    crawl = town.crawl()
    wanted = {
        "orders:detail",
        "returns:index",
        "refunds:detail",
        "api:return",
        "api:orders",
        "search",
        "imports:errors",
    }
    with walls("none", town.addresses):
        for route in routes():
            if route.key in wanted:
                crawl.visit(route, town.visitors(route.area)[:1])
    crawl.watcher.close()
    for route in routes():
        if route.key in wanted:
            start = route.path(dict.fromkeys(("public_id",), "X")).partition("X")[0]
            assert any(f" {start}" in leak for leak in crawl.leaks), f"{route.key} did not leak"


@pytest.mark.parametrize("mode", MODES)
def test_a_stale_choice_of_shop(town: Town, mode: str) -> None:
    """A session that still names a shop on whose team one is no more shows one's own."""
    client = Client()
    client.force_login(town.acme.shop.people[MemberRole.OWNER].user)
    session = client.session
    session["seller_id"] = town.globex.seller.pk
    session.save()
    with walls(mode, town.addresses):
        page = client.get("/orders/").content.decode()
    assert town.acme.mark in page
    assert town.globex.mark not in page


@pytest.mark.parametrize("mode", MODES)
def test_cookies_of_one_shop_at_the_other(town: Town, mode: str) -> None:
    """A buyer's cookie renamed for the other shop opens nothing: its signature names the shop."""
    cookies = town.buyer().cookies
    mine, theirs = (f"redress_buyer_{full.seller.pk}" for full in (town.acme, town.globex))
    with walls(mode, town.addresses):
        client = Client()
        client.cookies[theirs] = cookies[mine].value
        assert client.get("/r/globex/orders/").headers["Location"] == "/r/globex/find/"
        client.cookies[mine] = cookies[mine].value
        assert client.get("/r/acme/orders/").headers["Location"].startswith("/r/acme/orders/ord-")


def test_an_uploaded_name_leads_nowhere(town: Town) -> None:
    """The files of the other shop lie where they lay."""
    path = Path(town.globex.things["import_path"])
    assert path.is_file()
    assert path.is_relative_to(settings.VAR_DIR / "imports" / str(town.globex.seller.pk))
