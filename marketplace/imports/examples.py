"""What do the first cells of the chosen columns look like? Shown beside each choice, personal columns never."""

from __future__ import annotations

from marketplace.imports.mapping import PERSONAL, Mapping
from marketplace.imports.reading import Report

_ROWS = 50
_SHOWN = 3


def examples_of(report: Report, mapping: Mapping) -> dict[str, str]:
    """Our field -> up to three different values of its column."""
    wanted = {name: column for name, column in mapping.columns.items() if name not in PERSONAL and report.has(column)}
    found: dict[str, dict[str, None]] = {name: {} for name in wanted}
    for cells in report.sample(wanted, _ROWS):
        for name, cell in cells.items():
            if cell and len(found[name]) < _SHOWN:
                found[name][cell[:40]] = None
    return {name: " · ".join(values) for name, values in found.items()}
