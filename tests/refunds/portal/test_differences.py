"""Where the books differ: shown until a person says what it was."""

from __future__ import annotations

import pytest

from marketplace.tenancy import scope
from refunds import services
from refunds.models import Discrepancy
from tests.cast import Shop
from tests.visitor import Visitor, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def difference(acme: Shop) -> Discrepancy:
    """The provider has paid 12.00 that nobody asked for here."""
    with scope(acme.seller.pk):
        services.record_external_refund(
            acme.order.public_id, provider_refund_id="re_strange", amount_minor=1200, currency="GBP"
        )
        found: Discrepancy = Discrepancy.objects.get()
        return found


def test_the_list_of_refunds_points_to_it(anna: Visitor, difference: Discrepancy) -> None:
    assert "differ in 1 place." in text_of(anna.get("/refunds/"))
    page = text_of(anna.get("/refunds/differences/"))
    assert "Refunded at the provider, not asked for here" in page
    assert "re_strange" in page
    assert "12.00 GBP" in page


def test_a_person_says_what_it_was(acme: Shop, anna: Visitor, difference: Discrepancy) -> None:
    form = anna.form(f"/refunds/differences/{difference.pk}/")

    empty = anna.send(form, note="")
    assert empty.status_code == 422
    assert "Fill in: What it was." in text_of(empty)
    first, again = (
        anna.send(form, note="Refunded in the dashboard."),
        anna.send(form, note="Refunded in the dashboard."),
    )

    assert first.url == again.url == "/refunds/differences/"
    with scope(acme.seller.pk):
        difference.refresh_from_db()
    assert difference.closing_note == "Refunded in the dashboard."
    assert difference.closed_at is not None
    assert "The books agree" in text_of(anna.get("/refunds/differences/"))


def test_readers_look_and_strangers_do_not(globex: Shop, mary: Visitor, difference: Discrepancy) -> None:
    assert "re_strange" in text_of(mary.get("/refunds/differences/"))
    assert f"/refunds/differences/{difference.pk}/" not in mary.get("/refunds/differences/").content.decode()
    assert mary.get(f"/refunds/differences/{difference.pk}/").status_code == 403
    stranger = Visitor(globex)
    assert stranger.get(f"/refunds/differences/{difference.pk}/").status_code == 404
    assert "The books agree" in text_of(stranger.get("/refunds/differences/"))
