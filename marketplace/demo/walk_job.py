"""The main job: an order comes in, its buyer asks to return, the seller decides, the money goes back."""

from __future__ import annotations

import re
from datetime import timedelta

from marketplace.demo.journey import Case, Journey
from marketplace.demo.person import Page, Person, StepFailed

PAID_MINOR = 4980 + 395 + 1339
COMMENT = "The switch stays down & it boils on."


def web_answers(journey: Journey) -> str:
    """The web server answers."""
    Person(journey.url).open("/healthz")
    page = Person(journey.url).open("/").expect("Redress")
    return f"the front page has {len(page.html):,} characters"


def seller_signs_in(journey: Journey) -> str:
    """The owner of acme signs in through the form; without the form's token nobody does."""
    login = journey.login("acme", "owner")
    words = {"login": login["email"], "password": login["password"]}
    Person(journey.url).post("/accounts/login/", words, expect=403)
    page = sign_in(journey, journey.seller, "acme")
    return f"“{page.text[:40].strip()} ...” at {page.path}"


def sign_in(journey: Journey, person: Person, seller: str) -> Page:
    login = journey.login(seller, "owner")
    form = person.open("/accounts/login/").form(holding="password")
    page = person.send(form, {"login": login["email"], "password": login["password"]})
    if page.path != "/":
        raise StepFailed(f"signing in led to {page.path}: {page.text[:200]}")
    return page


def seller_wants_all_mails(journey: Journey) -> str:
    """The owner asks for a mail also when a buyer has posted a return, which is off until asked for."""
    form = journey.seller.open("/settings/notifications/").form(holding="wants")
    page = journey.seller.send(form, {"wants": sorted({*form.fields["wants"], "return.shipped"})})
    if "return.shipped" not in page.form(holding="wants").fields["wants"]:
        raise StepFailed("the choice is not kept")
    return f"{len(page.form(holding='wants').fields['wants'])} kinds of mail"


def program_makes_an_order(journey: Journey) -> str:
    """A program makes an order with the buyer's address."""
    make_order(journey, journey.main, channel="amazon.co.uk")
    return f"{journey.main.number}, two kettles and a lantern, paid {PAID_MINOR / 100:.2f} GBP"


def make_order(journey: Journey, case: Case, *, channel: str) -> None:
    bought = journey.began - timedelta(days=3)
    lines = [
        {"sku": "KETT-17", "title": "Kettle, 1.7 l, steel", "quantity": 2, "item_minor": 4980, "shipping_minor": 395},
        {"sku": "LANT-40-BR", "title": "Lantern, brass, 40 cm", "quantity": 1, "item_minor": 1339},
    ]
    body = {
        "channel": channel,
        "number": case.number,
        "purchased_at": bought.isoformat(),
        "shipped_at": (bought + timedelta(days=1)).isoformat(),
        "currency": "GBP",
        "lines": lines,
        "payment_reference": case.payment,
        "ship_country": "GB",
        "buyer_email": case.email,
        "buyer_name": "Kim Doe",
        "buyer_zone": "Europe/London",
    }
    made = journey.api("POST", "orders/", body, expect=201)
    case.order_id, case.line_ids = made["public_id"], [line["id"] for line in made["lines"]]


def wrong_pairs_learn_nothing(journey: Journey) -> str:
    """In the returns centre a wrong pair of order number and address gets the very same answer."""
    wrong, right = Person(journey.url), journey.buyer
    journey.buyer.open("/r/acme/").expect("Acme Home & Garden")
    answers = []
    for person, address in ((wrong, "somebody-else@buyers.example"), (right, journey.main.email)):
        form = person.open("/r/acme/find/").form(holding="order_number")
        answers.append(person.send(form, {"order_number": journey.main.number, "email": address}))
    if (answers[0].path, answers[0].text) != (answers[1].path, answers[1].text):
        raise StepFailed("the two answers differ")
    return f"“{answers[1].text[answers[1].text.find('If the order') :][:60]} ...”"


def code_opens_the_order(journey: Journey) -> str:
    """The one-time code comes by mail and opens the order; a wrong one does not."""
    mail = journey.letter(journey.main.email, "Your code for returns")
    found = re.search(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}\b", mail.text)
    if found is None:
        raise StepFailed(f"there is no code in “{mail.subject}”")
    if journey.letters("somebody-else@buyers.example"):
        raise StepFailed("the wrong address got a mail")
    form = journey.buyer.open("/r/acme/code/").form(holding="code")
    journey.buyer.send(form, {"code": "AAAA-AAAA"}, expect=422).expect("There is a problem")
    page = journey.buyer.send(form, {"code": found[0]}).expect(journey.main.number, "What do you want to return?")
    return f"“{mail.subject}”, then {page.path}"


