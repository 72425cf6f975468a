"""The migrations say what the models say, and a database that has them all knows it."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command


@pytest.mark.server
@pytest.mark.django_db
def test_no_model_has_changed_without_a_migration() -> None:
    out = StringIO()
    try:
        call_command("makemigrations", "--check", "--dry-run", stdout=out, stderr=out)
    except SystemExit:
        pytest.fail(f"a migration is missing:\n{out.getvalue()}")


@pytest.mark.server
@pytest.mark.django_db
def test_the_template_has_every_migration() -> None:
    call_command("migrate", "--check", "--skip-checks", verbosity=0)
