"""Where the demo keeps its things, and the environment its processes run in."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from marketplace import roles
from marketplace.embedded import Postgres, Valkey, processes

ROOT = Path(__file__).resolve().parent.parent.parent
DATABASE = "redress"


@dataclass(frozen=True)
class Layout:
    """The data directory of one demo. Only what is named here is ever removed from it."""

    home: Path

    @property
    def lock(self) -> Path:
        return self.home / "demo.lock"

    @property
    def accounts(self) -> Path:
        """Written by the seed_demo command: {"logins": [...], "api_keys": {...}}."""
        return self.home / "demo.json"

    @property
    def environment_file(self) -> Path:
        """Read by manage.py, so that its other commands find the demo's servers."""
        return self.home / "demo.env"

    @property
    def mailbox(self) -> Path:
        return self.home / "mailbox"

    @property
    def gateway(self) -> Path:
        return self.home / "gateway"

    @property
    def logs(self) -> Path:
        return self.home / "log"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def make(self) -> None:
        postgres = self.postgres()
        if postgres.home != postgres.directory and not self.secrets_file.exists():
            postgres.remove()  # somebody deleted our directory, and the tables are elsewhere
        for directory in (self.home, self.home / "static", self.mailbox, self.gateway, self.logs):
            directory.mkdir(parents=True, exist_ok=True)
        for log in self.logs.glob("*.log"):
            if log.stat().st_size > 10_000_000:
                log.replace(log.with_suffix(".log.1"))

    def forget(self) -> None:
        """Start over: everything a demo has left here goes, the lock excepted."""
        self.postgres().remove()
        for name in ("pg", "valkey", "mailbox", "gateway", "log", "static", "imports", "exports"):
            processes.remove_tree(self.home / name)
        for name in ("demo.json", "demo.env", "secrets.json"):
            (self.home / name).unlink(missing_ok=True)
        for file in self.home.glob("beat-schedule*"):
            file.unlink()

    def postgres(self) -> Postgres:
        return Postgres(self.home / "pg")

    def valkey(self) -> Valkey:
        return Valkey(self.home / "valkey")

    @property
    def secrets_file(self) -> Path:
        return self.home / "secrets.json"

    def secrets(self) -> dict[str, str]:
        """Keys of this demo, made at its first start: sessions and sealed fields outlive a restart."""
        try:
            kept: dict[str, str] = json.loads(self.secrets_file.read_text())
        except (OSError, ValueError):
            field_key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
            kept = {"SECRET_KEY": secrets.token_urlsafe(64), "FIELD_KEYS": field_key}
            write_private(self.secrets_file, json.dumps(kept))
        return kept


@dataclass(frozen=True)
class Ports:
    web: int
    mail: int
    gateway: int


def environment(layout: Layout, postgres: Postgres, valkey: Valkey, ports: Ports) -> dict[str, str]:
    """What marketplace/settings.py reads, for every process of this demo."""
    gateway = f"http://127.0.0.1:{ports.gateway}"
    return {
        **layout.secrets(),
        "DJANGO_SETTINGS_MODULE": "marketplace.settings",
        "REDRESS_DEMO": "1",
        "DATABASE_URL": postgres.url(user=roles.LOGIN, database=DATABASE),
        "DATABASE_OWNER_URL": postgres.url(user=roles.OWNER, database=DATABASE),
        "REDIS_URL": valkey.url(),
        "BASE_URL": f"http://127.0.0.1:{ports.web}",
        "EMAIL_URL": f"smtp://127.0.0.1:{ports.mail}",
        "SANDBOX_GATEWAY_URL": gateway,
        "STRIPE_API_BASE": gateway,
        "STRIPE_API_KEY": "sk_test_demo",
        "MAILBOX_DIR": str(layout.mailbox),
        "VAR_DIR": str(layout.home),
    }


def write_environment(layout: Layout, settings: dict[str, str]) -> None:
    lines = [f"{name}={value}\n" for name, value in sorted(settings.items()) if "\n" not in value]
    write_private(layout.environment_file, "".join(lines))


def write_private(file: Path, content: str) -> None:
    part = file.with_name(f".{file.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(content)
    part.replace(file)
