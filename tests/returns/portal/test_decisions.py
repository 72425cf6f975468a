"""Every decision form about a return: shown, done, refused, too late, pressed twice, by the wrong person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from marketplace.actors import MemberRole
from marketplace.tenancy import scope
from returns import services
from returns.models import ReturnRequest
from tests.cast import Shop
from tests.returns import stories
from tests.returns.portal import desk
from tests.visitor import Visitor, text_of

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Case:
    """A form: the state in which it is used, what is typed, what is wrong with something else, what comes of it."""

    story: Callable[..., ReturnRequest]
    good: dict[str, Any]
    wrong: dict[str, Any]
    problem: str
    kept: str
    status: str
    said: str
    late: Callable[..., ReturnRequest] | None = stories.denied
    more: dict[str, Any] = field(default_factory=dict)


CASES: dict[str, Case] = {
    "authorise": Case(
        stories.asked,
        {"line1": "2 Quay Road", "merchant_rma": "OWN-7"},
        {"line1": "2 Quay Road", "postcode": "", "country": "GB"},
        "Fill in: Postcode.",
        "2 Quay Road",
        "AUTHORISED",
        "The return is authorised under the RMA number",
    ),
    "deny": Case(
        stories.asked,
        {"reason_code": "MEDIA_OPENED", "message": "The seal is broken."},
        {"reason_code": "", "message": "The seal is broken."},
        "Choose: Reason for not authorising.",
        "The seal is broken.",
        "DENIED",
        "The return is denied. The buyer gets a mail.",
        stories.authorised,
    ),
    "ship": Case(
        stories.authorised,
        {"carrier": "Royal Mail", "tracking": "RM 12 GB"},
        {"carrier": "Royal Mail", "tracking": ""},
        "Fill in: Tracking number.",
        "Royal Mail",
        "IN_TRANSIT",
        "The parcel is noted as on its way.",
    ),
    "close": Case(
        stories.asked,
        {"close_reason": "RESOLVED_OTHERWISE"},
        {},
        "Choose: Why nothing is owed any more.",
        "",
        "CLOSED",
        "The return is closed.",
    ),
    "reinstate": Case(
        stories.denied,
        {"reason": "Denied the wrong one."},
        {"reason": ""},
        "Fill in: Why it is taken back.",
        "",
        "AUTHORISED",
        "The return is authorised again",
        stories.authorised,
    ),
    "contact": Case(
        stories.asked,
        {"message": "Which lamp did you get?"},
        {"message": "x" * 4000},
        "characters are too many",
        "x" * 4000,
        "PENDING_RESPONSE",
        "Your message is on its way to the buyer.",
        None,
    ),
    "note": Case(
        stories.asked,
        {"text": "Wrong shelf again."},
        {"text": ""},
        "Fill in: Note for your team.",
        "",
        "PENDING_RESPONSE",
        "Your note is kept.",
        None,
    ),
}
each = pytest.mark.parametrize("name", CASES)


@each
def test_the_form_is_shown(acme: Shop, anna: Visitor, name: str) -> None:
    request = desk.have(acme, CASES[name].story)

    form = anna.form(desk.page(request, name))

    assert form.data["form_nonce"][0]
    assert form.buttons


@each
def test_it_is_done_once_and_said(acme: Shop, anna: Visitor, name: str) -> None:
    case = CASES[name]
    request = desk.have(acme, case.story)
    before = len(desk.moves(acme, request))

    response = anna.press(desk.page(request, name), **case.good)

    assert (response.status_code, response.url) == (302, desk.page(request))
    assert anna.said(response)[0].startswith(case.said)
    assert desk.now(acme, request).status == case.status
    changed = desk.now(acme, request).version - request.version
    assert len(desk.moves(acme, request)) == before + changed


@each
def test_a_problem_keeps_what_was_typed_and_names_the_field(acme: Shop, anna: Visitor, name: str) -> None:
    case = CASES[name]
    request = desk.have(acme, case.story)
    form = anna.form(desk.page(request, name))

    response = anna.send(form, **case.wrong)

    assert response.status_code == 422
    page = text_of(response)
    assert "There is a problem" in page
    assert case.problem in page
    assert case.kept in response.content.decode()
    assert form.data["form_nonce"][0] in response.content.decode()
    assert desk.now(acme, request).status == request.status


@each
def test_the_same_form_twice_has_one_effect(acme: Shop, anna: Visitor, name: str) -> None:
    case = CASES[name]
    request = desk.have(acme, case.story)
    form = anna.form(desk.page(request, name))

    anna.send(form, **case.good)
    after = (desk.now(acme, request).version, desk.event_names(acme, request), desk.notes(acme, request))
    again = anna.send(form, **case.good)

    assert (again.status_code, again.url) == (302, desk.page(request))
    assert "This was done already, by your first press. Nothing was done twice." in anna.said(again)
    assert (desk.now(acme, request).version, desk.event_names(acme, request), desk.notes(acme, request)) == after


@each
def test_the_same_form_with_other_content_does_nothing(acme: Shop, anna: Visitor, name: str) -> None:
    case = CASES[name]
    request = desk.have(acme, case.story)
    form = anna.form(desk.page(request, name))
    anna.send(form, **case.good)
    after = desk.now(acme, request).version

    response = anna.send(form, **{**case.good, "extra": "1"})

    assert response.status_code == 409
    assert "This form was sent before, with other content." in text_of(response)
    assert desk.now(acme, request).version == after


@each
def test_a_form_without_its_number_does_nothing(acme: Shop, anna: Visitor, name: str) -> None:
    case = CASES[name]
    request = desk.have(acme, case.story)

    response = anna.press(desk.page(request, name), **{**case.good, "form_nonce": ""})

    assert response.status_code == 409
    assert desk.now(acme, request).version == request.version
    assert desk.notes(acme, request) == []


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.late])
def test_too_late_says_so_and_leads_on(acme: Shop, anna: Visitor, name: str) -> None:
    case = CASES[name]
    request = desk.have(acme, case.story)
    form = anna.form(desk.page(request, name))
    assert case.late is not None
    elsewhere(acme, request, name)
    version = desk.now(acme, request).version

    response = anna.send(form, **case.good)

    assert response.status_code == 409
    page = text_of(response)
    assert "Nothing was changed" in page
    assert "It stands at" in page
    assert f'href="{desk.page(request)}"' in response.content.decode()
    assert desk.now(acme, request).version == version
    shown = anna.get(desk.page(request, name))
    assert shown.status_code == 409


def elsewhere(shop: Shop, request: ReturnRequest, name: str) -> None:
    """Meanwhile somebody else moves the return to where this form is not possible any more."""
    owner = shop.actor(MemberRole.MANAGER)
    with scope(shop.seller.pk):
        if name == "authorise":
            services.deny_return(request.public_id, by=owner, reason_code="OTHER", message="No.")
        elif name == "deny":
            services.authorise_return(request.public_id, by=owner)
        elif name == "reinstate":
            services.reinstate_return(request.public_id, by=owner, reason="Mine was first.")
        else:
            services.close_return(request.public_id, by=owner, close_reason="RESOLVED_OTHERWISE")


def test_authorised_already_says_by_whom_and_when(acme: Shop, anna: Visitor) -> None:
    request = desk.have(acme)
    form = anna.form(desk.page(request, "authorise"))
    with scope(acme.seller.pk):
        services.authorise_return(request.public_id, by=acme.actor(MemberRole.MANAGER))

    response = anna.send(form)

    assert response.status_code == 409
    assert f"already authorised by {acme.people[MemberRole.MANAGER].user}" in text_of(response)


@pytest.mark.parametrize("name", [*CASES, "receive", "refund"])
def test_the_read_only_mate_is_refused(acme: Shop, mary: Visitor, anna: Visitor, name: str) -> None:
    story = CASES[name].story if name in CASES else stories.authorised
    request = desk.have(acme, story)
    form = anna.form(desk.page(request, name))
    good = CASES[name].good if name in CASES else {}

    assert mary.get(desk.page(request, name)).status_code == 403
    assert mary.send(form, **good).status_code == 403
    assert desk.now(acme, request).version == request.version
    assert desk.notes(acme, request) == []


@pytest.mark.parametrize("name", ["", *CASES, "receive", "refund"])
def test_to_another_seller_it_is_not_there(acme: Shop, stranger_visits: Visitor, name: str) -> None:
    story = CASES[name].story if name in CASES else stories.authorised
    request = desk.have(acme, story)

    assert stranger_visits.get(desk.page(request, name)).status_code == 404
    if name:
        forged = {"form_nonce": "0f0e0d0c-0000-4000-8000-000000000001"}
        assert stranger_visits.client.post(desk.page(request, name), forged).status_code == 404
    assert desk.now(acme, request).version == request.version


def test_an_agent_decides_and_does_not_pay(acme: Shop) -> None:
    request = desk.have(acme, stories.received)
    agent = Visitor(acme, MemberRole.AGENT)

    assert agent.get(desk.page(request, "close")).status_code == 200
    assert agent.get(desk.page(request, "refund")).status_code == 403
    page = text_of(agent.get(desk.page(request)))
    assert "Your role does not allow this. Ask the owner of the account." in page


def test_authorise_fills_in_the_channels_address_and_keeps_what_is_changed(acme: Shop, anna: Visitor) -> None:
    request = desk.have(acme)

    form = anna.form(desk.page(request, "authorise"))
    assert form.data["line1"] == ["1 Mill Lane"]
    assert form.data["country"] == ["GB"]
    anna.send(form, line1="2 Quay Road", merchant_rma="OWN-7")

    made = desk.now(acme, request)
    assert made.return_address["line1"] == "2 Quay Road"
    assert made.merchant_rma == "OWN-7"
    assert made.rma


def test_authorise_names_the_day(acme: Shop, anna: Visitor) -> None:
    page = text_of(anna.get(desk.page(desk.have(acme), "authorise")))

    assert "has until" in page
    assert "No money moves yet." in page


def test_a_wrong_address_is_refused_beside_its_field(acme: Shop, anna: Visitor) -> None:
    request = desk.have(acme)

    response = anna.press(desk.page(request, "authorise"), postcode="!!")

    assert response.status_code == 422
    assert "This is no postcode of that country." in text_of(response)
    assert 'href="#id_postcode"' in response.content.decode()


def test_deny_shows_the_mail_before_it_goes(acme: Shop, anna: Visitor) -> None:
    request = desk.have(acme)
    form = anna.form(desk.page(request, "deny"))
    typed = {"reason_code": "MEDIA_OPENED", "message": "The seal\nis <b>broken</b>."}

    looked = anna.send(form, **typed, preview="1")

    assert looked.status_code == 200
    page = text_of(looked)
    assert "What the buyer gets" in page
    assert "Media or software has been opened" in page
    assert "is &lt;b&gt;broken&lt;/b&gt;." in looked.content.decode()
    assert "/r/acme/l/…" in page  # the buyer's way in is not for the seller's eyes
    assert desk.now(acme, request).status == "PENDING_RESPONSE"
    done = anna.send(form, **typed)
    assert done.status_code == 302
    assert desk.now(acme, request).deny_message == "The seal\nis <b>broken</b>."


def test_a_message_of_3000_characters_fits_and_one_more_does_not(acme: Shop, anna: Visitor) -> None:
    request = desk.have(acme)
    path = desk.page(request, "deny")

    too_long = anna.press(path, reason_code="OTHER", message="a" * 3001)
    assert too_long.status_code == 422
    assert "3001 characters are too many, 3000 fit." in text_of(too_long)

    with_breaks = "a" * 2998 + "\r\n" + "b"  # a line break counts as one
    assert anna.press(path, reason_code="OTHER", message=with_breaks).status_code == 302


def test_a_buyer_without_an_address_is_said_so(acme: Shop, anna: Visitor) -> None:
    with scope(acme.seller.pk):
        acme.buyer.email = ""
        acme.buyer.save()
    request = desk.have(acme)

    page = text_of(anna.get(desk.page(request, "authorise")))
    assert "so nobody is mailed" in page
    assert anna.get(desk.page(request, "contact")).status_code == 409


def test_closing_waits_for_money_under_way(acme: Shop, anna: Visitor) -> None:
    request = desk.have(acme, stories.received)
    form = anna.form(desk.page(request, "close"))
    with scope(acme.seller.pk):
        services.refund_return(request.public_id, by=acme.actor())

    response = anna.send(form, close_reason="RESOLVED_OTHERWISE")

    assert response.status_code == 409
    assert "A refund of this return is under way." in text_of(response)


def test_closing_as_refunded_must_be_true(acme: Shop, anna: Visitor) -> None:
    request = desk.have(acme)

    response = anna.press(desk.page(request, "close"), close_reason="REFUNDED")

    assert response.status_code == 422
    assert "No refund of this order has arrived" in text_of(response)
