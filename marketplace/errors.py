"""Every refusal: one family of exceptions, one shape, the same sentence in portal, API and mail."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _


class DomainError(Exception):
    """A refusal that people read: a code for programs, a sentence for people, an HTTP status."""

    code = "refused"
    status = 422

    def __init__(self, message: str, *, code: str = "", **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.details = details

    def as_dict(self) -> dict[str, Any]:
        return {"error": {"code": self.code, "message": self.message, "details": self.details}}


class Refused(DomainError):
    """What was asked can not be done as asked (422)."""


class NotFound(DomainError):
    """No such thing here; the answer is the same for what is absent and what is another seller's (404)."""

    code, status = "not_found", 404

    def __init__(self, message: str = "", **details: Any) -> None:
        super().__init__(message or _("There is nothing here with that id."), **details)


class Forbidden(DomainError):
    """This actor may not do this (403)."""

    code, status = "forbidden", 403


class Conflict(DomainError):
    """Somebody was faster, or the thing is in the way of itself (409)."""

    code, status = "conflict", 409


class WrongState(Conflict):
    """The move is not possible from the present state (409); details carry `current`."""

    code = "wrong_state"


class Busy(Conflict):
    """The same request is being worked on right now; ask again after `retry_after` seconds (409)."""

    code = "busy"

    def __init__(self, message: str = "", *, retry_after: int = 1) -> None:
        super().__init__(
            message or _("The same request is being worked on right now. Ask again in a moment."),
            retry_after=retry_after,
        )
        self.retry_after = retry_after
