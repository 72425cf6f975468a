"""What a buyer has chosen so far for one order: kept in the browser's session until it is sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from django.http import HttpRequest

from returns.buyer.forms import Choice


def keep(request: HttpRequest, order_public_id: str, choices: Iterable[Choice]) -> None:
    request.session[_key(order_public_id)] = [asdict(choice) for choice in choices]


def kept(request: HttpRequest, order_public_id: str) -> list[Choice]:
    found = request.session.get(_key(order_public_id), [])
    return [Choice(**entry) for entry in found]


def is_complete(choices: list[Choice]) -> bool:
    return bool(choices) and all(choice.reason_code for choice in choices)


def merged(fresh: list[Choice], before: list[Choice]) -> list[Choice]:
    """New quantities with the reasons that were given before, so that going back loses nothing."""
    known = {choice.line_id: choice for choice in before}
    return [
        Choice(choice.line_id, choice.quantity, known[choice.line_id].reason_code, known[choice.line_id].comment)
        if choice.line_id in known
        else choice
        for choice in fresh
    ]


def _key(order_public_id: str) -> str:
    return f"return_draft:{order_public_id}"
