"""`manage.py make_orders_file FILE --lines 100000`: a made-up All Orders report, to try the import on."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from marketplace.imports.synthetic import Recipe, write_orders_file


class Command(BaseCommand):
    help = "Write an All Orders report of made-up orders; the same arguments give the same file."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--lines", type=int, default=1_000)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--sales-channel", default="Amazon.co.uk")
        parser.add_argument("--currency", default="GBP")

    def handle(self, *args: Any, **options: Any) -> None:
        recipe = Recipe(
            lines=options["lines"],
            seed=options["seed"],
            channel=options["sales_channel"],
            currency=options["currency"],
        )
        with options["file"].open("w", encoding="utf-8", newline="\n") as stream:
            orders = write_orders_file(stream, recipe)
        self.stdout.write(f"{options['file']}: {recipe.lines:,} lines of {orders:,} orders.")
