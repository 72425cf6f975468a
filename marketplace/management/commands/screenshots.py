"""Photograph every page and mail of a fresh demo, at 1280 and 390 px, light and dark, into one contact sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.html import escape

from marketplace.demo.child import fresh_demo
from marketplace.demo.pages import Page, house_of
from marketplace.embedded import StartFailed


class Command(BaseCommand):
    help = __doc__ or ""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--out", type=Path, default=Path("build/screenshots"))
        parser.add_argument("--only", default="", help="pages whose name holds this text")
        parser.add_argument("--port", type=int, default=0, help="where the demo listens (a free port)")

    def handle(self, *args: Any, **options: Any) -> None:
        out: Path = options["out"].resolve()
        out.mkdir(parents=True, exist_ok=True)
        try:
            with fresh_demo(port=options["port"]) as facts:
                pages, problems = self.photograph(facts, options["only"], out)
        except StartFailed as failure:
            raise CommandError(f"No pictures: {failure}.") from failure
        (out / "index.html").write_text(contact_sheet(pages))
        self.stdout.write(f"{len(pages)} pages, {len(pages) * 4} pictures: {out / 'index.html'}")
        for problem in problems:
            self.stdout.write(f"  {problem}")
        if problems:
            raise CommandError(f"{len(problems)} things are wrong.")

    def photograph(self, facts: dict[str, Any], only: str, out: Path) -> tuple[list[Page], list[str]]:
        from marketplace.demo import eyes  # Playwright is for development

        path = eyes.chromium()
        if path is None:
            raise CommandError("No Chromium is installed (Debian's package is called chromium).")
        house = house_of(facts)
        pages = [page for page in house.pages if only in page.name]
        with eyes.browser_at(path) as browser:
            looking = eyes.Eyes(browser, house)
            for page in pages:
                self.stdout.write(page.name)

                def keep(tab: Any, width: int, theme: str, name: str = page.name) -> None:
                    eyes.photograph(tab, out / f"{name}-{width}-{theme}.png")

                looking.look_at(page, keep)
        return pages, looking.problems


def contact_sheet(pages: list[Page]) -> str:
    """One page with all pictures, a row a page."""
    rows = []
    for page in pages:
        shots = "".join(
            f'<td><a href="{page.name}-{w}-{t}.png"><img loading="lazy" src="{page.name}-{w}-{t}.png" '
            f'alt="{escape(page.name)}, {w} px, {t}" width="{340 if w > 400 else 130}"></a></td>'
            for w in (1280, 390)
            for t in ("light", "dark")
        )
        rows.append(f"<tr><th>{escape(page.name)}<br><small>{escape(page.path)}</small></th>{shots}</tr>")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Redress: every page</title>'
        "<style>body{font:14px system-ui;margin:24px}td,th{vertical-align:top;text-align:left;padding:8px}"
        "img{border:1px solid #ccc}</style><h1>Redress: every page</h1><table>" + "".join(rows) + "</table></html>"
    )
