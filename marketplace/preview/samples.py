"""Made-up data for the kit's pages: one seller, a few returns, every state of every part."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from marketplace.actors import MemberRole
from marketplace.portal import Figure, WorkItem
from marketplace.portal_parts import Action, Bar, Step, Tab, TimelineEntry

NOW = datetime(2026, 11, 30, 9, 42, tzinfo=UTC)
H, D = timedelta(hours=1), timedelta(days=1)

SELLER = {"name": "Acme Lanterns", "slug": "acme"}
SELLERS = [SELLER, {"name": "Globex Kitchen", "slug": "globex"}]
LINKS = [
    {"label": "Your profile", "url": "#", "icon": "circle-user"},
    {"label": "Your mails", "url": "#", "icon": "bell"},
]
PERSON = {"label": "Anna Weber", "role": MemberRole.OWNER}


def rail(active: str) -> list[dict[str, Any]]:
    rows = [
        ("today", "Today", "/_kit/today/", "house", 0),
        ("returns", "Returns", "/_kit/index/", "undo-2", 7),
        ("refunds", "Refunds", "/_kit/refund/", "hand-coins", 2),
        ("orders", "Orders", "/_kit/index/empty/", "shopping-bag", 0),
        ("imports", "Imports", "/_kit/job/", "file-up", 0),
        ("settings", "Settings", "/_kit/settings/", "settings", 0),
        ("help", "Help", "/_kit/", "circle-question-mark", 0),
    ]
    named = ("key", "label", "url", "icon", "count")
    return [{**dict(zip(named, row, strict=True)), "active": row[1] == active} for row in rows]


def portal(active: str, **more: Any) -> dict[str, Any]:
    return {
        "rail": rail(active),
        "seller": SELLER,
        "sellers": SELLERS,
        "actor": PERSON,
        "user": {"email": "anna@acme.example"},
        "search_url": "#",
        "switch_url": "#",
        "account_links": LINKS,
        "demo": False,
        **more,
    }


BUDGET = Bar(cap_minor=2490, refunded_minor=500, reserved_minor=200, currency="GBP")
BARS: list[tuple[str, Bar, int | None]] = [
    ("Nothing yet", Bar(2490, "GBP"), None),
    ("Part refunded, part reserved", BUDGET, None),
    ("Disputed", Bar(12000, "EUR", refunded_minor=2000, disputed_minor=6000), None),
    ("After this refund", BUDGET, 990),
    ("All refunded, no decimals", Bar(4800, "JPY", refunded_minor=4800), None),
    ("More out than in", Bar(2490, "GBP", refunded_minor=2490, disputed_minor=500), None),
    ("Paid amount not known", Bar(0, "GBP"), None),
]

_ROWS = [
    (
        "DKp8qHPM",
        "202-0697275-2310748",
        "Lena",
        1,
        "Flash card 8 GB, class 4",
        "Missing parts or accessories",
        8,
        -3 * H,
        "PENDING_RESPONSE",
    ),
    (
        "",
        "202-0697275-7781120",
        "Mario",
        1,
        "Lantern, brass, 40 cm",
        "Different from what was ordered",
        1339,
        5 * H + 12 * timedelta(minutes=1),
        "PENDING_RESPONSE",
    ),
    (
        "",
        "206-1182734-5530017",
        "Noor",
        2,
        "Lamp oil 1 l",
        "Defective or does not work properly",
        1990,
        31 * H,
        "PENDING_RESPONSE",
    ),
    (
        "D4tYb2kXRRMA",
        "203-4841771-9961102",
        "Ada",
        1,
        "Kettle 1.7 l, steel",
        "No longer needed or wanted",
        2490,
        14 * D,
        "AUTHORISED",
    ),
    (
        "D9aZq71LRRMA",
        "203-5549182-1172093",
        "Piotr",
        1,
        "Storm lantern, green",
        "Missed estimated delivery date",
        3200,
        9 * D,
        "IN_TRANSIT",
    ),
    (
        "D1mNw83CRRMA",
        "205-7716523-4410928",
        "Chidi",
        3,
        "Wick, 10 pieces",
        "Arrived in addition to what was ordered",
        897,
        20 * H,
        "RECEIVED",
    ),
    (
        "D7pLe55BRRMA",
        "204-6638172-0093847",
        "Greta",
        2,
        "Glass chimney",
        "The box and the item are both damaged",
        2580,
        40 * H,
        "PARTIALLY_RECEIVED",
    ),
    (
        "",
        "202-5854079-8812345",
        "Luca",
        1,
        "Flash card 8 GB, class 4",
        "Missing parts or accessories",
        8,
        None,
        "DENIED",
    ),
    ("", "026-7361920-5518274", "Sam", 1, "Desk lamp", "Better price available", 4499, None, "WITHDRAWN"),
    (
        "D3vKx90ZRRMA",
        "026-9938471-2200194",
        "Ines",
        1,
        "Kettle 1.7 l, steel",
        "Accidental order",
        2490,
        None,
        "EXPIRED",
    ),
    (
        "D8hTs14QRRMA",
        "203-1029384-7756102",
        "Yusuf",
        1,
        "Lantern, brass, 40 cm",
        "Different from website description",
        1339,
        None,
        "CLOSED",
    ),
]


def rows() -> list[dict[str, Any]]:
    named = ("rma", "order_number", "buyer", "units", "title", "reason", "value_minor", "left", "status")
    found: list[dict[str, Any]] = [dict(zip(named, row, strict=True)) for row in _ROWS]
    for at, row in enumerate(found):
        row["id"] = f"ret-{at:04d}"
        row["due"] = None if row["left"] is None else NOW + row["left"]
    return found


def work(*places: int) -> list[WorkItem]:
    """Rows of Today."""
    found = []
    for row in (rows()[place] for place in places):
        receive = row["status"] in {"RECEIVED", "PARTIALLY_RECEIVED"}
        found.append(
            WorkItem(
                title=f"{row['units']} x {row['title']}",
                detail=f"{row['order_number']} \u00b7 {row['buyer']} \u00b7 {row['reason']}",
                url="/_kit/object/",
                due=row["due"],
                status_machine="return",
                status=row["status"],
                action_label="Refund" if receive else "Authorise" if row["status"] == "PENDING_RESPONSE" else "",
                action_url="/_kit/refund/" if receive else "/_kit/authorise/",
                value=f"{row['value_minor'] / 100:.2f} GBP",
            )
        )
    return found


TABS = [
    Tab("All", "?", "1,000+"),
    Tab("Authorisation required", "?view=pending", 7, active=True),
    Tab("Authorised", "?view=authorised", 12),
    Tab("Not authorised", "?view=not", 3),
    Tab("Withdrawn by buyer", "?view=withdrawn", 2),
    Tab("Denied by seller", "?view=denied", 5),
    Tab("Closed", "?view=closed", 210),
]
DECISIONS = [
    Action("Authorise", "/_kit/authorise/", "check", is_primary=True),
    Action("Deny", "/_kit/deny/", "x"),
    Action("Refund", "/_kit/refund/", "hand-coins"),
    Action("Contact buyer", "/_kit/deny/", "mail"),
    Action("Receive", reason="Nothing has been authorised yet. Authorise the return first."),
]
TIMELINE = [
    TimelineEntry(
        NOW - 51 * H,
        "buyer",
        "Mario",
        "asked to return 1 of 1 item.",
        "return",
        "",
        "PENDING_RESPONSE",
        quote="The lantern in the box is the small one, 25 cm. I ordered 40 cm.",
    ),
    TimelineEntry(
        NOW - 51 * H,
        "system",
        "Redress",
        "sent a mail to the buyer.",
        mail_url="#",
        mail_subject="Your return request for order 202-0697275-7781120",
        mail_status="SENT",
    ),
    TimelineEntry(
        NOW - 50 * H,
        "system",
        "Redress",
        "could not deliver a mail to orders@acme.example: the mailbox is full (452). It is tried again at 10:15.",
        is_failure=True,
        mail_status="RETRY",
        mail_url="#",
        mail_subject="Return requested: order 202-0697275-7781120",
    ),
    TimelineEntry(
        NOW - 26 * H,
        "seller",
        "Ben Ito",
        "wrote a note.",
        quote="Picked from the wrong shelf again. Third this week.",
        is_note=True,
    ),
    TimelineEntry(
        NOW - 3 * H,
        "clock",
        "The clock",
        "marked the request as overdue.",
        why="A return request is answered within 48 hours (rule returns.respond, version 3, valid since 1 Oct 2026).",
    ),
    TimelineEntry(
        NOW - 2 * H,
        "support",
        "Kim, Redress support",
        "looked at this case: \u201cseller asks why the mail bounced\u201d.",
    ),
    TimelineEntry(
        NOW - 1 * H, "seller", "Anna Weber", "authorised the return.", "return", "PENDING_RESPONSE", "AUTHORISED"
    ),
]
STEPS = [
    Step("Authorisation required", "done", NOW - 51 * H),
    Step("Authorised", "now", NOW - 1 * H, "until 14 Dec 2026"),
    Step("In transit", "next"),
    Step("Received", "next"),
    Step("Closed", "next"),
]


FIGURES = [
    Figure(
        "answered",
        "Answered within 48 h",
        "96.2 %",
        "204 of 212",
        [91, 92, 90, 93, None, 94, 92, 95, 94, 96, 95, 96.2],
        90,
        "#",
        "Return requests answered before their deadline, of all that fell due in the last 30 days.",
        "up",
        "1.4",
        True,
        "target 90 %",
    ),
    Figure(
        "late",
        "Late answers",
        "8",
        "of 212",
        [14, 12, 13, 11, 12, 10, 11, 9, 9, 8],
        21,
        "#",
        "Answers given after the deadline.",
        "down",
        "3",
        True,
        "at most 21",
    ),
    Figure(
        "refund",
        "Received to refunded",
        "19 h",
        "median of 88",
        [12, 13, 12, 14, 15, 14, 16, 18, 17, 19],
        48,
        "#",
        "From the last unit received to the refund completed.",
        "up",
        "4 h",
        False,
        "target 48 h",
    ),
    Figure(
        "open",
        "Open money",
        "412.30 GBP",
        "17 refunds",
        [300, 320, 410, 380, 350, 390, 400, 412.3],
        None,
        "#",
        "Refunds asked for and not yet with the buyer.",
    ),
]
ITEMS = [
    {
        "title": "Lantern, brass, 40 cm",
        "sku": "LAN-40-BR",
        "asin": "B0000F2F36",
        "quantity": 1,
        "of": 1,
        "reason": "Different from what was ordered",
        "comment": "The lantern in the box is the small one, 25 cm. I ordered 40 cm.",
        "minor": 1339,
    },
    {
        "title": "Lamp oil 1 l",
        "sku": "OIL-1L",
        "asin": "B0000F2F99",
        "quantity": 2,
        "of": 3,
        "reason": "Defective or does not work properly",
        "comment": "",
        "minor": 1151,
    },
]
ADDRESS = [
    "Acme Lanterns, Returns",
    "Unit 4, Mill Yard",
    "London WC2A 2HD",
    "United Kingdom",
    "020 7946 0018",
]
