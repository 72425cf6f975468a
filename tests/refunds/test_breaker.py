"""A gateway that gives no clear answer five times in a row is left alone for half a minute."""

from __future__ import annotations

from datetime import timedelta

import pytest

from marketplace import clock
from marketplace.actors import Actor
from refunds.breaker import FAILURES_TO_OPEN, Breaker
from tests.cast import Shop
from tests.refunds.sandbox_fixture import SandboxProcess
from tests.refunds.steps import ask, breaches, fresh, send, state


def test_it_opens_after_five_and_tries_one_after_the_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    at = [1_000.0]
    monkeypatch.setattr("refunds.breaker.time.monotonic", lambda: at[0])
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN):
        assert breaker.lets_through("sandbox", "acme")
        breaker.note("sandbox", "acme", was_clear=False)
    assert not breaker.lets_through("sandbox", "acme")
    assert breaker.lets_through("sandbox", "globex")
    assert breaker.lets_through("stripe", "acme")

    at[0] += 29.9
    assert not breaker.lets_through("sandbox", "acme")
    at[0] += 0.2
    assert breaker.lets_through("sandbox", "acme")  # the one that tries
    assert not breaker.lets_through("sandbox", "acme")
    breaker.note("sandbox", "acme", was_clear=False)
    assert not breaker.lets_through("sandbox", "acme")
    at[0] += 31
    assert breaker.lets_through("sandbox", "acme")
    breaker.note("sandbox", "acme", was_clear=True)
    assert all(breaker.lets_through("sandbox", "acme") for _ in range(10))


def test_a_clear_answer_starts_the_count_again() -> None:
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.note("sandbox", "acme", was_clear=False)
    breaker.note("sandbox", "acme", was_clear=True)
    breaker.note("sandbox", "acme", was_clear=False)
    assert breaker.lets_through("sandbox", "acme")


@pytest.mark.django_db(transaction=True)
def test_behind_an_open_breaker_refunds_stay_reserved(acme: Shop, owner: Actor, sandbox: SandboxProcess) -> None:
    sandbox.control("error_500", count=None)
    refunds = [ask(acme, owner, 1_000) for _ in range(7)]

    send()

    assert [state(refund) for refund in refunds] == ["UNKNOWN"] * 5 + ["RESERVED"] * 2
    waiting = fresh(refunds[-1])
    assert (waiting.attempts, waiting.leased_until) == (0, None)
    assert waiting.next_attempt_at is not None
    assert timedelta(seconds=20) < waiting.next_attempt_at - clock.now() <= timedelta(seconds=30)
    assert breaches(acme) == []

    sandbox.control("normal")
    send(after=timedelta(seconds=31))  # the pause is by the process's own clock and not over: all wait
    assert state(refunds[-1]) == "RESERVED"
