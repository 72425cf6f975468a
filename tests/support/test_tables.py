"""The tables and the small cases of the support door: one seller at a time, read only; events and mails."""

from __future__ import annotations

from django.contrib import admin
from django.test import Client

from marketplace import clock
from marketplace.models import Mail, Note, OutboxEvent, SupportAccess, User
from marketplace.tenancy import scope
from returns.models import ReturnRequest
from tests.cast import Shop
from tests.support.conftest import REASON, give_reason


def test_tables_show_the_rows_of_the_open_seller_alone(
    agent: Client, acme: Shop, globex: Shop, asked: ReturnRequest
) -> None:
    give_reason(agent, acme)

    page = agent.get("/admin/marketplace/order/").content.decode()

    assert acme.order.number in page
    assert globex.order.number not in page
    assert agent.get(f"/admin/marketplace/order/{acme.order.pk}/change/").status_code == 200
    assert agent.get(f"/admin/marketplace/order/{globex.order.pk}/change/").status_code == 302
    assert SupportAccess.objects.filter(path__startswith="GET /admin/marketplace/order/").count() == 3


def test_nothing_in_the_tables_can_be_added_changed_or_deleted(
    agent: Client, acme: Shop, asked: ReturnRequest, support_agent: User
) -> None:
    support_agent.is_superuser = True
    support_agent.save()
    give_reason(agent, acme)

    for model, registered in admin.site._registry.items():
        url = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        assert agent.get(url).status_code == 200, url
        assert agent.post(f"{url}add/", {}).status_code == 403, url
        assert registered.actions is None, url
    changed = agent.post(f"/admin/returns/returnrequest/{asked.pk}/change/", {"rma": "FORGED"})
    deleted = agent.post(f"/admin/returns/returnrequest/{asked.pk}/delete/", {"post": "yes"})

    assert (changed.status_code, deleted.status_code) == (403, 403)
    with scope(acme.seller.pk):
        assert ReturnRequest.objects.get().rma == ""


def test_peoples_accounts_are_for_operators(agent: Client, acme: Shop) -> None:
    for name in ("user", "membership", "invitation", "accountmail"):
        assert agent.get(f"/admin/marketplace/{name}/").status_code == 403, name
    assert agent.get("/admin/marketplace/seller/").status_code == 200


# --- events and mails ----------------------------------------------------------------------------------------


def test_an_event_that_was_given_up_is_run_again_with_a_reason(agent: Client, acme: Shop, asked: ReturnRequest) -> None:
    with scope(acme.seller.pk):
        event = OutboxEvent.objects.get(name="return.requested")
        event.parked_at, event.attempts = clock.now(), 8
        event.save()
    assert "return.requested" in agent.get("/admin/").content.decode()
    give_reason(agent, acme)

    agent.post(f"/admin/cases/event/{event.pk}/run-again/", {"reason": REASON})

    with scope(acme.seller.pk):
        event.refresh_from_db()
        assert (event.parked_at, event.attempts) == (None, 0)
        assert REASON in Note.objects.get().text
    twice = agent.post(f"/admin/cases/event/{event.pk}/run-again/", {"reason": REASON})
    assert twice.status_code == 422


def test_a_failed_mail_stands_in_the_queue_without_its_address(agent: Client, acme: Shop) -> None:
    with scope(acme.seller.pk):
        now = clock.now()
        mail = Mail.objects.create(
            dedupe_key="x", template="return.denied.buyer", to_email="lena@secret.example", subject="About your lamp",
            text="t", message_id="<a@b>", status="FAILED", next_at=now, not_before=now, created_at=now,
        )  # fmt: skip

    page = agent.get("/admin/").content.decode()
    assert "return.denied.buyer" in page
    assert "secret.example" not in page
    assert "lamp" not in page

    give_reason(agent, acme)
    assert "lena@secret.example" in agent.get(f"/admin/cases/mail/{mail.pk}/").content.decode()