def buyer_asks(journey: Journey) -> str:
    """The buyer picks one of two kettles, a reason, a comment, checks the answers and sends them."""
    case, buyer = journey.main, journey.buyer
    kettle = str(case.line_ids[0])
    form = buyer.open(f"/r/acme/orders/{case.order_id}/").form(holding=f"quantity_{kettle}")
    form = buyer.send(form, {f"quantity_{kettle}": "1"}).form(holding=f"reason_{kettle}")
    too_long = {f"reason_{kettle}": "CR-DEFECTIVE", f"comment_{kettle}": "x" * 201}
    buyer.send(form, too_long, expect=422).expect("There is a problem")
    page = buyer.send(form, {f"reason_{kettle}": "CR-DEFECTIVE", f"comment_{kettle}": COMMENT})
    page.expect("Check your request", "1 × Kettle", COMMENT)
    sent = page.form(holding="form_nonce")
    done = buyer.send(sent).expect("Your request is with the seller")
    case.return_id = done.path.rstrip("/").split("/")[-2]
    again = buyer.send(sent)
    if again.path != done.path or len(journey.api("GET", f"returns/?order_number={case.number}")["results"]) != 1:
        raise StepFailed("sending it twice made two returns")
    return f"{case.return_id}; pressing twice made one"


def both_sides_are_told(journey: Journey) -> str:
    """Both sides get a mail."""
    to_buyer = journey.letter(journey.main.email, f"Return requested for order {journey.main.number}")
    owner = journey.login("acme", "owner")["email"]
    to_seller = journey.letter(owner, f"return requested for order {journey.main.number}")
    return f"“{to_buyer.subject}”; “{to_seller.subject}”"


def seller_sees_it(journey: Journey) -> str:
    """The seller finds it in Today's figures, in Manage returns and by the search box, and opens it."""
    case, seller = journey.main, journey.seller
    seller.open("/").expect("Today")
    seller.open("/returns/").expect("Manage returns", case.number)
    seller.open(f"/search/?q={case.number}").expect(case.number)
    seller.open(case.page).expect("Authorisation required", "Kettle, 1.7 l, steel", COMMENT, "Kim Doe")
    return case.page


def seller_authorises(journey: Journey) -> str:
    """The seller authorises; pressing twice and a second tab change nothing more."""
    case, seller = journey.main, journey.seller
    form = seller.open(f"{case.page}authorise/").form(holding="line1")
    tab = seller.open(f"{case.page}authorise/").form(holding="line1")
    page = seller.send(form)
    number = re.search(r"\bD[A-Za-z0-9]{7}RRMA\b", page.text)
    if number is None:
        raise StepFailed(f"there is no RMA number: {page.text[:300]}")
    case.rma = number[0]
    page.expect("Authorised")
    seller.send(form).expect("Nothing was done twice")
    seller.send(tab, expect=409).expect("already authorised", "Nothing was changed")
    return f"RMA {case.rma}"


def rma_reaches_the_buyer(journey: Journey) -> str:
    """The RMA number and the address are in one mail to the buyer, whose link opens the return."""
    case = journey.main
    mail = journey.letter(case.email, f"return authorised for order {case.number}")
    missing = [words for words in (case.rma, "Unit 4, Mill Lane") if words not in mail.text]
    if missing:
        raise StepFailed(f"the mail does not say {missing}")
    link = re.search(r"/r/acme/l/\S+", mail.text)
    if link is None:
        raise StepFailed("the mail has no link to the return")
    Person(journey.url).open(link[0]).expect(case.rma)
    return f"“{mail.subject}”"


def buyer_posts_it(journey: Journey) -> str:
    """The buyer adds the tracking number, and the seller hears of it."""
    case, buyer = journey.main, journey.buyer
    form = buyer.open(f"/r/acme/returns/{case.return_id}/ship/").form(holding="tracking")
    tracking = f"RM{journey.nonce}GB".upper()
    buyer.send(form, {"carrier": "Royal Mail", "tracking": tracking}).expect("on their way")
    mail = journey.letter(journey.login("acme", "owner")["email"], f"On its way back: order {case.number}")
    journey.seller.open(case.page).expect(tracking)
    return f"“{mail.subject}”"


