"""`manage.py bench`: start a fresh tree, measure it beside its floors, print the ratios, stop everything."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from returns.bench import sections
from returns.bench.tree import TreeFailedError, environment_of, fresh_tree


class Command(BaseCommand):
    help = "Measure flow, list, sweep and import of a fresh tree beside their floors (ratios, not a test)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("sections", nargs="*", default=[], help=f"of {', '.join(sections.NAMES)}; default: all")
        parser.add_argument("--short", action="store_true", help="small sizes: only shows that it runs")
        parser.add_argument("--port", type=int, default=8124)
        parser.add_argument("--inside", default="", help="used by the command itself: the tree to measure")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = options["sections"] or list(sections.NAMES)
        unknown = sorted(set(wanted) - set(sections.NAMES))
        if unknown:
            raise CommandError(f"There is no section {', '.join(unknown)}; there are {', '.join(sections.NAMES)}.")
        if options["inside"]:
            sections.measure(options["inside"], wanted, is_short=options["short"], tell=self._tell)
            return
        with tempfile.TemporaryDirectory(prefix="redress-bench-") as home:
            try:
                with fresh_tree(Path(home), options["port"]) as tree:
                    code = self._measure(tree.url, tree.pid, Path(home), wanted, is_short=options["short"])
            except TreeFailedError as trouble:
                raise CommandError(str(trouble)) from trouble
        if code:
            raise CommandError("A section could not be measured.")

    def _measure(self, url: str, pid: int, home: Path, wanted: list[str], *, is_short: bool) -> int:
        """In a process whose settings are the tree's."""
        manage = str(Path(settings.BASE_DIR) / "manage.py")
        command = [sys.executable, manage, "bench", *wanted, f"--inside={url},{pid},{home}"]
        environment = os.environ | environment_of(home) | {"REDRESS_NO_BOOTSTRAP": "1", "LOG_LEVEL": "WARNING"}
        return subprocess.run([*command, *["--short"] * is_short], env=environment, check=False).returncode

    def _tell(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
