"""Bytes of a report become records with a line number, within limits."""

from __future__ import annotations

import csv
import io
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketplace.imports.problems import FileProblem, RowProblem
from marketplace.imports.reading import Limits, Record, Report

WANTED = {"number": "order", "sku": "sku", "title": "title"}
HEADER = "order,sku,title,ship-city\n"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "report"


def rows_of(path: Path, content: bytes | str, limits: Limits | None = None) -> list[Record | RowProblem]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(Report(path, limits=limits).rows(WANTED))


def titles(rows: list[Record | RowProblem]) -> list[str]:
    return [row.cells["title"] for row in rows if isinstance(row, Record)]


def test_cells_come_by_header_name_trimmed_with_their_line(target: Path) -> None:
    rows = rows_of(target, " SKU ,extra,TITLE,Order\nA1 ,x, Kettle,203-1\n\nB2,y,Lamp,203-2\n")
    assert rows == [
        Record(2, {"number": "203-1", "sku": "A1", "title": "Kettle"}),
        Record(4, {"number": "203-2", "sku": "B2", "title": "Lamp"}),
    ]


def test_columns_that_nobody_asked_for_never_leave_the_reader(target: Path) -> None:
    rows = rows_of(target, HEADER + "203-1,A1,Kettle,LEEDS\n")
    assert "LEEDS" not in repr(rows)


@pytest.mark.parametrize("delimiter", ["\t", ",", ";", "|"])
def test_the_delimiter_is_the_one_that_splits_the_header(target: Path, delimiter: str) -> None:
    rows = rows_of(target, (HEADER + "203-1,A1,Kettle,LEEDS\n").replace(",", delimiter))
    assert titles(rows) == ["Kettle"]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_any_line_ending_will_do(target: Path, newline: str) -> None:
    rows = rows_of(target, (HEADER + "203-1,A1,Kettle,LEEDS\n203-2,B2,Lamp,\n").replace("\n", newline))
    assert [row.line for row in rows] == [2, 3]


@pytest.mark.parametrize(
    ("encoding", "title"),
    [
        ("utf-8", "Müller’s Kännchen"),
        ("utf-8-sig", "Müller’s Kännchen"),
        ("utf-16", "Müller’s Kännchen"),
        ("cp1252", "Müller’s Kännchen, 5 €"),
        ("cp1252", "Café crème"),
        ("cp932", "電気ケトル ステンレス 1.7リットル"),
    ],
)
def test_the_encoding_is_found(target: Path, encoding: str, title: str) -> None:
    rows = rows_of(target, f"order\tsku\ttitle\n203-1\tA1\t{title}\n".encode(encoding))
    assert titles(rows) == [title]


def test_an_inch_mark_in_a_tab_separated_file_is_no_quote(target: Path) -> None:
    rows = rows_of(target, 'order\tsku\ttitle\n1\tA\t24" TV\n2\tB\t"Best" pan\n3\tC\t"a ""b"" c"\n')
    assert titles(rows) == ['24" TV', '"Best" pan', 'a "b" c']


def test_a_quoted_cell_may_hold_line_breaks(target: Path) -> None:
    rows = rows_of(target, HEADER + '1,A,"two\nlines",\n2,B,one,\n')
    assert [(row.line, row.cells["title"]) for row in rows if isinstance(row, Record)] == [
        (2, "two\nlines"),
        (4, "one"),
    ]


@pytest.mark.parametrize("tail", ["", "x,y,z,\n" * 100])
def test_a_quote_that_never_ends_costs_its_own_row_only(target: Path, tail: str) -> None:
    rows = rows_of(target, HEADER + '1,A,fine,\n2,B,"never ends,\n3,C,kept,\n' + tail)
    assert [(row.line, type(row)) for row in rows[:3]] == [(2, Record), (3, RowProblem), (4, Record)]
    assert isinstance(rows[1], RowProblem)
    assert "never ends" in rows[1].reason


