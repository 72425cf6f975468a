"""A buyer follows a return, takes it back, posts it, prints the slip; reading never changes anything."""

from __future__ import annotations

from typing import Any

import psycopg2
import pytest
from django.test import Client

from marketplace import clock, events
from marketplace.actors import Actor
from marketplace.errors import NotFound
from marketplace.models import Order
from marketplace.tenancy import Role, scope
from returns.buyer import reading
from returns.models import ReturnRequest
from returns.services import (
    LineAsk,
    authorise_return,
    contact_buyer,
    deny_return,
    submit_return,
    withdraw_return,
)
from tests.cast import Shop
from tests.databases import Addresses
from tests.factories import BuyerFactory, OrderFactory
from tests.returns import stories
from tests.returns.buyer.conftest import enter_by_code, mails

pytestmark = pytest.mark.django_db


def submit(shop: Shop, order: Order | None = None, by: Actor | None = None) -> ReturnRequest:
    order = order or shop.order
    with scope(shop.seller.pk):
        line = order.lines.get()
        return submit_return(
            order.public_id,
            by=by or shop.buyer_actor,
            lines=[LineAsk(line.pk, 1, "CR-DEFECTIVE", "It stays dark.")],
        )


@pytest.fixture
def asked(acme: Shop) -> ReturnRequest:
    return submit(acme)


@pytest.fixture
def agreed(acme: Shop, asked: ReturnRequest, owner: Actor) -> ReturnRequest:
    with scope(acme.seller.pk):
        return authorise_return(asked.public_id, by=owner)


def state(shop: Shop) -> str:
    with scope(shop.seller.pk):
        return str(ReturnRequest.objects.get().status)


def path(request: ReturnRequest, step: str = "") -> str:
    return f"/r/acme/returns/{request.public_id}/{step}"


def test_the_list_and_the_page_say_how_it_stands(asked: ReturnRequest, inside: Client) -> None:
    assert "Pending response from seller" in inside.get("/r/acme/returns/").content.decode()
    page = inside.get(path(asked)).content.decode()
    assert "Your request is with Acme" in page
    assert "asked to return this" in page
    assert "It stays dark." in page
    assert "Take my request back" in page


def test_times_are_in_the_buyers_zone(acme: Shop, asked: ReturnRequest, visitor: Client) -> None:
    with scope(acme.seller.pk):
        acme.buyer.zone = "Asia/Tokyo"
        acme.buyer.save()
    enter_by_code(visitor, acme)
    assert "JST" in visitor.get(path(asked)).content.decode()


def test_an_agreed_return_shows_where_to_and_by_when(agreed: ReturnRequest, inside: Client) -> None:
    page = inside.get(path(agreed)).content.decode()
    for part in ("Send the items back by", "1 Mill Lane", "LS1 4AB", "United Kingdom", agreed.rma, "I have posted it"):
        assert part in page
    assert "Take my request back" not in page


def test_a_denied_one_says_why_and_where_to_turn(
    acme: Shop, asked: ReturnRequest, owner: Actor, inside: Client
) -> None:
    with scope(acme.seller.pk):
        deny_return(asked.public_id, by=owner, reason_code="MEDIA_OPENED", message="The seal was broken.")
    page = inside.get(path(asked)).content.decode()
    assert "Acme said no" in page
    assert "The seal was broken." in page
    assert "A-to-z Guarantee claim" in page


def test_names_and_notes_of_the_sellers_people_stay_with_them(
    acme: Shop, agreed: ReturnRequest, owner: Actor, inside: Client
) -> None:
    from returns.services import add_note

    with scope(acme.seller.pk):
        add_note(agreed.public_id, by=owner, text="Buyer is a known complainer.")
        contact_buyer(agreed.public_id, by=owner, message="Please use the old box.")
    page = inside.get(path(agreed)).content.decode()
    assert "Please use the old box." in page
    assert "known complainer" not in page
    assert owner.label not in page


# --- taking it back ---


def test_taking_it_back_needs_the_press_on_the_button(acme: Shop, asked: ReturnRequest, inside: Client) -> None:
    page = inside.get(path(asked, "withdraw/"))
    assert page.status_code == 200
    assert state(acme) == "PENDING_RESPONSE"

    assert inside.post(path(asked, "withdraw/"))["Location"] == path(asked)
    assert state(acme) == "WITHDRAWN"
    assert "You took this request back" in inside.get(path(asked)).content.decode()
    events.drain_all()
    assert len(mails(acme, "return_withdrawn_seller")) == 3


