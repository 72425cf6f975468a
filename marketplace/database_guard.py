"""What the database itself refuses: made from the models and machines after every migrate.

Row-level security, composite foreign keys, grants, the fsm_move table and its triggers are generated SQL.
A table that a migration has just made has no grants until this ran, so nobody can reach it unguarded.
A hash of the generated SQL is kept; nothing is done (and nothing locked) when it has not changed.
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.apps import apps
from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from marketplace import fsm
from marketplace.tenancy import Role, TenantForeignKey, TenantModel, tenant_models

LOGIN = "redress_login"
_SELLER = "(SELECT current_setting('app.seller_id')::bigint)"
_BUYER = "(SELECT current_setting('app.buyer_id')::bigint)"

_FUNCTIONS = """
CREATE TABLE IF NOT EXISTS fsm_move (
    machine text NOT NULL, move text NOT NULL, source text NOT NULL, target text NOT NULL,
    actor_kind text NOT NULL, live boolean NOT NULL DEFAULT true,
    PRIMARY KEY (machine, move, source, target, actor_kind));
CREATE TABLE IF NOT EXISTS fsm_machine (machine text PRIMARY KEY, table_name text NOT NULL);

CREATE OR REPLACE FUNCTION fsm_refuse() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public AS $$
BEGIN
    RAISE EXCEPTION 'The history is append-only.' USING ERRCODE = 'RD003';
END $$;

CREATE OR REPLACE FUNCTION fsm_before_update() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF NEW.version = OLD.version AND NEW.status = OLD.status THEN RETURN NEW; END IF;
    IF NEW.version <> OLD.version + 1 THEN
        RAISE EXCEPTION '% %: a move raises the version by one, not from % to %.',
            TG_ARGV[0], OLD.id, OLD.version, NEW.version USING ERRCODE = 'RD001';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM fsm_move m WHERE m.machine = TG_ARGV[0] AND m.live
                   AND m.source = OLD.status AND m.target = NEW.status) THEN
        RAISE EXCEPTION '% %: no move leads from % to %.', TG_ARGV[0], OLD.id, OLD.status, NEW.status
            USING ERRCODE = 'RD001';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION fsm_before_insert() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF NEW.version <> 1 OR NOT EXISTS (SELECT 1 FROM fsm_move m WHERE m.machine = TG_ARGV[0] AND m.live
                   AND m.source = '' AND m.target = NEW.status) THEN
        RAISE EXCEPTION '%: nothing begins as % in version %.', TG_ARGV[0], NEW.status, NEW.version
            USING ERRCODE = 'RD001';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION fsm_has_history() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM marketplace_statetransition h WHERE h.seller_id = NEW.seller_id
                   AND h.machine = TG_ARGV[0] AND h.object_id = NEW.id AND h.version = NEW.version
                   AND h.target = NEW.status) THEN
        RAISE EXCEPTION '% %: version % has no history row.', TG_ARGV[0], NEW.id, NEW.version
            USING ERRCODE = 'RD002';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION fsm_history_fits() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public AS $$
DECLARE
    reached integer;
    where_from text;
BEGIN
    EXECUTE format('SELECT version FROM %I WHERE seller_id = $1 AND id = $2',
        (SELECT table_name FROM fsm_machine WHERE machine = NEW.machine))
        INTO reached USING NEW.seller_id, NEW.object_id;
    IF reached IS NULL OR reached < NEW.version THEN
        RAISE EXCEPTION '% %: history of version % without the move.', NEW.machine, NEW.object_id, NEW.version
            USING ERRCODE = 'RD002';
    END IF;
    where_from := '';
    IF NEW.version > 1 THEN
        SELECT target INTO where_from FROM marketplace_statetransition
        WHERE seller_id = NEW.seller_id AND machine = NEW.machine AND object_id = NEW.object_id
          AND version = NEW.version - 1;
    END IF;
    IF where_from IS DISTINCT FROM NEW.source THEN
        RAISE EXCEPTION '% %: history of version % starts from %, but the row was %.', NEW.machine,
            NEW.object_id, NEW.version, NEW.source, where_from USING ERRCODE = 'RD002';
    END IF;
    RETURN NULL;
