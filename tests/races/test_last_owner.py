"""Two owners who remove each other in the same moment: one of them stays."""

from __future__ import annotations

from functools import partial

import pytest

from marketplace.actors import MemberRole
from marketplace.errors import Refused
from marketplace.middleware import actor_of_member
from marketplace.models import Membership
from marketplace.settings_portal.services import remove_member
from tests.cast import open_shop
from tests.factories import MembershipFactory
from tests.races.together import inside, together

ROUNDS = 5


@pytest.mark.server
@pytest.mark.django_db(transaction=True)
def test_an_owner_always_stays() -> None:
    for number in range(ROUNDS):
        shop = open_shop(f"race-{number}")
        first, other = shop.people[MemberRole.OWNER], MembershipFactory(seller=shop.seller, role=MemberRole.OWNER)
        calls = [
            inside(shop.seller.pk, partial(remove_member, target.pk, by=actor_of_member(who, has_second_factor=True)))
            for who, target in ((first, other), (other, first))
        ]

        results = together(calls)

        assert [result.code for result in results if isinstance(result, Refused)] == ["last_owner"]
        assert Membership.objects.filter(seller=shop.seller, role=MemberRole.OWNER).count() == 1
