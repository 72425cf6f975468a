"""The pages of imports: upload, columns, preview, progress, result, undo."""

from __future__ import annotations

import csv
import io
import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http.response import HttpResponseBase
from django.test import Client

from marketplace.actors import MemberRole
from marketplace.imports import services
from marketplace.models import ImportJob, ImportMapping
from marketplace.models.imports import ImportStatus
from marketplace.tenancy import scope
from tests.cast import Shop
from tests.imports.conftest import Desk, as_report, line

pytestmark = [pytest.mark.django_db, pytest.mark.server]

OWN_FILE = b"Order No;Date;SKU;Qty;Price;Status\n7;13/11/2026;MUG;2;1.234,50;Versendet\n"


def client_of(shop: Shop, role: MemberRole = MemberRole.OWNER) -> Client:
    client = Client()
    client.force_login(shop.people[role].user)
    return client


@pytest.fixture
def visitor(acme: Shop) -> Client:
    return client_of(acme)


def nonce() -> str:
    return str(uuid.uuid4())


def text_of(response: HttpResponseBase) -> str:
    assert hasattr(response, "content")
    return str(response.content.decode())


def upload(visitor: Client, content: bytes, **more: Any) -> Any:
    file = SimpleUploadedFile("orders.txt", content)
    return visitor.post("/imports/new/", {"file": file, "channel": "amazon.co.uk", "form_nonce": nonce(), **more})


def post(visitor: Client, path: str, **data: Any) -> Any:
    return visitor.post(path, {"form_nonce": nonce(), **data})


@pytest.fixture
def last(acme: Shop) -> Any:
    def find() -> ImportJob:
        with scope(acme.seller.pk):
            job: ImportJob = ImportJob.objects.latest("pk")
        return job

    return find


def test_a_report_goes_from_upload_to_undo(visitor: Client, desk: Desk, last: Any) -> None:
    assert "No file was imported yet" in text_of(visitor.get("/imports/"))
    assert visitor.get("/imports/new/").status_code == 200

    lines = [line(1), line(2), line(3, quantity="=1+1")]
    answer = upload(visitor, as_report(lines))
    job = last()
    base = f"/imports/{job.public_id}/"
    assert answer.url == base + "columns/"
    shown = text_of(visitor.get(answer.url))
    assert "amazon-order-id" in shown
    assert "LEEDS-CITY" not in shown
    assert "LS1 4DY" not in shown

    answer = post(visitor, base + "columns/", decimal_mark=".", date_order="")
    assert answer.url == base
    shown = text_of(visitor.get(base))
    assert "Rows checked" in shown
    assert 'http-equiv="refresh"' in shown

    desk.work(last())
    shown = text_of(visitor.get(base))
    assert "Import 2 new lines" in shown
    assert "“=1+1” is no quantity." in shown
    assert visitor.get(base, headers={"HX-Request": "true"})["HX-Refresh"] == "true"

    assert post(visitor, base + "run/").url == base
    desk.work(last())
    assert "Done, some rows left out" in text_of(visitor.get(base))
    rows: Any = visitor.get(base + "errors.csv")
    table = list(csv.DictReader(io.StringIO(b"".join(rows.streaming_content).decode("utf-8-sig"))))
    assert [(row["Line"], row["quantity"]) for row in table] == [("4", "'=1+1")]
    assert "ship-postal-code" not in table[0]

    assert "2 orders and 2 lines" in text_of(visitor.get(base + "undo/"))
    assert post(visitor, base + "undo/").url == base
    assert last().status == ImportStatus.UNDONE
    assert desk.counts() == (0, 0)
    assert "orders.txt" in text_of(visitor.get("/imports/"))