def test_short_and_long_rows_are_problems_with_a_reason(target: Path) -> None:
    rows = rows_of(target, HEADER + "1,A\n2,B,t,x,surplus\n3,C,t,x,,\n")
    assert [(row.line, type(row)) for row in rows] == [(2, RowProblem), (3, RowProblem), (4, Record)]
    assert isinstance(rows[0], RowProblem)
    assert isinstance(rows[1], RowProblem)
    assert rows[0].reason == "The row stops after 2 cells; “title” would be cell 3."
    assert rows[1].reason == "The row has 5 cells, the header has 4."


def test_missing_and_doubled_columns_are_refused_by_name(target: Path) -> None:
    with pytest.raises(FileProblem, match="“title”"):
        rows_of(target, "order,sku\n1,A\n")
    with pytest.raises(FileProblem, match="“sku” is there twice"):
        rows_of(target, "order,sku,title,SKU\n1,A,t,B\n")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n\n  \n", "empty"),
        (b"order,sku,title\n1,A\0,t\n", "Line 2 holds a NUL byte"),
        (b"order\0", "NUL byte"),
        (b"PK\x03\x04rest", "Excel or zip file"),
        (b"%PDF-1.7", "PDF"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"only one column\n1\n", "one column only"),
        (b"order,sku,title\n1,A,\x81\x8d\n", "Line 2 is in no known encoding"),
        ("order,sku,title\n1,ü,Mü".encode()[:-1], "cut off"),
        (b'"order,sku,title\n1,A,t\n', "no header"),
        (b"order,sku,title\n" + b"x" * 500_000, "longer than 400,000"),
    ],
)
def test_what_is_no_report_is_refused_in_one_sentence(target: Path, content: bytes, words: str) -> None:
    with pytest.raises(FileProblem, match=words):
        rows_of(target, content)


def test_a_wrong_choice_of_encoding_is_named(target: Path) -> None:
    target.write_bytes("order,sku,title\n1,A,Müller\n".encode("cp1252"))
    with pytest.raises(FileProblem, match="not in the chosen encoding"):
        list(Report(target, encoding="utf-8-sig").rows(WANTED))


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(bytes=10), "MB"),
        (Limits(rows=2), "more than 2 rows"),
        (Limits(columns=3), "at most 3"),
    ],
)
def test_limits_are_kept(target: Path, limits: Limits, words: str) -> None:
    with pytest.raises(FileProblem, match=words):
        rows_of(target, HEADER + "1,A,t,\n" * 3, limits=limits)


def test_a_huge_cell_costs_its_row_only(target: Path) -> None:
    rows = rows_of(target, HEADER + "1,A," + "x" * 40_000 + ",\n2,B,t,\n")
    assert [type(row) for row in rows] == [RowProblem, Record]


def test_memory_stays_flat(target: Path) -> None:
    with target.open("w") as stream:
        stream.write(HEADER)
        stream.writelines(f"{number},SKU-{number},{'title ' * 10},LEEDS\n" for number in range(60_000))
    tracemalloc.start()
    try:
        assert sum(1 for _row in Report(target).rows(WANTED)) == 60_000
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


CELLS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\x85\ufeff"), max_size=20
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(table=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=8), delimiter=st.sampled_from(",;"))
def test_what_a_csv_writer_writes_is_read_back(target: Path, table: list[tuple[str, str, str]], delimiter: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(["order", "sku", "title"])
    writer.writerows(table)
    rows = rows_of(target, text.getvalue().encode("utf-8-sig"))
    kept = [[cell.strip() for cell in cells] for cells in table]
    assert [list(row.cells.values()) for row in rows if isinstance(row, Record)] == [c for c in kept if any(c)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(content=st.binary(max_size=400) | st.text('ab",\t\n\r;=\0é', max_size=200).map(str.encode))
def test_any_bytes_end_in_rows_or_in_a_sentence(target: Path, content: bytes) -> None:
    with suppress(FileProblem):
        rows = rows_of(target, b"order,sku,title\n" + content)
        assert [row.line for row in rows] == sorted({row.line for row in rows})
