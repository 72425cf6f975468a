"""Beside the main job: another seller sees nothing, an order file, money paid by hand, a mail that comes back."""

from __future__ import annotations

import re
import smtplib
from datetime import timedelta
from email.message import EmailMessage

from marketplace.demo.journey import Case, Journey
from marketplace.demo.person import Page, Person, StepFailed
from marketplace.demo.walk_job import make_order, sign_in

IMPORTED = 7  # lines of the small order file; one of them is broken


def stranger_sees_nothing(journey: Journey) -> str:
    """The owner of globex gets “not found” on all of it, and so does globex's program."""
    case = journey.main
    sign_in(journey, journey.stranger, "globex")
    refund = f"/refunds/{case.refund_id}/"
    verbs = [f"{case.page}{verb}/" for verb in ("authorise", "deny", "receive", "refund", "close", "contact")]
    paths = [case.page, *verbs, refund, f"{refund}confirm/", f"/orders/{case.order_id}/"]
    for path in paths:
        journey.stranger.open(path, expect=404)
    journey.stranger.post(f"{case.page}authorise/", expect=404)
    journey.stranger.post(f"{case.page}refund/", expect=404)
    for path in (f"returns/{case.return_id}/", f"orders/{case.order_id}/", f"refunds/{case.refund_id}/"):
        journey.api("GET", path, seller="globex", expect=404)
    for path in (f"/search/?q={case.number}", f"/returns/?bucket=all&q={case.number}"):
        page = journey.stranger.open(path)
        if case.return_id in page.html or case.order_id in page.html:
            raise StepFailed(f"{path} shows it")
    buyer = f"/r/globex/returns/{case.return_id}/"
    if "Kettle" in journey.buyer.open(buyer).text:
        raise StepFailed(f"{buyer} shows it")
    return f"{len(paths) + 2} pages and 3 API calls, 404 each; searches find nothing"


def order_file_is_checked(journey: Journey) -> str:
    """An All Orders file is uploaded in the portal and checked; a broken row is named, nothing is imported."""
    seller = journey.seller
    form = seller.open("/imports/new/").form(holding="channel")
    content = order_file(journey)
    file = {"file": ("all-orders.txt", content.encode(), "text/plain")}
    page = seller.send(form, {"channel": "amazon.co.uk"}, files=file).expect("Check the columns", "amazon-order-id")
    journey.import_page = page.path.removesuffix("columns/")
    seller.send(page.form(holding="decimal_mark"))
    page = _settled(journey, "Rows left out")
    if "quantity" not in page.text:
        raise StepFailed(f"the broken row is not explained: {page.text[:300]}")
    if journey.api("GET", f"orders/?number={_number(journey.nonce, 0)}")["results"]:
        raise StepFailed("the preview made an order")
    return journey.import_page


def order_file_is_imported(journey: Journey) -> str:
    """The file is imported, and a second time adds nothing."""
    seller, run = journey.seller, f"{journey.import_page}run/"
    seller.send(seller.open(journey.import_page).form(going_to=run))
    page = _settled(journey, "Undo the import")
    order = journey.api("GET", f"orders/?number={_number(journey.nonce, 0)}")["results"]
    if len(order) != 1 or order[0]["paid_minor"] != 2490 + 395:
        raise StepFailed(f"the order came in as {order}")
    form = seller.open("/imports/new/").form(holding="channel")
    file = {"file": ("all-orders.txt", order_file(journey).encode(), "text/plain")}
    again = seller.send(form, {"channel": "amazon.co.uk"}, files=file).expect("This file was imported before")
    seller.send(seller.open(again.path.replace("columns/", "discard/")).form(holding="form_nonce"))
    found = re.search(r"New lines (\d+)|(\d+) new lines", page.text)
    return found[0] if found else f"{IMPORTED - 1} orders"


def order_file_is_undone(journey: Journey) -> str:
    """The import is undone as a whole."""
    seller = journey.seller
    undo = seller.open(f"{journey.import_page}undo/")
    seller.send(undo.form(holding="form_nonce")).expect("undone")
    journey.stranger.open(journey.import_page, expect=404)
    if journey.api("GET", f"orders/?number={_number(journey.nonce, 0)}")["results"]:
        raise StepFailed("an order of the file is still there")
    return "its orders are gone"


