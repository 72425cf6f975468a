"""The process dies by SIGKILL at every named point; after restart and drain nothing is lost and nothing is twice.

Each row kills one step of a story at one point. Whoever got no answer asks again; then the sweeps run and the
story goes on. It must end exactly as the same story ends that nobody disturbed. The points are read from the
code: one that no row kills at fails the suite by its name. The broker is down in every killed process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.crash.steps import ASKED_ANEW, REQUESTS
from tests.crash.world import World, points_in_the_code

pytestmark = pytest.mark.server


@dataclass(frozen=True)
class Kill:
    """`before`, the step that is killed at `point`, and how the story goes on after the restart."""

    point: str
    before: str
    step: str
    after: str = ""

    def __str__(self) -> str:
        return f"{self.point}-{self.step}"


RECEIVED = "submit authorise ship receive"
MONEY = f"{RECEIVED} refund"
TO_THE_END = "receive refund drain execute drain"
PAID_TWICE_OVER = f"{RECEIVED} refund_part execute paid_over_there half_an_hour_later"
COMMITS = ("request.before_commit", "request.after_commit")

REQUEST_STORIES: dict[str, tuple[str, str]] = {
    "submit": ("", "authorise receive refund"),
    "authorise": ("submit", TO_THE_END),
    "ship": ("submit authorise", TO_THE_END),
    "receive": ("submit authorise", "refund"),
    "refund": (RECEIVED, ""),
    "refund_in_portal": (RECEIVED, ""),
    "deny_in_portal": ("submit", "reinstate"),
    "withdraw": ("submit", "submit"),
    "review": (f"second_person {MONEY}", ""),
    "confirm": (f"by_hand {MONEY}", ""),
    "find": ("", ""),
    "invite": ("", ""),
}
EXECUTOR = ("claiming", "claimed", "submitting", "submitted", "calling", "called", "settling", "settled")
UNKNOWN_LADDER = ("looking_up", "looked_up", "before_repeating", "repeating", "calling", "called", "settling")
COMPARISON = ("comparison_claimed", "listing", "listed", "reconciling", "reconciled")
MAIL = ("claiming", "claimed", "sending", "sent", "before_commit", "settled")
ACCOUNT_MAIL = ("claiming", "claimed", "sending", "sent", "settled")

KILLS = [
    *(Kill(point, before, step, after) for step, (before, after) in REQUEST_STORIES.items() for point in COMMITS),
    # inside the services' transactions
    Kill("return.submit.before_commit", "", "submit", "authorise receive refund"),
    Kill("return.authorise.before_commit", "submit", "authorise", TO_THE_END),
    Kill("return.deny.before_commit", "submit", "deny", "reinstate"),
    Kill("return.withdraw.before_commit", "submit", "withdraw", "submit"),
    Kill("return.ship.before_commit", "submit authorise", "ship", TO_THE_END),
    Kill("return.receive.before_commit", "submit authorise", "receive", "refund"),
    Kill("return.close.before_commit", "submit", "close"),
    Kill("return.reinstate.before_commit", "submit deny", "reinstate"),
    Kill("return.contact.before_commit", "submit", "contact", "authorise"),
    Kill("return.refund.before_commit", RECEIVED, "refund"),
    Kill("return.settled.before_commit", f"{MONEY} execute", "drain"),
    Kill("return.overdue.before_commit", "submit days_later", "sweep_returns", "authorise"),
    Kill("return.expire.before_commit", "submit authorise weeks_later", "sweep_returns"),
    Kill("return.sweep.after_commit", "submit days_later", "sweep_returns", "authorise"),
    Kill("refund.reserving", RECEIVED, "refund"),
    Kill("refund.reserved", RECEIVED, "refund"),
    Kill("refund.confirming", f"by_hand {MONEY}", "confirm"),
    Kill("refund.cancelling", f"by_hand {MONEY}", "cancel"),
    Kill("refund.reminding", f"second_person {MONEY} days_later", "sweep_refunds", "review"),
    Kill("refund.reminded", f"second_person {MONEY} days_later", "sweep_refunds", "review"),
    # the outbox
    *(Kill(f"outbox.{point}", "submit authorise", "drain", TO_THE_END) for point in ("claiming", "claimed")),
    *(Kill(f"outbox.{point}", MONEY, "drain") for point in ("before_commit", "after_commit")),
    *(Kill(f"outbox.{point}#5", f"{MONEY} execute", "drain") for point in ("before_commit", "after_commit")),
    # the money
    *(Kill(f"refund.{point}", MONEY, "execute") for point in EXECUTOR),
    *(Kill(f"refund.{point}", f"lost_call {MONEY} execute a_minute_later", "execute") for point in UNKNOWN_LADDER),
    *(Kill(f"refund.{point}", f"lost_answer {MONEY}", "execute") for point in ("called", "settling")),
    *(Kill(f"refund.{point}", PAID_TWICE_OVER, "reconcile") for point in COMPARISON),
    # the mails
    *(Kill(f"mail.{point}", "submit authorise drain", "send_mail", TO_THE_END) for point in MAIL),
    *(Kill(f"account_mail.{point}", "invite", "send_account_mail") for point in ACCOUNT_MAIL),
    # the import
    Kill("import.claimed", "upload check_the_file", "work_on_imports"),
    Kill("import.checking", "upload check_the_file", "work_on_imports", "import_the_file"),
    Kill("import.checked", "upload check_the_file", "work_on_imports", "import_the_file"),
    Kill("import.before_commit", "upload import_the_file", "work_on_imports"),
    Kill("import.before_commit#2", "upload import_the_file", "work_on_imports"),
    Kill("import.after_commit", "upload import_the_file", "work_on_imports"),
    Kill("import.finishing", "upload import_the_file", "work_on_imports"),
    Kill("import.finished", "upload import_the_file", "work_on_imports"),
]

_undisturbed: dict[str, Any] = {}


def undisturbed(kill: Kill, new_world: Callable[[str], World]) -> Any:
    """How the story ends when nobody dies: told in another shop, once per worker."""
    story = f"{kill.before}|{kill.step}|{kill.after}"
    if story not in _undisturbed:
        world = new_world("globex")
        world.tell(*kill.before.split(), kill.step)
        world.recover()
        finish(world, kill)
        world.check()
        _undisturbed[story] = world.picture()
    return _undisturbed[story]


def finish(world: World, kill: Kill) -> None:
    if kill.after:
        world.tell(*kill.after.split())
        world.recover()
    world.wait_for_late_mails()


@pytest.mark.parametrize("kill", KILLS, ids=str)
def test_nothing_is_lost_and_nothing_is_twice(kill: Kill, new_world: Callable[[str], World]) -> None:
    world = new_world("acme")
    world.tell(*kill.before.split())

    world.step_killed(kill.step, kill.point)

    if kill.step in REQUESTS and not (kill.step in ASKED_ANEW and kill.point == "request.after_commit"):
        world.retry(kill.step)
    world.recover()
    finish(world, kill)
    world.check()
    assert world.picture() == undisturbed(kill, new_world)


def test_every_point_of_the_code_is_killed_at() -> None:
    found = points_in_the_code()
    killed = {kill.point.partition("#")[0] for kill in KILLS}
    missing = {name: where for name, where in found.items() if name not in killed}
    assert missing == {}, "a crashpoint that no row of KILLS passes through"
    assert killed - set(found) == set(), "a row for a point that is no more"
    assert len(found) >= 20
