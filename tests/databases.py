"""Which servers the tests run on, and how every worker gets a database of its own.

A pytest plugin, named in pyproject.toml: it must set the addresses before pytest-django reads the settings.
Without DATABASE_URL / REDIS_URL the servers come out of their wheels; with DATABASE_URL (an administrator's
address) that server is used. One migrated template, cloned once per worker; tests connect as the login role.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg2
import pytest
from psycopg2 import errors, sql
from psycopg2.extensions import connection as Connection  # noqa: N812

from marketplace import roles
from marketplace.embedded import Postgres, Valkey, processes

ROOT = Path(__file__).resolve().parent.parent

# What the shape of the template depends on: a change of any of these files builds a new one.
SCHEMA_FILES = (
    "*/migrations/*.py",
    "*/models.py",
    "*/models/*.py",
    "marketplace/*.py",
    "requirements/runtime.txt",
)
# The plugin passes these to the workers, which inherit the controller's environment.
ADMIN, RUN, REDIS = "REDRESS_TEST_ADMIN_URL", "REDRESS_TEST_RUN", "REDRESS_TEST_REDIS_URL"


@dataclass(frozen=True)
class Addresses:
    """The three ways into one test database: as the login role, its owner, the server's administrator."""

    runtime: str
    owner: str
    admin: str

    @property
    def environment(self) -> dict[str, str]:
        """For a process of the application that a test starts."""
        return {"DATABASE_URL": self.runtime, "DATABASE_OWNER_URL": self.owner}


def addresses(database: str) -> Addresses:
    admin = os.environ[ADMIN]
    return Addresses(
        runtime=_with(admin, user=roles.LOGIN, database=database),
        owner=_with(admin, user=roles.OWNER, database=database),
        admin=_with(admin, database=database),
    )


def database_of_this_worker() -> str:
    return f"{os.environ[RUN]}_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"


