"""The API door's base: one view per verb, strict bodies, the schema with its refusals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django_filters.fields import IsoDateTimeField
from django_filters.rest_framework import IsoDateTimeFilter
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from marketplace import idempotency
from marketplace.actors import Actor
from marketplace.tenancy import all_or_nothing


class ErrorBody(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    details = serializers.DictField(required=False)


class ErrorShape(serializers.Serializer[Any]):
    """Every refusal of the API."""

    error = ErrorBody()


class Schema(AutoSchema):
    """Adds to every operation the refusals it can give, and the key that money demands."""

    REFUSALS = ("400", "401", "403", "404", "405", "409", "415", "422", "429")

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        for code in self.REFUSALS:
            if code not in bodies:
                bodies[code] = self._get_response_for_code(ErrorShape, code)  # type: ignore[no-untyped-call]
        return bodies

    def get_override_parameters(self) -> list[Any]:
        if getattr(self.view, "is_idempotent", False) and self.method == "POST":
            return [
                OpenApiParameter(
                    "Idempotency-Key",
                    OpenApiTypes.STR,
                    OpenApiParameter.HEADER,
                    required=True,
                    description="1 to 255 characters; the same key with the same body acts once.",
                )
            ]
        return []


class BearerKey(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the document describes our keys."""

    target_class = "marketplace.api_defaults.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A key made under Settings › API keys: rk_..."}


class MomentField(IsoDateTimeField):
    """A moment with its zone, handed on in UTC; PostgreSQL refuses offsets that Python takes."""

    def clean(self, value: Any) -> datetime | None:
        moment: datetime | None = super().clean(value)
        if moment is None:
            return None
        if not 1970 <= moment.year <= 2200:
            raise ValidationError(_("A moment between 1970 and 2200."))
        return moment.astimezone(UTC)


class MomentFilter(IsoDateTimeFilter):
    field_class = MomentField


def is_for_the_document(view: APIView) -> bool:
    """Is this call only there to describe the view? Then there is no seller, and no row is read."""
    return getattr(view, "swagger_fake_view", False)


class StrictSerializer(serializers.Serializer[Any]):
    """A request body whose unknown fields are refused, not ignored."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = sorted(set(data) - set(self.fields))
            if unknown:
                raise serializers.ValidationError({name: [_("There is no such field.")] for name in unknown})
        return super().to_internal_value(data)


def actor(request: Request) -> Actor:
    found: Actor = request._request.actor  # type: ignore[attr-defined]
    return found


_READY: dict[type[serializers.BaseSerializer[Any]], serializers.BaseSerializer[Any]] = {}


def _ready(serializer: type[serializers.BaseSerializer[Any]]) -> serializers.BaseSerializer[Any]:
    """One of a kind, its fields built once; it is only asked what it makes of others, and keeps nothing itself."""
    if serializer not in _READY:
        _READY[serializer] = serializer()
    return _READY[serializer]


def shown(serializer: type[serializers.BaseSerializer[Any]], obj: Any) -> dict[str, Any]:
    """The object in the shape of the serializer, whose fields are not built anew for it."""
    found: dict[str, Any] = _ready(serializer).to_representation(obj)
    return found


def understood(serializer: type[serializers.BaseSerializer[Any]], body: Any) -> dict[str, Any]:
    """The body as the serializer takes it; ValidationError by field otherwise."""
    if body is None:
        raise serializers.ValidationError({"non_field_errors": [_("There is no content.")]})
    return dict(_ready(serializer).run_validation(body))


class ShownList(generics.ListAPIView[Any]):
    """GET: a page of the filtered rows, each shown."""

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        return self.get_paginated_response([shown(self.get_serializer_class(), row) for row in page])


class VerbView(APIView):
    """One URL per verb: validate the shape, call one service, show the answer.

    Subclasses give `scope`, `body` (a serializer class or None) and `perform(actor, data, **url)`.
    With `is_idempotent` the Idempotency-Key header is demanded and the answer replayed; without it the key is
    honoured when sent. Views that share an `operation` with another door share its keys.
    """

    http_method_names: tuple[str, ...] = ("post", "options")
    scope = ""
    body: type[serializers.Serializer[Any]] | None = None
    is_idempotent = False
    operation = ""
    success_status = 200

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        return (self.body or serializers.Serializer)(*args, **kwargs)

    def perform(self, by: Actor, data: dict[str, Any], **url: Any) -> dict[str, Any]:
        raise NotImplementedError

    def post(self, request: Request, **url: Any) -> Response:
        data = understood(self.body, request.data) if self.body is not None else {}
        run: Callable[[], idempotency.Answer] = lambda: idempotency.Answer(  # noqa: E731
            self.success_status, self.perform(actor(request), data, **url)
        )
        key = request.headers.get("Idempotency-Key", "")
        with all_or_nothing():
            if not key and not self.is_idempotent:
                answer = run()
            else:
                answer = idempotency.once(
                    operation=self.operation or f"api:{type(self).__name__}",
                    key=key,
                    body={"url": url, "body": request.data},
                    run=run,
                )
        response = Response(answer.body, status=answer.status)
        if answer.replayed:
            response["Idempotent-Replayed"] = "true"
        return response
