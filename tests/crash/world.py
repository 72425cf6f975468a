"""A shop whose story is told step by step, one of them in a process that is killed; and all that must hold then."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import requests
from django.conf import settings

from marketplace import access, buyers, clock
from marketplace.actors import SCOPES, MemberRole
from marketplace.imports import services as imports
from marketplace.models import (
    AccountMail,
    ImportJob,
    Mail,
    Note,
    Order,
    OrderLine,
    OutboxEvent,
    OutboxRun,
    SalesChannel,
    Seller,
    StateTransition,
)
from marketplace.tenancy import scope
from refunds import invariants
from refunds.breaker import BREAKER
from refunds.gateways import GatewayConfig, gateway_for
from refunds.models import Discrepancy, LedgerLine, RefundBudget, RefundRequest
from returns.models import ReceivedUnits, ReturnRequest
from tests.cast import open_shop
from tests.crash.steps import REQUESTS, STEPS, WORK, Facts
from tests.imports.conftest import as_report, line
from tests.refunds.sandbox_fixture import ROOT, SandboxProcess
from tests.smtp_server import MailServer

HELD = -signal.SIGKILL
# What a killed call may add to an undisturbed story: nobody knew for a while whether money went out.
ONLY_AFTER_A_KILL = {"refund.unknown", "refund_unknown_seller"}
# After a kill: leases run out, the ladder of an unknown end is climbed, mails wait their day out.
LATER = (0, 90, 15 * 60, 60 * 60)
A_DAY_LATER = 26 * 3600
PAUSES = {"a_minute_later": 60, "half_an_hour_later": 1800, "days_later": 3 * 86400, "weeks_later": 40 * 86400}


@dataclass
class World:
    """One shop with an order of 100.00, a buyer, people and a program; `later` is how far its clock is ahead."""

    slug: str
    sandbox: SandboxProcess
    mail_server: MailServer
    later: float = 0
    facts: Facts = field(default_factory=dict)
    accepted: list[tuple[str, Facts]] = field(default_factory=list)  # (step, answer) of every 2xx or 3xx
    sent: Counter[str] = field(default_factory=Counter)  # tokens by step

    def __post_init__(self) -> None:
        self.shop = open_shop(self.slug)
        shop = self.shop
        self.seller_id = shop.seller.pk
        with scope(self.seller_id):
            now = clock.now()
            Order.objects.update(
                purchased_at=now - timedelta(days=9),
                shipped_at=now - timedelta(days=8),
                delivered_at=now - timedelta(days=6),
            )
            owner = shop.actor(MemberRole.OWNER)
            self.facts = {
                "slug": self.slug,
                "key": access.create_api_key("Program", by=owner, scopes=list(SCOPES))[1],
                "user": shop.people[MemberRole.OWNER].user_id,
                "second_user": shop.people[MemberRole.MANAGER].user_id,
                "order": shop.order.public_id,
                "order_number": shop.order.number,
                "email": shop.buyer.email,
                "order_line": shop.order.lines.get().pk,
                "link": buyers.buyer_link(shop.order, buyer=shop.buyer).removeprefix(settings.BASE_URL),
            }

    # --- telling the story

    def tell(self, *names: str) -> None:
        for name in names:
            self.step(name)

    def step(self, name: str) -> Facts:
        """One step that goes well."""
        if name in PAUSES:
            self.later += PAUSES[name]
            return {}
        if name in ARRANGEMENTS:
            ARRANGEMENTS[name](self)
            return {}
        BREAKER.forget()
        with clock.override(clock.now() + timedelta(seconds=self.later)):
            answer = STEPS[name](self._given(name))
        self._heard(name, answer)
        return answer

    def heard(self, name: str, printed: str) -> None:
        """What a process of its own has answered."""
        self._heard(name, json.loads(printed.strip().splitlines()[-1]))

    def step_killed(self, name: str, kill_at: str) -> None:
        """The same in a process of its own that dies at this point."""
        done = self.process(name, kill_at=kill_at)
        assert done.returncode == HELD, (
            f"{name} did not pass {kill_at} (exit {done.returncode}):\n{done.stdout[-500:]}\n{done.stderr[-3000:]}"
        )
        assert "{" not in done.stdout, "it was answered before it died"

    def process(
        self, name: str, *, kill_at: str = "", environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The step in a process of its own, which prints its answer at last."""
        return subprocess.run(
            [sys.executable, "-m", "tests.crash.runner", name, json.dumps(self._given(name)), str(self.later)],
            cwd=ROOT,
            env=(environment or self.environment) | {"REDRESS_KILL_AT": kill_at},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @property
    def environment(self) -> dict[str, str]:
        """As in production, but the broker and the cache are not there at all: no step may need them."""
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "marketplace.settings",
            "REDIS_URL": "unix:///nowhere/valkey.sock?db=0",
            "EMAIL_URL": f"smtp://{settings.EMAIL_HOST}:{settings.EMAIL_PORT}",
            "EMAIL_TIMEOUT": "2",
            "SANDBOX_GATEWAY_URL": self.sandbox.url,
            "GATEWAY_READ_TIMEOUT": "1",
            "VAR_DIR": str(settings.VAR_DIR),
            "LOG_LEVEL": "ERROR",
        }

    def retry(self, name: str) -> Facts:
        """Whoever got no answer asks again with the same key, until there is one."""
        assert name in REQUESTS
        return self.step(name)

    def recover(self) -> None:
        """Restart: the sweeps run as time goes by, until nothing is left to do."""
        for pause in LATER:
            self.later += pause
            while any(any(self.step(name).values()) for name in WORK):
                pass

    def wait_for_late_mails(self) -> None:
        self.later += A_DAY_LATER
        self.tell("drain", "send_mail", "send_account_mail", "reconcile")

    def _given(self, name: str) -> Facts:
        return {**self.facts, "token": f"{self.slug}-{name}-{self.sent[name]}"}

    def _heard(self, name: str, answer: Facts) -> None:
        if name not in REQUESTS:
            return
        assert answer["status"] < 400, f"{name}: {answer}"
        self.accepted.append((name, answer))
        self.sent[name] += 1
        public_id = str(answer.get("body", {}).get("public_id", ""))
        if public_id.startswith("ret-"):
            self.facts["return"] = public_id
            self.facts["return_line"] = answer["body"]["lines"][0]["id"]
        if public_id.startswith("ba-"):
            self.facts["refund"] = public_id

    # --- looking at it

    def picture(self) -> dict[str, Any]:
        """What came of the story, the same for every telling of it."""
        with scope(self.seller_id):
            returns = list(ReturnRequest.objects.order_by("id"))
            refunds = list(RefundRequest.objects.order_by("id"))
            return {
                "returns": [(str(row.status), row.units, self._moves("return", row.pk)) for row in returns],
                "refunds": [(str(row.public_status), row.amount_minor, row.source) for row in refunds],
                "budgets": list(
                    RefundBudget.objects.values_list(
                        "cap_minor", "reserved_minor", "refunded_minor", "disputed_minor", "over_recovery_minor"
                    )
                ),
                "books": Counter(LedgerLine.objects.values_list("account", "amount_minor")),
                "received": list(ReceivedUnits.objects.values_list("condition", "quantity")),
                "mails": _without_unknown(Counter(Mail.objects.values_list("template", "side"))),
                "events": _without_unknown(Counter(OutboxEvent.objects.values_list("name"))),
                "notes": Note.objects.count(),
                "orders": (Order.objects.count(), OrderLine.objects.count()),
                "imports": list(ImportJob.objects.values_list("status", "lines_new", "rows_refused")),
                "payouts": sorted((payout["amount"], payout["status"]) for payout in self.payouts()),
                "account_mails": AccountMail.objects.filter(invitation__seller=self.seller_id).count(),
            }

    def payouts(self) -> list[dict[str, Any]]:
        return self.sandbox.payouts(self.shop.order.payment_reference)

    def _moves(self, machine: str, pk: int) -> list[str]:
        rows = StateTransition.objects.filter(machine=machine, object_id=pk).order_by("version")
        return list(rows.values_list("move", flat=True))

    def check(self) -> None:
        """Nothing lost, nothing twice (reliability.md section 4)."""
        self._check_rows()
        self._check_money()
        self._check_mails()
        self._check_answers()

    def _check_rows(self) -> None:
        with clock.override(clock.now() + timedelta(seconds=self.later)), scope(self.seller_id):
            found = [str(breach) for breach in invariants.breaches()]
            open_events = list(OutboxEvent.objects.filter(handled_at=None).values_list("name", "last_error"))
            runs = Counter(OutboxRun.objects.values_list("event", "handler"))
        assert found == []
        assert open_events == []
        assert set(runs.values()) <= {1}

    def _check_money(self) -> None:
        """I3: the gateway's own book = refunds COMPLETED and EXTERNAL, one to one; nothing is under way."""
        seller = Seller.objects.get(pk=self.seller_id)
        reference = self.shop.order.payment_reference
        gateway = gateway_for("sandbox", config=GatewayConfig.from_settings(settings, account=seller.slug))
        with scope(self.seller_id):
            rows = list(RefundRequest.objects.all())
            differences = list(Discrepancy.objects.exclude(kind="EXTERNAL").values_list("kind", "text"))
        assert [str(breach) for breach in invariants.payouts_match(rows, gateway.list_refunds(reference))] == []
        under_way = [row for row in rows if str(row.status) in {"VALIDATING", "RESERVED", "SUBMITTED", "UNKNOWN"}]
        assert [row for row in under_way if row.gateway != "manual"] == []
        done = [row for row in rows if str(row.status) == "COMPLETED" and row.gateway != "manual"]
        paid = [payout for payout in self.payouts() if payout["status"] != "failed"]
        assert sorted(row.provider_refund_id for row in done) == sorted(payout["id"] for payout in paid)
        assert sum(payout["amount"] for payout in paid) <= self.shop.order.paid_minor
        assert differences == []

    def _check_mails(self) -> None:
        """I11: every promised mail was accepted, none under one Message-ID more than twice, none unpromised."""
        with scope(self.seller_id):
            mails = list(Mail.objects.all())
        account_mails = list(AccountMail.objects.filter(invitation__seller=self.seller_id))
        times = Counter(received.message_id for received in self.mail_server.accepted)
        assert [(mail.template, mail.status) for mail in mails if mail.status != "SENT"] == []
        assert [mail.event for mail in account_mails if mail.sent_at is None] == []
        for mail in [*mails, *account_mails]:
            assert 1 <= times[mail.message_id] <= 2, f"{mail} was accepted {times[mail.message_id]} times"
        assert len({(mail.dedupe_key) for mail in mails}) == len(mails)

    def _check_answers(self) -> None:
        """I10: what was answered with yes is there."""
        with scope(self.seller_id):
            for name, answer in self.accepted:
                public_id = answer.get("body", {}).get("public_id", "")
                if public_id.startswith("ret-"):
                    row = ReturnRequest.objects.get(public_id=public_id)
                    assert row.version >= answer["body"]["version"], name
                if public_id.startswith("ba-"):
                    assert RefundRequest.objects.get(public_id=public_id).version >= answer["body"]["version"], name