def test_an_own_file_is_mapped_and_the_mapping_saved(visitor: Client, desk: Desk, last: Any) -> None:
    answer = upload(visitor, OWN_FILE)
    form = visitor.get(answer.url).context["form"]
    assert "“Versendet” means" in text_of(visitor.get(answer.url))
    data = {name: form.get_initial_for_field(field, name) or "" for name, field in form.fields.items()}
    data = {name: value for name, value in data.items() if value is not False} | {"is_tax_included": "on"}

    looked = post(visitor, answer.url, **data, step="look")
    assert looked.status_code == 200
    assert "1.234,50" in text_of(looked)

    without = post(visitor, answer.url, **(data | {"column_sku": ""}))
    assert without.status_code == 422
    assert "Choose the column for: SKU." in text_of(without)
    twice = post(visitor, answer.url, **(data | {"column_title": "SKU"}))
    assert "One column can stand for one thing only: SKU." in text_of(twice)

    done = post(visitor, answer.url, **(data | {"word_0": "Shipped", "save_as": "Shop export"}))
    assert done.status_code == 302
    job = desk.work(last())
    assert (job.status, job.preview["lines_new"], job.preview["rows_refused"]) == (ImportStatus.CHECKED, 1, 0)
    with scope(job.seller_id):
        saved = ImportMapping.objects.get(name="Shop export")
    assert "Shop export" in text_of(visitor.get("/imports/"))
    assert "Shop export" in text_of(visitor.get(upload(visitor, OWN_FILE).url))
    post(visitor, f"/imports/mappings/{saved.pk}/delete/")
    assert "Shop export" not in text_of(visitor.get("/imports/"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Order file"),
        (b"PK\x03\x04", "an Excel or zip file"),
        (as_report([line()], ["amazon-order-id", "purchase-date", "order-status"]), "columns are missing: sku"),
    ],
)
def test_a_file_that_is_no_report_comes_back_with_the_reason(visitor: Client, content: bytes, words: str) -> None:
    answer = upload(visitor, content)
    assert answer.status_code == 422
    assert words in text_of(answer)


def test_a_double_press_uploads_and_imports_once(visitor: Client, desk: Desk, last: Any) -> None:
    number = nonce()
    first = upload(visitor, as_report([line()]), form_nonce=number)
    second = upload(visitor, as_report([line()]), form_nonce=number)
    assert first.url == second.url
    path = f"/imports/{last().public_id}/run/"
    number = nonce()
    assert visitor.post(path, {"form_nonce": number}).status_code == 302
    assert visitor.post(path, {"form_nonce": number}).status_code == 302
    assert desk.work(last()).lines_new == 1
    assert post(visitor, path).status_code == 409


def test_an_undo_that_is_not_possible_says_why(visitor: Client, desk: Desk) -> None:
    first = desk.take_in(line(1))
    desk.take_in(line(1, item_price="20.00"))
    shown = text_of(visitor.get(f"/imports/{first.public_id}/undo/"))
    assert "a later import changed 1 order" in shown
    assert "Undo the import" not in shown
    assert post(visitor, f"/imports/{first.public_id}/undo/").status_code == 422


def test_a_file_can_be_discarded(visitor: Client, desk: Desk) -> None:
    job = desk.start(line())
    assert "Discard the file" in text_of(visitor.get(f"/imports/{job.public_id}/discard/"))
    assert post(visitor, f"/imports/{job.public_id}/discard/").url == "/imports/"
    assert visitor.get(f"/imports/{job.public_id}/").status_code == 404


def test_an_import_that_stopped_can_go_on(visitor: Client, desk: Desk) -> None:
    job = desk.start(line())
    with scope(job.seller_id):
        ImportJob.objects.filter(pk=job.pk).update(status=ImportStatus.FAILED, problem="It stopped.")
    assert "Go on after row 0" in text_of(visitor.get(f"/imports/{job.public_id}/"))
    assert post(visitor, f"/imports/{job.public_id}/run/").status_code == 302
    assert desk.work(job).status == ImportStatus.DONE


def test_who_may_only_read_sees_and_may_not_act(acme: Shop, desk: Desk) -> None:
    job = desk.take_in(line(1), line(2, quantity="many"))
    mate = client_of(acme, MemberRole.READONLY)
    assert mate.get("/imports/").status_code == 200
    shown = text_of(mate.get(f"/imports/{job.public_id}/"))
    assert "Undo the import" not in shown
    for path in ("new/", f"{job.public_id}/columns/", f"{job.public_id}/undo/", f"{job.public_id}/discard/"):
        assert mate.get(f"/imports/{path}").status_code == 403
    assert post(mate, f"/imports/{job.public_id}/undo/").status_code == 403


def test_another_seller_finds_nothing(desk: Desk, globex: Shop) -> None:
    job = desk.take_in(line(1))
    waiting = desk.start(line(2))
    stranger = client_of(globex)
    assert "orders.txt" not in text_of(stranger.get("/imports/"))
    for path in ("", "errors.csv", "undo/", "columns/", "discard/"):
        assert stranger.get(f"/imports/{job.public_id}/{path}").status_code == 404
    for path in ("run/", "undo/", "discard/", "columns/"):
        assert post(stranger, f"/imports/{waiting.public_id}/{path}").status_code == 404
    with scope(job.seller_id):
        assert services.find_import(waiting.public_id).status == ImportStatus.UPLOADED
