"""`manage.py record_bounce < report`: a mail server pipes in what came back (see marketplace/bounces.py)."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from marketplace.bounces import MOST_BYTES, record_report


class Command(BaseCommand):
    help = "Reads one delivery report (RFC 3464) and marks the mail it is about as bounced."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", help="the report; standard input where it is left out")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["file"]:
            with open(options["file"], "rb") as report:
                raw = report.read(MOST_BYTES)
        else:
            raw = sys.stdin.buffer.read(MOST_BYTES)
        count = record_report(raw)
        self.stdout.write(f"{count} mail(s) marked as bounced.")