def manual_refund_is_confirmed(journey: Journey) -> str:
    """A refund through the manual gateway waits until the seller confirms it with a reference."""
    case, seller = journey.by_hand, journey.seller
    make_order(journey, case, channel="acme.example")
    lantern = str(case.line_ids[1])
    form = seller.open(f"/returns/new/?order={case.order_id}").form(holding=f"quantity_{lantern}")
    values = {f"quantity_{lantern}": "1", f"reason_{lantern}": "CR-MISSING_PARTS", f"comment_{lantern}": "No wick."}
    case.return_id = seller.send(form, values).path.strip("/").split("/")[-1]
    if journey.api("GET", f"returns/{case.return_id}/")["status"] == "PENDING_RESPONSE":
        seller.send(seller.open(f"{case.page}authorise/").form(holding="line1"))
    form = seller.open(f"{case.page}refund/").form(holding="seen_total")
    case.refund_minor = int(form.value("seen_total"))
    page = seller.send(form).expect("Pay it outside")
    case.refund_id = page.link(r"/refunds/ba-[A-Za-z0-9]+/").split("/")[-2]
    confirm = seller.open(f"/refunds/{case.refund_id}/confirm/").form(holding="form_nonce")
    field = next(name for name in confirm.fields if name not in {"form_nonce", "csrfmiddlewaretoken"})
    seller.send(confirm, {field: f"BANK-{journey.nonce}"}).expect("noted as paid", f"BANK-{journey.nonce}")
    amount = f"{case.refund_minor / 100:.2f} GBP"
    mail = journey.letter(case.email, f"Refund of {amount} for order {case.number}")
    return f"{amount}; “{mail.subject}”"


def bounce_is_seen(journey: Journey) -> str:
    """A mail that the buyer's server refuses is seen on the return's timeline, and the seller is told."""
    case, seller = journey.bouncing, journey.seller
    make_order(journey, case, channel="amazon.co.uk")
    ask = {"order_line_id": case.line_ids[1], "quantity": 1, "reason_code": "CR-DEFECTIVE", "comment": "Dark."}
    case.return_id = journey.api("POST", "returns/", {"order": case.order_id, "lines": [ask]}, expect=201)["public_id"]
    seller.send(seller.open(f"{case.page}authorise/").form(holding="line1"))
    page: Page = journey.wait_for("The bounce on the timeline", lambda: _saying(seller, case, "550"))
    mail = journey.letter(
        journey.login("acme", "owner")["email"], f"Mail to the buyer not delivered: order {case.number}"
    )
    said = re.search(r"The mail server said: \d+ [\d.]+ [A-Za-z ]+?(?= \d)", page.text)
    return f"“{said[0] if said else 550}”; “{mail.subject}”"


def mail_server_answers(journey: Journey) -> str:
    """The mail server refuses that address itself, and takes a mail to another."""
    mail = EmailMessage()
    mail["From"], mail["To"] = "walk@example.com", f"mailbox+{journey.nonce}@example.com"
    mail["Subject"] = "The demo walks"
    mail.set_content("Nothing to do.")
    with smtplib.SMTP("127.0.0.1", journey.smtp_port, timeout=20) as server:
        server.send_message(mail)
        try:
            server.send_message(mail, to_addrs=[journey.bouncing.email])
        except smtplib.SMTPRecipientsRefused as refusal:
            code, words = refusal.recipients[journey.bouncing.email]
        else:
            raise StepFailed("it took the mail")
    journey.letter(f"mailbox+{journey.nonce}@example.com", "The demo walks")
    Person(journey.url).open("/mailbox/").expect("The demo walks")
    return f"{code} {words.decode()}"


def _settled(journey: Journey, words: str) -> Page:
    """The page of the import once no work is going on any more."""

    def look() -> Page | None:
        page = journey.seller.open(journey.import_page)
        return page if words in page.text else None

    page: Page = journey.wait_for(f"“{words}” on {journey.import_page}", look)
    return page


def _saying(seller: Person, case: Case, words: str) -> Page | None:
    page = seller.open(case.page)
    return page if words in page.text else None


def _number(nonce: str, position: int) -> str:
    return f"026-{int(nonce[:6], 16) % 10_000_000:07d}-{position:07d}"


def order_file(journey: Journey) -> str:
    """A small All Orders report: new numbers each time, and one row whose quantity is no number."""
    head = ["amazon-order-id", "purchase-date", "order-status", "sku", "quantity", "currency", "item-price"]
    head += ["shipping-price", "sales-channel", "product-name", "ship-city"]
    bought = (journey.began - timedelta(days=5)).isoformat(timespec="seconds")
    rows = [
        [_number(journey.nonce, n), bought, "Shipped", "KETT-17", "many" if n == IMPORTED - 1 else "1", "GBP", "24.90"]
        + ["3.95", "Amazon.co.uk", "Kettle, 1.7 l, steel", "LEEDS"]
        for n in range(IMPORTED)
    ]
    return "".join("\t".join(cells) + "\r\n" for cells in [head, *rows])


STEPS = [
    stranger_sees_nothing,
    order_file_is_checked,
    order_file_is_imported,
    order_file_is_undone,
    manual_refund_is_confirmed,
    bounce_is_seen,
    mail_server_answers,
]
