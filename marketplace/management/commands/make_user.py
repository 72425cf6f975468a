"""`manage.py make_user ann@acme.example --seller acme --role owner`: a person, and their place on a team."""

from __future__ import annotations

import json
import os
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from marketplace.actors import MemberRole
from marketplace.ids import random_base62
from marketplace.models import Membership, Seller, User


class Command(BaseCommand):
    help = "Make a person. The password comes from REDRESS_PASSWORD, else a random one is printed once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", default="")
        parser.add_argument("--seller", default="", help="slug of the seller to work for")
        parser.add_argument("--role", default=MemberRole.OWNER.value, choices=MemberRole.values)
        parser.add_argument("--support", action="store_true", help="a support agent")
        parser.add_argument("--operator", action="store_true", help="a support agent who sees people's accounts, too")
        parser.add_argument("--zone", default="UTC")
        parser.add_argument("--language", default="en")
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        seller = self._seller(options["seller"])
        email = options["email"].strip().lower()
        user = User.objects.filter(email=email).first()
        password = ""
        if user is None:
            user, password = self._make(email, options)
        user.is_staff = user.is_staff or options["support"] or options["operator"]
        user.is_superuser = user.is_superuser or options["operator"]
        user.save()
        if seller is not None:
            Membership.objects.update_or_create(seller=seller, user=user, defaults={"role": options["role"]})
        made = {"email": user.email, "password": password, "seller": options["seller"], "role": options["role"]}
        if options["json"]:
            self.stdout.write(json.dumps(made))
        else:
            self.stdout.write(f"{user.email} is there." + (f" Password: {password}" if password else ""))

    def _seller(self, slug: str) -> Seller | None:
        if not slug:
            return None
        seller = Seller.objects.filter(slug=slug).first()
        if seller is None:
            raise CommandError(f"There is no seller {slug}. Run manage.py make_seller first.")
        return seller

    def _make(self, email: str, options: dict[str, Any]) -> tuple[User, str]:
        given = os.environ.get("REDRESS_PASSWORD", "")
        password = given or random_base62(20)
        user = User(email=email, name=options["name"], zone=options["zone"], language=options["language"])
        try:
            user.full_clean(exclude=["password"])
            validate_password(password, user)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        user.set_password(password)
        user.save()
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
        return user, "" if given else password
