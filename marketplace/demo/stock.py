"""What is prepared on a running demo so that every page has something to show: through HTTP, as people would."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import quote

import requests

from marketplace.demo.person import Page, Person, StepFailed

COLUMNS = "amazon-order-id purchase-date order-status sku quantity currency item-price sales-channel product-name"
CODE = r"\b[A-Z0-9]{4}-[A-Z0-9]{4}\b"


@dataclass
class Demo:
    """The line of JSON that a demo prints, and what can be asked of it."""

    facts: dict[str, Any]

    @property
    def url(self) -> str:
        return str(self.facts["url"])

    def signed_in(self, seller: str, role: str) -> Person:
        person, login = Person(self.url), self._login(seller, role)
        form = person.open("/accounts/login/").form(holding="password")
        person.send(form, {"login": login["email"], "password": login["password"]})
        return person

    def confirm(self, person: Person, path: str) -> None:
        """The password once more, as some pages ask for."""
        form = person.open(path).form(holding="password")
        person.send(form, {"password": self._login("acme", "owner")["password"]})

    def _login(self, seller: str, role: str) -> dict[str, str]:
        logins: list[dict[str, str]] = self.facts["logins"]
        return next(each for each in logins if (each["seller"], each["role"]) == (seller, role))

    def api(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """GET, or POST with a body, as acme's program."""
        head = {"Authorization": f"Bearer {self.facts['api_keys']['acme']}", "Idempotency-Key": secrets.token_hex(16)}
        method = "GET" if body is None else "POST"
        answer = requests.request(method, f"{self.url}/api/v1/{path}", json=body, headers=head, timeout=30)
        if not answer.ok:
            raise StepFailed(f"{method} {path} answered {answer.status_code}: {answer.text[:300]}")
        return answer.json()

    def rows(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api(f"{path}page_size=100")["results"]
        return found

    def by(self, what: str, name: str) -> dict[str, str]:
        """The oldest of these things in each state."""
        return {row[name]: row["public_id"] for row in self.rows(f"{what}/?")}

    def mailbox(self, to: str = "") -> list[tuple[str, str, str]]:
        """Path, subject and recipient of each mail, newest first."""
        page = Person(self.url).open(f"/mailbox/?to={quote(to)}").html
        entry = r'href="(/mailbox/[^"?]+/)"><span class="muted"><span>([^<]*)</span>.*?<b>([^<]*)</b>'
        return [(path, unescape(subject), to) for path, to, subject in re.findall(entry, page)]

    def in_mail(self, address: str, pattern: str) -> str:
        """What stands in the newest mail to this address that has it, once one has come."""

        def look() -> str:
            for path, _subject, _to in self.mailbox(address):
                if found := re.search(pattern, Person(self.url).open(path).html):
                    return unescape(found[0])
            return ""

        return str(patiently(look, f"a mail to {address} with {pattern}"))


def patiently(look: Any, what: str) -> Any:
    for _attempt in range(120):
        if seen := look():
            return seen
        time.sleep(0.25)
    raise StepFailed(f"{what} did not come")


def number() -> str:
    return f"026-{secrets.randbelow(10**7):07d}-{secrets.randbelow(10**7):07d}"


def make_order(demo: Demo, address: str, *, channel: str = "amazon.co.uk") -> dict[str, Any]:
    bought = datetime.now(UTC) - timedelta(days=4)
    body = {
        "channel": channel,
        "number": number(),
        "purchased_at": bought.isoformat(),
        "shipped_at": (bought + timedelta(days=1)).isoformat(),
        "currency": "GBP",
        "lines": [
            {"sku": "KETT-17", "title": "Kettle, 1.7 l, steel", "quantity": 2, "item_minor": 4980},
            {"sku": "LANT-40-BR", "title": "Lantern, brass, 40 cm", "quantity": 1, "item_minor": 1339},
        ],
        "payment_reference": "" if channel == "acme.example" else f"pages-{secrets.token_hex(6)}",
        "buyer_email": address,
        "buyer_name": "Robin Hale",
        "buyer_zone": "Europe/London",
    }
    made: dict[str, Any] = demo.api("orders/", body)
    return {**made, "payment_reference": body["payment_reference"]}


def make_return(demo: Demo, order: dict[str, Any]) -> str:
    ask = {"order_line_id": order["lines"][0]["id"], "quantity": 1, "reason_code": "CR-DEFECTIVE", "comment": "Dark."}
    return str(demo.api("returns/", {"order": order["public_id"], "lines": [ask]})["public_id"])


def make_address() -> str:
    return f"robin+{secrets.token_hex(3)}@buyers.example"


# --- the places that the addresses of the pages name ---


def returns(demo: Demo) -> dict[str, str]:
    """One in each state that decisions are made in; one was denied a moment ago."""
    found = demo.by("returns", "status")
    denied = make_return(demo, make_order(demo, make_address()))
    message = "This kettle is the right one for 230 V."
    demo.api(f"returns/{denied}/deny/", {"reason_code": "OTHER", "message": message})
    return {
        "pending": found["PENDING_RESPONSE"],
        "authorised": found["AUTHORISED"],
        "received": found["RECEIVED"],
        "just_denied": denied,
        "order_returned": next(row["order"] for row in demo.rows("returns/?") if row["status"] == "CLOSED"),
    }


def refunds(demo: Demo, owner: Person) -> dict[str, str]:
    """One that the gateway declines, one whose answer does not come, one that waits to be paid by hand."""
    sandbox, found = demo.facts["sandbox_url"], {}
    for mode, ends in (("decline", "FAILED"), ("drop_connection", "UNKNOWN")):
        order = make_order(demo, make_address())
        for call in ("refund", "look_up") if mode == "drop_connection" else ("refund",):
            fault = {"mode": mode, "count": None, "match": order["payment_reference"], "on": call}
            requests.post(f"{sandbox}/_control", json=fault, timeout=30).raise_for_status()
        found[ends] = _refund(owner, make_return(demo, order))
    by_hand = _refund(owner, make_return(demo, make_order(demo, make_address(), channel="acme.example")))
    for stage, public_id in found.items():
        patiently(lambda i=public_id, s=stage: demo.api(f"refunds/{i}/")["stage"] == s, f"{stage} of {public_id}")
    return {"not_known": found["UNKNOWN"], "declined": found["FAILED"], "by_hand": by_hand}


def _refund(owner: Person, public_id: str) -> str:
    page = owner.send(owner.open(f"/returns/{public_id}/refund/").form(holding="seen_total"))
    return page.link(r"/refunds/ba-[A-Za-z0-9]+/").split("/")[-2]


def orders(demo: Demo) -> dict[str, str]:
    return {"order": demo.rows("orders/?")[-1]["public_id"]}


def imports(owner: Person) -> dict[str, str]:
    """One that is checked, one that is done, one whose columns nobody knows; one row of each is broken."""
    checked, done = _checked(owner), _checked(owner)
    owner.send(owner.open(done).form(going_to=f"{done}run/"))
    _saying(owner, done, "Undo the import")
    own = _uploaded(owner, "orders.csv", "Order,Date,Article,Pieces,Total\nA-1,2026-11-03,KETT-17,1,24.90\n")
    return {"checked": checked, "imported": done, "own_columns": own}


def _checked(owner: Person) -> str:
    bought = datetime.now(UTC).isoformat(timespec="seconds")
    rows = [
        [number(), bought, "Shipped", "KETT-17", "many" if n == 5 else "1", "GBP", "24.90", "Amazon.co.uk", "Kettle"]
        for n in range(6)
    ]
    page = _uploaded(owner, "all-orders.txt", "".join("\t".join(cells) + "\n" for cells in [COLUMNS.split(), *rows]))
    owner.send(owner.open(f"{page}columns/").form(holding="decimal_mark"))
    _saying(owner, page, "Rows left out")
    return page


def _uploaded(owner: Person, name: str, content: str) -> str:
    form = owner.open("/imports/new/").form(holding="channel")
    sent = owner.send(form, {"channel": "amazon.co.uk"}, files={"file": (name, content.encode(), "text/plain")})
    return sent.path.removesuffix("columns/")


def _saying(person: Person, path: str, words: str) -> Page:
    def look_again() -> Page | None:
        page = person.open(path)
        return page if words in page.text else None

    page: Page = patiently(look_again, f"“{words}” on {path}")
    return page


def settings(demo: Demo, owner: Person) -> dict[str, str]:
    """An invitation that is under way, and the pages of one person, one time limit, one key."""
    address = f"new+{secrets.token_hex(3)}@acme.example"
    owner.send(owner.open("/settings/team/invite/").form(holding="email"), {"email": address})
    return {
        "invitation": demo.in_mail(address, r"/i/[^\s\"'<&]+"),
        "role": owner.open("/settings/team/").link(r"/settings/team/\d+/role/"),
        "deadline": owner.open("/settings/deadlines/").link(r"/settings/deadlines/[a-z._]+/"),
        "rotate": owner.open("/settings/keys/").link(r"/settings/keys/[^/\"]+/rotate/"),
    }


def look(agent: Person, return_id: str) -> dict[str, str]:
    """Support looks into acme for a reason."""
    form = agent.open("/admin/open/acme/").form(holding="reason")
    agent.send(form, {"reason": "The seller asked about a refund on the telephone."})
    case = f"/admin/cases/return/{return_id}/"
    return {"move": agent.open(case).link(f"{case}[a-z_]+/")}


def mail(owner: Person, return_id: str) -> dict[str, str]:
    """A mail as sent, from a return's timeline."""
    return {"mail": owner.open(f"/returns/{return_id}/").link(r"/mails/[^\"]+/")}


def asking_buyer(demo: Demo, person: Person, waiting: Person) -> str:
    """The page of an order in the session of a buyer of two, answers given up to the last page.

    `waiting` is where the code is still to be typed.
    """
    address = make_address()
    made = [make_order(demo, address) for _ in range(2)][-1]
    path, line = f"/r/acme/orders/{made['public_id']}/", made["lines"][0]["id"]
    form = person.open("/r/acme/find/").form(holding="order_number")
    code = person.send(form, {"order_number": made["number"], "email": address}).form(holding="code")
    waiting.session.cookies.update(person.session.cookies)
    person.send(code, {"code": demo.in_mail(address, CODE)})
    form = person.open(path).form(holding=f"quantity_{line}")
    form = person.send(form, {f"quantity_{line}": "1"}).form(holding=f"reason_{line}")
    words = {f"reason_{line}": "CR-DEFECTIVE", f"comment_{line}": "It worked for two days, then nothing."}
    person.send(form, words)
    return path


def buyers_links(demo: Demo) -> Iterator[tuple[str, str, str]]:
    """For each state: a return in it, and the link of the newest mail to its buyer."""
    seen, mails = set(), demo.mailbox()
    for row in demo.rows("returns/?channel=amazon.co.uk&"):
        if row["status"] in seen:
            continue
        for path, subject, to in mails:
            if row["order_number"] in subject and to.endswith("@buyers.example"):
                found = re.search(r"/r/acme/l/[^\s\"'<&]+", Person(demo.url).open(path).html)
                if found:
                    seen.add(row["status"])
                    yield row["status"], row["public_id"], found[0]
                    break
