"""What every API view starts with: the caller, the scope, keyset pages, one shape for every refusal.

Apart from `api.py` because Django REST framework imports these while it is still loading its views.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework import exceptions, status
from rest_framework.authentication import BaseAuthentication
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.actors import Actor
from marketplace.errors import DomainError

if TYPE_CHECKING:
    from rest_framework.views import APIView


class ApiKeyAuthentication(BaseAuthentication):
    """The tenant middleware has resolved the key; this hands its actor to the view."""

    def authenticate(self, request: Request) -> tuple[Actor, None] | None:
        actor: Actor | None = getattr(request._request, "actor", None)
        return (actor, None) if actor is not None else None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="Redress"'


class HasScope(BasePermission):
    """The view names its scope (`scope = "returns:write"`); a view without one refuses everybody."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        actor: Actor | None = getattr(request._request, "actor", None)
        if actor is None:
            raise exceptions.NotAuthenticated(_("Send an API key: Authorization: Bearer rk_..."))
        scope = getattr(view, "scope", "")
        if not scope or scope not in actor.scopes:
            raise exceptions.PermissionDenied(_("This API key lacks the scope %(scope)s.") % {"scope": scope})
        return True


class KeysetPagination(CursorPagination):
    """Pages by key, never by offset: the millionth row costs what the first does."""

    ordering = "-id"
    page_size_query_param = "page_size"
    max_page_size = 200


def _body(code: str, message: str, details: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "details": details or {}}}


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DomainError and DRF's own errors in the one shape; anything else is a 500 and is logged."""
    request = context.get("request")
    if request is not None:
        request._request.must_roll_back = True
    if isinstance(exc, DomainError):
        response = Response(exc.as_dict(), status=exc.status)
        if exc.details.get("retry_after"):
            response["Retry-After"] = str(exc.details["retry_after"])
        return response
    if isinstance(exc, Http404):
        return Response(_body("not_found", _("There is nothing here with that id.")), status=404)
    if isinstance(exc, PermissionDenied):
        return Response(_body("forbidden", _("This is not yours to do.")), status=403)
    if isinstance(exc, exceptions.ValidationError):
        return Response(
            _body("validation", _("Some fields need another look."), {"fields": exc.detail}),
            status=status.HTTP_400_BAD_REQUEST,
        )
    if isinstance(exc, exceptions.APIException):
        response = Response(_body(str(exc.default_code), str(exc.detail)), status=exc.status_code)
        if isinstance(exc, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
            response["WWW-Authenticate"] = 'Bearer realm="Redress"'
        wait = getattr(exc, "wait", None)
        if wait is not None:
            response["Retry-After"] = str(int(wait) + 1)
        return response
    return None
