"""Who may ask for a refund."""

from __future__ import annotations

from dataclasses import replace

import pytest

from marketplace.actors import SYSTEM_ACTOR, Actor, ActorKind, MemberRole
from marketplace.errors import Forbidden
from refunds.models import RefundRequest
from tests.cast import Shop
from tests.refunds.steps import ask, only_changes

ASKED = (
    "refundbudget",
    "refundrequest",
    "refundline",
    "ledgerline",
    "statetransition",
    "outboxevent",
)


@pytest.mark.parametrize("role", [MemberRole.OWNER, MemberRole.MANAGER, MemberRole.FINANCE])
def test_who_may_refund(in_acme: Shop, role: MemberRole) -> None:
    assert ask(in_acme, in_acme.actor(role)).status == "RESERVED"


@pytest.mark.parametrize("role", [MemberRole.AGENT, MemberRole.READONLY])
def test_who_may_not(in_acme: Shop, role: MemberRole) -> None:
    with only_changes(in_acme), pytest.raises(Forbidden):
        ask(in_acme, in_acme.actor(role))


def test_a_buyer_may_not(in_acme: Shop, buyer: Actor) -> None:
    with only_changes(in_acme), pytest.raises(Forbidden):
        ask(in_acme, buyer)


def test_a_person_without_second_factor_may_not(in_acme: Shop, owner: Actor) -> None:
    with pytest.raises(Forbidden, match="two-factor"):
        ask(in_acme, replace(owner, lacks_second_factor=True))


def test_programs_support_and_policy_may(in_acme: Shop, program: Actor, support: Actor) -> None:
    for actor in (program, support, SYSTEM_ACTOR):
        assert ask(in_acme, actor, 1_000).created_by_kind == actor.kind
    with pytest.raises(Forbidden):
        ask(in_acme, replace(program, scopes=frozenset({"refunds:read"})))


@pytest.mark.parametrize("kind", [ActorKind.CLOCK, ActorKind.PROVIDER])
def test_neither_clock_nor_provider_asks(in_acme: Shop, kind: ActorKind) -> None:
    with pytest.raises(Forbidden):
        ask(in_acme, Actor(kind, kind.value, kind.value))
    assert not RefundRequest.objects.exists()
