"""A buyer comes in by a code or a link, and nobody else does."""

from __future__ import annotations

import io
import logging
from datetime import datetime, timedelta

import pytest
from django.test import Client
from pytest_django import Settings

from marketplace import clock, events
from marketplace.actors import Actor, MemberRole
from marketplace.buyer_codes import orders_without_address
from marketplace.buyers import invite_buyer
from marketplace.logs import LineFormatter
from marketplace.models import BuyerCode, BuyerLink, Note, OutboxEvent
from marketplace.orders.work import invitations_wanted
from marketplace.tenancy import scope
from tests.cast import Shop
from tests.factories import OrderFactory
from tests.returns.buyer.conftest import Answer, code_in, enter_by_code, find, link_in, mails

pytestmark = pytest.mark.django_db


def test_the_front_page_has_three_doors(acme: Shop, visitor: Client) -> None:
    page = visitor.get("/r/acme/")

    assert page.status_code == 200
    for path in ("/r/acme/find/?goal=orders", "/r/acme/find/?goal=returns", "/r/acme/gift/"):
        assert path in page.content.decode()


def test_a_shop_that_is_not_there_is_not_found(acme: Shop, visitor: Client) -> None:
    assert visitor.get("/r/nobody/").status_code == 404
    assert visitor.get("/r/nobody/find/").status_code == 404


def test_the_code_opens_the_orders(acme: Shop, visitor: Client) -> None:
    enter_by_code(visitor, acme)

    page = visitor.get("/r/acme/orders/", follow=True)
    assert acme.order.number in page.content.decode()
    assert "Thing LAMP-1" in page.content.decode()


def test_the_code_may_be_typed_as_people_type(acme: Shop, visitor: Client) -> None:
    find(visitor, acme)
    events.drain_all()
    code = code_in(mails(acme)[0])

    assert visitor.post("/r/acme/code/", {"code": f" {code.lower().replace('-', ' ')} "}).status_code == 302


def test_a_code_works_once(acme: Shop, visitor: Client) -> None:
    find(visitor, acme)
    events.drain_all()
    code = code_in(mails(acme)[0])

    assert visitor.post("/r/acme/code/", {"code": code}).status_code == 302
    assert visitor.post("/r/acme/code/", {"code": code}).status_code == 422


def test_the_code_stands_nowhere_in_the_database(acme: Shop, visitor: Client) -> None:
    find(visitor, acme)
    events.drain_all()
    code = code_in(mails(acme)[0]).replace("-", "")
    with scope(acme.seller.pk):
        ask = BuyerCode.objects.get()
        assert code not in str(vars(ask))
        assert code not in str(list(OutboxEvent.objects.values("payload", "name")))


@pytest.mark.parametrize("minutes", [9, 10, 11])
def test_a_code_lives_ten_minutes(acme: Shop, visitor: Client, minutes: int) -> None:
    find(visitor, acme)
    events.drain_all()
    code = code_in(mails(acme)[0])
    with clock.override(asked_at(acme) + timedelta(minutes=minutes)):
        response = visitor.post("/r/acme/code/", {"code": code})
    assert response.status_code == (302 if minutes < 10 else 422)


def asked_at(shop: Shop) -> datetime:
    with scope(shop.seller.pk):
        moment: datetime = BuyerCode.objects.get().created_at
        return moment


# --- right and wrong pairs ---


def pairs(shop: Shop, other: Shop) -> dict[str, tuple[str, str]]:
    with scope(shop.seller.pk):
        without = OrderFactory(number="202-9999999-0000009", buyer=None)
    return {
        "right": (shop.order.number, shop.buyer.email),
        "wrong address": (shop.order.number, "eve@example.com"),
        "wrong number": ("202-0000000-0000000", shop.buyer.email),
        "both wrong": ("202-0000000-0000000", "eve@example.com"),
        "other seller": (other.order.number, other.buyer.email),
        "no address known": (without.number, "lena@example.com"),
    }


def test_right_and_wrong_pairs_get_the_same_answer_byte_for_byte(acme: Shop, globex: Shop) -> None:
    answers, pages, refusals = {}, {}, {}
    for name, (number, email) in pairs(acme, globex).items():
        visitor = Client()
        answers[name] = Answer(find(visitor, acme, number=number, email=email))
        pages[name] = Answer(visitor.get("/r/acme/code/?goal=orders"))
        refusals[name] = Answer(visitor.post("/r/acme/code/", {"code": "AAAA-AAAA", "goal": "orders"}))
        events.drain_all()

    assert {a.status for a in answers.values()} == {302}
    for found in (answers, pages, refusals):
        assert all(answer == found["right"] for answer in found.values())


def test_right_and_wrong_pairs_do_the_same_work(acme: Shop, globex: Shop, django_assert_num_queries: object) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts = {}
    for name, (number, email) in pairs(acme, globex).items():
        visitor = Client()
        with CaptureQueriesContext(connection) as queries:
            find(visitor, acme, number=number, email=email)
        counts[name] = len(queries)
    assert len(set(counts.values())) == 1, counts


