"""Manage returns: six filters with counts, search, dates, pages by key, the first action of a row, the CSV file."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from marketplace import clock
from marketplace.actors import MemberRole
from marketplace.tenancy import scope
from returns import services
from returns.models import ReturnRequest
from tests.cast import Shop
from tests.factories import BuyerFactory
from tests.returns import stories
from tests.returns.bulk import pending_returns
from tests.returns.portal import desk
from tests.visitor import Visitor, text_of

pytestmark = pytest.mark.django_db
TABS = {
    "View all": 9,
    "Authorisation required": 1,
    "Authorised": 4,
    "Not authorised": 2,
    "Withdrawn by buyer": 1,
    "Denied by seller": 1,
    "Closed": 4,
}


@pytest.fixture
def one_in_each_state(acme: Shop) -> dict[str, ReturnRequest]:
    with scope(acme.seller.pk):
        made = {}
        for state, story in stories.STATES.items():
            made[state] = story(acme_with_a_fresh_order(acme))
    return made


def acme_with_a_fresh_order(acme: Shop) -> Shop:
    return Shop(acme.seller, acme.channel, acme.buyer, stories.order_of(acme), acme.people)


def listed(response: Any) -> list[str]:
    """The public ids of the rows, in their order."""
    return [row.public_id for row, _action, _reason in response.context["rows"]]


def tabs(response: Any) -> dict[str, Any]:
    return {str(tab.label): tab.count for tab in response.context["tabs"]}


def test_each_filter_counts_and_lists_the_same(anna: Visitor, one_in_each_state: dict[str, ReturnRequest]) -> None:
    for bucket, label in (
        ("all", "View all"),
        ("required", "Authorisation required"),
        ("authorised", "Authorised"),
        ("not_authorised", "Not authorised"),
        ("withdrawn", "Withdrawn by buyer"),
        ("denied", "Denied by seller"),
        ("closed", "Closed"),
    ):
        response = anna.get("/returns/", bucket=bucket)
        assert tabs(response) == TABS
        assert len(listed(response)) == TABS[label]
        assert f"{TABS[label]} of {TABS[label]}" in text_of(response)


def test_it_opens_on_what_needs_an_answer(anna: Visitor, one_in_each_state: dict[str, ReturnRequest]) -> None:
    assert listed(anna.get("/returns/")) == [one_in_each_state["PENDING_RESPONSE"].public_id]


def test_counts_are_exact_to_1000_and_then_say_more(acme: Shop, anna: Visitor) -> None:
    with scope(acme.seller.pk):
        pending_returns(acme, 1001)

    response = anna.get("/returns/")

    assert tabs(response)["Authorisation required"] == "1,000+"
    assert "50 of 1,000+" in text_of(response)


@pytest.mark.parametrize("words", ["number", "rma", "sku", "buyer"])
def test_search_looks_in_all_views(acme: Shop, anna: Visitor, words: str) -> None:
    with scope(acme.seller.pk):
        stories.asked(acme)
        other = Shop(
            acme.seller,
            acme.channel,
            BuyerFactory(name="Zoë Quint"),
            stories.order_of(acme, lines=[{"sku": "KETTLE-9", "quantity": 1, "item_minor": 900}]),
            acme.people,
        )
        other.order.buyer = other.buyer
        other.order.save()
        wanted = stories.authorised(other)
    typed = {"number": wanted.order_number[:11], "rma": wanted.rma, "sku": "kettle", "buyer": "zoë"}[words]

    response = anna.get("/returns/", q=typed)

    assert listed(response) == [wanted.public_id]
    assert tabs(response)["View all"] == 1
    assert f"“{typed}”" in text_of(response)


def test_a_search_without_a_hit_says_where_the_hits_are(acme: Shop, anna: Visitor) -> None:
    request = desk.have(acme, stories.authorised)

    page = text_of(anna.get("/returns/", q=request.rma, bucket="denied"))

    assert "No return fits" in page
    assert "Show the 1 in all views" in page


def test_channel_reason_and_dates_narrow_and_stand_as_chips(acme: Shop, anna: Visitor) -> None:
    old_time = clock.now() - timedelta(days=40)
    with clock.override(old_time):
        old = desk.have(acme)
    with scope(acme.seller.pk):
        new = stories.asked(acme_with_a_fresh_order(acme))

    assert listed(anna.get("/returns/", range="30")) == [new.public_id]
    first, last = (old_time - timedelta(days=1)).date(), (old_time + timedelta(days=1)).date()
    dated = {"range": "custom", "from": first.isoformat(), "to": last.isoformat()}
    assert listed(anna.get("/returns/", **dated)) == [old.public_id]
    assert listed(anna.get("/returns/", reason="CR-DEFECTIVE", sort="newest")) == [new.public_id, old.public_id]
    assert listed(anna.get("/returns/", reason="CR-SWITCHEROO")) == []
    assert listed(anna.get("/returns/", channel="amazon.de")) == []
    page = anna.get("/returns/", channel="amazon.co.uk", reason="CR-DEFECTIVE", range="90")
    assert [str(chip[0]) for chip in page.context["filters_on"]] == [
        "Amazon.co.uk",
        "Item defective or doesn't work",
        "Last 90 days",
    ]


def test_nonsense_in_the_address_is_left_out(acme: Shop, anna: Visitor) -> None:
    request = desk.have(acme)
    for odd in (
        {"bucket": "nope"},
        {"sort": "drop table"},
        {"range": "custom", "from": "2026-13-45", "to": "x"},
        {"range": "custom", "from": "0001-01-01"},
    ):
        assert listed(anna.get("/returns/", **odd)) == [request.public_id]
    assert anna.get("/returns/", cursor="forged").status_code == 422
    assert anna.get("/returns/", q="\0").status_code == 200


def test_the_most_urgent_stands_first_and_none_is_lost(acme: Shop, anna: Visitor) -> None:
    with clock.override(clock.now() - timedelta(hours=50)):
        late = desk.have(acme)
    with scope(acme.seller.pk):
        fresh = stories.asked(acme_with_a_fresh_order(acme))
        paid = stories.asked(acme_with_a_fresh_order(acme))
        services.refund_return(paid.public_id, by=acme.actor())

    response = anna.get("/returns/")

    assert listed(response) == [late.public_id, fresh.public_id]
    assert tabs(response)["Authorisation required"] == 3
    assert "1 more here has no deadline now" in text_of(response)
    assert set(listed(anna.get("/returns/", sort="newest"))) == {late.public_id, fresh.public_id, paid.public_id}


def test_pages_by_key_forth_and_back_keep_the_filters(acme: Shop, anna: Visitor) -> None:
    with scope(acme.seller.pk):
        pending_returns(acme, 120)

    seen: list[str] = []
    first = anna.get("/returns/", channel="amazon.co.uk")
    page = first
    while True:
        seen += listed(page)
        if not page.context["next_url"]:
            break
        assert "channel=amazon.co.uk" in page.context["next_url"]
        page = anna.client.get("/returns/" + page.context["next_url"])
    assert len(seen) == len(set(seen)) == 120
    back = anna.client.get("/returns/" + page.context["previous_url"])
    back = anna.client.get("/returns/" + back.context["previous_url"])
    assert listed(back) == listed(first)
    assert not back.context["previous_url"]


def test_the_first_action_of_a_row_is_what_comes_next(
    anna: Visitor, one_in_each_state: dict[str, ReturnRequest]
) -> None:
    response = anna.get("/returns/", bucket="all")

    labels = {row.status: str(action.label) if action else "" for row, action, _reason in response.context["rows"]}
    assert labels == {
        "PENDING_RESPONSE": "Authorise",
        "AUTHORISED": "Receive items",
        "IN_TRANSIT": "Receive items",
        "PARTIALLY_RECEIVED": "Receive items",
        "RECEIVED": "Refund",
        **dict.fromkeys(("DENIED", "WITHDRAWN", "EXPIRED", "CLOSED"), ""),
    }


def test_the_read_only_mate_reads_and_has_no_buttons(
    mary: Visitor, one_in_each_state: dict[str, ReturnRequest]
) -> None:
    response = mary.get("/returns/", bucket="all")

    assert len(listed(response)) == 9
    assert all(action is None for _row, action, _reason in response.context["rows"])
    page = response.content.decode()
    assert 'id="bulk"' not in page
    assert "/returns/new/" not in page
    assert mary.get("/returns/export/").status_code == 200


def test_an_empty_list_says_why_and_what_would_fill_it(anna: Visitor, mary: Visitor) -> None:
    assert "No return asks for an answer" in text_of(anna.get("/returns/"))
    assert "Write down a return" in text_of(anna.get("/returns/"))
    assert "Write down a return" not in text_of(mary.get("/returns/"))
    assert "Nothing in “Denied by seller”" in text_of(anna.get("/returns/", bucket="denied"))


def test_no_script_is_needed(acme: Shop, anna: Visitor) -> None:
    desk.have(acme)

    page = anna.get("/returns/").content.decode()

    assert 'action="/returns/"' in page
    assert 'name="bucket"' in page
    assert '<button class="btn no-js-only">Apply</button>' in page


def rows_of(response: Any) -> list[dict[str, str]]:
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_the_file_has_the_rows_of_the_list_and_runs_no_formula(acme: Shop, anna: Visitor) -> None:
    lines = [{"sku": "X", "quantity": 1, "item_minor": 1250, "title": '=HYPERLINK("http://evil")'}]
    with scope(acme.seller.pk):
        acme.buyer.name = "@SUM(A1)"
        acme.buyer.save()
        request = stories.asked(acme, order=stories.order_of(acme, lines=lines))
        stories.denied(acme_with_a_fresh_order(acme))

    response = anna.get("/returns/export/", bucket="required")

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment; filename="returns-required-')
    rows = rows_of(response)
    assert [row["Return"] for row in rows] == [request.public_id]
    assert rows[0]["Item"] == '\'=HYPERLINK("http://evil")'
    assert rows[0]["Buyer"] == "'@SUM(A1)"
    assert (rows[0]["Value"], rows[0]["Currency"]) == ("12.50", "GBP")


def test_the_file_is_read_in_chunks_of_its_own_scope(acme: Shop, anna: Visitor) -> None:
    with scope(acme.seller.pk):
        pending_returns(acme, 1203)

    rows = rows_of(anna.get("/returns/export/", bucket="all"))

    assert len({row["Return"] for row in rows}) == 1203


def test_the_file_holds_no_other_sellers_rows(acme: Shop, globex: Shop) -> None:
    desk.have(acme)
    theirs = desk.have(globex)

    rows = rows_of(Visitor(globex).get("/returns/export/", bucket="all"))

    assert [row["Return"] for row in rows] == [theirs.public_id]


def test_the_list_needs_few_queries_however_long_it_is(acme: Shop, anna: Visitor) -> None:
    with scope(acme.seller.pk):
        pending_returns(acme, 3)
    few = anna.queries("/returns/")
    with scope(acme.seller.pk):
        pending_returns(acme, 60)

    assert anna.queries("/returns/") <= few
    assert few <= 20


def test_signing_in_comes_first(acme: Shop) -> None:
    visitor = Visitor(acme, MemberRole.OWNER)
    visitor.client.logout()

    response = visitor.get("/returns/")

    assert response.status_code == 302
    assert response.url.startswith("/accounts/login/")
