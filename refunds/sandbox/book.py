"""What has the sandbox been paid, and what has it paid back? One SQLite file, on the disk at each commit."""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS payment (
    account TEXT NOT NULL, reference TEXT NOT NULL, charge TEXT NOT NULL, amount INTEGER NOT NULL,
    currency TEXT NOT NULL, is_auto INTEGER NOT NULL, created_at REAL NOT NULL, metadata TEXT NOT NULL,
    PRIMARY KEY (account, reference));
CREATE UNIQUE INDEX IF NOT EXISTS payment_charge ON payment (account, charge);
CREATE TABLE IF NOT EXISTS payout (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL,
    payment_reference TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount > 0), currency TEXT NOT NULL,
    key TEXT NOT NULL, reference TEXT NOT NULL, reason TEXT NOT NULL, metadata TEXT NOT NULL,
    first_status TEXT NOT NULL, last_status TEXT NOT NULL, turns_at REAL NOT NULL,
    failure_reason TEXT NOT NULL, door TEXT NOT NULL, created_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS payout_payment ON payout (account, payment_reference, seq);
CREATE INDEX IF NOT EXISTS payout_key ON payout (account, key);
CREATE TABLE IF NOT EXISTS answer (
    account TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, status INTEGER NOT NULL,
    body TEXT NOT NULL, created_at REAL NOT NULL, PRIMARY KEY (account, key));
"""


@dataclass(frozen=True, slots=True)
class Payment:
    """Money taken from a buyer. ``amount`` in the door's minor units, ``currency`` upper-case ISO 4217."""

    account: str
    reference: str
    charge: str
    amount: int
    currency: str
    is_auto: bool
    created_at: float
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Payout:
    """Money sent back to a buyer: one row for each real movement, whatever the caller believes."""

    account: str
    payment_reference: str
    amount: int
    currency: str
    key: str
    reference: str
    door: str
    reason: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    first_status: str = "succeeded"
    last_status: str = "succeeded"
    turns_at: float = 0.0
    failure_reason: str = ""
    created_at: float = field(default_factory=time.time)
    id: str = field(default_factory=lambda: new_id("re_"))
    seq: int = 0

    @property
    def status(self) -> str:
        """pending, succeeded or failed, as of now."""
        return self.last_status if time.time() >= self.turns_at else self.first_status


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What the first call with a key was told; ``fingerprint`` says what it asked."""

    fingerprint: str
    status: int
    body: str
    created_at: float


def new_id(prefix: str) -> str:
    """An id in Stripe's style: the prefix and 24 hex digits."""
    return prefix + secrets.token_hex(12)


class Book:
    """The file. Use every method inside ``with book.writing():``, which is one transaction and one lock."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")  # each commit is on the disk before anybody is answered
        self._db.executescript(SCHEMA)

    @contextmanager
    def writing(self) -> Iterator[Book]:
        """Everything inside happens, or nothing does; nobody else reads or writes meanwhile."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def clear(self) -> None:
        for table in ("payment", "payout", "answer"):
            self._db.execute(f"DELETE FROM {table}")

    # -- payments

    def payment(self, account: str, reference: str) -> Payment | None:
        """By its reference or by its charge id; another account's payment does not exist."""
        row = self._db.execute(
            "SELECT * FROM payment WHERE account = ? AND (reference = ? OR charge = ?)",
            (account, reference, reference),
        ).fetchone()
        return _payment(row) if row else None

    def keep_payment(self, payment: Payment) -> Payment:
        """Insert it, or replace the one of that reference."""
        self._db.execute(
            "INSERT OR REPLACE INTO payment VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                payment.account,
                payment.reference,
                payment.charge,
                payment.amount,
                payment.currency,
                int(payment.is_auto),
                payment.created_at,
                json.dumps(payment.metadata),
            ),
        )
        return payment

    def payments(self) -> list[Payment]:
        """Every payment, oldest first."""
        return [_payment(row) for row in self._db.execute("SELECT * FROM payment ORDER BY created_at, reference")]

    # -- payouts

    def add_payout(self, payout: Payout) -> None:
        self._db.execute(
            "INSERT INTO payout (id, account, payment_reference, amount, currency, key, reference, reason,"
            " metadata, first_status, last_status, turns_at, failure_reason, door, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                payout.id,
                payout.account,
                payout.payment_reference,
                payout.amount,
                payout.currency,
                payout.key,
                payout.reference,
                payout.reason,
                json.dumps(payout.metadata),
                payout.first_status,
                payout.last_status,
                payout.turns_at,
                payout.failure_reason,
                payout.door,
                payout.created_at,
            ),
        )

    def payouts(self, *, account: str = "", **equal: str) -> list[Payout]:
        """Payouts oldest first, filtered by ``payment_reference``, ``key`` or ``id`` where given."""
        if unknown := set(equal) - {"payment_reference", "key", "id"}:
            raise ValueError(f"no such filter: {unknown}")
        wanted = {"account": account} | equal if account else equal
        where = " AND ".join(f"{column} = ?" for column in wanted) or "1"
        rows = self._db.execute(f"SELECT * FROM payout WHERE {where} ORDER BY seq", tuple(wanted.values()))
        return [_payout(row) for row in rows]

    def paid_back(self, payment: Payment) -> int:
        """Minor units already gone or on their way; failed payouts came back and do not count."""
        row = self._db.execute(
            "SELECT coalesce(sum(amount), 0) FROM payout WHERE account = ? AND payment_reference = ?"
            " AND iif(? >= turns_at, last_status, first_status) <> 'failed'",
            (payment.account, payment.reference, time.time()),
        ).fetchone()
        return int(row[0])

    # -- stored answers

    def answer(self, account: str, key: str) -> StoredAnswer | None:
        row = self._db.execute("SELECT * FROM answer WHERE account = ? AND key = ?", (account, key)).fetchone()
        return StoredAnswer(row["fingerprint"], row["status"], row["body"], row["created_at"]) if row else None

    def keep_answer(self, account: str, key: str, answer: StoredAnswer) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?, ?)",
            (account, key, answer.fingerprint, answer.status, answer.body, answer.created_at),
        )


def _payment(row: sqlite3.Row) -> Payment:
    fields: dict[str, Any] = dict(row)
    return Payment(**fields | {"metadata": json.loads(row["metadata"]), "is_auto": bool(row["is_auto"])})


def _payout(row: sqlite3.Row) -> Payout:
    fields: dict[str, Any] = dict(row)
    return Payout(**fields | {"metadata": json.loads(row["metadata"])})
