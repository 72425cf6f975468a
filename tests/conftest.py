"""Fixtures that every test may use."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg2
import pytest
from django.db import connections
from django.test import TransactionTestCase
from psycopg2 import sql
from pytest_django import DjangoDbBlocker

from marketplace import events
from tests import databases
from tests.cast import (  # noqa: F401  (the cast is for every test)
    acme,
    buyer,
    globex,
    in_acme,
    mate,
    owner,
    program,
    stranger,
    support,
    support_agent,
)


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """This worker's clone of the template, in place of pytest-django's migrations per worker."""
    clone = databases.create_database_of_this_worker()
    eraser = Eraser(clone.admin)
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock():
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: eraser.empty())
        yield
        connections.close_all()
    eraser.close()
    databases.drop_database(databases.database_of_this_worker())


@pytest.fixture(autouse=True)
def muted_doorbell(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests drain the outbox by hand; a test that wants the bell rings it."""
    monkeypatch.setattr(events, "bell_is_muted", True)


@pytest.fixture
def database_addresses(db: None) -> databases.Addresses:
    """How to reach this worker's database from outside Django: as login role, as owner, as administrator."""
    return databases.addresses(databases.database_of_this_worker())


class Eraser:
    """Empties the database after a test that commits; what the migrations put there stays.

    The login role may not TRUNCATE, history rows refuse to be deleted and the owner is under row-level
    security as well: so the administrator does it, with triggers and foreign keys switched off.
    """

    def __init__(self, admin_url: str) -> None:
        self.connection = psycopg2.connect(admin_url)
        self.connection.autocommit = True
        with self.connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(
                "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE c.relkind = 'r' AND n.nspname = 'public' ORDER BY 1"
            )
            tables = [row[0] for row in cursor.fetchall()]
        reference = set(self._filled(tables))
        self.tables = [table for table in tables if table not in reference]

    def empty(self) -> None:
        with self.connection.cursor() as cursor:
            for table in self._filled(self.tables):
                cursor.execute(sql.SQL("DELETE FROM {}").format(sql.SQL(table)))

    def close(self) -> None:
        self.connection.close()

    def _filled(self, tables: list[str]) -> list[str]:
        if not tables:
            return []
        question = " UNION ALL ".join(f"SELECT '{t}' WHERE EXISTS (SELECT 1 FROM {t})" for t in tables)
        with self.connection.cursor() as cursor:
            cursor.execute(question)
            return [row[0] for row in cursor.fetchall()]
