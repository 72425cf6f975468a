"""How a secret that must be read back is stored: sealed with the field keys, newest key first."""

from __future__ import annotations

import base64
import functools
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Unreadable(RuntimeError):
    """None of the field keys opens this: a key was taken away before its values were sealed again."""


def derived_key(secret: str) -> str:
    """The field key that stands in where FIELD_KEYS is empty: the demo, the tests, a small installation."""
    return base64.urlsafe_b64encode(hashlib.sha256(b"field-key\0" + secret.encode()).digest()).decode()


@functools.cache
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def _boxes() -> MultiFernet:
    """New values are sealed with the first of FIELD_KEYS; all keys open, the derived ones too."""
    derived = [derived_key(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    return _box((*settings.FIELD_KEYS, *derived))


def seal(text: str) -> str:
    return _boxes().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    try:
        return _boxes().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unreadable("No field key opens this value. Was a key removed before `manage.py reseal`?") from error


def reseal(sealed: str) -> str:
    """The same secret under the newest key; run over everything before an old key is taken away."""
    try:
        return _boxes().rotate(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unreadable("No field key opens this value.") from error
