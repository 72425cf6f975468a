"""The database's own catalogue says that every tenant's table is guarded."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models

from marketplace.database_guard import platform_tables
from marketplace.tenancy import Role, TenantForeignKey, TenantModel, tenant_models

pytestmark = [pytest.mark.django_db, pytest.mark.server]

# Tables that name a seller but are asked before any tenant is set (rulings 4), each on purpose.
PLATFORM_WITH_SELLER = {
    "marketplace_membership",
    "marketplace_invitation",
    "marketplace_route",
    "marketplace_supportaccess",
}
OUTSIDE_DJANGO = {"fsm_move", "fsm_machine", "database_guard", "django_migrations"}


def rows(sql: str, *parameters: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def test_every_table_is_a_tenants_or_on_the_platform_list() -> None:
    tables = {
        name
        for (name,) in rows(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
    }
    tenants = {model._meta.db_table for model in tenant_models()}
    assert tables == tenants | set(platform_tables()) | OUTSIDE_DJANGO
    with_seller = {
        model._meta.db_table
        for model in apps.get_models()
        if not issubclass(model, TenantModel) and any(f.name == "seller" for f in model._meta.concrete_fields)
    }
    assert with_seller == PLATFORM_WITH_SELLER


def test_row_level_security_is_forced_with_a_policy_on_every_tenant_table() -> None:
    guarded = {
        name
        for (name,) in rows(
            "SELECT c.relname FROM pg_class c WHERE c.relrowsecurity AND c.relforcerowsecurity AND EXISTS"
            " (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'of_the_seller')"
        )
    }
    assert guarded == {model._meta.db_table for model in tenant_models()}


def test_no_runtime_role_is_mighty_or_owns_a_table() -> None:
    names = ["redress_login", *(role.value for role in Role)]
    mighty = rows(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND (rolsuper OR rolbypassrls OR rolinherit"
        " AND rolname = 'redress_login')",
        names,
    )
    owners = rows(
        "SELECT c.relname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname = ANY(%s)", names
    )
    assert (mighty, owners) == ([], [])


def test_the_login_role_may_touch_no_tenant_table_itself() -> None:
    touchable = [
        model._meta.db_table
        for model in tenant_models()
        if rows(
            "SELECT 1 WHERE has_table_privilege('redress_login', %s, 'SELECT, INSERT, UPDATE, DELETE')",
            model._meta.db_table,
        )
    ]
    assert touchable == []


def test_every_reference_between_tenants_tables_carries_the_seller() -> None:
    for model in tenant_models():
        for field in model._meta.concrete_fields:
            target = field.related_model
            if isinstance(target, type) and issubclass(target, TenantModel):
                assert isinstance(field, TenantForeignKey), f"{model.__name__}.{field.name}"
    composite = {
        (table, target)
        for table, target in rows(
            "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint"
            " WHERE contype = 'f' AND array_length(conkey, 1) = 2"
        )
    }
    wanted = {
        (model._meta.db_table, field.related_model._meta.db_table)
        for model in tenant_models()
        for field in model._meta.concrete_fields
        if isinstance(field, TenantForeignKey)
    }
    assert wanted <= composite


def test_every_unique_rule_of_a_tenants_table_holds_the_seller() -> None:
    """Else a name taken elsewhere would show, and the table could not be distributed by seller."""
    found = rows(
        "SELECT i.indrelid::regclass::text, i.indexrelid::regclass::text FROM pg_index i"
        " JOIN pg_class c ON c.oid = i.indrelid"
        " WHERE i.indisunique AND NOT i.indisprimary AND c.relrowsecurity AND NOT EXISTS"
        " (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'seller_id'"
        "  AND a.attnum = ANY(i.indkey))"
    )
    assert found == []


def test_every_key_is_64_bits_wide() -> None:
    narrow = [
        f"{model.__name__}.{field.name}"
        for model in tenant_models()
        for field in model._meta.concrete_fields
        if field.primary_key and not isinstance(field, models.BigAutoField)
    ]
    assert narrow == []


def test_views_do_not_go_round_the_policies() -> None:
    assert (
        rows("SELECT relname FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace = 'public'::regnamespace") == []
    )