def test_only_the_right_pair_gets_a_mail_and_only_at_the_known_address(acme: Shop, globex: Shop) -> None:
    for number, email in pairs(acme, globex).values():
        find(Client(), acme, number=number, email=email)
    events.drain_all()

    assert [m.to_email for m in mails(acme)] == [acme.buyer.email]
    assert mails(globex) == []


def test_an_order_without_address_leaves_the_seller_a_task(acme: Shop, visitor: Client) -> None:
    with scope(acme.seller.pk):
        without = OrderFactory(number="202-9999999-0000009", buyer=None)
    for _try in range(3):
        find(visitor, acme, number=without.number, email="lena@example.com")
    events.drain_all()

    assert mails(acme) == []
    with scope(acme.seller.pk):
        assert Note.objects.filter(machine="order", object_id=without.pk).count() == 1
        assert [order.pk for order, _asked_at in orders_without_address()] == [without.pk]
        work = invitations_wanted(acme.actor(), clock.now())
        assert [item.url for item in work.today] == [f"/orders/{without.public_id}/"]
        assert invitations_wanted(acme.actor(MemberRole.READONLY), clock.now()).today_count == 0


def test_what_was_typed_is_not_kept(acme: Shop, visitor: Client) -> None:
    find(visitor, acme, email="somebody.private@example.com")
    events.drain_all()
    with scope(acme.seller.pk):
        kept = str(list(BuyerCode.objects.values())) + str(list(OutboxEvent.objects.values()))
    assert "somebody.private" not in kept


# --- brute force ---


def test_after_five_tries_the_right_code_does_not_help(acme: Shop, visitor: Client) -> None:
    find(visitor, acme)
    events.drain_all()
    code = code_in(mails(acme)[0])
    for _try in range(5):
        assert visitor.post("/r/acme/code/", {"code": "AAAA-AAAA"}).status_code == 422

    assert visitor.post("/r/acme/code/", {"code": code}).status_code == 422
    assert visitor.get("/r/acme/orders/").status_code == 302


def test_four_wrong_tries_and_the_right_one_is_fine(acme: Shop, visitor: Client) -> None:
    find(visitor, acme)
    events.drain_all()
    code = code_in(mails(acme)[0])
    for _try in range(4):
        visitor.post("/r/acme/code/", {"code": "AAAA-AAAA"})
    assert visitor.post("/r/acme/code/", {"code": code}).status_code == 302


def test_the_code_of_another_ask_does_not_fit(acme: Shop, globex: Shop) -> None:
    mine, theirs = Client(), Client()
    find(mine, acme)
    find(theirs, acme, email="eve@example.com")
    events.drain_all()

    assert theirs.post("/r/acme/code/", {"code": code_in(mails(acme)[0])}).status_code == 422


def test_three_codes_an_hour_go_to_one_address_and_the_answer_stays_the_same(acme: Shop) -> None:
    answers = [Answer(find(Client(), acme)) for _ask in range(5)]
    events.drain_all()

    assert len(mails(acme)) == 3
    assert all(answer == answers[0] for answer in answers)


def test_one_network_address_may_ask_thirty_times_a_minute(acme: Shop, settings: Settings) -> None:
    with clock.override(clock.now().replace(second=0, microsecond=0)):
        statuses = [find(Client(), acme, number=f"n-{n}", email="a@example.com").status_code for n in range(32)]
        elsewhere = Client(REMOTE_ADDR="198.51.100.7")
        assert find(elsewhere, acme).status_code == 302
    assert statuses == [302] * 30 + [429] * 2


# --- links ---


@pytest.fixture
def invitation(acme: Shop, owner: Actor) -> str:
    with scope(acme.seller.pk):
        invite_buyer(acme.order.public_id, by=owner, email=acme.buyer.email)
    events.drain_all()
    return link_in(mails(acme, "buyer_invited")[0])


def test_a_link_swaps_its_secret_for_a_cookie(acme: Shop, visitor: Client, invitation: str) -> None:
    response = visitor.get(invitation)

    assert response.status_code == 302
    assert response["Location"] == f"/r/acme/orders/{acme.order.public_id}/"
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["Cache-Control"] == "no-store"
    (cookie,) = response.cookies.values()
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    token = invitation.split("/")[-2]
    assert token not in cookie.value
    assert token not in visitor.get(response["Location"]).content.decode()


def test_a_link_opens_one_order_and_not_its_neighbour(acme: Shop, visitor: Client, invitation: str) -> None:
    with scope(acme.seller.pk):
        neighbour = OrderFactory(buyer=acme.buyer)
    visitor.get(invitation)

    assert visitor.get(f"/r/acme/orders/{acme.order.public_id}/").status_code == 200
    assert visitor.get(f"/r/acme/orders/{neighbour.public_id}/").status_code == 404


