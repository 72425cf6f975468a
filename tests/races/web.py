"""The application behind a real web server, and people, buyers and programs that talk HTTP to it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import requests
from django.conf import settings
from django.test import Client

from marketplace import access, buyers
from marketplace.actors import SCOPES, MemberRole
from marketplace.embedded import processes
from marketplace.tenancy import scope
from tests.cast import Shop
from tests.visitor import Form, form_in

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120


class WebServer:
    """gunicorn as the demo and the image start it, on this worker's database."""

    def __init__(self, folder: Path) -> None:
        self.port = processes.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "web.log"
        command = [sys.executable, "-m", "gunicorn", "marketplace.wsgi:application", "--no-control-socket"]
        command += ["--worker-class=gthread", "--workers=2", "--threads=8", f"--bind=127.0.0.1:{self.port}"]
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "marketplace.settings",
            "BASE_URL": self.url,
            "VAR_DIR": str(folder),
            "API_REQUESTS_PER_MINUTE": "1000000",
            "LOG_LEVEL": "WARNING",
        }
        self.process: subprocess.Popen[bytes] = processes.start(
            command, log=self.log, environment=environment, directory=ROOT
        )
        processes.wait_until(self._answers, process=self.process, what="gunicorn", log=self.log, patience=60)

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/healthz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def stop(self) -> None:
        processes.stop(self.process, patience=5)


class Caller:
    """One client with its own cookies; every answer is kept."""

    def __init__(self, server: WebServer) -> None:
        self.server = server
        self.session = requests.Session()
        self.session.trust_env = False

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.server.url + path, allow_redirects=False, timeout=PATIENCE)

    def form(self, path: str) -> Form:
        """The form of a page that goes to the page itself, with its nonce and its token."""
        answer = self.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        form = form_in(answer, path if f'action="{path}"' in answer.text else "")
        form.action = path
        return form

    def send(self, form: Form, **values: str) -> requests.Response:
        url = self.server.url + form.action
        return self.session.post(url, {**form.data, **values}, allow_redirects=False, timeout=PATIENCE)


class Person(Caller):
    """Somebody of a seller's team, signed in."""

    def __init__(self, server: WebServer, shop: Shop, role: MemberRole = MemberRole.OWNER) -> None:
        super().__init__(server)
        client = Client()
        client.force_login(shop.people[role].user)
        name = settings.SESSION_COOKIE_NAME
        self.session.cookies.set(name, client.cookies[name].value, domain="127.0.0.1")


class BuyerOf(Caller):
    """The buyer of the shop's order, who came by the link of a mail."""

    def __init__(self, server: WebServer, shop: Shop) -> None:
        super().__init__(server)
        with scope(shop.seller.pk):
            link = buyers.buyer_link(shop.order, buyer=shop.buyer)
        answer = self.get(link.removeprefix(settings.BASE_URL))
        assert answer.status_code == 302, answer.text


class Program(Caller):
    """A program with a key that may do everything."""

    def __init__(self, server: WebServer, shop: Shop) -> None:
        super().__init__(server)
        with scope(shop.seller.pk):
            _key, secret = access.create_api_key("Hammer", by=shop.actor(), scopes=list(SCOPES))
        self.session.headers["Authorization"] = f"Bearer {secret}"

    def post(self, path: str, body: Any = None, key: str = "") -> requests.Response:
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        url = f"{self.server.url}/api/v1/{path}"
        return self.session.post(url, json=body or {}, headers=headers, timeout=PATIENCE)


Press = Callable[[], requests.Response]


def all_at_once(presses: Sequence[Press]) -> list[requests.Response]:
    """Every press in a thread of its own, let go at the same moment; the answers in the presses' order."""
    barrier = threading.Barrier(len(presses))
    answers: list[requests.Response | BaseException | None] = [None] * len(presses)

    def run(number: int, press: Press) -> None:
        try:
            barrier.wait(PATIENCE)
            answers[number] = press()
        except BaseException as error:  # noqa: BLE001  (told in the test's thread)
            answers[number] = error

    threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in enumerate(presses)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    broken = [answer for answer in answers if not isinstance(answer, requests.Response)]
    assert broken == [], broken[:3]
    found = [answer for answer in answers if isinstance(answer, requests.Response)]
    assert [answer.status_code for answer in found if answer.status_code >= 500] == []
    return found
