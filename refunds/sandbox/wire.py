"""What does a door of the sandbox get to read, and what does it hand back?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl

from refunds.sandbox.till import Answer, Caller


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; ``path`` without the query and still percent-encoded."""

    method: str
    path: str
    query: dict[str, str]
    headers: Message
    body: bytes
    caller: Caller

    @property
    def bearer(self) -> str:
        """The API key of ``Authorization: Bearer``, or ""."""
        kind, _, value = (self.headers.get("Authorization") or "").partition(" ")
        return value.strip() if kind.lower() == "bearer" else ""

    def form(self) -> dict[str, str]:
        """The body as form fields, names as sent (``metadata[a]``); ValueError if it is not UTF-8."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; ValueError if it is none."""
        parsed = json.loads(self.body or b"{}")
        if not isinstance(parsed, dict):
            raise ValueError("a JSON object is wanted")  # noqa: TRY004 - the text is wrong, not our type
        return parsed


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: str
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


def as_json(status: int, body: object) -> Response:
    return Response(status, json.dumps(body))


def answered(answer: Answer, headers: Mapping[str, str]) -> Response:
    """An answer of the till; a replayed one says so, as Stripe does."""
    replay = {"Idempotent-Replayed": "true"} if answer.replayed else {}
    return Response(answer.status, answer.body, headers=dict(headers) | replay)