def seller_receives(journey: Journey) -> str:
    """The seller notes the kettle as received."""
    case = journey.main
    form = journey.seller.open(f"{case.page}receive/").form(holding="form_nonce")
    page = journey.seller.send(form).expect("Everything is noted as received")
    journey.letter(case.email, f"received your return of order {case.number}")
    return re.sub(r".*(Refund the buyer by [^.]+)\..*", r"\1", page.text)[:60]


def seller_refunds(journey: Journey) -> str:
    """The seller refunds what the form proposes; pressing twice pays once."""
    case, seller = journey.main, journey.seller
    page = seller.open(f"{case.page}refund/")
    form = page.form(holding="seen_total")
    case.refund_minor = int(form.value("seen_total"))
    verb = f"Refund {case.refund_minor / 100:.2f} GBP"
    if case.refund_minor != 2490 + 197 or verb not in [button.replace("\xa0", " ") for button in form.buttons]:
        raise StepFailed(f"{case.refund_minor} is proposed, and the buttons say {form.buttons}")
    why = {"reason_text": "Tried it: the switch is broken."}
    seller.send(form, why).expect("is on its way to the buyer")
    seller.send(form, why).expect("Nothing was done twice")
    return f"“{verb}”"


def gateway_pays_once(journey: Journey) -> str:
    """The worker settles it: the gateway's book has one payout of that amount."""
    case = journey.main
    journey.wait_for("The payout", lambda: journey.payouts(case.payment))
    mail = journey.letter(case.email, f"Refund of {case.refund_minor / 100:.2f} GBP for order {case.number}")
    rows = journey.payouts(case.payment)
    if [(row["amount"], row["currency"], row["status"]) for row in rows] != [(case.refund_minor, "GBP", "succeeded")]:
        raise StepFailed(f"the book says {rows}")
    case.refund_id = rows[0]["reference"]
    return f"{rows[0]['id']}; “{mail.subject}” is in the buyer's mailbox"


def return_is_closed(journey: Journey) -> str:
    """The return is closed as refunded, for the seller, the buyer and the program."""
    case = journey.main
    journey.seller.open(case.page).expect("Closed", "Refunded")
    journey.seller.open(f"/refunds/{case.refund_id}/").expect(f"{case.refund_minor / 100:.2f}")
    journey.buyer.open(f"/r/acme/returns/{case.return_id}/").expect("This return is closed")
    seen = journey.api("GET", f"returns/{case.return_id}/")
    if seen["status"] != "CLOSED":
        raise StepFailed(f"the API says {seen['status']}")
    return f"{seen['status']}, {seen.get('close_reason', '')}"


def second_refund_is_refused(journey: Journey) -> str:
    """A second refund of it, and one of more than is left, are refused in plain words; nothing more is paid."""
    case, seller = journey.main, journey.seller
    path = f"returns/{case.return_id}/refund/"
    said: str = journey.api("POST", path, {}, expect=422)["error"]["message"]
    over = {"lines": [{"order_line_id": case.line_ids[0], "component": "ITEM", "amount_minor": PAID_MINOR}]}
    more: str = journey.api("POST", path, over, expect=422)["error"]["message"]
    form = seller.open(f"{case.page}refund/").form(holding="seen_total")
    seller.send(form, expect=422).expect("There is a problem", "must come to more than nothing")
    page = seller.send(form, {"goodwill": f"{PAID_MINOR / 100:.2f}", "seen_total": str(PAID_MINOR)}, expect=422)
    page.expect("There is a problem", f"no more than {(PAID_MINOR - case.refund_minor) / 100:.2f}")
    if len(journey.payouts(case.payment)) != 1:
        raise StepFailed("the book has a second payout")
    return f"“{said}”; “{more}”"


STEPS = [
    web_answers,
    seller_signs_in,
    seller_wants_all_mails,
    program_makes_an_order,
    wrong_pairs_learn_nothing,
    code_opens_the_order,
    buyer_asks,
    both_sides_are_told,
    seller_sees_it,
    seller_authorises,
    rma_reaches_the_buyer,
    buyer_posts_it,
    seller_receives,
    seller_refunds,
    gateway_pays_once,
    return_is_closed,
    second_refund_is_refused,
]
