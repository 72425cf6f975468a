"""The seller's time limits: versioned, never in the past, a promise that was given stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from marketplace import clock
from marketplace.actors import Actor, MemberRole
from marketplace.deadlines import KINDS
from marketplace.errors import Forbidden, NotFound, Refused
from marketplace.models import DeadlineRule, SettingsChange
from marketplace.settings_portal import selectors, services
from marketplace.tenancy import scope
from returns import deadlines
from tests.cast import Shop

HOUR = timedelta(hours=1)
CHANNEL = "amazon.co.uk"


def test_every_limit_that_a_seller_may_set_is_listed_with_its_source() -> None:
    assert set(KINDS) >= {"return.respond", "return.refund", "return.window", "return.send_back", "return.expiry_grace"}
    assert KINDS["return.respond"].default == deadlines.RESPOND_WITHIN
    assert all(str(kind.source) for kind in KINDS.values())


def test_a_new_rule_holds_from_its_moment_and_not_before(in_acme: Shop, owner: Actor) -> None:
    now = clock.now()
    start = now + timedelta(days=3)

    services.add_rule("return.respond", by=owner, length=24 * HOUR, source="Peak season", valid_from=start)

    before, after = start - timedelta(seconds=1), start
    assert deadlines.respond_by(CHANNEL, before) - before == 48 * HOUR
    assert deadlines.respond_by(CHANNEL, after) - after == 24 * HOUR
    change = SettingsChange.objects.get()
    assert (change.area, change.subject) == ("deadline", "All channels")
    assert change.changes[0]["before"] == "48 hours"
    assert "Peak season" in change.changes[0]["after"]


def test_a_channels_own_rule_goes_before_the_general_one(in_acme: Shop, owner: Actor) -> None:
    services.add_rule("return.respond", by=owner, length=36 * HOUR, source="House rule")
    services.add_rule("return.respond", by=owner, length=24 * HOUR, source="Contract", channel=CHANNEL)
    now = clock.now()

    assert deadlines.respond_by(CHANNEL, now) - now == 24 * HOUR
    assert deadlines.respond_by("ebay.de", now) - now == 36 * HOUR


def test_the_newer_rule_wins_and_ending_it_brings_the_older_back(in_acme: Shop, owner: Actor) -> None:
    services.add_rule("return.respond", by=owner, length=36 * HOUR, source="First")
    second = services.add_rule("return.respond", by=owner, length=24 * HOUR, source="Second")
    now = clock.now()
    assert deadlines.respond_by(CHANNEL, now) - now == 24 * HOUR

    services.end_rule(second.pk, by=owner)
    services.end_rule(second.pk, by=owner)

    assert deadlines.respond_by(CHANNEL, now) - now == 36 * HOUR
    assert SettingsChange.objects.count() == 3


def test_a_planned_rule_that_is_ended_never_holds(in_acme: Shop, owner: Actor) -> None:
    start = clock.now() + timedelta(days=3)
    rule = services.add_rule("return.respond", by=owner, length=24 * HOUR, source="Plan", valid_from=start)

    services.end_rule(rule.pk, by=owner)

    later = start + timedelta(days=1)
    assert deadlines.respond_by(CHANNEL, later) - later == 48 * HOUR


@pytest.mark.parametrize(
    ("kind", "length", "days", "channel", "error"),
    [
        ("return.respond", 24 * HOUR, -1, "", Refused),
        ("return.respond", timedelta(days=31), 0, "", Refused),
        ("return.respond", timedelta(minutes=30), 0, "", Refused),
        ("return.nonsense", 24 * HOUR, 0, "", NotFound),
        ("return.respond", 24 * HOUR, 0, "ebay.de", NotFound),
    ],
)
def test_what_can_not_be_a_rule(
    in_acme: Shop, owner: Actor, kind: str, length: timedelta, days: int, channel: str, error: type[Exception]
) -> None:
    start = clock.now() + timedelta(days=days) if days else None

    with pytest.raises(error):
        services.add_rule(kind, by=owner, length=length, source="Why", channel=channel, valid_from=start)

    assert DeadlineRule.objects.count() == 0


@pytest.mark.parametrize("role", [MemberRole.AGENT, MemberRole.FINANCE, MemberRole.READONLY])
def test_only_those_with_the_settings_right(client: Client, acme: Shop, owner: Actor, role: MemberRole) -> None:
    with scope(acme.seller.pk):
        rule = services.add_rule("return.respond", by=owner, length=24 * HOUR, source="Why")
        with pytest.raises(Forbidden):
            services.add_rule("return.respond", by=acme.actor(role), length=30 * HOUR, source="Why")
        with pytest.raises(Forbidden):
            services.end_rule(rule.pk, by=acme.actor(role))
    client.force_login(acme.people[role].user)

    assert client.get("/settings/deadlines/").status_code == 200
    assert client.get("/settings/deadlines/return.respond/").status_code == 403
    assert client.post(f"/settings/deadlines/rules/{rule.pk}/end/").status_code == 403


def test_through_the_page_first_the_diff_then_the_save(client: Client, acme: Shop, globex: Shop) -> None:
    client.force_login(acme.people[MemberRole.OWNER].user)
    form = {"channel": "", "amount": "24", "unit": "hours", "valid_from": "", "source": "Peak season"}

    shown = client.post("/settings/deadlines/return.respond/", form)
    assert "<del>48 hours</del>" in shown.content.decode()
    assert "took longer than the new limit" in shown.content.decode()
    with scope(acme.seller.pk):
        assert DeadlineRule.objects.count() == 0
    saved = client.post("/settings/deadlines/return.respond/", {**form, "step": "save"})
    assert saved["Location"] == "/settings/deadlines/"
    assert "Peak season" in client.get("/settings/deadlines/").content.decode()

    with scope(acme.seller.pk):
        pk = DeadlineRule.objects.get().pk
    other = Client()
    other.force_login(globex.people[MemberRole.OWNER].user)
    assert other.post(f"/settings/deadlines/rules/{pk}/end/").status_code == 404
    client.post(f"/settings/deadlines/rules/{pk}/end/")
    with scope(acme.seller.pk):
        assert DeadlineRule.objects.get().valid_to is not None


def test_spans_in_words() -> None:
    assert selectors.span(HOUR) == "1 hour"
    assert selectors.span(48 * HOUR) == "48 hours"
    assert selectors.span(timedelta(days=30)) == "30 days"
    assert selectors.span(timedelta(days=3, hours=1)) == "73 hours"
