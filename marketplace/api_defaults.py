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
from rest_framework.pagination import BasePagination
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from marketplace.actors import Actor
from marketplace.errors import DomainError
from marketplace.paging import Sort, page_of

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


class KeysetPagination(BasePagination):
    """Pages by key, never by offset: the millionth row costs what the first does. The view may name its `sort`."""

    page_size = 50
    max_page_size = 200
    default_sort = Sort("id", ("id",), is_descending=True)

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.request = request
        sort = getattr(view, "sort", self.default_sort)
        self.page = page_of(
            queryset, sort=sort, cursor=request.query_params.get("cursor", ""), size=self._size(request)
        )
        return self.page.items

    def _size(self, request: Request) -> int:
        asked = request.query_params.get("page_size", "")
        return min(int(asked), self.max_page_size) if asked.isdecimal() and 0 < len(asked) < 5 else self.page_size

    def _link(self, cursor: str) -> str | None:
        return replace_query_param(self.request.build_absolute_uri(), "cursor", cursor) if cursor else None

    def get_paginated_response(self, data: Any) -> Response:
        links = {"next": self._link(self.page.next), "previous": self._link(self.page.previous)}
        return Response({**links, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "nullable": True, "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {"name": "cursor", "in": "query", "required": False, "schema": {"type": "string"}},
            {
                "name": "page_size",
                "in": "query",
                "required": False,
                "schema": {"type": "integer", "minimum": 1, "maximum": self.max_page_size},
            },
        ]


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
