"""The files of the repository, as git knows them."""

from __future__ import annotations

import ast
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("marketplace", "refunds", "messaging", "returns", "agreements", "claims", "support")
NOT_OURS = {"static", "node_modules", "build", "var"}


@cache
def tracked() -> tuple[Path, ...]:
    """Every tracked file, relative to the root; without git, every file that is not ignored by name."""
    if shutil.which("git") and (ROOT / ".git").exists():
        command = ["git", "-C", str(ROOT), "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
        listing = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        paths = [Path(name) for name in listing.split("\0") if name]
        return tuple(path for path in paths if (ROOT / path).is_file())
    ignored = {".venv", "var", "build", "node_modules", "__pycache__"}
    return tuple(
        path.relative_to(ROOT)
        for path in ROOT.rglob("*")
        if path.is_file() and not ignored & set(path.relative_to(ROOT).parts)
    )


def text_of(path: Path) -> str:
    """The content of a text file; an empty string for a picture or a font."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def python_files(*, with_tests: bool = False) -> Iterator[Path]:
    """Our own modules, without migrations."""
    for path in tracked():
        if path.suffix != ".py" or "migrations" in path.parts or NOT_OURS & set(path.parts):
            continue
        if with_tests or path.parts[0] != "tests":
            yield path


def tree(path: Path) -> ast.Module:
    return ast.parse(text_of(path), filename=str(path))
