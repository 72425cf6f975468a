"""Which database roles exist, and who may become whom."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

import psycopg2
from psycopg2 import errors, sql
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

OWNER = "redress_owner"
LOGIN = "redress_login"
APP = "redress_app"
SYSTEM = "redress_system"
SUPPORT = "redress_support"
BUYER = "redress_buyer"

# What the login role may become with SET ROLE. It inherits nothing: until it has become one of these it may
# touch no table at all, so a forgotten scope fails in the database too (rulings 3).
ASSUMABLE = (APP, SYSTEM, SUPPORT, BUYER)

_ONE_AT_A_TIME = 7_203_301  # advisory lock: two processes making the roles at once would collide


@contextmanager
def admin_connection(dsn: str) -> Iterator[Connection]:
    """An autocommitting connection, closed at the end (psycopg2's own `with` only ends the transaction)."""
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    try:
        yield connection
    finally:
        connection.close()


def ensure_roles(dsn: str, *, owner_password: str = "", login_password: str = "") -> None:
    """Make the roles on the server behind `dsn` (a superuser, or an administrator with CREATEROLE).

    Safe to repeat and to run from several processes at once. An empty password leaves the role's as it is.
    """
    with admin_connection(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_ONE_AT_A_TIME])
        _ensure_role(cursor, OWNER, login=True)
        _ensure_role(cursor, LOGIN, login=True)
        for role in ASSUMABLE:
            _ensure_role(cursor, role, login=False)
            _ensure_membership(cursor, role)
        _set_password(cursor, OWNER, owner_password)
        _set_password(cursor, LOGIN, login_password)


def ensure_database(dsn: str, name: str) -> bool:
    """Make database `name`, owned by the owner role; True if it was not there before."""
    with admin_connection(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if cursor.fetchone():
            return False
        cursor.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'").format(
                sql.Identifier(name), sql.Identifier(OWNER)
            )
        )
        return True


def password_in(url: str) -> str:
    """The password that a database URL carries, or an empty string."""
    return unquote(urlsplit(url).password or "")


def _ensure_role(cursor: Cursor, role: str, *, login: bool) -> None:
    cursor.execute(
        "SELECT rolcanlogin, rolinherit, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb"
        " FROM pg_roles WHERE rolname = %s",
        [role],
    )
    found = cursor.fetchone()
    inherits = role == OWNER  # what the database's owner may do in it comes to it as a membership
    if found == (login, inherits, False):
        return
    verb = "ALTER" if found else "CREATE"
    rights = f"{'LOGIN' if login else 'NOLOGIN'} {'INHERIT' if inherits else 'NOINHERIT'}"
    statement = f"{verb} ROLE {{}} {rights} NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB"
    _despite_neighbours(cursor, sql.SQL(statement).format(sql.Identifier(role)))


def _ensure_membership(cursor: Cursor, role: str) -> None:
    cursor.execute(
        "SELECT 1 FROM pg_auth_members m"
        " JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles r ON r.oid = m.member"
        " WHERE g.rolname = %s AND r.rolname = %s",
        [role, LOGIN],
    )
    if cursor.fetchone():
        return
    names = {"role": sql.Identifier(role), "login": sql.Identifier(LOGIN)}
    options = " WITH INHERIT FALSE, SET TRUE" if cursor.connection.server_version >= 160000 else ""
    _despite_neighbours(cursor, sql.SQL("GRANT {role} TO {login}" + options).format(**names))


def _set_password(cursor: Cursor, role: str, password: str) -> None:
    if password:
        cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD %s").format(sql.Identifier(role)), [password])


def _despite_neighbours(cursor: Cursor, statement: sql.Composed) -> None:
    """Run it, although a process that works in another database may be making the same role right now."""
    for attempt in range(10):
        try:
            cursor.execute(statement)
            return
        except (errors.DuplicateObject, errors.UniqueViolation):
            return
        except errors.InternalError_:  # "tuple concurrently updated"
            time.sleep(0.05 * (attempt + 1))
    cursor.execute(statement)
