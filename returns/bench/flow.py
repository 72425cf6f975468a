"""The whole flow through the API: ours beside four bare calls, then with the worker on until the money is back."""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import psycopg2
from psycopg2.extras import execute_values

from returns.bench.load import Client, Clients, Run, quantile
from returns.bench.report import Report
from returns.bench.stock import Sale, Shop, open_shop, sell
from returns.bench.tree import Tree, floor_server

CLIENTS = (1, 4, 16)
BAR = 0.5
LAG_BAR = 5.0
MOVES = ("NEW", "REQUESTED", "AUTHORISED", "RECEIVED", "REFUNDED")
SCHEMA = "bench_floor"
NOTE = "Arrived with a dent in the lid."


@dataclass(frozen=True, slots=True)
class Size:
    """Flows in one slice, at `clients` clients; slices of ours and of the floor take turns."""

    rounds: int
    per_slice: int
    with_worker: int


FULL = Size(rounds=6, per_slice=80, with_worker=400)
SHORT = Size(rounds=2, per_slice=16, with_worker=24)


def measure(tree: Tree, environment: dict[str, str], admin: str, report: Report, size: Size) -> None:
    shops = [open_shop(f"flow-{number}") for number in range(4)]
    with psycopg2.connect(admin) as connection, connection.cursor() as cursor:
        owner = "redress_owner"
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA} AUTHORIZATION {owner}")
    with floor_server(environment, tree.log / "floor.log") as floor_url:
        floor = Floor(floor_url, environment["DATABASE_OWNER_URL"], admin)
        with tree.paused():
            _beside_the_floor(tree, shops, floor, report, size)
    _with_the_worker(tree, shops, admin, report, size)


# --- ours ------------------------------------------------------------------------------------------


def four_calls(client: Client, sale: Sale) -> str:
    """A return is asked for, authorised, received and refunded; returns the refund's id."""
    key = {"Authorization": f"Bearer {sale.shop.secret}"}
    line = {"order_line_id": sale.line_id, "quantity": 1, "reason_code": "CR-DEFECTIVE", "comment": NOTE}
    made = client.post("/api/v1/returns/", {"order": sale.public_id, "lines": [line]}, wanted=201, **key)
    path = f"/api/v1/returns/{made['public_id']}"
    client.post(f"{path}/authorise/", {}, wanted=200, **key)
    unit = {"return_line_id": made["lines"][0]["id"], "condition": "SELLABLE", "quantity": 1}
    client.post(f"{path}/receive/", {"units": [unit]}, wanted=200, **key)
    refund = client.post(f"{path}/refund/", {}, wanted=201, **key, **{"Idempotency-Key": uuid.uuid4().hex})
    return str(refund["public_id"])


_prefix = itertools.count(1)


