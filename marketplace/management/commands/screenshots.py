"""Photograph every page and mail of a fresh demo, at 1280 and 390 px, light and dark, into one contact sheet."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.html import escape

WIDTHS = (1280, 390)
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")


@dataclass(frozen=True, slots=True)
class Page:
    """One thing to photograph: who looks (a role of acme, "" = nobody), and where."""

    name: str
    who: str
    path: str


class Command(BaseCommand):
    help = __doc__ or ""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--out", type=Path, default=Path("build/screenshots"))
        parser.add_argument("--only", default="", help="pages whose name holds this text")
        parser.add_argument("--port", type=int, default=8123)

    def handle(self, *args: Any, **options: Any) -> None:
        chromium = next((path for path in CHROMIUM if Path(path).exists()), None)
        if chromium is None:
            raise CommandError("No Chromium is installed (Debian's package is called chromium).")
        out: Path = options["out"].resolve()
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="redress-shots-") as data:
            demo, facts = start_demo(Path(data), options["port"])
            try:
                pages = [page for page in pages_of(facts) if options["only"] in page.name]
                problems = photograph(chromium, facts, pages, out, self.stdout.write)
            finally:
                demo.terminate()
                demo.wait(60)
        (out / "index.html").write_text(contact_sheet(pages))
        self.stdout.write(f"{len(pages)} pages, {len(pages) * 4} pictures: {out / 'index.html'}")
        for problem in problems:
            self.stdout.write(f"  {problem}")
        if problems:
            raise CommandError(f"{len(problems)} pages have a problem.")


def start_demo(data: Path, port: int) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """A fresh demo in a process of its own, ready; and the line of JSON it printed."""
    data.chmod(0o755)  # the embedded servers may run as another user
    manage = str(Path(settings.BASE_DIR) / "manage.py")
    environment = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL", "VAR_DIR"}}
    demo = subprocess.Popen(
        [sys.executable, manage, "demo", "--json", "--port", str(port), "--data", str(data)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert demo.stdout  # noqa: S101
    line = demo.stdout.readline()
    if not line.startswith("{"):
        raise CommandError("The demo did not start.")
    return demo, json.loads(line)


def pages_of(facts: dict[str, Any]) -> list[Page]:
    """Every page worth a look, with ids of things in each state."""
    api = requests.Session()
    api.headers["Authorization"] = f"Bearer {facts['api_keys']['acme']}"

    def listed(path: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = api.get(f"{facts['url']}/api/v1/{path}", timeout=20).json()["results"]
        return rows

    returns = {row["status"]: row["public_id"] for row in reversed(listed("returns/?page_size=100"))}
    refunds = {row["stage"]: row["public_id"] for row in reversed(listed("refunds/?page_size=100"))}
    order = listed("orders/?page_size=1")[0]["public_id"]
    pending, received = returns["PENDING_RESPONSE"], returns["RECEIVED"]
    authorised = returns.get("IN_TRANSIT") or returns["AUTHORISED"]
    pages = [
        Page("welcome", "", "/"),
        Page("sign-in", "", "/accounts/login/"),
        Page("password-reset", "", "/accounts/password/reset/"),
        Page("api-docs", "", "/api/docs/"),
        Page("not-found", "owner", "/returns/ret-nothing/"),
        Page("today", "owner", "/"),
        Page("returns", "owner", "/returns/"),
        Page("returns-empty", "owner", "/returns/?q=nothing-like-this"),
        Page("return-new", "owner", f"/returns/new/?order={order}"),
        *(Page(f"return-{status.lower()}", "owner", f"/returns/{pid}/") for status, pid in returns.items()),
        Page("return-as-mate", "readonly", f"/returns/{pending}/"),
        *(Page(f"return-{verb}", "owner", f"/returns/{pending}/{verb}/") for verb in ("authorise", "deny", "contact")),
        Page("return-receive", "owner", f"/returns/{authorised}/receive/"),
        Page("return-refund", "owner", f"/returns/{received}/refund/"),
        Page("return-close", "owner", f"/returns/{received}/close/"),
        Page("return-too-late", "owner", f"/returns/{received}/authorise/"),
        Page("refunds", "owner", "/refunds/"),
        *(Page(f"refund-{stage.lower()}", "owner", f"/refunds/{pid}/") for stage, pid in refunds.items()),
        Page("orders", "owner", "/orders/"),
        Page("order", "owner", f"/orders/{order}/"),
        Page("order-invite", "owner", f"/orders/{order}/invite-buyer/"),
        Page("imports", "owner", "/imports/"),
        Page("import-upload", "owner", "/imports/upload/"),
        Page("search", "owner", "/search/?q=LANT-40-BR"),
        *(Page(f"settings-{n}", "owner", f"/settings/{p}") for n, p in SETTINGS),
        Page("help", "owner", "/help/"),
        Page("machine-return", "owner", "/help/machines/return/"),
        Page("machine-refund", "owner", "/help/machines/refund/"),
        Page("buyer-landing", "", "/r/acme/"),
        Page("buyer-find", "", "/r/acme/find/"),
        Page("mailbox", "", "/mailbox/"),
        Page("admin", "support", "/admin/"),
    ]
    return pages + buyer_pages(facts) + mail_pages(facts)


SETTINGS = (
    ("profile", ""),
    ("team", "team/"),
    ("channels", "channels/"),
    ("keys", "keys/"),
    ("notifications", "notifications/"),
    ("deadlines", "deadlines/"),
    ("security", "security/"),
)


def _mails(facts: dict[str, Any]) -> list[str]:
    """The addresses of the mails in the mailbox, once no more come in."""
    seen: list[str] = []
    for _attempt in range(30):
        page = requests.get(facts["mailbox_url"], timeout=20).text
        found = sorted(set(re.findall(r'href="(/mailbox/[^"?]+/)"', page)))
        if found and found == seen:
            break
        seen = found
        time.sleep(2)
    return seen


def mail_pages(facts: dict[str, Any]) -> list[Page]:
    """One of each kind of mail, by its subject's first words."""
    kinds: dict[str, str] = {}
    for path in _mails(facts):
        page = requests.get(f"{facts['url']}{path}", timeout=20).text
        title = re.search(r"<h1[^>]*>(.*?)</h1>", page, re.DOTALL)
        words = re.sub(r"[^a-z]+", "-", (title[1] if title else path).lower()).strip("-")
        kinds.setdefault("-".join(words.split("-")[:4]), path)
    return [Page(f"mail-{kind}", "", path) for kind, path in sorted(kinds.items())]


