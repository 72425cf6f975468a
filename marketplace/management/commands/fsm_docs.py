"""Write the machines' diagrams into README.md, between their markers; --check only says whether they are fresh."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketplace import fsm

BLOCK = re.compile(r"<!-- machine:(?P<name>\w+) -->.*?<!-- /machine -->", re.DOTALL)


def with_diagrams(text: str) -> str:
    """The README with every marked block made anew from the code."""

    def block(match: re.Match[str]) -> str:
        name = match["name"]
        return f"<!-- machine:{name} -->\n```mermaid\n{fsm.mermaid(name)}```\n<!-- /machine -->"

    return BLOCK.sub(block, text)


class Command(BaseCommand):
    help = __doc__ or ""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        file = Path(settings.BASE_DIR) / "README.md"
        old = file.read_text()
        new = with_diagrams(old)
        if options["check"] and new != old:
            raise CommandError("The machines in README.md are not those of the code. Run: python3 manage.py fsm_docs")
        if new != old:
            file.write_text(new)
        self.stdout.write("The machines in README.md are those of the code.")
