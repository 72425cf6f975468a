"""Secrets that are read back: sealed with the newest field key, opened by every key, sealed again on rotation."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.core.management import call_command

from marketplace import checks, sealing
from tests.factories import UserFactory

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def test_what_is_sealed_can_be_opened_and_looks_different_each_time() -> None:
    once, twice = sealing.seal("JBSWY3DPEHPK3PXP"), sealing.seal("JBSWY3DPEHPK3PXP")

    assert once != twice
    assert "JBSWY3DPEHPK3PXP" not in once
    assert sealing.unseal(once) == sealing.unseal(twice) == "JBSWY3DPEHPK3PXP"


def test_rotation_keeps_old_values_readable_until_they_are_sealed_again(settings: Any) -> None:
    settings.FIELD_KEYS = [OLD]
    sealed = sealing.seal("secret")

    settings.FIELD_KEYS = [NEW, OLD]
    assert sealing.unseal(sealed) == "secret"
    again = sealing.reseal(sealed)

    settings.FIELD_KEYS = [NEW]
    assert sealing.unseal(again) == "secret"
    with pytest.raises(sealing.Unreadable):
        sealing.unseal(sealed)


def test_a_new_secret_key_does_not_lock_anybody_out(settings: Any) -> None:
    settings.FIELD_KEYS = []
    sealed = sealing.seal("secret")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-key-another-key-another-key-another-key-1234"

    assert sealing.unseal(sealed) == "secret"


def test_the_command_seals_every_authenticator_again(db: None, settings: Any) -> None:
    settings.FIELD_KEYS = [OLD]
    user = UserFactory()
    app = Authenticator.objects.create(user=user, type="totp", data={"secret": sealing.seal("S")})
    codes = Authenticator.objects.create(
        user=user, type="recovery_codes", data={"seed": sealing.seal("T"), "used_mask": 3}
    )
    settings.FIELD_KEYS = [NEW, OLD]

    call_command("reseal")

    settings.FIELD_KEYS = [NEW]
    app.refresh_from_db()
    codes.refresh_from_db()
    assert sealing.unseal(app.data["secret"]) == "S"
    assert sealing.unseal(codes.data["seed"]) == "T"
    assert codes.data["used_mask"] == 3


def test_a_key_that_is_none_is_refused_at_start(settings: Any) -> None:
    settings.FIELD_KEYS = [OLD, "nonsense"]
    assert [error.id for error in checks.field_keys_are_keys(None)] == ["redress.E002"]
    settings.FIELD_KEYS = [OLD]
    assert checks.field_keys_are_keys(None) == []
    assert checks.field_keys_are_set(None) == []
    settings.FIELD_KEYS = []
    assert [warning.id for warning in checks.field_keys_are_set(None)] == ["redress.W001"]
