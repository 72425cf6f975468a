"""`manage.py reseal`: put every sealed secret under the newest of FIELD_KEYS, before an old key is taken away."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand
from django.db import transaction

from marketplace import sealing

# Where allauth keeps what we seal: the TOTP secret, the seed of the recovery codes.
_SEALED = ("secret", "seed")


class Command(BaseCommand):
    help = "Seal all stored secrets again with the first of FIELD_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        count = 0
        for pk in Authenticator.objects.order_by("pk").values_list("pk", flat=True):
            with transaction.atomic():
                each = Authenticator.objects.select_for_update().filter(pk=pk).first()
                if each is None:
                    continue
                each.data |= {name: sealing.reseal(each.data[name]) for name in _SEALED if name in each.data}
                each.save(update_fields=["data"])
                count += 1
        self.stdout.write(f"Sealed {count} secrets again.")