# --- the plugin


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Iterator[None]:
    """Runs before pytest-django imports the settings."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        _prepare_controller()
    _point_settings_at(database_of_this_worker())
    yield


def _prepare_controller() -> None:
    workspace = Path(tempfile.mkdtemp(prefix="redress-test-"))
    workspace.chmod(0o711)  # the database server of root runs as nobody
    atexit.register(processes.remove_tree, workspace)
    os.environ["REDRESS_TESTING"] = "1"
    os.environ["VAR_DIR"] = str(workspace / "var")
    (workspace / "var" / "static").mkdir(parents=True)
    os.environ[RUN] = f"{_prefix()}_{os.getpid()}_{time.time_ns() // 1_000_000 % 100_000}"
    os.environ[REDIS] = os.environ.get("REDIS_URL", "") or _start_valkey(workspace)
    os.environ[ADMIN] = os.environ.get("DATABASE_URL", "") or _start_postgres(workspace)
    password = roles.password_in(os.environ[ADMIN])
    roles.ensure_roles(os.environ[ADMIN], owner_password=password, login_password=password)
    life = _mark_run_as_alive()
    atexit.register(_drop_databases_of_this_run, life)


def _point_settings_at(database: str) -> None:
    os.environ.update(addresses(database).environment)
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    os.environ["REDIS_URL"] = os.environ[REDIS].replace("?db=own", f"?db={int(worker) % 16}")


def _start_postgres(workspace: Path) -> str:
    server = Postgres(workspace / "pg", durable=False)
    server.start()
    atexit.register(server.remove)
    atexit.register(server.stop)  # called first
    return server.url()


def _start_valkey(workspace: Path) -> str:
    server = Valkey(workspace / "valkey", durable=False)
    server.start()
    atexit.register(server.stop)
    return server.url().replace("?db=0", "?db=own")  # each worker takes a database of its own


# --- databases


def create_database_of_this_worker() -> Addresses:
    """A fresh clone of the template, which is built first if nobody has."""
    name = database_of_this_worker()
    with _admin() as connection:
        _clone(connection, _template(connection), name)
    return addresses(name)


def drop_database(name: str) -> None:
    with _admin() as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def another_database(suffix: str) -> Iterator[Addresses]:
    """One more clone, for a test that starts, kills or migrates an application of its own."""
    name = f"{database_of_this_worker()}_{suffix}"
    with _admin() as connection:
        _clone(connection, _template(connection), name)
    try:
        yield addresses(name)
    finally:
        drop_database(name)


def _template(connection: Connection) -> str:
    """The name of the migrated template; one process builds it, the others wait."""
    name = f"{_prefix()}_template_{_schema_hash()}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtext(%s))", [f"{_prefix()} template"])
        try:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if not cursor.fetchone():
                _drop_like(connection, f"{_prefix()}_template_")
                new = f"{name}_new"
                roles.ensure_database(os.environ[ADMIN], new)
                try:
                    _migrate(addresses(new))
                except BaseException:
                    drop_database(new)
                    raise
                cursor.execute(
                    sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(new), sql.Identifier(name))
                )
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [f"{_prefix()} template"])
    return name


def _migrate(target: Addresses) -> None:
    environment = os.environ | target.environment | {"REDRESS_AS_OWNER": "1"}
    environment.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
    done = subprocess.run(
        [sys.executable, "-m", "django", "migrate", "--skip-checks", "--verbosity=0"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the template database could not be migrated:\n{done.stderr[-4000:]}")


def _clone(connection: Connection, template: str, name: str) -> None:
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
        sql.Identifier(name), sql.Identifier(template), sql.Identifier(roles.OWNER)
    )
    for _ in range(50):
        with connection.cursor() as cursor:
            try:
                cursor.execute(statement)
                return
            except errors.ObjectInUse:  # autovacuum looks in
                time.sleep(0.1)
    raise RuntimeError(f"{template} stays in use; is somebody connected to it?")


def _drop_like(connection: Connection, beginning: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [beginning])
        for (name,) in cursor.fetchall():
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


# --- nothing is left behind


def _mark_run_as_alive() -> Connection:
    """Hold a lock for as long as this run lives, and drop the databases of runs that were killed."""
    connection = psycopg2.connect(os.environ[ADMIN])
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtext(%s))", [os.environ[RUN]])
        cursor.execute(r"SELECT DISTINCT substring(datname FROM %s) FROM pg_database", [rf"^({_prefix()}_\d+_\d+)_"])
        for (run,) in cursor.fetchall():
            if not run or run == os.environ[RUN]:
                continue
            cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [run])
            if cursor.fetchone() == (True,):
                _drop_like(connection, f"{run}_")
                cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [run])
    return connection


def _drop_databases_of_this_run(life: Connection) -> None:
    try:
        _drop_like(life, f"{os.environ[RUN]}_")
        life.close()
    except psycopg2.Error as problem:
        sys.stderr.write(f"test databases {os.environ[RUN]}_* may be left: {problem}\n")


# --- small change


@contextmanager
def _admin() -> Iterator[Connection]:
    with roles.admin_connection(os.environ[ADMIN]) as connection:
        yield connection


def _prefix() -> str:
    return os.environ.get("TEST_DB_PREFIX", "") or "redress_test"


def _schema_hash() -> str:
    digest = hashlib.sha256()
    for pattern in SCHEMA_FILES:
        for path in sorted(ROOT.glob(pattern)):
            digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _with(url: str, *, database: str, user: str = "") -> str:
    """The same server and password, another user and database."""
    parts = urlsplit(url)
    netloc = parts.netloc
    if user:
        before, _, host = netloc.rpartition("@")
        password = before.partition(":")[2]
        netloc = f"{user}:{password}@{host}" if password else f"{user}@{host}"
    return urlunsplit(parts._replace(netloc=netloc, path="/" + quote(database)))
