"""Under which words a return is found: the beginnings of order number, RMA, SKU and buyer's name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from marketplace import rows
from returns.models import ReturnRequest, ReturnSearchKey

LONGEST = 80
MOST_PER_VALUE = 8
_BREAKS = re.compile(r"[\s\-_/.,:]+")


def normalised(text: str) -> str:
    """One spelling for what people type: compatibility forms folded, case folded, spaces single."""
    return " ".join(unicodedata.normalize("NFKC", text).replace("\0", "").casefold().split())[:LONGEST]


def keys_of(value: str) -> list[str]:
    """The whole, and what follows each break: "202-0697275-22" is found by 202-06, 0697275 and 22."""
    whole = normalised(value)
    if not whole:
        return []
    keys = [whole]
    for found in _BREAKS.finditer(whole):
        rest = whole[found.end() :]
        if rest and len(keys) < MOST_PER_VALUE:
            keys.append(rest)
    return keys


def add_keys(request: ReturnRequest, values: Iterable[str]) -> None:
    """Let the return be found under these words from now on."""
    keys = dict.fromkeys(key for value in values for key in keys_of(value))
    rows.insert_new([ReturnSearchKey(return_request=request, key=key) for key in keys])


def after(prefix: str) -> str:
    """The first text that does not begin with `prefix`, in byte order."""
    for end in range(len(prefix), 0, -1):
        code = ord(prefix[end - 1])
        following = 0xE000 if code == 0xD7FF else code + 1  # no half of a surrogate pair
        if following <= 0x10FFFF:
            return prefix[: end - 1] + chr(following)
    return ""


def found_by(queryset: QuerySet[ReturnRequest], words: str) -> QuerySet[ReturnRequest]:
    """Those in which something begins with `words` (order, RMA, SKU, buyer); all for an empty search."""
    wanted = normalised(words)
    if not wanted:
        return queryset
    keys: QuerySet[Any] = ReturnSearchKey.objects.filter(key__gte=wanted)
    upper = after(wanted)
    if upper:
        keys = keys.filter(key__lt=upper)
    return queryset.filter(pk__in=keys.values("return_request_id"))
