"""In which encoding was a report written, and is it text at all?"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.imports.problems import FileProblem

_CHUNK = 1 << 20
_BINARY_STARTS = {
    b"PK\x03\x04": gettext_lazy("an Excel or zip file"),
    b"\xd0\xcf\x11\xe0": gettext_lazy("an old Excel file"),
    b"%PDF": gettext_lazy("a PDF file"),
    b"\x1f\x8b": gettext_lazy("a gzip file"),
}
# What a person may choose where the guess is wrong.
ENCODINGS = ("utf-8-sig", "utf-16", "cp1252", "cp932")


def detect_encoding(path: Path) -> str:
    """UTF-8 (with or without a mark), UTF-16 with a mark, else Shift-JIS or Windows-1252 by what fits."""
    with path.open("rb") as stream:
        start = stream.read(4)
    for magic, what in _BINARY_STARTS.items():
        if start.startswith(magic):
            raise FileProblem(
                _("This is %(what)s, not a text report. Save it as CSV or tab-separated text.") % {"what": what}
            )
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if _decodes_as_utf8(path):
        return "utf-8-sig"
    return "cp932" if _reads_as_japanese(path) else _windows_1252(path)


def _decodes_as_utf8(path: Path) -> bool:
    """Raises FileProblem for NUL bytes and for a file cut off inside a character."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines, has_letters_beyond_ascii = 1, False
    for chunk in _chunks(path):
        if b"\0" in chunk:
            raise FileProblem(nul_sentence(lines + chunk[: chunk.index(b"\0")].count(b"\n")))
        lines += chunk.count(b"\n")
        try:
            has_letters_beyond_ascii |= not decoder.decode(chunk).isascii()
        except UnicodeDecodeError:
            return False
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        if has_letters_beyond_ascii:
            raise FileProblem(
                _("The file stops in the middle of a letter: it was cut off. Download it again.")
            ) from None
        return False
    return True


def _reads_as_japanese(path: Path) -> bool:
    """Windows-1252 text often decodes as Shift-JIS by accident, but then hardly ever into full-width kana."""
    decoder = codecs.getincrementaldecoder("cp932")()
    kana = beyond_ascii = 0
    for chunk in _chunks(path):
        try:
            text = decoder.decode(chunk)
        except UnicodeDecodeError:
            return False
        if not text.isascii():
            beyond_ascii += sum(not letter.isascii() for letter in text)
            kana += sum("\u3040" <= letter <= "\u30ff" for letter in text)
    return beyond_ascii > 0 and kana * 10 >= beyond_ascii


def _windows_1252(path: Path) -> str:
    lines = 1
    for chunk in _chunks(path):
        try:
            chunk.decode("cp1252")
        except UnicodeDecodeError as error:
            line = lines + chunk[: error.start].count(b"\n")
            raise FileProblem(
                _("Line %(line)s is in no known encoding: not UTF-8, Shift-JIS or Windows-1252.") % {"line": line}
            ) from None
        lines += chunk.count(b"\n")
    return "cp1252"


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def nul_sentence(line: int) -> str:
    return _("Line %(line)s holds a NUL byte, so this is no text file. Save it as CSV (UTF-8).") % {"line": line}
