"""Compile the message catalogues (.po to .mo) without the gettext tools."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.core.management.base import BaseCommand


def compiled(file: Path) -> bytes:
    """The .mo of a .po file."""
    with file.open("rb") as source:
        catalogue = read_po(source, locale=file.parent.parent.name)
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


class Command(BaseCommand):
    help = __doc__ or ""
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        for folder in settings.LOCALE_PATHS:
            for file in sorted(Path(folder).glob("*/LC_MESSAGES/*.po")):
                file.with_suffix(".mo").write_bytes(compiled(file))
                self.stdout.write(f"{file.parent.parent.name}: compiled.")
