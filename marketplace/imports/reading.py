"""How do the bytes of a report become records with a line number, in flat memory and within limits?"""

from __future__ import annotations

import csv
import io
import itertools
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from django.utils.translation import gettext as _

from marketplace.imports.decoding import detect_encoding, nul_sentence
from marketplace.imports.problems import FileProblem, RowProblem

FieldName = TypeVar("FieldName", bound=str)
_DELIMITERS = "\t,;|"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one file may hold (rulings 31); a file beyond is refused with the figure."""

    bytes: int = 200 * 1024 * 1024
    rows: int = 250_000
    columns: int = 200
    cell_chars: int = 32_768
    line_chars: int = 400_000
    record_lines: int = 50


@dataclass(frozen=True, slots=True)
class Record:
    """The wanted cells of one row, trimmed, by our field name; `line` is where it starts (header = 1)."""

    line: int
    cells: dict[str, str]


def fold(name: str) -> str:
    """A column name as it is compared: trimmed, one space between words, without regard to case."""
    return " ".join(name.replace("\ufeff", "").split()).casefold()


class Report:
    """One report file on disk: its encoding, delimiter and header, and its rows as often as asked for.

    Only cells of wanted columns are handed out, so personal columns end here.
    """

    def __init__(self, path: Path, *, limits: Limits | None = None, encoding: str = "") -> None:
        self.path = path
        self.limits = limits or Limits()
        size = path.stat().st_size
        if size > self.limits.bytes:
            raise FileProblem(
                _("The file has %(size)s MB; at most %(limit)s MB can be imported at once. Split it by date.")
                % {"size": size // 1048576, "limit": self.limits.bytes // 1048576}
            )
        self.encoding = encoding or detect_encoding(path)
        with self._lines() as lines:
            self.header_line, first = _first_filled_line(lines)
        self.delimiter = sniff_delimiter(first)
        self.headers = self._read_headers()
        self._index = {fold(name): at for at, name in reversed(list(enumerate(self.headers))) if fold(name)}

    def has(self, column: str) -> bool:
        return fold(column) in self._index

    def rows(self, wanted: Mapping[FieldName, str]) -> Iterator[Record | RowProblem]:
        """Every filled row as a Record of `wanted` (our field -> column name); a row that can not be read
        as a RowProblem. Raises FileProblem for a missing or doubled column and beyond a limit."""
        places = self._places(wanted)
        furthest = max(at for _field, at in places)
        count = 0
        for line, cells in self._records():
            if line <= self.header_line or not (cells is None or any(map(str.strip, cells))):
                continue
            count += 1
            if count > self.limits.rows:
                raise FileProblem(
                    _("The file has more than %(limit)s rows. Split it by date and import the parts.")
                    % {"limit": f"{self.limits.rows:,}"}
                )
            if cells is None:
                yield RowProblem(line, "", _("A quoted cell starts in this row and never ends."))
            elif problem := self._shape_problem(line, cells, furthest):
                yield problem
            else:
                yield Record(line, {name: cells[at].strip() for name, at in places})

    def sample(self, wanted: Mapping[FieldName, str], count: int) -> list[dict[str, str]]:
        """What can be read of the first `count` rows."""
        first = itertools.islice(self.rows(wanted), count) if wanted else ()
        return [record.cells for record in first if isinstance(record, Record)]

    def _places(self, wanted: Mapping[FieldName, str]) -> list[tuple[str, int]]:
        missing = [column for column in wanted.values() if not self.has(column)]
        if missing:
            raise FileProblem(
                _("The file has no column “%(columns)s”.") % {"columns": _("” and no column “").join(missing)},
                code="import_column_missing",
                columns=missing,
            )
        folded = [fold(name) for name in self.headers]
        for column in wanted.values():
            if folded.count(fold(column)) > 1:
                raise FileProblem(
                    _("The column “%(column)s” is there twice; rename or remove one.") % {"column": column},
                    code="import_column_doubled",
                )
        return [(name, self._index[fold(column)]) for name, column in wanted.items()]

    def _shape_problem(self, line: int, cells: list[str], furthest: int) -> RowProblem | None:
        if len(cells) <= furthest:
            reason = _("The row stops after %(count)s cells; “%(column)s” would be cell %(place)s.")
            column = self.headers[furthest]
            return RowProblem(line, column, reason % {"count": len(cells), "column": column, "place": furthest + 1})
        if len(cells) > len(self.headers) and any(map(str.strip, cells[len(self.headers) :])):
            reason = _("The row has %(count)s cells, the header has %(expected)s.")
            return RowProblem(line, "", reason % {"count": len(cells), "expected": len(self.headers)})
        longest = max(range(len(cells)), key=lambda at: len(cells[at]))
        if len(cells[longest]) > self.limits.cell_chars:
            reason = _("A cell has %(count)s characters; at most %(limit)s are read.")
            numbers = {"count": len(cells[longest]), "limit": self.limits.cell_chars}
            column = self.headers[longest] if longest < len(self.headers) else ""
            return RowProblem(line, column, reason % numbers)
        return None

    def _read_headers(self) -> list[str]:
        for line, cells in self._records():
            if line == self.header_line and cells:
                headers = [cell.replace("\ufeff", "") for cell in cells]
                break
        else:
            raise FileProblem(_("The first line is no header: a quoted cell that starts there never ends."))
        if len(headers) > self.limits.columns:
            raise FileProblem(
                _("The file has %(count)s columns; at most %(limit)s are read.")
                % {"count": len(headers), "limit": self.limits.columns}
            )
        if len(headers) < 2:
            raise FileProblem(_("The first line names one column only; tabs or commas should stand between several."))
        return headers

    def _lines(self) -> io.TextIOWrapper:
        return self.path.open("r", encoding=self.encoding, newline=None)

    def _records(self) -> Iterator[tuple[int, list[str] | None]]:
        """(line, cells) of every record; None where a quoted cell never ends, which costs this row and not
        the file: reading goes on at the next line."""
        with self._lines() as stream:
            source = _Lines(stream, self.limits)
            reader = self._reader(source)
            while source.begin_record():
                try:
                    cells = next(reader)
                except (_RunawayError, csv.Error):
                    cells = None
                if cells is None or source.is_cut_off:
                    source.give_back_all_but_first()
                    reader = self._reader(source)
                    yield source.first_line, None
                else:
                    yield source.first_line, [_unquote(cell) for cell in cells] if self._is_plain else cells

    @property
    def _is_plain(self) -> bool:
        return self.delimiter == "\t"  # Amazon's tab-separated files do not quote: 24" stays 24"

    def _reader(self, source: _Lines) -> Iterator[list[str]]:
        if self._is_plain:
            return csv.reader(source, delimiter=self.delimiter, quoting=csv.QUOTE_NONE)
        return csv.reader(source, delimiter=self.delimiter)


class _RunawayError(Exception):
    """A record takes more lines than any real one: a quote was opened and never closed."""


class _Lines:
    """Numbered lines for csv.reader, which can be given back when a record runs away."""

    def __init__(self, stream: io.TextIOWrapper, limits: Limits) -> None:
        self._stream, self._limits = stream, limits
        self._returned: deque[str] = deque()
        self._pulled: list[str] = []
        self._next_line = 1
        self.first_line = 1
        self.is_cut_off = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self._pulled) >= self._limits.record_lines:
            raise _RunawayError
        line = self._returned.popleft() if self._returned else self._read()
        if not line:
            self.is_cut_off = bool(self._pulled)
            raise StopIteration
        self._pulled.append(line)
        self._next_line += 1
        return line

    def begin_record(self) -> bool:
        """Is there another line? The record that follows starts at `first_line`."""
        self._pulled.clear()
        self.is_cut_off = False
        self.first_line = self._next_line
        if not self._returned and (line := self._read()):
            self._returned.append(line)
        return bool(self._returned)

    def give_back_all_but_first(self) -> None:
        """The lines after the first of this record are read again as records of their own."""
        rest = self._pulled[1:]
        self._returned.extendleft(reversed(rest))
        self._next_line -= len(rest)

    def _read(self) -> str:
        try:
            line = self._stream.readline(self._limits.line_chars + 1)
        except UnicodeError as error:
            raise FileProblem(
                _("The text around line %(line)s is not in the chosen encoding.") % {"line": self._next_line}
            ) from error
        if len(line) > self._limits.line_chars:
            raise FileProblem(
                _("Line %(line)s is longer than %(limit)s characters; this is no report with rows.")
                % {"line": self._next_line, "limit": f"{self._limits.line_chars:,}"}
            )
        if "\0" in line:
            raise FileProblem(nul_sentence(self._next_line))
        return line


def _first_filled_line(stream: io.TextIOWrapper) -> tuple[int, str]:
    lines = _Lines(stream, Limits(record_lines=1_000_000_000))
    for number, line in enumerate(lines, start=1):
        if line.strip("\ufeff \t\r\n,;"):
            return number, line
        if number >= 1000:
            break
    raise FileProblem(_("The file is empty: it has no line that names the columns."))


def sniff_delimiter(header: str) -> str:
    """Tab, comma, semicolon or bar: whichever splits the header into most columns."""
    is_closed = header.count('"') % 2 == 0
    outside = "".join(header.split('"')[::2]) if is_closed else header
    return max(_DELIMITERS, key=outside.count)


def _unquote(cell: str) -> str:
    if len(cell) >= 2 and cell[0] == cell[-1] == '"':
        return cell[1:-1].replace('""', '"')
    return cell
