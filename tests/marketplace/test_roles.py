"""The database roles: what the login role is, and what it may become."""

from __future__ import annotations

import pytest
from psycopg2 import errors

from marketplace import roles
from tests.databases import Addresses

pytestmark = pytest.mark.server


def test_making_the_roles_again_changes_nothing(database_addresses: Addresses) -> None:
    before = _roles(database_addresses)
    roles.ensure_roles(database_addresses.admin)

    assert _roles(database_addresses) == before


def test_no_role_stands_above_row_level_security(database_addresses: Addresses) -> None:
    found = _roles(database_addresses)

    assert {row[0] for row in found} == {roles.OWNER, roles.LOGIN, *roles.ASSUMABLE}
    assert [row for row in found if row[1]] == []


def test_the_login_role_inherits_nothing_but_may_become_each(database_addresses: Addresses) -> None:
    with roles.admin_connection(database_addresses.runtime) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT rolinherit FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False,)
        for role in roles.ASSUMABLE:
            cursor.execute(f"SET ROLE {role}")
            cursor.execute("RESET ROLE")
        with pytest.raises(errors.InsufficientPrivilege):
            cursor.execute(f"SET ROLE {roles.OWNER}")


def test_the_owner_owns_the_database_and_the_login_role_does_not(database_addresses: Addresses) -> None:
    with roles.admin_connection(database_addresses.owner) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
            " UNION SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        )
        assert cursor.fetchall() == [(roles.OWNER,)]
    with (
        roles.admin_connection(database_addresses.runtime) as connection,
        connection.cursor() as cursor,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        cursor.execute("CREATE TABLE mine (id int)")


def _roles(database: Addresses) -> list[tuple[str, bool, bool, bool]]:
    with roles.admin_connection(database.admin) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolname, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb, rolcanlogin, rolinherit"
            " FROM pg_roles WHERE rolname LIKE 'redress%' ORDER BY 1"
        )
        return cursor.fetchall()