def buyer_pages(facts: dict[str, Any]) -> list[Page]:
    """The buyer's pages behind the first link that a mail carries."""
    for path in _mails(facts):
        page = requests.get(f"{facts['url']}{path}", timeout=20).text
        link = re.search(rf"{re.escape(facts['url'])}(/r/acme/l/[^\s\"'<&]+)", page)
        if link:
            return [Page("buyer-status", "", link[1]), Page("buyer-orders", "", "/r/acme/orders/")]
    return []


def photograph(chromium: str, facts: dict[str, Any], pages: list[Page], out: Path, tell: Any) -> list[str]:
    """Take every picture; returns what was wrong: an error page, a console error, a page that scrolls sideways."""
    from playwright.sync_api import sync_playwright

    problems: list[str] = []
    arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        sessions = {who: _signed_in(browser, facts, who) for who in {page.who for page in pages}}
        for page in pages:
            tell(page.name)
            for width in WIDTHS:
                for theme in THEMES:
                    context = browser.new_context(
                        viewport={"width": width, "height": 900},
                        color_scheme=theme,
                        storage_state=sessions[page.who],
                        reduced_motion="reduce",
                    )
                    tab = context.new_page()
                    tab.on("pageerror", partial(_note, problems, page.name))
                    answer = tab.goto(f"{facts['url']}{page.path}")
                    if answer is None or answer.status >= 500:
                        problems.append(f"{page.name}: answered {answer.status if answer else 'nothing'}")
                    if tab.evaluate("document.documentElement.scrollWidth > innerWidth"):
                        problems.append(f"{page.name}: scrolls sideways at {width} px")
                    tab.screenshot(path=out / f"{page.name}-{width}-{theme}.png", full_page=True)
                    if page.name.startswith("buyer-status"):
                        sessions[page.who] = context.storage_state()
                    context.close()
        browser.close()
    return problems


def _note(problems: list[str], name: str, error: Any) -> None:
    problems.append(f"{name}: {error}")


def _signed_in(browser: Any, facts: dict[str, Any], who: str) -> Any:
    """The cookies of somebody who signed in through the real form."""
    context = browser.new_context()
    if who:
        wanted = ("acme", who) if who != "support" else ("", "support")
        login = next(each for each in facts["logins"] if (each["seller"], each["role"]) == wanted)
        tab = context.new_page()
        tab.goto(f"{facts['url']}/accounts/login/")
        tab.fill("input[name=login]", login["email"])
        tab.fill("input[name=password]", login["password"])
        tab.click("main button[type=submit], main form button")
        tab.wait_for_load_state()
    state = context.storage_state()
    context.close()
    return state


def contact_sheet(pages: list[Page]) -> str:
    """One page with all pictures, a row a page."""
    rows = []
    for page in pages:
        shots = "".join(
            f'<td><a href="{page.name}-{w}-{t}.png"><img loading="lazy" src="{page.name}-{w}-{t}.png" '
            f'alt="{escape(page.name)}, {w} px, {t}" width="{340 if w > 400 else 130}"></a></td>'
            for w in WIDTHS
            for t in THEMES
        )
        rows.append(f"<tr><th>{escape(page.name)}<br><small>{escape(page.path)}</small></th>{shots}</tr>")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Redress: every page</title>'
        "<style>body{font:14px system-ui;margin:24px}td,th{vertical-align:top;text-align:left;padding:8px}"
        "img{border:1px solid #ccc}</style><h1>Redress: every page</h1><table>" + "".join(rows) + "</table></html>"
    )
