"""`manage.py import_orders` and `make_orders_file`."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from marketplace.imports import running
from marketplace.models import ImportJob, Order, OrderLine, SalesChannel
from marketplace.tenancy import scope
from tests.cast import Shop
from tests.imports.conftest import as_report, line

pytestmark = [pytest.mark.django_db, pytest.mark.server]

# A real seller's file may lie beside the repository on a developer's machine; it is not part of the project.
REAL_FILES = [path / "data" / "amazon_in_sale_report.csv" for path in Path(__file__).resolve().parents]
REAL_FILES += [path / "shared" / "data" / "amazon_in_sale_report.csv" for path in Path(__file__).resolve().parents]


def run(*args: object) -> str:
    out = io.StringIO()
    call_command("import_orders", *map(str, args), stdout=out)
    return out.getvalue()


def run_for_acme(*args: object) -> str:
    return run("--seller", "acme", "--channel", "amazon.co.uk", *args)


def test_it_says_what_happened(acme: Shop, tmp_path: Path) -> None:
    file = tmp_path / "orders.txt"
    file.write_bytes(as_report([line(1), line(2), line(3, quantity="many")]))
    said = run_for_acme(file)
    assert "2 new, 0 unchanged, 0 are changed; 2 orders are new" in said
    assert "line 4, column quantity: “many” is no quantity." in said
    assert "0 new, 2 unchanged" in run_for_acme(file)


def test_a_dry_run_leaves_nothing(acme: Shop, tmp_path: Path) -> None:
    file = tmp_path / "orders.txt"
    file.write_bytes(as_report([line(1)]))
    assert "1 new" in run_for_acme(file, "--dry-run")
    with scope(acme.seller.pk):
        assert not ImportJob.objects.exists()
        assert not Order.objects.exclude(pk=acme.order.pk).exists()


def test_the_rows_that_were_not_imported_go_to_a_file_without_formulas(acme: Shop, tmp_path: Path) -> None:
    file, errors = tmp_path / "orders.txt", tmp_path / "errors.csv"
    file.write_bytes(as_report([line(1, quantity="=1+1")]))
    run_for_acme(file, "--errors", errors)
    with errors.open(newline="") as source:
        head, row = csv.reader(source)
    assert row[:3] == ["2", "quantity", "“=1+1” is no quantity."]
    assert dict(zip(head, row, strict=True))["quantity"] == "'=1+1"
    assert "ship-city" not in head


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"--seller": "nobody"}, "no seller 'nobody'"),
        ({"--channel": "ebay"}, "no sales channel “ebay”"),
        ({"--mapping": "mine"}, "No mapping is saved under “mine”"),
        ({"file": "missing.txt"}, "There is no file"),
    ],
)
def test_what_can_not_be_done_is_one_sentence(acme: Shop, tmp_path: Path, change: dict[str, str], words: str) -> None:
    file = tmp_path / "orders.txt"
    file.write_bytes(as_report([line(1)]))
    options = {"--seller": "acme", "--channel": "amazon.co.uk", "file": str(file)} | change
    target = options.pop("file")
    with pytest.raises(CommandError, match=words):
        run(target, *(part for pair in options.items() for part in pair))


def test_a_made_up_file_is_imported_whole(acme: Shop, tmp_path: Path) -> None:
    file = tmp_path / "orders.txt"
    call_command("make_orders_file", str(file), "--lines", "300", stdout=io.StringIO())
    assert "300 new, 0 unchanged" in run_for_acme(file)


def test_a_real_sellers_file_is_imported(acme: Shop, tmp_path: Path) -> None:
    file = next((path for path in REAL_FILES if path.is_file()), None)
    if file is None:
        pytest.skip("no real order file on this machine")
    with scope(acme.seller.pk):
        SalesChannel.objects.create(code="amazon.in", name="Amazon.in", currency="INR", zone="Asia/Kolkata")
    said = run("--seller", "acme", "--channel", "amazon.in", file)
    assert "5,717 new, 0 unchanged" in said
    assert "16 rows not imported" in said
    with scope(acme.seller.pk):
        lines = OrderLine.objects.filter(order__currency="INR")
        assert lines.filter(status="Returned").count() == 105
        assert lines.filter(status="Lost").count() == 2
        assert lines.filter(status="Cancelled").count() == 814
    assert "0 new, 5,717 unchanged" in run("--seller", "acme", "--channel", "amazon.in", file)
    assert running.due_jobs() == []