def test_the_second_press_shows_what_the_first_did(acme: Shop, asked: ReturnRequest, inside: Client) -> None:
    for _press in range(2):
        assert inside.post(path(asked, "withdraw/"))["Location"] == path(asked)
    with scope(acme.seller.pk):
        assert ReturnRequest.objects.get().version == 2


def test_an_answered_one_is_not_taken_back(agreed: ReturnRequest, acme: Shop, inside: Client) -> None:
    assert inside.get(path(agreed, "withdraw/"))["Location"] == path(agreed)
    refused = inside.post(path(agreed, "withdraw/"))
    assert refused.status_code == 409
    assert "already authorised by the seller" in refused.content.decode()
    assert state(acme) == "AUTHORISED"


# --- posting it ---


def test_the_tracking_number_puts_it_on_its_way(acme: Shop, agreed: ReturnRequest, inside: Client) -> None:
    response = inside.post(path(agreed, "ship/"), {"carrier": "Royal Mail", "tracking": "AB 123 456 789 GB"})
    assert response["Location"] == path(agreed)
    assert state(acme) == "IN_TRANSIT"
    assert "AB123456789GB" in inside.get(path(agreed)).content.decode()
    assert inside.get(path(agreed, "ship/"))["Location"] == path(agreed)
    assert inside.post(path(agreed, "ship/"), {"carrier": "x", "tracking": "y"}).status_code == 409


def test_the_second_press_of_the_tracking_form_is_no_refusal(agreed: ReturnRequest, inside: Client) -> None:
    for _press in range(2):
        response = inside.post(path(agreed, "ship/"), {"carrier": "Royal Mail", "tracking": "ab 123"})
        assert response["Location"] == path(agreed)


def test_a_tracking_number_of_another_return_is_a_problem_of_its_field(
    acme: Shop, agreed: ReturnRequest, inside: Client
) -> None:
    with scope(acme.seller.pk):
        stories.shipped(acme, order=stories.order_of(acme), tracking="TAKEN1")
    response = inside.post(path(agreed, "ship/"), {"carrier": "Royal Mail", "tracking": "TAKEN1"})
    assert response.status_code == 409
    page = response.content.decode()
    assert "belongs to another return already" in page
    assert 'name="tracking" value="TAKEN1"' in page, "what was typed stays"
    with scope(acme.seller.pk):
        assert ReturnRequest.objects.get(pk=agreed.pk).status == "AUTHORISED"


def test_an_empty_tracking_number_is_a_problem_in_words(agreed: ReturnRequest, inside: Client) -> None:
    assert inside.post(path(agreed, "ship/"), {"carrier": "", "tracking": ""}).status_code == 422


def test_the_slip_carries_all_that_belongs_on_it(acme: Shop, agreed: ReturnRequest, inside: Client) -> None:
    page = inside.get(path(agreed, "slip/")).content.decode()
    for part in (agreed.rma, "1 Mill Lane", "B09KXVBD7Z", "LAMP-1", acme.order.number, "It stays dark.", "Post by"):
        assert part in page
    assert 'src="data:image/svg+xml' in page


def test_there_is_no_slip_before_the_answer(asked: ReturnRequest, inside: Client) -> None:
    assert inside.get(path(asked, "slip/")).status_code == 404


# --- reading changes nothing ---


def everything(addresses: Addresses) -> dict[str, Any]:
    """Every row of every table but sessions, as the administrator sees them."""
    connection = psycopg2.connect(addresses.admin)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        found = {}
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)), count(*) FROM {table} t")
            found[table] = cursor.fetchone()
    connection.close()
    return found


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("state_", ["asked", "agreed"])
def test_get_head_and_prefetch_change_nothing(
    acme: Shop, owner: Actor, database_addresses: Addresses, state_: str
) -> None:
    visitor = Client()
    made = submit(acme)
    if state_ == "agreed":
        with scope(acme.seller.pk):
            authorise_return(made.public_id, by=owner)
    events.drain_all()
    enter_by_code(visitor, acme)
    events.drain_all()
    from tests.returns.buyer.conftest import link_in

    (mail,) = mails(acme, "return_authorised_buyer" if state_ == "agreed" else "return_requested_buyer")
    order = f"/r/acme/orders/{acme.order.public_id}/"
    paths = [
        "/r/acme/", "/r/acme/find/", "/r/acme/code/", "/r/acme/gift/", "/r/acme/gift/sent/", "/r/acme/orders/",
        order, f"{order}reasons/", f"{order}check/", "/r/acme/returns/", path(made), path(made, "sent/"),
        path(made, "withdraw/"), path(made, "ship/"), path(made, "slip/"), "/r/acme/leave/", "/r/acme/language/",
        link_in(mail),
    ]  # fmt: skip
    before = everything(database_addresses)

    for each in paths:
        visitor.get(each)
        visitor.head(each)
        visitor.options(each)
        visitor.get(each, headers={"Sec-Purpose": "prefetch", "Purpose": "prefetch"})
        Client().get(each)

    assert everything(database_addresses) == before


