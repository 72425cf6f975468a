"""A person's own settings: name, language, zone, and the mails they want from this seller."""

from __future__ import annotations

import pytest
from django.test import Client

from marketplace.actors import Actor, MemberRole
from marketplace.errors import Refused
from marketplace.models import NotificationPreference, SettingsChange
from marketplace.notifications import KINDS, people_recipients
from marketplace.settings_portal import services
from marketplace.settings_portal.services.profile import kinds_for
from marketplace.tenancy import scope
from tests.cast import Shop

EVENT = "return.requested"


def test_the_profile_is_saved_and_pages_follow_it(client: Client, acme: Shop) -> None:
    person = acme.people[MemberRole.READONLY].user
    client.force_login(person)

    client.post("/settings/profile/", {"name": "Rosa Read", "language": "de", "zone": "Europe/Berlin"})

    person.refresh_from_db()
    assert (person.name, person.language, person.zone) == ("Rosa Read", "de", "Europe/Berlin")
    assert b'lang="de"' in client.get("/settings/profile/").content
    with scope(acme.seller.pk):
        assert [row["name"] for row in SettingsChange.objects.get().changes] == ["Name", "Language", "Time zone"]


@pytest.mark.parametrize("change", [{"name": ""}, {"language": "tlh"}, {"zone": "Mars/Olympus"}, {"name": "x" * 121}])
def test_what_does_not_fit_is_refused(client: Client, acme: Shop, change: dict[str, str]) -> None:
    client.force_login(acme.people[MemberRole.AGENT].user)
    form = {"name": "Ann", "language": "en", "zone": "UTC"} | change

    assert client.post("/settings/profile/", form).status_code == 422


def test_e_mail_and_rights_can_not_be_slipped_in(client: Client, acme: Shop) -> None:
    person = acme.people[MemberRole.AGENT].user
    client.force_login(person)
    extra = {"email": "other@example.com", "is_staff": "on", "is_superuser": "on", "role": "owner", "password": "x"}

    client.post("/settings/profile/", {"name": "Ann", "language": "en", "zone": "UTC", **extra})

    person.refresh_from_db()
    assert (person.email, person.is_staff, person.is_superuser) == ("agent@acme.example", False, False)
    assert acme.people[MemberRole.AGENT].role == MemberRole.AGENT


def test_a_program_has_no_profile(in_acme: Shop, program: Actor) -> None:
    with pytest.raises(Refused):
        services.change_profile(by=program, name="R2", language="en", zone="UTC")
    with pytest.raises(Refused):
        services.change_notifications({EVENT: True}, by=program)


# --- mails -----------------------------------------------------------------------------------------------


def recipients() -> list[str]:
    return [each.email for each in people_recipients(EVENT)]


def test_switching_a_mail_off_and_on(in_acme: Shop, owner: Actor) -> None:
    assert "owner@acme.example" in recipients()
    wanted = {kind.event: kind.is_wanted for kind in kinds_for(owner)}

    assert services.change_notifications(wanted | {EVENT: False}, by=owner) == 1
    assert "owner@acme.example" not in recipients()
    assert services.change_notifications(wanted | {EVENT: False}, by=owner) == 0
    assert services.change_notifications(wanted, by=owner) == 1

    assert "owner@acme.example" in recipients()
    assert SettingsChange.objects.count() == 2


def test_a_role_sees_the_mails_it_can_act_on(client: Client, acme: Shop) -> None:
    events = {kind.event for kind in kinds_for(acme.actor(MemberRole.AGENT))}
    assert EVENT in events
    assert not {event for event in events if event.startswith("refund.")} & {
        event for event, kind in KINDS.items() if kind.permission.value == "refund"
    }


def test_through_the_page(client: Client, acme: Shop, globex: Shop) -> None:
    person = acme.people[MemberRole.OWNER].user
    client.force_login(person)
    assert EVENT in client.get("/settings/notifications/").content.decode()

    client.post("/settings/notifications/", {"wants": ["no.such.event"]})

    with scope(acme.seller.pk):
        assert NotificationPreference.objects.filter(user=person, wants_mail=False, event=EVENT).exists()
        assert not NotificationPreference.objects.filter(event="no.such.event").exists()
        assert "owner@acme.example" not in recipients()
    with scope(globex.seller.pk):
        assert NotificationPreference.objects.count() == 0