def _without_unknown(counted: Counter[Any]) -> dict[Any, int]:
    return {key: count for key, count in counted.items() if key[0] not in ONLY_AFTER_A_KILL}


def points_in_the_code() -> dict[str, str]:
    """Every `crashpoint("...")` of the application: name -> where."""
    import ast

    found: dict[str, str] = {}
    for folder in ("marketplace", "refunds", "returns"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "crashpoint":
                    (name,) = node.args
                    assert isinstance(name, ast.Constant), f"{path}:{node.lineno}: write the name out"
                    found.setdefault(str(name.value), f"{path.relative_to(ROOT)}:{node.lineno}")
    return found


# --- what the world around the application does -----------------------------------------------------------


def _by_hand(world: World) -> None:
    """The channel's refunds are paid outside and confirmed."""
    with scope(world.seller_id):
        SalesChannel.objects.update(gateway="manual")


def _second_person(world: World) -> None:
    """Refunds above 50.00 need a second person."""
    Seller.objects.filter(pk=world.seller_id).update(review_above_minor=5_000)


def _lost_call(world: World) -> None:
    """The gateway hangs up on the next call, and nobody knows whether it has paid."""
    world.sandbox.control("drop_connection", match=world.shop.order.payment_reference)


def _lost_answer(world: World) -> None:
    """The gateway pays, and its answer is lost."""
    world.sandbox.control("timeout_after", delay=2, match=world.shop.order.payment_reference)


def _paid_over_there(world: World) -> None:
    """Somebody pays 10.00 back in the gateway's own portal."""
    body = {
        "key": f"outside-{world.shop.order.number}",
        "payment_reference": world.shop.order.payment_reference,
        "amount": 1_000,
        "currency": "GBP",
        "metadata": {"paid": 10_000},
    }
    headers = {"Authorization": f"Bearer {world.slug}"}
    requests.post(f"{world.sandbox.url}/refunds", json=body, headers=headers, timeout=10).raise_for_status()


def _upload(world: World) -> None:
    lines = [line(n) for n in range(1, 2_101)] + [line(1, item_price="no number")]
    with scope(world.seller_id):
        job = imports.start_import(
            [as_report(lines)], by=world.shop.actor(), name="orders.txt", channel=world.shop.channel.code
        )
    world.facts["import"] = job.public_id


def _check_the_file(world: World) -> None:
    with scope(world.seller_id):
        imports.preview_import(world.facts["import"], by=world.shop.actor())


def _import_the_file(world: World) -> None:
    with scope(world.seller_id):
        imports.run_import(world.facts["import"], by=world.shop.actor())


ARRANGEMENTS: dict[str, Callable[[World], None]] = {
    "by_hand": _by_hand,
    "second_person": _second_person,
    "lost_call": _lost_call,
    "lost_answer": _lost_answer,
    "paid_over_there": _paid_over_there,
    "upload": _upload,
    "check_the_file": _check_the_file,
    "import_the_file": _import_the_file,
}
