"""One URL per verb of a refund; each calls one service."""

from __future__ import annotations

from typing import Any

from django_filters import rest_framework as django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.actors import Actor
from marketplace.api import MomentFilter, ShownList, VerbView, is_for_the_document, shown
from marketplace.orders.services import order_named
from refunds import ledger, selectors, services
from refunds.api import shapes
from refunds.models import PUBLIC_STATUS, PublicStatus, RefundRequest


class RefundFilter(django_filters.FilterSet):
    status = django_filters.ChoiceFilter(choices=PublicStatus.choices, method="of_public_status")
    stage = django_filters.ChoiceFilter(field_name="status", choices=RefundRequest.Status.choices)
    asker = django_filters.CharFilter(field_name="asker_public_id")
    order = django_filters.CharFilter(field_name="order__public_id")
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    def of_public_status(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.filter(status__in=[stage for stage, public in PUBLIC_STATUS.items() if public == value])


class Refunds(ShownList, VerbView):
    """GET: refunds, newest first, in pages by key. POST: ask that money goes back on an order."""

    http_method_names = ("get", "post", "options")
    serializer_class = shapes.RefundShape
    filterset_class = RefundFilter
    body = shapes.CreateBody
    is_idempotent = True
    success_status = 201

    @property
    def scope(self) -> str:  # type: ignore[override]
        return "refunds:write" if self.request.method == "POST" else "refunds:read"

    def get_queryset(self) -> Any:
        if is_for_the_document(self):
            return RefundRequest.objects.none()
        return RefundRequest.objects.select_related("order").prefetch_related("lines")

    def perform(self, by: Actor, data: dict[str, Any], **url: Any) -> dict[str, Any]:
        refund = services.create_refund(
            data["order"],
            by=by,
            lines=[services.RefundLineAsk(**line) for line in data["lines"]],
            reason_code=data["reason_code"],
            reason_text=data["reason_text"],
            client_token=None,
        )
        return shapes.shape_of(refund)

    @extend_schema(request=shapes.CreateBody, responses={201: shapes.RefundShape})
    def post(self, request: Request, **url: Any) -> Response:
        return super().post(request, **url)


class RefundDetail(generics.GenericAPIView[RefundRequest]):
    """One refund with its lines and its history."""

    scope = "refunds:read"
    serializer_class = shapes.RefundDetailShape

    @extend_schema(responses=shapes.RefundDetailShape)
    def get(self, request: Request, public_id: str) -> Response:
        return Response(shown(shapes.RefundDetailShape, selectors.refund_named(public_id)))


class Budget(generics.GenericAPIView[Any]):
    """What the buyer paid on an order, and how much of it is refunded, reserved, disputed and left."""

    scope = "refunds:read"
    serializer_class = shapes.BudgetShape

    @extend_schema(responses=shapes.BudgetShape)
    def get(self, request: Request, public_id: str) -> Response:
        return Response(shown(shapes.BudgetShape, ledger.budget_for(order_named(public_id))))


class RefundVerb(VerbView):
    """A verb on one refund; the answer is the refund as it is afterwards."""

    scope = "refunds:write"
    is_idempotent = True

    def move(self, by: Actor, data: dict[str, Any], public_id: str) -> RefundRequest:
        raise NotImplementedError

    def perform(self, by: Actor, data: dict[str, Any], **url: Any) -> dict[str, Any]:
        return shapes.shape_of(self.move(by, data, url["public_id"]))


@extend_schema(methods=["POST"], request=None, responses={200: shapes.RefundShape})
class Review(RefundVerb):
    """The second person agrees; the refund is sent."""

    def move(self, by: Actor, data: dict[str, Any], public_id: str) -> RefundRequest:
        return services.review_refund(public_id, by=by)


@extend_schema(methods=["POST"], request=shapes.ReasonBody, responses={200: shapes.RefundShape})
class Cancel(RefundVerb):
    """Take the refund back before it is sent; what was reserved is free again."""

    body = shapes.ReasonBody

    def move(self, by: Actor, data: dict[str, Any], public_id: str) -> RefundRequest:
        return services.cancel_refund(public_id, by=by, reason=data["reason"])


@extend_schema(methods=["POST"], request=shapes.ConfirmBody, responses={200: shapes.RefundShape})
class Confirm(RefundVerb):
    """The seller has paid outside and gives the reference (gateway `manual`)."""

    body = shapes.ConfirmBody

    def move(self, by: Actor, data: dict[str, Any], public_id: str) -> RefundRequest:
        return services.confirm_manual_refund(public_id, by=by, reference=data["reference"])
