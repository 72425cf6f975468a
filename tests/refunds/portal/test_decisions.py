"""Every decision form about a refund: shown, done, refused, too late, pressed twice, by the wrong person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from marketplace import clock
from marketplace.actors import MemberRole
from marketplace.moves import save_transition
from marketplace.tenancy import scope
from refunds import services
from refunds.models import RefundRequest
from tests.cast import Shop
from tests.refunds.sandbox_fixture import SandboxProcess
from tests.refunds.steps import ask, budget, fresh, moves, sent, state
from tests.visitor import Visitor, text_of

pytestmark = pytest.mark.django_db


def page(refund: RefundRequest, verb: str = "") -> str:
    return f"/refunds/{refund.public_id}/{verb + '/' if verb else ''}"


def waiting_for_a_second_person(acme: Shop) -> RefundRequest:
    acme.seller.review_above_minor = 1000
    acme.seller.save(update_fields=["review_above_minor"])
    refund = ask(acme, acme.actor(MemberRole.MANAGER))
    assert state(refund) == "REVIEW"
    return refund


def reserved(acme: Shop) -> RefundRequest:
    return ask(acme, acme.actor(MemberRole.MANAGER))


def to_be_paid_outside(acme: Shop) -> RefundRequest:
    with scope(acme.seller.pk):
        acme.channel.gateway = "manual"
        acme.channel.save(update_fields=["gateway"])
    return reserved(acme)


def held(acme: Shop) -> RefundRequest:
    refund = reserved(acme)
    with scope(acme.seller.pk):
        return services.hold_refund(refund.public_id, by=acme.actor(MemberRole.MANAGER), reason="Wait.")


CASES: dict[str, tuple[Any, dict[str, Any], str, str]] = {
    "review": (waiting_for_a_second_person, {"do": "agree"}, "RESERVED", "You agreed. 30.00\u00a0GBP is on its way."),
    "confirm": (to_be_paid_outside, {"reference": "BACS 77"}, "COMPLETED", "30.00\u00a0GBP is noted as paid."),
    "hold": (reserved, {"reason": "The buyer wrote again."}, "ON_HOLD", "The refund is on hold"),
    "release": (held, {"reason": ""}, "RESERVED", "The hold has ended."),
    "cancel": (reserved, {"reason": "Asked for the wrong order."}, "CANCELLED", "The refund is cancelled"),
}
each = pytest.mark.parametrize("name", CASES)


@each
def test_it_is_shown_done_once_and_said(acme: Shop, anna: Visitor, name: str) -> None:
    story, good, status, said = CASES[name]
    refund = story(acme)
    form = anna.form(page(refund, name))

    response = anna.send(form, **good)
    after = moves(refund)
    again = anna.send(form, **good)

    assert (response.status_code, response.url) == (302, page(refund))
    assert anna.said(response)[0].startswith(said)
    assert state(refund) == status
    assert (again.status_code, again.url) == (302, page(refund))
    assert anna.said(again)[-1] == "This was done already, by your first press. Nothing was done twice."
    assert moves(refund) == after


@each
def test_too_late_says_so_and_leads_on(acme: Shop, anna: Visitor, name: str) -> None:
    story, good, _status, _said = CASES[name]
    refund = story(acme)
    form = anna.form(page(refund, name))
    with scope(acme.seller.pk):
        services.cancel_refund(refund.public_id, by=acme.actor(MemberRole.MANAGER))

    response = anna.send(form, **good)

    assert response.status_code == 409
    assert "It stands at Cancelled" in text_of(response)
    assert f'href="{page(refund)}"' in response.content.decode()
    assert anna.get(page(refund, name)).status_code == 409
    assert state(refund) == "CANCELLED"
    assert budget(acme) == (10_000, 0, 0, 10_000)


@each
def test_readers_and_strangers(acme: Shop, globex: Shop, anna: Visitor, mary: Visitor, name: str) -> None:
    story, good, _status, _said = CASES[name]
    refund = story(acme)
    before, form = state(refund), anna.form(page(refund, name))

    assert mary.get(page(refund, name)).status_code == 403
    assert mary.send(form, **good).status_code == 403
    stranger = Visitor(globex)
    assert stranger.get(page(refund, name)).status_code == 404
    assert stranger.client.post(form.action, {**form.data, **good}).status_code == 404
    assert state(refund) == before


@pytest.mark.parametrize(
    ("name", "wrong", "problem"),
    [
        ("confirm", {"reference": ""}, "Fill in: Reference of your payment."),
        ("confirm", {"reference": "x" * 121}, "121 characters are too many, 120 fit."),
        ("hold", {"reason": ""}, "Fill in: Why."),
        ("review", {"do": "decline", "reason": ""}, "Say in a few words why."),
    ],
)
def test_problems_are_named(acme: Shop, anna: Visitor, name: str, wrong: dict[str, str], problem: str) -> None:
    refund = CASES[name][0](acme)
    before = state(refund)

    response = anna.press(page(refund, name), **wrong)

    assert response.status_code == 422
    assert "There is a problem" in text_of(response)
    assert problem in text_of(response)
    assert state(refund) == before


def test_nobody_is_their_own_second_person(strict: Shop, anna: Visitor, fritz: Visitor) -> None:
    refund = ask(strict, strict.actor(MemberRole.OWNER))
    form = fritz.form(page(refund, "review"))

    shown = anna.get(page(refund, "review"))
    assert shown.status_code == 409
    assert "You asked for this refund, so somebody else must look at it." in text_of(shown)
    assert anna.send(form, do="agree").status_code == 403
    assert state(refund) == "REVIEW"
    assert fritz.send(form, do="agree").status_code == 302
    assert state(refund) == "RESERVED"


def test_the_second_person_may_say_no(strict: Shop, fritz: Visitor) -> None:
    refund = ask(strict, strict.actor(MemberRole.OWNER))

    response = fritz.press(page(refund, "review"), do="decline", reason="Too much for a scratch.")

    assert response.status_code == 302
    assert state(refund) == "CANCELLED"
    assert budget(strict) == (10_000, 0, 0, 10_000)
    assert "Too much for a scratch." in text_of(fritz.get(page(refund)))


def test_a_reference_stands_for_one_refund(by_hand: Shop, anna: Visitor) -> None:
    one, two = reserved(by_hand), reserved(by_hand)
    anna.press(page(one, "confirm"), reference="BACS 77")

    response = anna.press(page(two, "confirm"), reference="BACS 77")

    assert response.status_code == 409
    assert f"already stands for the refund {one.public_id}" in text_of(response)
    assert state(two) == "RESERVED"


def test_somebody_elses_hold_stays(acme: Shop, anna: Visitor) -> None:
    refund = reserved(acme)
    with scope(acme.seller.pk):
        services.hold_refund(refund.public_id, by=acme.actor(), reason="A claim.", kind="CLAIM")

    assert "This hold is not your team's" in text_of(anna.get(page(refund)))
    assert anna.get(page(refund, "release")).status_code == 409
    forged = anna.client.post(page(refund, "release"), {"form_nonce": "1", "reason": ""})
    assert forged.status_code == 403
    assert state(refund) == "ON_HOLD"


def test_ask_the_provider_now(acme: Shop, anna: Visitor, mary: Visitor, sandbox: SandboxProcess) -> None:
    refund = with_the_provider(acme)

    response = anna.press(page(refund, "look_up").replace("look_up", "look-up"))

    assert response.status_code == 302
    assert "The provider is being asked." in anna.said(response)[0]
    due = fresh(refund).next_attempt_at
    assert due is not None
    assert due <= clock.now() + timedelta(seconds=1)
    assert mary.press(page(refund, "look-up")).status_code == 302  # looking changes nothing


def with_the_provider(acme: Shop) -> RefundRequest:
    """Sent, and nothing heard of it yet: as if the process died in the call."""
    from refunds.models import RefundRequest as Model

    refund = ask(acme, acme.actor(MemberRole.MANAGER))
    with scope(acme.seller.pk):
        found: RefundRequest = Model.objects.get(pk=refund.pk)
        now = clock.now()
        found.submit(at=now - timedelta(hours=25), leased_until=now - timedelta(hours=24))
        from marketplace.actors import SYSTEM_ACTOR

        save_transition(found, by=SYSTEM_ACTOR)
        return found


def in_doubt(acme: Shop, *, asked: bool = True) -> RefundRequest:
    from marketplace.actors import SYSTEM_ACTOR

    refund = with_the_provider(acme)
    with scope(acme.seller.pk):
        refund.lose_track(why="No answer within 20 s.")
        save_transition(refund, by=SYSTEM_ACTOR)
        if asked:
            refund.person_asked_at = clock.now()
            refund.save(update_fields=["person_asked_at"])
    return refund


def test_a_person_says_that_it_was_paid(acme: Shop, anna: Visitor) -> None:
    refund = in_doubt(acme)

    unnamed = anna.press(page(refund, "resolve"), outcome="paid")
    assert unnamed.status_code == 422
    assert "Name the payment" in text_of(unnamed)
    assert anna.press(page(refund, "resolve"), outcome="paid", reference="re_77").status_code == 302
    assert state(refund) == "COMPLETED"
    assert budget(acme) == (10_000, 0, 3_000, 7_000)


def test_a_person_says_that_it_was_not_paid(acme: Shop, anna: Visitor) -> None:
    refund = in_doubt(acme)

    assert anna.press(page(refund, "resolve"), outcome="unpaid").status_code == 422
    response = anna.press(page(refund, "resolve"), outcome="unpaid", reason="Not in the dashboard.")
    assert response.status_code == 302
    assert state(refund) == "FAILED"
    assert budget(acme) == (10_000, 0, 0, 10_000)


def test_while_we_are_still_asking_nobody_decides(acme: Shop, anna: Visitor) -> None:
    refund = in_doubt(acme, asked=False)

    response = anna.get(page(refund, "resolve"))

    assert response.status_code == 409
    assert "We are still asking the payment provider." in text_of(response)


@pytest.mark.django_db(transaction=True)
def test_what_is_with_the_provider_is_not_called_back(acme: Shop, anna: Visitor, sandbox: SandboxProcess) -> None:
    refund = sent(acme, acme.actor(MemberRole.MANAGER))
    assert state(refund) == "COMPLETED"

    assert anna.get(page(refund, "cancel")).status_code == 409
    assert anna.client.post(page(refund, "cancel"), {"form_nonce": "1"}).status_code == 409
    assert state(refund) == "COMPLETED"
