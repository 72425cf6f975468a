"""Where does an uploaded file lie until its import is through, and when is it gone?

It holds addresses that we do not keep, so it is deleted as soon as nobody needs it any more.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from marketplace.imports.problems import FileProblem


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file as it came: where, its fingerprint, its size, its number of lines."""

    path: Path
    sha256: str
    size: int
    lines: int


def store(chunks: Iterable[bytes], *, seller_id: int, public_id: str) -> StoredFile:
    """Write the chunks to a file of this seller, readable by us alone; too large a file is refused."""
    folder = _folder(seller_id, public_id)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / "file"
    digest, size, lines = hashlib.sha256(), 0, 0
    try:
        with path.open("wb") as target:
            for chunk in chunks:
                size += len(chunk)
                _refuse_beyond_limit(size)
                digest.update(chunk)
                lines += chunk.count(b"\n")
                target.write(chunk)
    except BaseException:
        remove(seller_id=seller_id, public_id=public_id)
        raise
    return StoredFile(path, digest.hexdigest(), size, lines)


def read_in_chunks(path: Path) -> Iterable[bytes]:
    with path.open("rb") as source:
        while chunk := source.read(1 << 20):
            yield chunk


def stored_path(*, seller_id: int, public_id: str) -> Path:
    """Where the file lies; a file that is gone is refused in words."""
    path = _folder(seller_id, public_id) / "file"
    if not path.is_file():
        raise FileProblem(_("The uploaded file is not kept any more. Upload it again."))
    return path


def remove(*, seller_id: int, public_id: str) -> None:
    shutil.rmtree(_folder(seller_id, public_id), ignore_errors=True)


def _refuse_beyond_limit(size: int) -> None:
    if size > settings.IMPORT_MAX_BYTES:
        raise FileProblem(
            _("The file has more than %(limit)s MB. Split it by date and import the parts.")
            % {"limit": settings.IMPORT_MAX_BYTES // 1_048_576}
        )


def _folder(seller_id: int, public_id: str) -> Path:
    return Path(settings.VAR_DIR) / "imports" / str(int(seller_id)) / public_id
