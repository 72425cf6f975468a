"""The diagrams in README.md are those of the code."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from marketplace.fsm import MACHINES
from marketplace.management.commands.fsm_docs import BLOCK, with_diagrams


def test_the_machines_in_the_readme_are_those_of_the_code() -> None:
    text = (Path(settings.BASE_DIR) / "README.md").read_text()
    assert {match["name"] for match in BLOCK.finditer(text)} == set(MACHINES)
    assert with_diagrams(text) == text, "Run: python3 manage.py fsm_docs"
