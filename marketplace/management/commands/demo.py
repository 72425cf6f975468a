"""`manage.py demo`, for the list of commands; the work is done without Django, before its settings are read."""

from __future__ import annotations

import sys

from django.core.management.base import BaseCommand

from marketplace.demo.supervisor import main


class Command(BaseCommand):
    help = "Start every server of Redress on this machine, with demo data."

    def run_from_argv(self, argv: list[str]) -> None:
        sys.exit(main(argv[2:]))
