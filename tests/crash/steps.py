"""The steps of the main job, each through its own door; run in the test's process or in one that is killed.

A step gets plain facts (`given`) and answers with plain facts, so that it can be told to another process.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.test import Client

from marketplace import account_mail, buyer_codes, events, mail
from marketplace.imports import running
from marketplace.models import User
from refunds import executor, reconciling, sweeping
from returns import sweeping as return_sweeping

Facts = dict[str, Any]
Step = Callable[[Facts], Facts]


def _client(**more: Any) -> Client:
    return Client(raise_request_exception=False, SERVER_NAME="127.0.0.1", **more)


def _api(given: Facts, path: str, body: Facts) -> Facts:
    """A program's request with its Idempotency-Key: a retry is the same request."""
    client = _client(headers={"authorization": f"Bearer {given['key']}"})
    headers = {"idempotency-key": given["token"]}
    answer = client.post(f"/api/v1/{path}", body, content_type="application/json", headers=headers)
    is_json = answer.headers["Content-Type"] == "application/json"
    return {"status": answer.status_code, "body": json.loads(answer.content) if is_json else {}}


def _portal(given: Facts, path: str, form: Facts) -> Facts:
    """A person's press on a form's button; the nonce came with the form, so a second press carries the same."""
    client = _client()
    client.force_login(User.objects.get(pk=given["user"]))
    answer = client.post(path, {"form_nonce": given["token"], **form})
    return {"status": answer.status_code, "to": answer.headers.get("Location", "")}


def _buyer(given: Facts, path: str, form: Facts) -> Facts:
    """A buyer who came by the link of a mail."""
    client = _client()
    client.get(given["link"])
    answer = client.post(f"/r/{given['slug']}/{path}", {"form_nonce": given["token"], **form})
    return {"status": answer.status_code, "to": answer.headers.get("Location", "")}


def submit(given: Facts) -> Facts:
    lines = [{"order_line_id": given["order_line"], "quantity": 2, "reason_code": "CR-DEFECTIVE"}]
    return _api(given, "returns/", {"order": given["order"], "lines": lines})


def authorise(given: Facts) -> Facts:
    return _api(given, f"returns/{given['return']}/authorise/", {})


def deny(given: Facts) -> Facts:
    body = {"reason_code": "OTHER", "message": "We do not see the fault."}
    return _api(given, f"returns/{given['return']}/deny/", body)


def ship(given: Facts) -> Facts:
    return _api(given, f"returns/{given['return']}/ship/", {"carrier": "DPD", "tracking": given["return"][-9:]})


def receive(given: Facts) -> Facts:
    units = [{"return_line_id": given["return_line"], "condition": "SELLABLE", "quantity": 2}]
    return _api(given, f"returns/{given['return']}/receive/", {"units": units})


def refund(given: Facts) -> Facts:
    return _api(given, f"returns/{given['return']}/refund/", {})


def refund_part(given: Facts) -> Facts:
    lines = [{"order_line_id": given["order_line"], "component": "ITEM", "amount_minor": 3_000}]
    return _api(given, f"returns/{given['return']}/refund/", {"lines": lines})


def close(given: Facts) -> Facts:
    return _api(given, f"returns/{given['return']}/close/", {"close_reason": "REPLACED"})


def reinstate(given: Facts) -> Facts:
    return _api(given, f"returns/{given['return']}/reinstate/", {"reason": "Decided too fast."})


def contact(given: Facts) -> Facts:
    return _api(given, f"returns/{given['return']}/contact/", {"message": "Which lamp do you mean?"})


def confirm(given: Facts) -> Facts:
    return _api(given, f"refunds/{given['refund']}/confirm/", {"reference": "bank-1"})


def cancel(given: Facts) -> Facts:
    return _api(given, f"refunds/{given['refund']}/cancel/", {"reason": "By mistake."})


def review(given: Facts) -> Facts:
    """Another person agrees to what was asked for."""
    return _portal({**given, "user": given["second_user"]}, f"/refunds/{given['refund']}/review/", {"do": "agree"})


def deny_in_portal(given: Facts) -> Facts:
    form = {"reason_code": "OTHER", "message": "We do not see the fault."}
    return _portal(given, f"/returns/{given['return']}/deny/", form)


def refund_in_portal(given: Facts) -> Facts:
    form = {f"line_{given['order_line']}": "100.00", "seen_total": "10000"}
    return _portal(given, f"/returns/{given['return']}/refund/", form)


def withdraw(given: Facts) -> Facts:
    return _buyer(given, f"returns/{given['return']}/withdraw/", {})


def find(given: Facts) -> Facts:
    """Somebody asks for a code to be let in."""
    client = _client()
    form = {"order_number": given["order_number"], "email": given["email"]}
    return {"status": client.post(f"/r/{given['slug']}/find/", form).status_code}


def invite(given: Facts) -> Facts:
    """The owner asks somebody to join the team: a mail about access."""
    return _portal(given, "/settings/team/invite/", {"email": "new@team.example", "role": "agent"})


# --- the worker's steps --------------------------------------------------------------------------------


def drain(given: Facts) -> Facts:
    return {"handled": events.drain_all()}


def execute(given: Facts) -> Facts:
    return {"called": executor.execute_due(seconds=30)}


def send_mail(given: Facts) -> Facts:
    return {"sent": mail.send_due()}


def send_account_mail(given: Facts) -> Facts:
    return {"sent": account_mail.send_due()}


def reconcile(given: Facts) -> Facts:
    return {"compared": reconciling.reconcile_due()}


def sweep_returns(given: Facts) -> Facts:
    return {"moved": return_sweeping.sweep_due()}


def sweep_refunds(given: Facts) -> Facts:
    return {"reminded": sweeping.sweep_review_reminders()}


def work_on_imports(given: Facts) -> Facts:
    jobs = running.due_jobs()
    for seller_id, job_id in jobs:
        running.work_on(seller_id, job_id)
    return {"jobs": len(jobs)}


def forget_codes(given: Facts) -> Facts:
    return {"forgotten": buyer_codes.forget_old_codes()}


WORK: dict[str, Step] = {
    "drain": drain,
    "execute": execute,
    "reconcile": reconcile,
    "sweep_returns": sweep_returns,
    "sweep_refunds": sweep_refunds,
    "work_on_imports": work_on_imports,
    "send_mail": send_mail,
    "send_account_mail": send_account_mail,
}
# Whoever presses these again asks for one more: a code, an invitation.
ASKED_ANEW = ("find", "invite")
REQUESTS: dict[str, Step] = {
    step.__name__: step
    for step in (
        submit, authorise, deny, ship, receive, refund, refund_part, close, reinstate, contact, confirm, cancel, review,
        deny_in_portal, refund_in_portal, withdraw, find, invite,
    )
}  # fmt: skip
STEPS = REQUESTS | WORK
