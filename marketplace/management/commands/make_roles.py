"""`manage.py make_roles`: the database roles and the database, made once by the server's administrator."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg2
from django.core.management.base import BaseCommand, CommandError

from marketplace import roles


class Command(BaseCommand):
    help = (
        "Make the owner and the login role with the passwords in DATABASE_OWNER_URL and DATABASE_URL, the roles"
        " that the login role may become, and the database. Needs an administrator's address; safe to repeat."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--admin-url", default=os.environ.get("DATABASE_ADMIN_URL", ""), help="default: $DATABASE_ADMIN_URL"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        admin = options["admin_url"]
        runtime = os.environ.get("DATABASE_URL", "")
        owner = os.environ.get("DATABASE_OWNER_URL", "")
        if not (admin and runtime and owner):
            raise CommandError("Set DATABASE_ADMIN_URL, DATABASE_URL and DATABASE_OWNER_URL.")
        for url, role in ((runtime, roles.LOGIN), (owner, roles.OWNER)):
            if unquote(urlsplit(url).username or "") != role:
                raise CommandError(
                    f"The user of {'DATABASE_URL' if url == runtime else 'DATABASE_OWNER_URL'} must be {role}."
                )
        name = unquote(urlsplit(runtime).path.lstrip("/")) or "redress"
        try:
            roles.ensure_roles(
                admin, owner_password=roles.password_in(owner), login_password=roles.password_in(runtime)
            )
            made = roles.ensure_database(admin, name)
        except psycopg2.Error as problem:
            raise CommandError(str(problem).strip()) from problem
        self.stdout.write(f"Roles are in place; database {name} {'made' if made else 'was there already'}.")