def test_a_link_of_one_seller_is_nothing_at_another(acme: Shop, globex: Shop, visitor: Client, invitation: str) -> None:
    token = invitation.split("/")[-2]
    foreign = Answer(visitor.get(f"/r/globex/l/{token}/"))
    unknown = Answer(visitor.get(f"/r/globex/l/{'x' * 43}/"))

    assert foreign.status == 404
    assert foreign == unknown


@pytest.mark.parametrize("spoil", ["revoked", "old", "other address", "other buyer"])
def test_a_link_that_is_over_looks_like_one_that_never_was(
    acme: Shop, visitor: Client, invitation: str, spoil: str
) -> None:
    with scope(acme.seller.pk):
        link = BuyerLink.objects.get()
        if spoil == "revoked":
            BuyerLink.objects.update(revoked_at=clock.now())
        elif spoil == "other address":
            acme.buyer.email = "lena.new@example.com"
            acme.buyer.save()
        elif spoil == "other buyer":
            acme.order.buyer = None
            acme.order.save()
    visitor.get(invitation)
    with clock.override(link.expires_at if spoil == "old" else clock.now()):
        response = Answer(visitor.get(invitation))
        assert response.status == 404
        assert response == Answer(visitor.get(f"/r/acme/l/{'x' * 43}/"))


def test_a_new_address_ends_sessions_too(acme: Shop, inside: Client) -> None:
    assert inside.get("/r/acme/returns/").status_code == 200
    with scope(acme.seller.pk):
        acme.buyer.email = "lena.new@example.com"
        acme.buyer.save()
    assert inside.get("/r/acme/returns/").status_code == 302


@pytest.mark.parametrize(("minutes", "status"), [(59, 200), (60, 302), (61, 302)])
def test_a_session_by_code_lasts_an_hour(acme: Shop, visitor: Client, minutes: int, status: int) -> None:
    start = clock.now().replace(microsecond=0)
    with clock.override(start):
        enter_by_code(visitor, acme)
    with clock.override(start + timedelta(minutes=minutes)):
        assert visitor.get("/r/acme/returns/").status_code == status


def test_a_cookie_is_worth_nothing_at_another_seller_or_when_changed(acme: Shop, globex: Shop, inside: Client) -> None:
    name = f"redress_buyer_{acme.seller.pk}"
    value = inside.cookies[name].value
    thief = Client()
    thief.cookies[f"redress_buyer_{globex.seller.pk}"] = value
    assert thief.get("/r/globex/returns/").status_code == 302
    thief.cookies[name] = value[:-2] + ("aa" if value[-2:] != "aa" else "bb")
    assert thief.get("/r/acme/returns/").status_code == 302
    thief.cookies[name] = value
    assert thief.get("/r/acme/returns/").status_code == 200


def test_leaving_forgets_who_looked(acme: Shop, inside: Client) -> None:
    assert inside.get("/r/acme/leave/").status_code == 405
    inside.post("/r/acme/leave/")
    assert inside.get("/r/acme/returns/").status_code == 302


def test_no_log_line_carries_a_secret(acme: Shop, globex: Shop, visitor: Client, invitation: str) -> None:
    token = invitation.split("/")[-2]
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(LineFormatter())
    logging.getLogger("django.request").addHandler(handler)
    visitor.get(f"/r/globex/l/{token}/")
    logging.getLogger("django.request").removeHandler(handler)

    assert "/r/globex/l/…/" in lines.getvalue()
    assert token not in lines.getvalue()


# --- what every page says ---


def test_no_page_is_kept_indexed_or_framed(acme: Shop, inside: Client) -> None:
    for path in ("", "find/", "gift/", "returns/", f"orders/{acme.order.public_id}/", f"l/{'x' * 43}/"):
        response = inside.get(f"/r/acme/{path}")
        assert response["Cache-Control"] == "no-store"
        assert response["X-Robots-Tag"] == "noindex, nofollow"
        assert response["Referrer-Policy"] == "same-origin"
        assert "frame-ancestors 'none'" in response["Content-Security-Policy"]


def test_the_page_speaks_the_buyers_language_and_another_when_asked(acme: Shop, visitor: Client) -> None:
    with scope(acme.seller.pk):
        acme.buyer.language = "de"
        acme.buyer.save()
    enter_by_code(visitor, acme)

    assert visitor.get("/r/acme/returns/").headers["Content-Language"] == "de"
    assert 'lang="de"' in visitor.get("/r/acme/returns/").content.decode()
    back = visitor.post("/r/acme/language/", {"language": "en", "next": "/r/acme/returns/"})
    assert back["Location"] == "/r/acme/returns/"
    assert 'lang="en"' in visitor.get("/r/acme/returns/").content.decode()


@pytest.mark.parametrize("next_", ["https://evil.example/", "//evil.example/r/acme/", "/r/acme/../admin/", "/returns/"])
def test_the_language_form_leads_nowhere_else(acme: Shop, visitor: Client, next_: str) -> None:
    back = visitor.post("/r/acme/language/", {"language": "de", "next": next_})
    assert back["Location"].startswith("/r/acme/")
    assert "evil" not in back["Location"]
