"""The sandbox as a process: its control door, its book, its page, its manners at start and end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import requests

from refunds.gateways import Declined, GatewayConfig, RefundAsk, Settled, gateway_for
from tests.refunds.sandbox_fixture import ROOT, SandboxProcess

ASK = RefundAsk("22222222-2222-4222-8222-222222222222", "ba-2", "order-7", 500, "GBP", {"paid": 2_000})


def config(sandbox: SandboxProcess, account: str = "") -> GatewayConfig:
    return GatewayConfig(sandbox_url=sandbox.url, account=account)


def test_an_unseen_payment_is_made_from_what_was_paid(sandbox: SandboxProcess) -> None:
    gateway = gateway_for("sandbox", config=config(sandbox))

    assert isinstance(gateway.refund(ASK), Settled)

    [payment] = sandbox.book()["payments"]
    assert (payment["reference"], payment["amount"], payment["refunded"]) == ("order-7", 2_000, 500)
    shown = requests.get(sandbox.url + "/payments/order-7", timeout=5).json()
    assert shown == payment


def test_an_unseen_payment_can_be_refused(tmp_path: Path) -> None:
    strict = SandboxProcess(tmp_path, "--no-auto-payments")
    strict.start()
    try:
        outcome = gateway_for("sandbox", config=config(strict)).refund(ASK)
        assert isinstance(outcome, Declined)
        assert outcome.code == "payment_unknown"
    finally:
        strict.stop()


def test_a_key_is_forgotten_after_its_time(tmp_path: Path) -> None:
    """Why the executor never repeats a key that is nearly a day old."""
    forgetful = SandboxProcess(tmp_path, "--key-ttl", "0")
    forgetful.start()
    try:
        gateway = gateway_for("sandbox", config=config(forgetful))
        first, second = gateway.refund(ASK), gateway.refund(ASK)
        assert first != second
        assert len(forgetful.payouts()) == 2
    finally:
        forgetful.stop()


def test_two_sellers_may_use_the_same_reference(sandbox: SandboxProcess) -> None:
    outcomes = [gateway_for("sandbox", config=config(sandbox, who)).refund(ASK) for who in ("acme", "globex")]

    assert len(set(outcomes)) == 2
    assert [payout["account"] for payout in sandbox.payouts("order-7")] == ["acme", "globex"]


def test_a_fault_waits_for_its_payment_and_its_count(sandbox: SandboxProcess) -> None:
    gateway = gateway_for("sandbox", config=config(sandbox))
    sandbox.control("decline", match="another order", count=None)

    assert isinstance(gateway.refund(ASK), Settled)

    queued = requests.post(sandbox.url + "/_control", json={"mode": "normal"}, timeout=5).json()
    assert queued == {"faults": []}


@pytest.mark.parametrize(
    "wrong", [{"mode": "explode"}, {"mode": "decline", "on": "look_up"}, {"mode": "decline", "count": "x"}]
)
def test_a_fault_that_makes_no_sense_is_refused(sandbox: SandboxProcess, wrong: dict[str, str]) -> None:
    assert requests.post(sandbox.url + "/_control", json=wrong, timeout=5).status_code == 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 0},
        {"amount": 1.5},
        {"amount": True},
        {"amount": "5"},
        {"currency": "pounds"},
        {"key": ""},
        {"payment_reference": " "},
        {"metadata": [1]},
    ],
)
def test_a_malformed_refund_is_refused_and_books_nothing(sandbox: SandboxProcess, wrong: dict[str, object]) -> None:
    body = {"key": "k", "payment_reference": "p", "amount": 5, "currency": "GBP", "metadata": {"paid": "9"}}

    answer = requests.post(sandbox.url + "/refunds", json=body | wrong, timeout=5)

    assert answer.status_code == 400
    assert sandbox.book() == {"payments": [], "payouts": []}


def test_the_page_shows_the_book_and_escapes_it(sandbox: SandboxProcess) -> None:
    gateway = gateway_for("sandbox", config=config(sandbox))
    gateway.refund(RefundAsk("k", "<b>ba-3</b>", "order-8", 1_234, "GBP", {"paid": 9_999}))
    posted = requests.post(sandbox.url + "/_control", data={"mode": "decline", "count": "2"}, timeout=5)

    assert posted.url == sandbox.url + "/"
    assert "decline (2 more)" in posted.text
    assert "12.34 GBP" in posted.text
    assert "99.99 GBP" in posted.text
    assert "&lt;b&gt;ba-3&lt;/b&gt;" in posted.text
    assert "<b>ba-3" not in posted.text
    assert "default-src 'none'" in posted.headers["Content-Security-Policy"]


def test_a_fault_may_be_set_with_a_plain_curl(sandbox: SandboxProcess) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = requests.post(sandbox.url + "/_control", data='{"mode": "decline"}', headers=headers, timeout=5)

    assert [fault["mode"] for fault in answer.json()["faults"]] == ["decline"]


def test_reset_forgets_everything(sandbox: SandboxProcess) -> None:
    gateway = gateway_for("sandbox", config=config(sandbox))
    first = gateway.refund(ASK)
    sandbox.control("decline", count=None)

    sandbox.reset()

    assert sandbox.book() == {"payments": [], "payouts": []}
    assert isinstance(gateway.refund(ASK), Settled)
    assert gateway.refund(ASK) != first


def test_a_port_in_use_is_one_clear_line(sandbox: SandboxProcess, tmp_path: Path) -> None:
    port = sandbox.url.rpartition(":")[2]

    second = subprocess.run(
        [sys.executable, "-m", "refunds.sandbox", "--port", port, "--data", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert f":{port}" in second.stderr


def test_it_ends_when_asked_even_while_a_caller_waits(tmp_path: Path) -> None:
    process = SandboxProcess(tmp_path)
    process.start()
    process.control("timeout_before", delay=60)
    with pytest.raises(requests.ReadTimeout):
        requests.post(
            process.url + "/refunds",
            json={"key": "k", "payment_reference": "p", "amount": 5, "currency": "GBP"},
            timeout=0.3,
        )
    process.stop()


def test_the_sandbox_needs_no_django() -> None:
    code = "import sys, refunds.sandbox.server; sys.exit('django' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=20).returncode == 0