# --- whose ---


def test_returns_of_others_are_not_there(acme: Shop, globex: Shop, inside: Client) -> None:
    with scope(acme.seller.pk):
        stranger = BuyerFactory(email="other@example.com")
        order = OrderFactory(buyer=stranger)
    theirs = submit(acme, order, actor_of(acme, stranger))
    foreign = submit(globex)
    for public_id in (theirs.public_id, foreign.public_id, "ret-nothing"):
        for step in ("", "sent/", "withdraw/", "ship/", "slip/"):
            where = f"/r/acme/returns/{public_id}/{step}"
            assert inside.get(where).status_code == 404, where
            if step in {"withdraw/", "ship/"}:
                assert inside.post(where, {"carrier": "x", "tracking": "y"}).status_code == 404
    assert "other@example.com" not in inside.get("/r/acme/returns/").content.decode()


def actor_of(shop: Shop, buyer: Any) -> Actor:
    from marketplace.actors import ActorKind

    return Actor(ActorKind.BUYER, buyer.public_id, str(buyer), shop.seller.pk, buyer_id=buyer.pk)


def test_the_database_itself_shows_a_buyer_their_own_rows_only(acme: Shop, asked: ReturnRequest) -> None:
    from marketplace.models import Note, StateTransition

    with scope(acme.seller.pk):
        stranger = BuyerFactory(email="other@example.com")
        order = OrderFactory(buyer=stranger)
    theirs = submit(acme, order, actor_of(acme, stranger))
    with scope(acme.seller.pk, role=Role.BUYER, buyer_id=acme.buyer.pk):
        assert [o.pk for o in Order.objects.all()] == [acme.order.pk]
        assert [r.pk for r in ReturnRequest.objects.all()] == [asked.pk]
        moves = StateTransition.objects.filter(object_id__in=[asked.pk, theirs.pk])
        assert set(moves.values_list("object_id", flat=True)) == {asked.pk}
        assert list(Note.objects.values_list("text", flat=True)) == []


def test_a_link_that_was_passed_on_shows_its_own_order_only(acme: Shop, asked: ReturnRequest) -> None:
    from tests.returns.buyer.conftest import link_in

    with scope(acme.seller.pk):
        second = OrderFactory(buyer=acme.buyer)
    other = submit(acme, second)
    events.drain_all()
    visitor = Client()
    visitor.get(link_in(mails(acme, "return_requested_buyer")[0]))

    assert visitor.get(path(asked)).status_code == 200
    assert visitor.get(path(other)).status_code == 404
    assert second.number not in visitor.get("/r/acme/returns/").content.decode()


def test_nobody_sees_anything_without_a_code_or_a_link(asked: ReturnRequest, visitor: Client) -> None:
    for step in ("", "sent/", "withdraw/", "ship/", "slip/"):
        assert visitor.get(path(asked, step))["Location"] == "/r/acme/find/"
        assert visitor.post(path(asked, step)).status_code in {302, 405}


def test_reading_is_done_as_the_buyer_role(acme: Shop, asked: ReturnRequest) -> None:
    from returns.buyer.sessions import BuyerSession

    with scope(acme.seller.pk):
        session = BuyerSession(acme.buyer, None, is_gift=False, until=clock.now())
        assert reading.status_page(session, asked.public_id).row.public_id == asked.public_id
        session = BuyerSession(acme.buyer, acme.order.pk + 1, is_gift=False, until=clock.now())
        with pytest.raises(NotFound):
            reading.status_page(session, asked.public_id)
        withdraw_return(asked.public_id, by=acme.buyer_actor)
