"""What can be wrong with a file, a row or a cell, as sentences that a seller reads."""

from __future__ import annotations

from dataclasses import dataclass, field

from marketplace.errors import Refused

# What a spreadsheet program takes for a formula when a cell starts with it.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")


class FileProblem(Refused):
    """The whole file can not be read as a report; the message says why in one sentence."""

    code = "import_file_refused"


class CellError(ValueError):
    """One cell does not hold what it should; the message is the reason shown beside the row."""


@dataclass(frozen=True, slots=True)
class RowProblem:
    """One quarantined row: its line in the file, the column by the file's name, the reason, what it held."""

    line: int
    column: str
    reason: str
    raw: dict[str, str] = field(default_factory=dict)


def neutralise(cell: str, *, limit: int = 200) -> str:
    """The cell as text that no spreadsheet program runs as a formula (OWASP: leading = + - @ TAB CR)."""
    text = cell[:limit].replace("\0", "")
    return f"'{text}" if cell.startswith(_FORMULA_STARTS) or text.startswith(_FORMULA_STARTS) else text
