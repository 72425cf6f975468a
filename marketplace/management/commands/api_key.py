"""`manage.py api_key --seller acme --json`: an API key for a program; printed once, stored as a hash."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketplace import clock
from marketplace.access import create_api_key
from marketplace.actors import SCOPES, SYSTEM_ACTOR
from marketplace.errors import DomainError
from marketplace.models import Seller
from marketplace.tenancy import scope


class Command(BaseCommand):
    help = "Make an API key for a seller."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seller", required=True, help="slug of the seller")
        parser.add_argument("--name", default="Command line")
        parser.add_argument("--scope", action="append", choices=SCOPES, help="may be given several times; default: all")
        parser.add_argument("--days", type=int, default=0, help="ends after so many days; 0 = when it is revoked")
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        seller = Seller.objects.filter(slug=options["seller"]).first()
        if seller is None:
            raise CommandError(f"There is no seller {options['seller']}.")
        scopes = sorted(set(options["scope"] or SCOPES))
        try:
            with scope(seller.pk):
                end = clock.now() + timedelta(days=options["days"]) if options["days"] else None
                key, secret = create_api_key(options["name"], by=SYSTEM_ACTOR, scopes=scopes, expires_at=end)
        except DomainError as error:
            raise CommandError(error.message) from error
        made = {"seller": seller.slug, "name": key.name, "id": key.public_id, "key": secret, "scopes": key.scopes}
        self.stdout.write(json.dumps(made) if options["json"] else secret)
