"""The list of refunds and the page of one: views with counts, what needs whom, the story, the file, the rail."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from marketplace import clock
from marketplace.actors import MemberRole
from marketplace.tenancy import scope
from refunds import services
from tests.cast import Shop
from tests.refunds.sandbox_fixture import SandboxProcess
from tests.refunds.steps import ask, sent, state
from tests.visitor import Visitor, text_of

pytestmark = pytest.mark.django_db


def listed(response: Any) -> list[str]:
    return [row.public_id for row, _action, _reason in response.context["rows"]]


def tabs(response: Any) -> dict[str, Any]:
    return {str(tab.label): tab.count for tab in response.context["tabs"]}


def actions(response: Any) -> dict[str, str]:
    return {str(action.label): str(action.reason) for action in response.context["decisions"]}


@pytest.mark.django_db(transaction=True)
def test_views_by_public_status_and_what_needs_somebody(acme: Shop, anna: Visitor, sandbox: SandboxProcess) -> None:
    manager = acme.actor(MemberRole.MANAGER)
    done = sent(acme, manager, 1000)
    held, cancelled, waiting = ask(acme, manager, 1000), ask(acme, manager, 1000), ask(acme, manager, 1000)
    with scope(acme.seller.pk):
        services.hold_refund(held.public_id, by=manager, reason="Wait.")
        services.cancel_refund(cancelled.public_id, by=manager)

    response = anna.get("/refunds/")

    assert tabs(response) == {
        "View all": 4,
        "Needs you": 1,
        "Pending": 2,
        "Completed": 1,
        "Validation failed": 0,
        "Failed": 0,
        "Cancelled": 1,
    }
    assert listed(response) == [waiting.public_id, cancelled.public_id, held.public_id, done.public_id]
    assert listed(anna.get("/refunds/", view="needs-you")) == [held.public_id]
    assert listed(anna.get("/refunds/", view="completed")) == [done.public_id]
    for view, count in (("pending", 2), ("validation-failed", 0), ("failed", 0), ("cancelled", 1), ("nope", 4)):
        assert len(listed(anna.get("/refunds/", view=view))) == count


def test_the_first_action_of_a_row_and_the_count_on_the_rail(strict: Shop, anna: Visitor, fritz: Visitor) -> None:
    mine = ask(strict, strict.actor(MemberRole.OWNER))
    assert state(mine) == "REVIEW"

    to_me, to_fritz = anna.get("/refunds/"), fritz.get("/refunds/")

    assert [action for _row, action, _reason in to_me.context["rows"]] == [None]
    assert [str(action.label) for _row, action, _reason in to_fritz.context["rows"]] == ["Look at it"]
    on_rail = {entry["key"]: entry["count"] for entry in to_me.context["rail"]}
    assert on_rail["refunds"] == 0
    on_rail = {entry["key"]: entry["count"] for entry in to_fritz.context["rail"]}
    assert on_rail["refunds"] == 1


def test_search_dates_and_channel(acme: Shop, anna: Visitor) -> None:
    manager = acme.actor(MemberRole.MANAGER)
    with clock.override(clock.now() - timedelta(days=40)):
        old = ask(acme, manager, 100)
    new = ask(acme, manager, 100)

    assert listed(anna.get("/refunds/", q=acme.order.number)) == [new.public_id, old.public_id]
    assert listed(anna.get("/refunds/", q=old.public_id)) == [old.public_id]
    assert listed(anna.get("/refunds/", range="30")) == [new.public_id]
    assert listed(anna.get("/refunds/", channel="amazon.de")) == []
    empty = text_of(anna.get("/refunds/", q="nothing", view="completed"))
    assert "No refund fits" in empty
    assert "Search takes a whole order number" in empty


def test_empty_lists_say_what_would_fill_them(anna: Visitor) -> None:
    assert "No refunds here" in text_of(anna.get("/refunds/"))
    assert "No refund needs you" in text_of(anna.get("/refunds/", view="needs-you"))


@pytest.mark.django_db(transaction=True)
def test_the_page_of_a_refund(acme: Shop, anna: Visitor, sandbox: SandboxProcess) -> None:
    refund = sent(acme, acme.actor(MemberRole.MANAGER), text="Broken on arrival.")

    response = anna.get(f"/refunds/{refund.public_id}/")
    page = text_of(response)

    for words in (
        "30.00 GBP",
        "Completed",
        "refunded 30.00 GBP",
        "left 70.00 GBP",
        "Thing LAMP-1",
        "Buyer return",
        "Broken on arrival.",
        refund.provider_refund_id,
        "CN-000001",
        "Sandbox",
    ):
        assert words in page, words
    told = [entry.sentence for entry in response.context["entries"]]
    assert told == [
        "asked to refund 30.00\u00a0GBP: Buyer return.",
        "set 30.00\u00a0GBP aside for this refund.",
        "sent it to the payment provider.",
        "paid 30.00\u00a0GBP back to the buyer.",
    ]
    assert [step.state for step in response.context["steps"]] == ["done", "done", "now"]
    assert acme.buyer.email not in response.content.decode()


def test_the_mate_reads_and_every_action_says_why_not(acme: Shop, mary: Visitor) -> None:
    refund = ask(acme, acme.actor(MemberRole.MANAGER))

    response = mary.get(f"/refunds/{refund.public_id}/")

    assert set(actions(response).values()) == {"Your role does not allow this. Ask the owner of the account."}


def test_by_hand_it_waits_for_the_payment_outside(by_hand: Shop, anna: Visitor) -> None:
    refund = ask(by_hand, by_hand.actor(MemberRole.MANAGER))

    response = anna.get(f"/refunds/{refund.public_id}/")

    assert "Pay outside, then confirm" in text_of(response)
    assert [str(a.label) for a in response.context["decisions"] if a.is_primary] == ["Confirm payment"]
    assert listed(anna.get("/refunds/", view="needs-you")) == [refund.public_id]


def test_to_another_seller_it_is_not_there(acme: Shop, globex: Shop) -> None:
    refund = ask(acme, acme.actor(MemberRole.MANAGER))
    stranger = Visitor(globex)

    assert stranger.get(f"/refunds/{refund.public_id}/").status_code == 404
    assert listed(stranger.get("/refunds/")) == []
    assert listed(stranger.get("/refunds/", q=refund.public_id)) == []


def test_the_file(acme: Shop, globex: Shop, anna: Visitor) -> None:
    refund = ask(acme, acme.actor(MemberRole.MANAGER), text="=1+1")
    ask(globex, globex.actor(MemberRole.MANAGER))

    response = anna.get("/refunds/export/", view="pending")

    rows = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"))))
    assert [row["Refund"] for row in rows] == [refund.public_id]
    assert (rows[0]["Amount"], rows[0]["Currency"], rows[0]["Explanation"]) == ("30.00", "GBP", "'=1+1")
    assert (rows[0]["Status"], rows[0]["Stage"]) == ("PENDING", "RESERVED")


def test_on_the_order_in_the_search_and_on_today(strict: Shop, anna: Visitor, fritz: Visitor) -> None:
    refund = ask(strict, strict.actor(MemberRole.OWNER))

    order = anna.get(f"/orders/{strict.order.public_id}/").content.decode()
    assert f"/refunds/{refund.public_id}/" in order
    assert "reserved" in order
    found = anna.get("/search/", q=refund.public_id)
    assert (found.status_code, found.url) == (302, f"/refunds/{refund.public_id}/")
    assert f"/refunds/{refund.public_id}/review/" in fritz.get("/").content.decode()
    assert f"/refunds/{refund.public_id}/review/" not in anna.get("/").content.decode()


def test_few_queries_however_long_the_list_and_the_story(acme: Shop, anna: Visitor) -> None:
    manager = acme.actor(MemberRole.MANAGER)
    refund = ask(acme, manager, 100)
    page = f"/refunds/{refund.public_id}/"
    few, one = anna.queries("/refunds/"), anna.queries(page)
    for _n in range(8):
        ask(acme, manager, 100)
    with scope(acme.seller.pk):
        for _n in range(3):
            services.hold_refund(refund.public_id, by=manager, reason="Wait.")
            services.release_refund(refund.public_id, by=manager)

    assert anna.queries("/refunds/") == few <= 20
    assert anna.queries(page) == one <= 25
