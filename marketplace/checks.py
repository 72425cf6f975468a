"""System checks: the runtime role must not be able to go round row-level security."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import Error, Tags, Warning, register  # noqa: A004  (Django's name)
from django.db import connection


@register(Tags.database)
def runtime_role_is_harmless(app_configs: Any, databases: Any = None, **kwargs: Any) -> list[Error]:
    """Refuse a runtime login that is superuser, bypasses row-level security, or owns a tenant's table."""
    if not databases or settings.RUNS_AS_OWNER:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper OR rolbypassrls, EXISTS (SELECT 1 FROM pg_class c WHERE c.relowner = r.oid"
            " AND c.relrowsecurity) FROM pg_roles r WHERE rolname = current_user"
        )
        is_mighty, is_owner = cursor.fetchone()
    if is_mighty or is_owner:
        return [
            Error(
                "The runtime database role is a superuser, bypasses row-level security or owns the tables.",
                hint="Set DATABASE_URL to the login role (manage.py make_roles) and DATABASE_OWNER_URL to the owner.",
                id="redress.E001",
            )
        ]
    return []


@register(Tags.security)
def field_keys_are_keys(app_configs: Any, **kwargs: Any) -> list[Error]:
    """Refuse a FIELD_KEYS that could not seal anything."""
    from cryptography.fernet import Fernet

    for number, key in enumerate(settings.FIELD_KEYS, start=1):
        try:
            Fernet(key)
        except ValueError:
            hint = "Make one with: python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key())'"
            return [Error(f"FIELD_KEYS: key {number} is no Fernet key.", hint=hint, id="redress.E002")]
    return []


@register(Tags.security, deploy=True)
def field_keys_are_set(app_configs: Any, **kwargs: Any) -> list[Warning]:
    """In production secrets are sealed with keys of their own, not with one derived from SECRET_KEY."""
    if settings.FIELD_KEYS:
        return []
    return [Warning("FIELD_KEYS is empty: secrets are sealed with a key made from SECRET_KEY.", id="redress.W001")]
