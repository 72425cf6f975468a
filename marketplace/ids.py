"""What an id looks like: opaque, base62 after its prefix, no authority in it."""

from __future__ import annotations

import secrets
import string

ALPHABET = string.digits + string.ascii_letters
LENGTH = 22  # 62**22 is about 131 bits


def random_base62(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def new_public_id(prefix: str) -> str:
    """`new_public_id("ret")` -> "ret-" and 22 base62 characters."""
    return f"{prefix}-{random_base62(LENGTH)}"


def new_rma() -> str:
    """The shape of the marketplace's own numbers: ^D[A-Za-z0-9]{7}RRMA$ (seed 001)."""
    return f"D{random_base62(7)}RRMA"
