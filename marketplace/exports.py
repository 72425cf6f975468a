"""Rows as a CSV file: streamed in chunks by key, each in a scope of its own, no cell runs as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.http import StreamingHttpResponse
from django.utils import timezone, translation

from marketplace.imports.problems import neutralise
from marketplace.tenancy import scope

Row = Sequence[Any]
# The rows after this cursor, and the cursor of the next chunk; None where there is none.
ReadChunk = Callable[[Any], tuple[list[Row], Any]]
CHUNK = 500
LONGEST_CELL = 32_000


def csv_response(name: str, header: Row, read: ReadChunk, *, seller_id: int) -> StreamingHttpResponse:
    """`read(None)` gives the first chunk. Texts are neutralised; figures stay figures."""
    language, zone = translation.get_language() or "en", timezone.get_current_timezone()

    def lines() -> Iterator[str]:
        yield "\ufeff" + _line([str(cell) for cell in header])  # the mark by which Excel knows UTF-8
        cursor: Any = None
        while True:
            with scope(seller_id), translation.override(language), timezone.override(zone):
                rows, cursor = read(cursor)
            yield "".join(_line(row) for row in rows)
            if cursor is None:
                return

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _line(cells: Row) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(
        [neutralise(cell, limit=LONGEST_CELL) if isinstance(cell, str) else cell for cell in cells]
    )
    return written.getvalue()
