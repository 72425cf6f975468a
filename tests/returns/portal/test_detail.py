"""The page of one return: one primary action by state, the others beside it with why not; the story; the facts."""

from __future__ import annotations

from typing import Any

import pytest

from marketplace.actors import MemberRole
from marketplace.models import Mail, OutboxEvent
from marketplace.tenancy import scope
from returns import services
from tests.cast import Shop
from tests.returns import stories
from tests.returns.portal import desk
from tests.visitor import Visitor, text_of

pytestmark = pytest.mark.django_db


def shown(response: Any) -> dict[str, str]:
    """label -> "primary", "possible", or the reason why not."""
    return {
        str(action.label): str(action.reason) or ("primary" if action.is_primary else "possible")
        for action in response.context["decisions"]
    }


@pytest.mark.parametrize(
    ("state", "primary", "others", "locked"),
    [
        ("PENDING_RESPONSE", "Authorise", {"Deny", "Refund", "Contact buyer", "Close"}, {"Receive items"}),
        ("AUTHORISED", "Receive items", {"Note the parcel", "Refund", "Contact buyer", "Close"}, {"Deny"}),
        ("IN_TRANSIT", "Receive items", {"Refund", "Contact buyer", "Close"}, {"Deny"}),
        ("PARTIALLY_RECEIVED", "Receive items", {"Refund", "Contact buyer", "Close"}, set()),
        ("RECEIVED", "Refund", {"Close", "Contact buyer"}, {"Receive items"}),
        ("DENIED", "", {"Reinstate", "Refund", "Contact buyer"}, {"Authorise"}),
        ("CLOSED", "", {"Reinstate", "Refund", "Contact buyer"}, {"Authorise"}),
        ("EXPIRED", "", {"Reinstate", "Refund", "Contact buyer"}, {"Authorise"}),
        ("WITHDRAWN", "", {"Refund", "Contact buyer"}, {"Authorise"}),
    ],
)
def test_the_actions_of_each_state(
    acme: Shop, anna: Visitor, state: str, primary: str, others: set[str], locked: set[str]
) -> None:
    request = desk.have(acme, stories.STATES[state])

    response = anna.get(desk.page(request))

    found = shown(response)
    assert [label for label, how in found.items() if how == "primary"] == ([primary] if primary else [])
    assert {label for label, how in found.items() if how == "possible"} == others
    assert {label for label, how in found.items() if how not in {"primary", "possible"}} == locked
    page = text_of(response)
    assert all(found[label] in page for label in locked)


def test_the_mate_sees_every_action_locked_with_the_reason(acme: Shop, mary: Visitor) -> None:
    response = mary.get(desk.page(desk.have(acme)))

    assert set(shown(response).values()) == {"Your role does not allow this. Ask the owner of the account."}
    assert "Save note" not in text_of(response)


def test_refunds_without_a_second_factor_say_what_to_do(acme: Shop, anna: Visitor) -> None:
    acme.seller.requires_second_factor = True
    acme.seller.save()

    response = anna.get(desk.page(desk.have(acme)))

    assert shown(response)["Refund"].startswith("Refunds need two-factor sign-in.")
    assert shown(response)["Authorise"] == "primary"


def test_nothing_left_to_refund_is_said_so(acme: Shop, anna: Visitor) -> None:
    request = desk.have(acme, stories.received, quantity=2)
    with scope(acme.seller.pk):
        services.refund_return(request.public_id, by=acme.actor())

    found = shown(anna.get(desk.page(request)))

    assert found["Refund"] == "Nothing is left to refund on this order."
    assert found["Close"].startswith("A refund of this return is under way.")
    assert found["Contact buyer"] == "primary"


def test_the_facts_and_the_money(acme: Shop, anna: Visitor) -> None:
    request = desk.have(acme, stories.received)
    with scope(acme.seller.pk):
        refund = services.refund_return(request.public_id, by=acme.actor())

    response = anna.get(desk.page(request))
    page = text_of(response)

    for words in (
        acme.order.number,
        "Lena Buyer",
        "Amazon.co.uk",
        "Acme Returns",
        "LS1 4AB Leeds" if "LS1 4AB Leeds" in page else "Leeds LS1 4AB",
        "United Kingdom",
        "Item defective or doesn't work",
        "It hums.",
        "1 × Sellable",
        "reserved 50.00 GBP",
        "left 50.00 GBP",
        request.rma,
    ):
        assert words in page, words
    assert f"/refunds/{refund.public_id}/" in response.content.decode()
    assert acme.buyer.email not in response.content.decode()


