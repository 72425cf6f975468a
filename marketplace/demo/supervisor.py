"""`manage.py demo`: start everything, say where it is, keep it running, stop everything."""

from __future__ import annotations

import argparse
import errno
import json
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from marketplace import roles
from marketplace.demo import layout as layouts
from marketplace.demo.family import Family, Lock, Service, services
from marketplace.demo.layout import ROOT, Layout, Ports
from marketplace.demo.walk import Journey, walk
from marketplace.embedded import StartFailed, processes


class Stopped(BaseException):
    """Somebody pressed Ctrl-C or sent SIGTERM."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=_port, default=8000, help="where the portal listens (8000)")
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("VAR_DIR") or ROOT / "var"), help="data directory (var)"
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON once it is ready")
    parser.add_argument("--fresh", action="store_true", help="forget the data of earlier starts")
    parser.add_argument("--once", action="store_true", help="walk the scripted job, then stop")
    parser.add_argument("--no-seed", action="store_true", help="start without demo data")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="manage.py demo", description=__doc__)
    add_arguments(parser)
    options = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _raise_stopped)
    try:
        return Demo(options).run()
    except StartFailed as problem:
        tell(f"The demo could not start: {problem}.")
    except OSError as problem:
        if problem.errno == errno.ENOSPC:
            tell("The demo could not start: the disk is full.")
        else:
            tell(f"The demo could not start: {problem.strerror}: {problem.filename or ''}".rstrip(": ") + ".")
    except Stopped:
        return 0
    return 1


class Demo:
    """One run, from the first check to the last process stopped."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.layout = Layout(options.data.expanduser().resolve())
        self.began = time.monotonic()
        self.url = f"http://127.0.0.1:{options.port}"

    def run(self) -> int:
        _refuse_taken_port(self.options.port)
        self.layout.home.mkdir(parents=True, exist_ok=True)
        lock = Lock(self.layout)
        lock.take()
        lock.write(pid=os.getpid(), url=self.url)
        if self.options.fresh:
            self.layout.forget()
        self.layout.make()
        self.postgres, self.valkey = self.layout.postgres(), self.layout.valkey()
        self.family = Family(lock)
        try:
            self._start()
            self._announce()
            if self.options.once:
                return 0 if walk(self._journey(), tell) else 1
            while True:
                time.sleep(0.5)
                self._watch()
        except Stopped:
            tell("Stopping ...")
            return 1 if self.options.once else 0
        finally:
            self._stop()

    def _start(self) -> None:
        tell(f"Starting Redress; its data is in {self.layout.home}")
        self._step("PostgreSQL", self._start_postgres)
        self._step("Valkey", self._start_valkey)
        ports = Ports(web=self.options.port, mail=processes.free_port(), gateway=processes.free_port())
        settings = layouts.environment(self.layout, self.postgres, self.valkey, ports)
        self.sandbox_url = settings["SANDBOX_GATEWAY_URL"]
        self.mail_port = ports.mail
        self.family.environment = os.environ | settings | {"PYTHONUNBUFFERED": "1", "REDRESS_NO_BOOTSTRAP": "1"}
        layouts.write_environment(self.layout, settings)
        self._step("tables", self._migrate)
        children = {service.name: service for service in services(self.layout, ports)}
        if "gateway" not in children:
            tell("  (no payments: this version has no sandbox gateway)")
        for name in ("mail", "gateway"):
            if name in children:
                self.family.start(children[name])
        if not list(ROOT.glob("*/management/commands/seed_demo.py")):
            tell("  (no demo data: this version has no seed_demo command)")
        elif not self.options.no_seed and not (self.is_old and self.layout.accounts.exists()):
            self._step("demo data", self._seed)
        for name in ("web", "worker", "beat"):
            self.family.start(children[name])
        self._step("web, worker, clock, mail, gateway", lambda: self._wait_for(children["web"]))

    def _start_postgres(self) -> None:
        if self.postgres.home != self.postgres.directory:  # we are root, and the way there is closed to others
            say(f"(in {self.postgres.home}) ")
        self.postgres.start()
        self.family.protect(self.postgres.process)
        roles.ensure_roles(self.postgres.url())
        self.is_old = not roles.ensure_database(self.postgres.url(), layouts.DATABASE)

    def _start_valkey(self) -> None:
        self.valkey.start()
        self.family.protect(self.valkey.process)

    def _migrate(self) -> None:
        command = [sys.executable, "-m", "django", "migrate", "--verbosity=1", "--skip-checks"]
        self.family.run("migrate", command, log=self.layout.log("migrate"), extra={"REDRESS_AS_OWNER": "1"})

    def _seed(self) -> None:
        command = [sys.executable, "-m", "django", "seed_demo"]
        self.family.run("seed_demo", command, log=self.layout.log("seed"))

    def _wait_for(self, web: Service) -> None:
        assert web.process  # noqa: S101  started just before
        patience = 120  # a slow machine compiles every module at its first start
        processes.wait_until(self._answers, process=web.process, what="The web server", log=web.log, patience=patience)
        self._watch()

    def _answers(self) -> bool:
        time.sleep(0.1)
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:  # noqa: S310  our own address
                return bool(answer.status == 200)
        except urllib.error.HTTPError as refusal:
            refusal.close()
            return refusal.code == 404
        except OSError:
            return False

    def _watch(self) -> None:
        for server, name in ((self.postgres, "PostgreSQL"), (self.valkey, "Valkey")):
            if server.process is None or server.process.poll() is not None:
                raise StartFailed(f"{name} has ended: {processes.last_words(server.log)} (see {server.log})")
        self.family.watch()

    def _step(self, name: str, action: Any) -> None:
        began = time.monotonic()
        say(f"  {name} ... ")
        action()
        tell(f"{time.monotonic() - began:.1f} s")

    def _stop(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        self.family.stop()
        self.valkey.stop()
        self.postgres.stop()
        self.layout.environment_file.unlink(missing_ok=True)
        self.family.dismiss_guard()

    # --- what the person or the script is told

    def _accounts(self) -> dict[str, Any]:
        try:
            accounts: dict[str, Any] = json.loads(self.layout.accounts.read_text())
        except (OSError, ValueError):
            accounts = {}
        return {"logins": accounts.get("logins", []), "api_keys": accounts.get("api_keys", {})}

    def _facts(self) -> dict[str, Any]:
        return {
            "url": self.url,
            "mailbox_url": f"{self.url}/mailbox/",
            **self._accounts(),
            "sandbox_url": self.sandbox_url,
            "pid": os.getpid(),
        }

    def _journey(self) -> Journey:
        return Journey(
            url=self.url,
            mailbox=self.layout.mailbox,
            smtp_port=self.mail_port,
            sandbox_url=self.sandbox_url,
            **self._accounts(),
        )

    def _announce(self) -> None:
        tell(f"Ready after {time.monotonic() - self.began:.1f} s.")
        facts = self._facts()
        if self.options.json:
            sys.stdout.write(json.dumps(facts) + "\n")
        else:
            sys.stdout.write(_readable(facts))
        sys.stdout.flush()
        if not self.options.once:
            tell("Ctrl-C stops it; the data stays.")


def _readable(facts: dict[str, Any]) -> str:
    lines = ["", f"  Portal    {facts['url']}/", f"  Mailbox   {facts['mailbox_url']}", ""]
    for login in facts["logins"]:
        who = f"{login.get('seller') or '-':<10}{login.get('role', ''):<10}"
        lines.append(f"  {who}{login.get('email', ''):<32}{login.get('password', '')}")
    lines += [f"  API key of {seller}: {key}" for seller, key in facts["api_keys"].items()]
    return "\n".join(lines) + "\n\n"


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, not {text!r}")
    return int(text)


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the web server does
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            raise StartFailed(f"this user may not listen on port {port}; try --port 8000") from None
        except OSError:
            raise StartFailed(f"port {port} is in use; try --port {port + 1}") from None


def _raise_stopped(*_: object) -> None:
    raise Stopped


def say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def tell(line: str) -> None:
    say(line + "\n")
