"""The support door: who comes in, what is seen without a reason, what a reason opens, and what stays shut."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.db import DatabaseError, transaction
from django.test import Client, RequestFactory
from django.urls import reverse

from marketplace import clock
from marketplace.actors import MemberRole
from marketplace.models import StateTransition, SupportAccess, User
from marketplace.support_door import looks
from marketplace.tenancy import scope
from returns import services
from returns.models import ReturnRequest
from tests.cast import Shop
from tests.support.conftest import REASON, give_reason, prove_second_factor


def case_url(request: ReturnRequest) -> str:
    return f"/admin/cases/return/{request.public_id}/"


def all_admin_pages() -> list[str]:
    names = ("index", "support_search", "support_looks", "support_tables", "returns_returnrequest_changelist")
    return [reverse(f"admin:{name}") for name in names]


# --- who comes in ------------------------------------------------------------------------------------------


def test_strangers_are_sent_to_the_one_sign_in(client: Client, db: None) -> None:
    for path in all_admin_pages():
        answer = client.get(path, follow=True)
        assert answer.redirect_chain[-1][0] == f"/accounts/login/?next={path}"


def test_a_seller_does_not_come_in(client: Client, acme: Shop, asked: ReturnRequest) -> None:
    client.force_login(acme.people[MemberRole.OWNER].user)

    for path in [*all_admin_pages(), case_url(asked), "/admin/open/acme/"]:
        assert client.get(path, follow=True).status_code == 403, path
    assert give_reason(client, acme).status_code == 302
    assert SupportAccess.objects.count() == 0


def test_staff_without_a_second_factor_is_refused(
    client: Client, acme: Shop, support_agent: User, asked: ReturnRequest
) -> None:
    client.force_login(support_agent)

    for path in [*all_admin_pages(), case_url(asked)]:
        page = client.get(path, follow=True)
        assert page.status_code == 403, path
        assert b"two-factor" in page.content
    give_reason(client, acme)
    client.post(f"{case_url(asked)}deny/", {"reason": REASON, "reason_code": "OTHER", "message": "No."})

    assert SupportAccess.objects.count() == 0
    with scope(acme.seller.pk):
        assert ReturnRequest.objects.get().status == "PENDING_RESPONSE"


def test_staff_with_a_second_factor_comes_in(client: Client, support_agent: User) -> None:
    client.force_login(support_agent)
    prove_second_factor(client, support_agent)

    assert client.get("/admin/").status_code == 200


def test_in_the_demo_the_password_will_do(support_agent: User, rf: RequestFactory, settings: Any) -> None:
    settings.REDRESS_DEMO = True
    request = rf.get("/admin/")
    request.user = support_agent

    assert admin.site.has_permission(request)


def test_after_fifteen_idle_minutes_the_password_is_asked_again(agent: Client) -> None:
    agent.get("/admin/")
    session = agent.session
    session["support_seen_at"] -= 15 * 60 + 1
    session.save()

    assert agent.get("/admin/")["Location"] == "/accounts/reauthenticate/?next=/admin/"


# --- without a reason ---------------------------------------------------------------------------------------


def test_the_queue_shows_ids_and_states_and_no_person(agent: Client, acme: Shop, asked: ReturnRequest) -> None:
    with scope(acme.seller.pk), clock.override(asked.respond_by + timedelta(minutes=1)):
        services.mark_overdue([asked.pk])

    page = agent.get("/admin/").content.decode()

    assert asked.order_number in page
    assert "Acme" in page
    for secret in ("Lena", acme.buyer.email, "It hums"):
        assert secret not in page
    assert SupportAccess.objects.count() == 0


def test_search_finds_by_id_number_and_rma_and_shows_no_person(
    agent: Client, acme: Shop, globex: Shop, asked: ReturnRequest
) -> None:
    for text in (asked.public_id, acme.order.number.upper(), acme.order.public_id):
        page = agent.get("/admin/search/", {"q": text}).content.decode()
        assert "/admin/cases/" in page, text
        assert "Lena" not in page
    assert "/admin/cases/" not in agent.get("/admin/search/", {"q": "Lena"}).content.decode()
    assert "/admin/open/globex/" in agent.get("/admin/search/", {"q": "Glob"}).content.decode()
    assert SupportAccess.objects.count() == 0


def test_without_a_reason_no_case_no_table_no_move(agent: Client, acme: Shop, asked: ReturnRequest) -> None:
    looked = agent.get(case_url(asked))
    table = agent.get("/admin/returns/returnrequest/")
    detail = agent.get(f"/admin/returns/returnrequest/{asked.pk}/change/")
    pressed = agent.post(f"{case_url(asked)}authorise/", {"reason": REASON})

    assert looked["Location"] == f"/admin/open/acme/?next={case_url(asked)}"
    assert table["Location"] == detail["Location"] == "/admin/search/"
    assert pressed["Location"].startswith("/admin/open/acme/")
    with scope(acme.seller.pk):
        assert ReturnRequest.objects.get().status == "PENDING_RESPONSE"
    assert SupportAccess.objects.count() == 0


@pytest.mark.parametrize("reason", ["", "why", "        "])
def test_a_reason_is_words(agent: Client, acme: Shop, reason: str) -> None:
    assert give_reason(agent, acme, reason).status_code == 422
    assert SupportAccess.objects.count() == 0


# --- with a reason ------------------------------------------------------------------------------------------


def test_a_reason_opens_one_sellers_data_and_every_page_is_written_down(
    agent: Client, acme: Shop, globex: Shop, asked: ReturnRequest, support_agent: User
) -> None:
    answer = give_reason(agent, acme, target=case_url(asked))
    assert answer["Location"] == case_url(asked)

    page = agent.get(case_url(asked)).content.decode()

    assert "Lena Buyer" in page
    assert "It hums" in page
    assert "looking at Acme" in page.replace("&#x27;", "'")
    assert REASON in page
    rows = list(SupportAccess.objects.order_by("id").values_list("user_id", "seller_id", "reason", "path"))
    who = (support_agent.pk, acme.seller.pk, REASON)
    assert rows == [(*who, ""), (*who, f"GET {case_url(asked)}")]
    assert agent.get(f"/admin/cases/order/{globex.order.public_id}/")["Location"].startswith("/admin/open/globex/")


def test_the_seller_reads_who_looked_and_why(agent: Client, acme: Shop, asked: ReturnRequest) -> None:
    give_reason(agent, acme)
    agent.get(case_url(asked))
    seller = Client()
    seller.force_login(acme.people[MemberRole.READONLY].user)

    page = seller.get("/settings/security/").content.decode()

    assert REASON in page
    assert case_url(asked) in page


def test_the_look_ends_after_thirty_minutes(agent: Client, acme: Shop, asked: ReturnRequest) -> None:
    give_reason(agent, acme)
    end = SupportAccess.objects.get().until

    with clock.override(end - timedelta(seconds=1)):
        assert agent.get(case_url(asked)).status_code == 200
    with clock.override(end):
        assert agent.get(case_url(asked)).status_code == 302
        pressed = agent.post(f"{case_url(asked)}authorise/", {"reason": REASON})
        assert pressed["Location"].startswith("/admin/open/acme/")
        assert agent.get("/admin/returns/returnrequest/").status_code == 302
    with scope(acme.seller.pk):
        assert ReturnRequest.objects.get().status == "PENDING_RESPONSE"


def test_a_look_can_be_ended_before(agent: Client, acme: Shop, asked: ReturnRequest) -> None:
    give_reason(agent, acme)
    assert agent.get("/admin/end/acme/").status_code == 405

    agent.post("/admin/end/acme/")

    assert agent.get(case_url(asked)).status_code == 302


def test_a_look_is_of_one_agent(agent: Client, acme: Shop, asked: ReturnRequest) -> None:
    give_reason(agent, acme)
    other = Client()
    colleague = User.objects.create_user("other@redress.example", "x", is_staff=True)
    other.force_login(colleague)
    prove_second_factor(other, colleague)

    assert other.get(case_url(asked))["Location"].startswith("/admin/open/acme/")


@pytest.mark.django_db(transaction=True)
def test_the_look_is_written_even_if_the_page_then_fails(
    agent: Client, acme: Shop, asked: ReturnRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise ZeroDivisionError

    give_reason(agent, acme)
    monkeypatch.setattr("marketplace.support_door.views._page", fail)
    agent.raise_request_exception = False

    assert agent.get(case_url(asked)).status_code == 500

    assert SupportAccess.objects.filter(path=f"GET {case_url(asked)}").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_look_is_a_commit_of_its_own_and_stays(acme: Shop, support_agent: User) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        looks.open_look(support_agent, acme.seller, reason=REASON)
    look = looks.open_look(support_agent, acme.seller, reason=REASON)

    for change in (
        lambda: SupportAccess.objects.filter(pk=look.pk).update(reason="nothing"),
        lambda: SupportAccess.objects.filter(pk=look.pk).delete(),
    ):
        with pytest.raises(DatabaseError):
            change()

    assert SupportAccess.objects.get().reason == REASON


# --- moves --------------------------------------------------------------------------------------------------


def test_a_move_calls_the_service_as_support_with_the_reason(agent: Client, acme: Shop, asked: ReturnRequest) -> None:
    give_reason(agent, acme)
    assert agent.get(f"{case_url(asked)}authorise/").status_code == 200

    answer = agent.post(f"{case_url(asked)}authorise/", {"reason": REASON})

    assert answer["Location"] == case_url(asked)
    with scope(acme.seller.pk):
        move = StateTransition.objects.get(move="authorise")
        assert (move.actor_kind, move.actor_label, move.reason_text) == ("support", str(move.actor_label), REASON)
        assert ReturnRequest.objects.get().status == "AUTHORISED"


def test_a_move_without_a_reason_or_from_a_wrong_state_changes_nothing(
    agent: Client, acme: Shop, asked: ReturnRequest
) -> None:
    give_reason(agent, acme)

    no_reason = agent.post(f"{case_url(asked)}authorise/", {"reason": ""})
    wrong_state = agent.post(f"{case_url(asked)}reinstate/", {"reason": REASON})
    unknown = agent.post(f"{case_url(asked)}refund/", {"reason": REASON})

    assert (no_reason.status_code, wrong_state.status_code, unknown.status_code) == (422, 422, 404)
    with scope(acme.seller.pk):
        assert list(StateTransition.objects.values_list("move", flat=True)) == ["submit"]


def test_what_is_not_possible_says_why(agent: Client, acme: Shop, asked: ReturnRequest) -> None:
    give_reason(agent, acme)

    page = agent.get(case_url(asked)).content.decode()

    assert f"{case_url(asked)}deny/" in page
    assert f'href="{case_url(asked)}reinstate/"' not in page
    assert "Possible from:" in page


def test_a_forged_press_changes_nothing(acme: Shop, asked: ReturnRequest, support_agent: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(support_agent)
    prove_second_factor(strict, support_agent)
    looks_before = SupportAccess.objects.count()

    opened = strict.post("/admin/open/acme/", {"reason": REASON})
    pressed = strict.post(f"{case_url(asked)}authorise/", {"reason": REASON})

    assert (opened.status_code, pressed.status_code) == (403, 403)
    assert SupportAccess.objects.count() == looks_before
    with scope(acme.seller.pk):
        assert ReturnRequest.objects.get().status == "PENDING_RESPONSE"


def test_the_reason_form_leads_to_no_foreign_address(agent: Client, acme: Shop) -> None:
    for target in ("https://evil.example/admin/", "//evil.example/", "/settings/", "/administrator/"):
        assert give_reason(agent, acme, target=target)["Location"] == "/admin/tables/", target


def test_a_case_of_nobody_is_not_found(agent: Client, acme: Shop) -> None:
    for path in ("return/ret-nobody", "refund/ba-nobody", "order/ord-nobody", "event/99", "mail/99", "nonsense/1"):
        assert agent.get(f"/admin/cases/{path}/").status_code == 404, path