def test_the_story_in_order_with_notes_messages_refunds_and_mails(acme: Shop, anna: Visitor) -> None:
    request = desk.have(acme, stories.received)
    with scope(acme.seller.pk):
        services.add_note(request.public_id, by=acme.actor(), text="Wrong shelf.")
        services.contact_buyer(request.public_id, by=acme.actor(), message="Thank you.")
        services.refund_return(request.public_id, by=acme.actor())

    entries = anna.get(desk.page(request)).context["entries"]

    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)
    told = [f"{entry.actor} {entry.sentence}" for entry in entries]
    owner = str(acme.people[MemberRole.OWNER].user)
    assert told == [
        "Lena Buyer asked to return 1 unit.",
        f"{owner} authorised the return.",
        f"{owner} noted what came back: 1 × sellable.",
        f"{owner} wrote a note.",
        f"{owner} wrote to the buyer.",
        f"{owner} asked to refund 50.00\u00a0GBP: Item defective or doesn't work.",
    ]
    assert [entry.is_note for entry in entries] == [False, False, False, True, False, False]


def test_a_letter_to_several_people_is_told_once(acme: Shop, anna: Visitor) -> None:
    request = desk.have(acme)
    with scope(acme.seller.pk):
        for n in range(3):
            _mail(request.pk, n)

    entries = anna.get(desk.page(request)).context["entries"]

    mails = [entry for entry in entries if entry.mail_url]
    assert [entry.sentence for entry in mails] == ["wrote to 3 people of your team."]


def test_where_it_stands(acme: Shop, anna: Visitor) -> None:
    steps = anna.get(desk.page(desk.have(acme, stories.authorised))).context["steps"]

    assert [(str(step.label), step.state) for step in steps] == [
        ("Authorisation required", "done"),
        ("Authorised", "now"),
        ("In transit", "next"),
        ("Received", "next"),
        ("Closed", "next"),
    ]
    assert steps[1].note.startswith("post by ")


@pytest.mark.parametrize("state", list(stories.STATES))
def test_every_state_has_its_page_and_few_queries(acme: Shop, anna: Visitor, state: str) -> None:
    request = desk.have(acme, stories.STATES[state])

    assert anna.queries(desk.page(request)) <= 25


def test_the_queries_do_not_grow_with_the_story(acme: Shop, anna: Visitor) -> None:
    request = desk.have(acme, stories.received, quantity=2)
    with scope(acme.seller.pk):
        services.refund_return(request.public_id, by=acme.actor(), lines=_part(acme, 100))
    one = anna.queries(desk.page(request))
    with scope(acme.seller.pk):
        for amount in (200, 300, 400):
            services.refund_return(request.public_id, by=acme.actor(), lines=_part(acme, amount))
            services.add_note(request.public_id, by=acme.actor(), text="More.")
        for n in range(5):
            _mail(request.pk, n)

    assert anna.queries(desk.page(request)) == one <= 25


def _part(shop: Shop, amount: int) -> list[Any]:
    from refunds.services import RefundLineAsk

    return [RefundLineAsk(stories.first_line(shop.order).pk, "ITEM", amount)]


def _mail(object_id: int, n: int) -> None:
    from marketplace import clock

    now = clock.now()
    Mail.objects.create(
        dedupe_key=f"k{n}",
        template="return_authorised_buyer",
        to_email="lena@acme-buyers.example",
        machine="return",
        object_id=object_id,
        subject="Where to send it",
        text="Here.",
        message_id=f"<{n:032x}@x>",
        not_before=now,
        next_at=now,
        created_at=now,
    )


def test_hostile_text_stays_text(acme: Shop, anna: Visitor) -> None:
    with scope(acme.seller.pk):
        order = stories.order_of(
            acme, lines=[{"sku": "<script>alert(1)</script>", "quantity": 1, "item_minor": 100, "title": "<b>x</b>"}]
        )
        request = services.submit_return(
            order.public_id,
            by=acme.buyer_actor,
            lines=[stories.line_ask(order, comment="<img src=x onerror=alert(1)>")],
        )

    page = anna.get(desk.page(request)).content.decode()

    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "<b>x</b>" not in page


def test_reading_writes_nothing(acme: Shop, anna: Visitor) -> None:
    request = desk.have(acme)
    with scope(acme.seller.pk):
        before = OutboxEvent.objects.count()

    anna.get(desk.page(request))
    for verb in ("authorise", "deny", "refund", "close", "contact"):
        anna.get(desk.page(request, verb))

    with scope(acme.seller.pk):
        assert OutboxEvent.objects.count() == before
    assert desk.now(acme, request).version == 1
