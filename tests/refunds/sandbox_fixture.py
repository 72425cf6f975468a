"""A sandbox gateway for tests: the real process, on a real port, with a book of its own.

Use it with ``from tests.refunds.sandbox_fixture import sandbox_process  # noqa: F401`` in a conftest.py.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]
STRIPE_KEY = "sk_test_acme"


class SandboxProcess:
    """One running sandbox. ``url`` is where; it serves the native API and, below ``/v1``, Stripe's."""

    def __init__(self, data: Path, *options: str) -> None:
        self._data, self._options = data, options
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    # -- the process

    def start(self) -> None:
        """Start it, on the port it had before if it had one, and wait until it answers."""
        port = self.url.rpartition(":")[2] or "0"
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "refunds.sandbox",
                "--port",
                port,
                "--data",
                str(self._data),
                *self._options,
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("sandbox gateway: http"), "the sandbox did not start"
        self.url = line.removeprefix("sandbox gateway: ").strip()

    def stop(self) -> None:
        """Ask it to end, as a supervisor does."""
        self._end("terminate")

    def kill(self) -> None:
        """SIGKILL: what the book has now is all it will have."""
        self._end("kill")

    def restart(self) -> None:
        """Kill it and start it again with the same book and port."""
        self.kill()
        self.start()

    def _end(self, how: str) -> None:
        if self._process is None:
            return
        getattr(self._process, how)()
        self._process.wait(timeout=10)
        if self._process.stdout:
            self._process.stdout.close()
        self._process = None

    # -- the control door

    def control(
        self,
        mode: str,
        *,
        count: int | None = 1,
        match: str = "",
        delay: float | None = None,
        on: str = "refund",
    ) -> None:
        """Misbehave for the next ``count`` calls (None = for ever); see ``refunds/sandbox/faults.py``."""
        asked = {"mode": mode, "count": count, "match": match, "delay": delay, "on": on}
        self._json("POST", "/_control", asked)

    def book(self) -> dict[str, Any]:
        """{"payments": [...], "payouts": [...]}, oldest first."""
        return self._json("GET", "/_book")

    def payouts(self, payment_reference: str = "") -> list[dict[str, Any]]:
        """Every real payout, or those of one payment, oldest first; each has id, key, amount, status ..."""
        payouts: list[dict[str, Any]] = self.book()["payouts"]
        return [p for p in payouts if payment_reference in ("", p["payment_reference"])]

    def reset(self) -> None:
        """Forget payments, payouts, keys and faults."""
        self._json("POST", "/_reset")

    # -- payments

    def new_payment(self, reference: str, amount: int, currency: str = "GBP", *, account: str = "") -> str:
        """Take a payment through the native API; minor units of ISO 4217. Its reference."""
        asked = {"reference": reference, "amount": amount, "currency": currency}
        self._json("POST", "/payments", asked, account)
        return reference

    def new_stripe_payment(self, amount: int, currency: str = "GBP", *, api_key: str = STRIPE_KEY) -> dict[str, Any]:
        """Take a payment through Stripe's API, in Stripe's units: the intent (id, latest_charge, ...)."""
        answer = requests.post(
            f"{self.url}/v1/payment_intents",
            data={"amount": amount, "currency": currency.lower(), "confirm": "true"},
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=10,
        )
        answer.raise_for_status()
        intent: dict[str, Any] = answer.json()
        return intent

    def _json(self, method: str, path: str, asked: object = None, account: str = "") -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {account}"} if account else {}
        answer = requests.request(method, self.url + path, json=asked, headers=headers, timeout=10)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[SandboxProcess]:
    """One sandbox for the whole run: look at your own payments only, or ``reset()`` first."""
    with tempfile.TemporaryDirectory(prefix="redress-sandbox-") as data:
        process = SandboxProcess(Path(data))
        process.start()
        yield process
        process.stop()