END $$;
"""


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _add_constraint(table: str, name: str, definition: str) -> str:
    return (
        f"DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = {_quote(name)}"
        f" AND conrelid = '\"{table}\"'::regclass) THEN"
        f' ALTER TABLE "{table}" ADD CONSTRAINT "{name}" {definition}; END IF; END $$;'
    )


def _short(name: str) -> str:
    return name if len(name) <= 60 else name[:50] + hashlib.sha256(name.encode()).hexdigest()[:8]


def _policy(table: str, name: str, roles: str, condition: str, command: str = "ALL") -> str:
    check = "" if command == "SELECT" else f" WITH CHECK ({condition})"
    return (
        f'DROP POLICY IF EXISTS {name} ON "{table}";'
        f' CREATE POLICY {name} ON "{table}" FOR {command} TO {roles} USING ({condition}){check};'
    )


def _table_sql(model: type[TenantModel], owner: str) -> list[str]:
    table, reach = model._meta.db_table, model.reach
    sequence = f"pg_get_serial_sequence('\"{table}\"', 'id')"
    sql = [
        _policy(table, "of_the_seller", f"{Role.APP}, {owner}", f"seller_id = {_SELLER}"),
        f'REVOKE ALL ON "{table}" FROM {LOGIN}, {Role.APP}, {Role.SYSTEM}, {Role.SUPPORT}, {Role.BUYER};',
        f'GRANT {reach.app} ON "{table}" TO {Role.APP};',
        f"DO $$ BEGIN IF {sequence} IS NOT NULL THEN EXECUTE 'GRANT USAGE ON SEQUENCE ' || {sequence} ||"
        f" ' TO {Role.APP}, {Role.SYSTEM}'; END IF; END $$;",
    ]
    if reach.guard or issubclass(model, fsm.StatusModel):
        # The triggers run as their definer, at commit, whatever role the transaction has by then.
        sql.append(_policy(table, "of_the_guard", owner, "true", "SELECT"))
    if reach.system:
        sql.append(f'GRANT {reach.system} ON "{table}" TO {Role.SYSTEM};')
        sql.append(_policy(table, "of_the_system", Role.SYSTEM, "true"))
    if reach.support:
        sql.append(f'GRANT SELECT ({reach.support}) ON "{table}" TO {Role.SUPPORT};')
        sql.append(_policy(table, "of_support", Role.SUPPORT, "true", "SELECT"))
    if reach.buyer:
        condition = f"seller_id = {_SELLER} AND ({reach.buyer.format(buyer=_BUYER)})"
        sql.append(f'GRANT SELECT ON "{table}" TO {Role.BUYER};')
        sql.append(_policy(table, "of_the_buyer", Role.BUYER, condition, "SELECT"))
    return sql


def _foreign_keys(model: type[TenantModel]) -> list[str]:
    sql = []
    for field in model._meta.concrete_fields:
        if isinstance(field, TenantForeignKey):
            table, target = model._meta.db_table, field.related_model._meta.db_table
            sql.append(
                _add_constraint(
                    table,
                    _short(f"{table}_{field.column}_of_seller"),
                    f'FOREIGN KEY (seller_id, "{field.column}") REFERENCES "{target}" (seller_id, id)'
                    " DEFERRABLE INITIALLY DEFERRED",
                )
            )
    return sql


def _machine_sql(model: type[fsm.StatusModel]) -> list[str]:
    table, machine = model._meta.db_table, model.machine
    return [
        f"INSERT INTO fsm_machine VALUES ({_quote(machine)}, {_quote(table)})"
        f" ON CONFLICT (machine) DO UPDATE SET table_name = EXCLUDED.table_name;",
        f'DROP TRIGGER IF EXISTS fsm_before_update ON "{table}";'
        f' CREATE TRIGGER fsm_before_update BEFORE UPDATE OF status, version ON "{table}" FOR EACH ROW'
        f" EXECUTE FUNCTION fsm_before_update({_quote(machine)});",
        f'DROP TRIGGER IF EXISTS fsm_before_insert ON "{table}";'
        f' CREATE TRIGGER fsm_before_insert BEFORE INSERT ON "{table}" FOR EACH ROW'
        f" EXECUTE FUNCTION fsm_before_insert({_quote(machine)});",
        f'DROP TRIGGER IF EXISTS fsm_has_history ON "{table}";'
        f' CREATE CONSTRAINT TRIGGER fsm_has_history AFTER INSERT OR UPDATE OF status, version ON "{table}"'
        f" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fsm_has_history({_quote(machine)});",
    ]


def _history_sql() -> list[str]:
    rows = ", ".join("(" + ", ".join(_quote(cell) for cell in row) + ")" for row in fsm.all_rows())
    history = "marketplace_statetransition"
    sql = []
    if rows:
        # A move that the code dropped stays for the history that refers to it, but is no longer legal.
        columns = "machine, move, source, target, actor_kind"
        sql.append(f"INSERT INTO fsm_move ({columns}) VALUES {rows} ON CONFLICT DO NOTHING;")
        sql.append(f"UPDATE fsm_move SET live = (({columns}) IN (VALUES {rows}));")
    sql += [
        _add_constraint(
            history,
            "history_is_a_listed_move",
            "FOREIGN KEY (machine, move, source, target, actor_kind)"
            " REFERENCES fsm_move (machine, move, source, target, actor_kind)",
        ),
        f"DROP TRIGGER IF EXISTS history_is_append_only ON {history};"
        f" CREATE TRIGGER history_is_append_only BEFORE UPDATE OR DELETE ON {history} FOR EACH ROW"
        " EXECUTE FUNCTION fsm_refuse();",
        f"DROP TRIGGER IF EXISTS fsm_history_fits ON {history};"
        f" CREATE CONSTRAINT TRIGGER fsm_history_fits AFTER INSERT ON {history} DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION fsm_history_fits();",
        f"GRANT SELECT ON fsm_move, fsm_machine TO {LOGIN}, {Role.APP}, {Role.SYSTEM}, {Role.SUPPORT};",
    ]
    return sql


def platform_tables() -> list[str]:
    """Every table without a tenant, Django's and the packages' own included."""
    tables = []
    for model in apps.get_models(include_auto_created=True):
        if not issubclass(model, TenantModel) and model._meta.managed and not model._meta.proxy:
            tables.append(model._meta.db_table)
    return sorted({*tables, "django_migrations"})


def _platform_sql() -> list[str]:
    sql = []
    for table in platform_tables():
        sequence = f"pg_get_serial_sequence('\"{table}\"', 'id')"
        sql.append(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO {LOGIN}, {Role.APP};')
        sql.append(
            f"DO $$ BEGIN IF EXISTS (SELECT 1 FROM information_schema.columns WHERE table_name = {_quote(table)}"
            f" AND column_name = 'id') AND {sequence} IS NOT NULL THEN EXECUTE 'GRANT USAGE ON SEQUENCE ' ||"
            f" {sequence} || ' TO {LOGIN}, {Role.APP}'; END IF; END $$;"
        )
    sql.append(f"GRANT SELECT ON marketplace_seller TO {Role.SYSTEM}, {Role.SUPPORT}, {Role.BUYER};")
    return sql


def extra_sql(name: str = "GUARD_SQL") -> list[str]:
    """What single apps add: lists of idempotent statements in their models module.

    `GUARD_SQL` comes with the triggers, `GRANT_SQL` at the end: single columns for a role, and their policies.
    """
    sql: list[str] = []
    for config in apps.get_app_configs():
        sql += getattr(config.models_module, name, [])
    return sql


def guard_sql(owner: str) -> str:
    models_ = sorted(tenant_models(), key=lambda m: m._meta.db_table)
    parts = [_FUNCTIONS]
    # Constraints are checked as the owner, whom forced row-level security would refuse: so it comes after them.
    for model in models_:
        table = model._meta.db_table
        parts.append(f'ALTER TABLE "{table}" NO FORCE ROW LEVEL SECURITY;')
        parts.append(_add_constraint(table, _short(f"{table}_seller_id_id_key"), "UNIQUE (seller_id, id)"))
    for model in models_:
        parts += _foreign_keys(model)
    for machine in sorted(fsm.MACHINES):
        parts += _machine_sql(fsm.MACHINES[machine])
    parts += _history_sql()
    parts += _platform_sql()
    parts += extra_sql()
    for model in models_:
        table = model._meta.db_table
        parts.append(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;')
        parts += _table_sql(model, owner)
    parts += extra_sql("GRANT_SQL")
    return "\n".join(parts)


def secure(connection: BaseDatabaseWrapper) -> bool:
    """Bring the guard up to date; True if something was done. Runs as the owner of the tables."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(current_user)")
        sql = guard_sql(cursor.fetchone()[0])
        wanted = hashlib.sha256(sql.encode()).hexdigest()
        cursor.execute("CREATE TABLE IF NOT EXISTS database_guard (hash text, at timestamptz DEFAULT now())")
        cursor.execute("SELECT hash FROM database_guard ORDER BY at DESC LIMIT 1")
        row = cursor.fetchone()
        if row and row[0] == wanted:
            return False
        cursor.execute("SET lock_timeout = '5s'")
        cursor.execute(sql)
        cursor.execute("INSERT INTO database_guard (hash) VALUES (%s)", [wanted])
        cursor.execute("RESET lock_timeout")
    return True


def secure_after_migrate(sender: Any, using: str, **kwargs: Any) -> None:
    connection = connections[using]
    tables = set(connection.introspection.table_names())
    if {m._meta.db_table for m in tenant_models()} <= tables and set(platform_tables()) <= tables:
        with transaction.atomic(using=using):
            secure(connection)


def check_models() -> list[type[models.Model]]:
    """Models that hold a seller but are not TenantModel: they must be on the platform list on purpose."""
    return [
        m
        for m in apps.get_models()
        if not issubclass(m, TenantModel) and any(f.name == "seller" for f in m._meta.concrete_fields)
    ]