def _sales(shops: list[Shop], count: int) -> list[Sale]:
    each = -(-count // len(shops))
    rows = [sell(shop, each, prefix=f"F{next(_prefix):04d}") for shop in shops]
    return [sale for group in zip(*rows, strict=True) for sale in group][:count]


# --- the floor -------------------------------------------------------------------------------------


class Floor:
    """Tickets for the bare calls, and the same statements by psycopg2 without any framework."""

    def __init__(self, url: str, owner_url: str, admin: str) -> None:
        self.url, self.owner_url, self.admin = url, owner_url, admin
        self.secret = uuid.uuid4().hex * 2
        with self._cursor() as cursor:
            cursor.execute(f"INSERT INTO {SCHEMA}.floor_key (secret, name) VALUES (%s, 'Bench')", [self.secret])

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        connection = psycopg2.connect(self.admin)
        try:
            with connection, connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def tickets(self, count: int) -> list[int]:
        with self._cursor() as cursor:
            rows = [(f"T-{number}", MOVES[0], 1, "") for number in range(count)]
            sql = f"INSERT INTO {SCHEMA}.floor_ticket (number, status, version, note) VALUES %s RETURNING id"
            return [row[0] for row in execute_values(cursor, sql, rows, fetch=True)]

    def client(self) -> Client:
        return Client(self.url, {"Authorization": f"Bearer {self.secret}"})

    def four_calls(self, client: Client, ticket: int) -> None:
        for source, target in itertools.pairwise(MOVES):
            body = {"before": source, "target": target, "note": NOTE}
            client.post(f"/tickets/{ticket}/move/", body, wanted=200)

    def connection(self) -> Any:
        return psycopg2.connect(self.owner_url, options=f"-c search_path={SCHEMA}")

    def four_transactions(self, connection: Any, ticket: int) -> None:
        """The statements of the bare calls, nothing else."""
        for source, target in itertools.pairwise(MOVES):
            with connection, connection.cursor() as cursor:
                cursor.execute("SELECT id, secret, name FROM floor_key WHERE secret = %s", [self.secret])
                name = cursor.fetchone()[2]
            with connection, connection.cursor() as cursor:
                cursor.execute(
                    "SELECT id, number, status, version, note, changed_at, now() FROM floor_ticket WHERE id = %s"
                    " FOR UPDATE",
                    [ticket],
                )
                version, now = cursor.fetchone()[3] + 1, cursor.description and time.time()
                cursor.execute(
                    "UPDATE floor_ticket SET status = %s, note = %s, version = %s, changed_at = to_timestamp(%s)"
                    " WHERE id = %s",
                    [target, NOTE, version, now, ticket],
                )
                cursor.execute(
                    "INSERT INTO floor_history (ticket_id, version, source, target, by, at)"
                    " VALUES (%s, %s, %s, %s, %s, to_timestamp(%s)) RETURNING id",
                    [ticket, version, source, target, name, now],
                )
                cursor.execute(
                    "INSERT INTO floor_outbox (ticket_id, name, payload, at)"
                    " VALUES (%s, %s, jsonb_build_object('id', %s, 'source', %s), to_timestamp(%s)) RETURNING id",
                    [ticket, target, ticket, source, now],
                )


@dataclass
class Side:
    """One of the two that are compared: its runs so far, and what they cost the servers."""

    run: Run = field(default_factory=Run)
    spent: Counter[str] = field(default_factory=Counter)

    def add(self, tree: Tree, work: Callable[[], Run]) -> Run:
        before = tree.cpu()
        slice_ = work()
        self.spent.update(_spent_since(before, tree))
        self.run += slice_
        return slice_


def _beside_the_floor(tree: Tree, shops: list[Shop], floor: Floor, report: Report, size: Size) -> None:
    _warm_up(tree, shops, floor)
    for clients in CLIENTS:
        _at(clients, tree, shops, floor, report, size)


def _at(clients: int, tree: Tree, shops: list[Shop], floor: Floor, report: Report, size: Size) -> None:
    """Slices of ours and of the floor take turns, so that both see the same machine."""
    ours, bare, sql, ratios = Side(), Side(), Side(), []
    count = max(clients, size.per_slice)
    for number in range(size.rounds):
        sales, tickets, raw = _sales(shops, count), floor.tickets(count), floor.tickets(count)
        our_turn = partial(
            ours.add, tree, partial(Clients(clients, partial(Client, tree.url, {}), four_calls).run, sales)
        )
        bare_turn = partial(bare.add, tree, partial(Clients(clients, floor.client, floor.four_calls).run, tickets))
        if number % 2:
            mine, other = our_turn(), bare_turn()
        else:
            other, mine = bare_turn(), our_turn()
        ratios.append(mine.per_second / other.per_second)
        sql.add(tree, partial(Clients(clients, floor.connection, floor.four_transactions).run, raw))
    title = f"flow at {clients} client{'s' if clients > 1 else ''}"
    sides = {"ours": ours, "four bare Django + DRF calls": bare, "the same SQL, psycopg2 alone": sql}
    for name, side in sides.items():
        report.line(title, name, _speed(side.run))
        report.line(title, "  CPU a flow", _shares(side.spent, len(side.run.flows)))
    report.bar(title, "ours : four bare calls", quantile(ratios, 0.5), BAR, is_least=True)
    report.line(title, "ours : SQL alone", f"{ours.run.per_second / sql.run.per_second:.2f}")


def _warm_up(tree: Tree, shops: list[Shop], floor: Floor) -> None:
    """Every thread of both servers has its connection and its modules."""
    Clients(16, partial(Client, tree.url, {}), four_calls).run(_sales(shops, 64))
    Clients(16, floor.client, floor.four_calls).run(floor.tickets(64))


def _spent_since(before: dict[str, float], tree: Tree) -> dict[str, float]:
    """CPU seconds of the servers; the clients' own are not theirs."""
    after = tree.cpu()
    return {name: after[name] - before.get(name, 0.0) for name in after if name != "other"}


def _shares(seconds: Mapping[str, float], flows: int) -> str:
    """Milliseconds a flow, in all and by service."""
    parts = {name: spent / flows * 1e3 for name, spent in seconds.items()}
    shown = [f"{name} {ms:.1f}" for name, ms in sorted(parts.items(), key=lambda part: -part[1]) if ms >= 0.1]
    return f"{sum(parts.values()):.1f} ms ({', '.join(shown)})"


def _speed(run: Run) -> str:
    p50, p95, p99 = (run.quantile(share) * 1e3 for share in (0.5, 0.95, 0.99))
    return f"{run.per_second:6.1f} flows/s   p50 {p50:6.1f}  p95 {p95:6.1f}  p99 {p99:6.1f} ms"


# --- with the worker on ----------------------------------------------------------------------------


@dataclass
class Watcher:
    """Looks at the books from outside: which refunds are done, and wakes the client that waits for one."""

    admin: str
    done: set[str] = field(default_factory=set)
    changed: threading.Condition = field(default_factory=threading.Condition)
    is_over: bool = False

    def run(self) -> None:
        connection = psycopg2.connect(self.admin)
        connection.autocommit = True
        newest = None
        with connection.cursor() as cursor:
            while not self.is_over:
                cursor.execute(
                    "SELECT public_id, settled_at FROM refunds_refundrequest WHERE status = 'COMPLETED'"
                    " AND (%s::timestamptz IS NULL OR settled_at >= %s::timestamptz - interval '2 s')",
                    [newest, newest],
                )
                rows = cursor.fetchall()
                with self.changed:
                    self.done |= {row[0] for row in rows}
                    newest = max((row[1] for row in rows), default=newest)
                    self.changed.notify_all()
                time.sleep(0.1)
        connection.close()

    def wait_for(self, refund: str) -> None:
        with self.changed:
            if not self.changed.wait_for(lambda: refund in self.done, timeout=120):
                raise TimeoutError(f"{refund} was not settled within two minutes")


def _with_the_worker(tree: Tree, shops: list[Shop], admin: str, report: Report, size: Size) -> None:
    """Each client waits until the sandbox has paid before it begins the next flow."""
    title, clients = "flow with the worker on", 16
    _drained(admin)
    watcher = Watcher(admin)
    thread = threading.Thread(target=watcher.run, daemon=True)
    thread.start()

    def flow(client: Client, sale: Sale) -> None:
        watcher.wait_for(four_calls(client, sale))

    sales = _sales(shops, size.with_worker)
    since, before = _now(admin), tree.cpu()
    run = Clients(clients, partial(Client, tree.url, {}), flow).run(sales)
    spent, open_at_end = _spent_since(before, tree), _open_events(admin)
    drain_seconds = _drained(admin)
    watcher.is_over = True
    report.line(title, f"until settled, {clients} clients", _speed(run))
    report.line(title, "CPU a flow", _shares(spent, len(run.flows)))
    lags = _lags(admin, since)
    report.bar(title, "outbox lag p95, seconds", quantile(lags, 0.95), LAG_BAR, is_least=False)
    half = len(lags) // 2
    report.line(title, "outbox lag p95, first and second half", f"{quantile(lags[:half], 0.95):.2f} s,"
                f" {quantile(lags[half:], 0.95):.2f} s")  # fmt: skip
    report.line(title, "backlog at the end", f"{open_at_end} of {len(lags)} events, gone after {drain_seconds:.1f} s")


def _ask(admin: str, sql: str, values: list[Any] | None = None) -> list[Any]:
    connection = psycopg2.connect(admin)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall()
    finally:
        connection.close()


def _now(admin: str) -> Any:
    return _ask(admin, "SELECT clock_timestamp()")[0][0]


def _open_events(admin: str) -> int:
    sql = "SELECT count(*) FROM marketplace_outboxevent WHERE handled_at IS NULL AND parked_at IS NULL"
    return int(_ask(admin, sql)[0][0])


def _drained(admin: str, patience: float = 300) -> float:
    """Wait until the outbox is empty; returns the seconds it took."""
    began = time.monotonic()
    while _open_events(admin):
        if time.monotonic() - began > patience:
            raise TimeoutError("The outbox did not empty.")
        time.sleep(0.1)
    return time.monotonic() - began


def _lags(admin: str, since: Any) -> list[float]:
    sql = (
        "SELECT extract(epoch FROM handled_at - created_at)::float FROM marketplace_outboxevent"
        " WHERE created_at >= %s AND handled_at IS NOT NULL ORDER BY created_at"
    )
    return [row[0] for row in _ask(admin, sql, [since])]
