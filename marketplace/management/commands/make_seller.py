"""`manage.py make_seller acme "Acme Lanterns"`: a new seller, and its first owner if one is named."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from marketplace.actors import MemberRole
from marketplace.models import Membership, Seller, User


class Command(BaseCommand):
    help = "Make a seller; --owner names a person who must exist (manage.py make_user)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="short name in addresses: a-z, 0-9 and dash")
        parser.add_argument("name", help="the name that people read")
        parser.add_argument("--owner", default="", help="e-mail of a person who becomes the owner")
        parser.add_argument("--zone", default="UTC")
        parser.add_argument("--language", default="en")
        parser.add_argument("--contact-email", default="")
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        owner = None
        if options["owner"]:
            owner = User.objects.filter(email=options["owner"].lower()).first()
            if owner is None:
                raise CommandError(f"Nobody has the e-mail {options['owner']}. Run manage.py make_user first.")
        if Seller.objects.filter(slug=options["slug"]).exists():
            raise CommandError(f"There is a seller {options['slug']} already.")
        seller = Seller(
            slug=options["slug"],
            name=options["name"],
            zone=options["zone"],
            language=options["language"],
            contact_email=options["contact_email"],
        )
        seller.full_clean()
        seller.save()
        if owner is not None:
            Membership.objects.create(seller=seller, user=owner, role=MemberRole.OWNER)
        made = {"seller": seller.slug, "name": seller.name, "owner": owner.email if owner else ""}
        self.stdout.write(json.dumps(made) if options["json"] else f"Made the seller {seller.name} ({seller.slug}).")
