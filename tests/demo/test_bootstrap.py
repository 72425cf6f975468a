"""What manage.py says before anything is installed: one line, never a traceback."""

from __future__ import annotations

import ast
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from marketplace.demo.layout import ROOT


@pytest.fixture(scope="module")
def bootstrap() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "marketplace" / "bootstrap.py"))


def test_manage_py_parses_on_an_old_python() -> None:
    ast.parse((ROOT / "manage.py").read_text(), feature_version=(3, 4))


def test_an_old_python_is_told_so() -> None:
    pretend = "import runpy, sys; sys.version_info = (3, 9, 2); runpy.run_path('manage.py', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", pretend], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr == "Redress needs Python 3.11 or newer; this is 3.9. Try: python3.11 manage.py\n"


def test_a_missing_venv_module_is_told_with_its_package(tmp_path: Path) -> None:
    done = _on_a_bare_machine(tmp_path, "import sys; sys.modules['ensurepip'] = None")

    assert done.returncode == 1
    assert done.stderr.endswith("-venv\n")
    assert done.stderr.startswith("Python's venv module is missing. On Debian: sudo apt install python3.")


def test_a_directory_that_is_not_ours_is_told(tmp_path: Path) -> None:
    (tmp_path / ".venv").write_text("a file in the way")
    done = _on_a_bare_machine(tmp_path)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "could not be made" in done.stderr


def _on_a_bare_machine(home: Path, first: str = "pass") -> subprocess.CompletedProcess[str]:
    """manage.py demo in a copy that has no .venv, run by a Python outside any environment."""
    (home / "marketplace").mkdir()
    (home / "requirements").mkdir()
    for name in ("manage.py", "marketplace/bootstrap.py", "requirements/runtime.txt", "requirements/dev.txt"):
        (home / name).write_bytes((ROOT / name).read_bytes())
    script = f"{first}\nimport runpy, sys\nsys.argv = ['manage.py', 'demo']\n"
    script += f"sys.path.insert(0, {str(home)!r})\nrunpy.run_path('manage.py', run_name='__main__')"
    python = getattr(sys, "_base_executable", sys.executable)
    return subprocess.run([python, "-c", script], cwd=home, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("Collecting x\nERROR: Could not install: [Errno 28] No space left on device\n", "the disk is full"),
        (
            "a\nERROR: No matching distribution found for django==9\n\n",
            "ERROR: No matching distribution found for django==9",
        ),
        ("", "no message"),
    ],
)
def test_an_installer_is_quoted_with_the_line_that_matters(bootstrap: dict[str, Any], output: str, said: str) -> None:
    assert bootstrap["reason"](output) == said
