"""`manage.py check_invariants`: is everything true that must be true of the money? Exit code 1 if not."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from marketplace.models import Seller
from marketplace.tenancy import scope
from refunds import calling, invariants
from refunds.gateways import GatewayUnavailableError
from refunds.invariants import Breach
from refunds.models import RefundRequest


class Command(BaseCommand):
    help = "Checks the invariants of money and history for every seller; exit code 1 if one does not hold."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seller", default="", help="the slug of one seller; all without it")
        parser.add_argument(
            "--with-provider", action="store_true", help="also compare with the payment provider's own lists (I3)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        sellers = Seller.objects.order_by("slug")
        if options["seller"]:
            sellers = sellers.filter(slug=options["seller"])
            if not sellers:
                raise CommandError(f"There is no seller {options['seller']!r}.")
        total = 0
        for seller in sellers:
            with scope(seller.pk):
                found = invariants.breaches()
                refunds = RefundRequest.objects.count()
            if options["with_provider"]:
                found += self._with_provider(seller)
            total += len(found)
            self.stdout.write(f"{seller.slug}: {refunds} refunds, {len(found)} breaches")
            for breach in found:
                self.stdout.write(f"  {breach}")
        if total:
            raise CommandError(f"{total} breaches.", returncode=1)
        self.stdout.write("All invariants hold.")

    def _with_provider(self, seller: Seller) -> list[Breach]:
        with scope(seller.pk):
            rows = list(RefundRequest.objects.exclude(gateway="manual").order_by("id"))
        by_account: dict[tuple[str, str], list[RefundRequest]] = {}
        for row in rows:
            by_account.setdefault((row.gateway, row.payment_reference), []).append(row)
        found: list[Breach] = []
        for (gateway, reference), of_account in sorted(by_account.items()):
            try:
                payouts = calling.line_of(gateway, seller).list_refunds(reference)
            except GatewayUnavailableError as trouble:
                found.append(Breach("I3", reference or gateway, f"no list could be had: {trouble}"))
                continue
            found += invariants.payouts_match(of_account, payouts)
        return found
