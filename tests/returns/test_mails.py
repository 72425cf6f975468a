"""Every step of a return is told to the right side, once, in words that are complete (seller-central.md 1.3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings

from marketplace import clock, events
from marketplace.buyers import gift_recipient
from marketplace.models import Buyer, BuyerLink, Mail, Note, SalesChannel
from marketplace.tenancy import key_hash, scope
from returns import services
from returns.models import ReturnRequest
from tests.cast import Shop
from tests.returns import stories

pytestmark = pytest.mark.django_db
PEOPLE = {"owner@acme.example", "manager@acme.example", "agent@acme.example"}
MONEY_PEOPLE = {"owner@acme.example", "manager@acme.example", "finance@acme.example"}


def tell(shop: Shop, make: Callable[[Shop], Any], *, at: Any = stories.NOON) -> Any:
    """Let something happen, and the worker hear of it."""
    with clock.override(at), scope(shop.seller.pk):
        made = make(shop)
    with clock.override(at):
        events.drain_all()
    return made


def sent(shop: Shop, template: str) -> list[Mail]:
    with scope(shop.seller.pk):
        return list(Mail.objects.filter(template=template).order_by("id"))


def to_buyer(shop: Shop, template: str) -> Mail:
    (mail,) = sent(shop, template)
    assert mail.to_email == shop.buyer.email
    return mail


def people(shop: Shop, template: str) -> set[str]:
    return {mail.to_email for mail in sent(shop, template)}


def all_of(shop: Shop) -> list[str]:
    with scope(shop.seller.pk):
        return sorted(set(Mail.objects.values_list("template", flat=True)))


def test_asked_tells_both(acme: Shop) -> None:
    request = tell(acme, stories.asked)

    receipt = to_buyer(acme, "return_requested_buyer")
    assert receipt.is_answer
    assert "12 Nov 2026, 12:00 GMT" in receipt.subject
    notice = sent(acme, "return_requested_seller")[0]
    assert people(acme, "return_requested_seller") == PEOPLE
    assert "It hums." in notice.text
    for step in ("", "authorise/", "deny/", "contact/"):
        assert f"{django_settings.BASE_URL}/returns/{request.public_id}/{step}" in notice.text


def test_without_quick_links_the_mail_has_one_button(acme: Shop) -> None:
    acme.seller.quick_links_in_mail = False
    acme.seller.save()
    request = tell(acme, stories.asked)
    notice = sent(acme, "return_requested_seller")[0]
    assert f"/returns/{request.public_id}/authorise/" not in notice.text + notice.html


def test_what_the_rule_allows_has_one_mail_with_the_address(acme: Shop) -> None:
    with scope(acme.seller.pk):
        SalesChannel.objects.update(auto_authorise="all")
    tell(acme, stories.asked)
    assert all_of(acme) == ["return_authorised_buyer"]


def test_what_the_seller_typed_in_is_no_news_to_the_seller(acme: Shop) -> None:
    def by_owner(shop: Shop) -> ReturnRequest:
        lines = [stories.line_ask(shop.order)]
        return services.submit_return(shop.order.public_id, by=stories.owner_of(shop), lines=lines)

    tell(acme, by_owner)
    assert all_of(acme) == ["return_requested_buyer"]


def test_agreed_says_where_to_and_by_when(acme: Shop) -> None:
    request = tell(acme, stories.authorised)
    mail = to_buyer(acme, "return_authorised_buyer")
    assert mail.is_answer
    for part in (request.rma, "1 Mill Lane", "United Kingdom", "10 Dec 2026", "12:00 GMT"):
        assert part in mail.text
        assert part in mail.html


def test_denied_says_why_and_where_to_turn(acme: Shop) -> None:
    tell(acme, stories.denied)
    mail = to_buyer(acme, "return_denied_buyer")
    for part in ("Another reason", "Sorry, no.", "A-to-z Guarantee claim"):
        assert part in mail.text


def test_taken_back_is_told_to_the_seller(acme: Shop) -> None:
    tell(acme, stories.withdrawn)
    assert people(acme, "return_withdrawn_seller") == PEOPLE


def test_received_says_what_and_until_when_the_money_comes(acme: Shop) -> None:
    tell(acme, lambda shop: stories.received(shop, quantity=2, back=1))
    mail = to_buyer(acme, "return_received_buyer")
    assert "1 of 2 items has arrived" in mail.text or "1 of 2 items have arrived" in mail.text
    assert "14 Nov 2026" in mail.text


def test_closed_says_why(acme: Shop) -> None:
    tell(acme, stories.closed)
    assert "Resolved otherwise" in to_buyer(acme, "return_closed_buyer").text


def test_expired_tells_both(acme: Shop) -> None:
    tell(acme, stories.expired)
    with clock.override(stories.NOON + timedelta(days=60)):
        events.drain_all()
    assert "10 Dec 2026" in to_buyer(acme, "return_expired_buyer").text
    assert people(acme, "return_expired_seller") == PEOPLE


def test_overdue_reminds_the_seller(acme: Shop) -> None:
    request = tell(acme, stories.asked)
    late = request.respond_by + timedelta(minutes=1)
    tell(acme, lambda _shop: services.mark_overdue([request.pk]), at=late)
    assert people(acme, "return_overdue_seller") == PEOPLE
    assert "12 Nov 2026" in sent(acme, "return_overdue_seller")[0].subject


def test_reinstated_takes_back_what_was_written(acme: Shop) -> None:
    request = tell(acme, stories.denied)
    tell(
        acme,
        lambda shop: services.reinstate_return(request.public_id, by=stories.owner_of(shop), reason="A mistake."),
    )
    assert "1 Mill Lane" in to_buyer(acme, "return_reinstated_buyer").text


def test_a_message_goes_out_word_for_word(acme: Shop) -> None:
    request = tell(acme, stories.asked)
    text = "Does the lamp <hum> & flicker?\n\nKind regards"
    tell(acme, lambda shop: services.contact_buyer(request.public_id, by=stories.owner_of(shop), message=text))
    mail = to_buyer(acme, "seller_message_buyer")
    assert "Does the lamp <hum> & flicker?" in mail.text
    assert "Does the lamp &lt;hum&gt; &amp; flicker?" in mail.html


def test_money_back_tells_both_and_the_closing_needs_no_mail(acme: Shop) -> None:
    with scope(acme.seller.pk):
        stories.pays_by_hand(acme)
    request = tell(acme, stories.received)

    def refund(shop: Shop) -> Any:
        return services.refund_return(request.public_id, by=stories.owner_of(shop), client_token="r1")

    asked = tell(acme, refund)
    from refunds.executor import execute_due

    with clock.override(stories.NOON):
        execute_due()

    def confirm(shop: Shop) -> None:
        from refunds.services import confirm_manual_refund

        confirm_manual_refund(asked.public_id, by=stories.owner_of(shop), reference="bank-1")

    tell(acme, confirm)

    mail = to_buyer(acme, "refund_completed_buyer")
    assert "50.00" in mail.subject
    assert "GBP" in mail.subject
    assert mail.machine == "return"
    assert people(acme, "refund_completed_seller") == MONEY_PEOPLE
    assert stories_status(acme, request) == "CLOSED"
    assert "return_closed_buyer" not in all_of(acme)
    # asked, agreed: answers; received, refunded: the day's two; so none waits
    with scope(acme.seller.pk):
        assert not Mail.objects.filter(side="buyer", not_before__gt=stories.NOON).exists()


def stories_status(shop: Shop, request: ReturnRequest) -> str:
    with scope(shop.seller.pk):
        return str(stories.fresh(request).status)


def test_a_second_person_is_asked(acme: Shop) -> None:
    acme.seller.review_above_minor = 1_000
    acme.seller.save()
    request = tell(acme, stories.received)
    tell(
        acme,
        lambda shop: services.refund_return(request.public_id, by=stories.owner_of(shop), client_token="r1"),
    )
    assert people(acme, "refund_review_seller") == MONEY_PEOPLE


def test_an_order_without_an_address_has_no_mail_to_the_buyer(acme: Shop) -> None:
    with scope(acme.seller.pk):
        acme.order.buyer = None
        acme.order.save()

    def by_owner(shop: Shop) -> ReturnRequest:
        lines = [stories.line_ask(shop.order)]
        made = services.submit_return(shop.order.public_id, by=stories.owner_of(shop), lines=lines)
        return services.authorise_return(made.public_id, by=stories.owner_of(shop))

    tell(acme, by_owner)
    assert all_of(acme) == []


def test_each_event_is_told_once_even_when_its_handler_runs_twice(acme: Shop) -> None:
    from marketplace.models import OutboxEvent, OutboxRun

    tell(acme, stories.asked)
    before = len(sent(acme, "return_requested_seller"))
    with scope(acme.seller.pk):
        OutboxRun.objects.all().delete()
        OutboxEvent.objects.update(handled_at=None)
    with clock.override(stories.NOON):
        events.drain_all()
    assert len(sent(acme, "return_requested_seller")) == before
    assert len(sent(acme, "return_requested_buyer")) == 1


def test_every_mail_is_whole(acme: Shop) -> None:
    """One line of subject, a button whose address stands in both halves, no leftovers of a template."""
    for make in (stories.denied, stories.withdrawn):
        tell(acme, make)
    tell(acme, lambda shop: stories.received(shop, quantity=2))
    with scope(acme.seller.pk):
        mails = list(Mail.objects.all())
        assert Note.objects.count() == 0
    assert len(mails) > 10
    for mail in mails:
        assert "\n" not in mail.subject
        assert mail.subject == mail.subject.strip() != ""
        (address,) = set(re.findall(r"^(https?://\S+)$", mail.text, re.MULTILINE)) - set(
            re.findall(r"^(https?://\S+/(?:authorise|deny|contact)/)$", mail.text, re.MULTILINE)
        )
        assert f'href="{address}"' in mail.html
        for leftover in ("{{", "{%", "None", "&amp;lt;", "<span", "<time"):
            assert leftover not in mail.text, (mail.template, leftover)


def test_the_mails_of_a_returned_gift_go_to_who_got_it(acme: Shop) -> None:
    request = tell(acme, stories.asked)
    with scope(acme.seller.pk):
        niece = Buyer.objects.create(email="niece@example.com", name="Niece")
        BuyerLink.objects.create(
            order=acme.order,
            buyer=niece,
            landing=request.public_id,
            is_gift=True,
            email_hash=key_hash("buyer_email", niece.email_key),
            created_at=stories.NOON,
            expires_at=stories.NOON + timedelta(days=9),
        )
        assert gift_recipient(request.public_id) == niece
    tell(acme, lambda shop: services.authorise_return(request.public_id, by=stories.owner_of(shop)))
    assert [mail.to_email for mail in sent(acme, "return_authorised_buyer")] == ["niece@example.com"]
