"""One URL per verb of a return; each calls one service."""

from __future__ import annotations

from typing import Any

from django_filters import rest_framework as django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.actors import Actor
from marketplace.api import MomentFilter, ShownList, VerbView, is_for_the_document, shown
from refunds.api.shapes import RefundShape, shape_of
from refunds.services import RefundLineAsk
from returns import selectors, services
from returns.api import shapes
from returns.models import ReturnRequest


class ReturnFilter(django_filters.FilterSet):
    bucket = django_filters.ChoiceFilter(choices=selectors.BUCKET_CHOICES, method="in_bucket")
    status = django_filters.ChoiceFilter(choices=ReturnRequest.Status.choices)
    order_number = django_filters.CharFilter(method="of_order_number")
    rma = django_filters.CharFilter()
    channel = django_filters.CharFilter(method="on_channel")
    reason_code = django_filters.CharFilter(field_name="first_reason_code")
    is_overdue = django_filters.BooleanFilter(method="overdue")
    requested_after = MomentFilter(field_name="requested_at", lookup_expr="gte")
    requested_before = MomentFilter(field_name="requested_at", lookup_expr="lt")

    def in_bucket(self, queryset: Any, name: str, value: str) -> Any:
        return selectors.in_bucket(queryset, value)

    def of_order_number(self, queryset: Any, name: str, value: str) -> Any:
        return selectors.of_order_number(queryset, value)

    def on_channel(self, queryset: Any, name: str, value: str) -> Any:
        return selectors.on_channel(queryset, value)

    def overdue(self, queryset: Any, name: str, value: bool) -> Any:
        return selectors.overdue(queryset, value)


class ReturnVerb(VerbView):
    """A verb on one return; the answer is the return as it is afterwards."""

    scope = "returns:write"

    def move(self, by: Actor, data: dict[str, Any], public_id: str) -> ReturnRequest:
        raise NotImplementedError

    def perform(self, by: Actor, data: dict[str, Any], **url: Any) -> dict[str, Any]:
        return shapes.shape_of(self.move(by, data, url["public_id"]))


class Returns(ShownList, VerbView):
    """GET: returns, newest first, in pages by key. POST: ask for a return on a buyer's behalf."""

    http_method_names = ("get", "post", "options")
    serializer_class = shapes.ReturnRow
    sort = selectors.NEWEST
    filterset_class = ReturnFilter
    body = shapes.SubmitBody
    success_status = 201

    @property
    def scope(self) -> str:  # type: ignore[override]
        return "returns:write" if self.request.method == "POST" else "returns:read"

    def get_queryset(self) -> Any:
        if is_for_the_document(self):
            return ReturnRequest.objects.none()
        return ReturnRequest.objects.select_related("order", "channel")

    def perform(self, by: Actor, data: dict[str, Any], **url: Any) -> dict[str, Any]:
        asks = [services.LineAsk(**line) for line in data["lines"]]
        request = services.submit_return(data["order"], by=by, lines=asks, confirm_duplicate=data["confirm_duplicate"])
        return shapes.shape_of(request)

    @extend_schema(request=shapes.SubmitBody, responses={201: shapes.ReturnShape})
    def post(self, request: Request, **url: Any) -> Response:
        return super().post(request, **url)


class ReturnDetail(generics.GenericAPIView[ReturnRequest]):
    """One return with its lines and its history."""

    scope = "returns:read"
    serializer_class = shapes.ReturnDetailShape

    @extend_schema(responses=shapes.ReturnDetailShape)
    def get(self, request: Request, public_id: str) -> Response:
        return Response(shown(shapes.ReturnDetailShape, selectors.with_lines(selectors.return_named(public_id))))


@extend_schema(methods=["POST"], request=shapes.AuthoriseBody, responses={200: shapes.ReturnShape})
class Authorise(ReturnVerb):
    """Allow the return: an RMA number is made, the buyer is mailed where to send it and by when."""

    body = shapes.AuthoriseBody

    def move(self, by: Actor, data: dict[str, Any], public_id: str) -> ReturnRequest:
        return services.authorise_return(
            public_id, by=by, return_address=data["return_address"], merchant_rma=data["merchant_rma"]
        )


@extend_schema(methods=["POST"], request=shapes.DenyBody, responses={200: shapes.ReturnShape})
class Deny(ReturnVerb):
    """Refuse the return with a reason; the buyer is mailed the message and the way to complain."""

    body = shapes.DenyBody

    def move(self, by: Actor, data: dict[str, Any], public_id: str) -> ReturnRequest:
        return services.deny_return(public_id, by=by, **data)


@extend_schema(methods=["POST"], request=shapes.ShipBody, responses={200: shapes.ReturnShape})
class Ship(ReturnVerb):
    """The parcel is on its way back."""

    body = shapes.ShipBody

    def move(self, by: Actor, data: dict[str, Any], public_id: str) -> ReturnRequest:
        return services.ship_return(public_id, by=by, **data)


@extend_schema(methods=["POST"], request=shapes.ReceiveBody, responses={200: shapes.ReturnShape})
class Receive(ReturnVerb):
    """Units have come back, each in its condition."""

    body = shapes.ReceiveBody

    def move(self, by: Actor, data: dict[str, Any], public_id: str) -> ReturnRequest:
        return services.receive_return(public_id, by=by, units=[services.ReceivedAsk(**unit) for unit in data["units"]])


@extend_schema(methods=["POST"], request=shapes.CloseBody, responses={200: shapes.ReturnShape})
class Close(ReturnVerb):
    """Nothing is owed any more."""

    body = shapes.CloseBody

    def move(self, by: Actor, data: dict[str, Any], public_id: str) -> ReturnRequest:
        return services.close_return(public_id, by=by, **data)


@extend_schema(methods=["POST"], request=shapes.ReinstateBody, responses={200: shapes.ReturnShape})
class Reinstate(ReturnVerb):
    """Take back a denial, an expiry or a closing, within its limit."""

    body = shapes.ReinstateBody

    def move(self, by: Actor, data: dict[str, Any], public_id: str) -> ReturnRequest:
        return services.reinstate_return(public_id, by=by, **data)


@extend_schema(methods=["POST"], request=shapes.MessageBody, responses={200: shapes.ReturnShape})
class Contact(ReturnVerb):
    """Mail the buyer about this return."""

    body = shapes.MessageBody

    def move(self, by: Actor, data: dict[str, Any], public_id: str) -> ReturnRequest:
        services.contact_buyer(public_id, by=by, message=data["message"])
        return selectors.return_named(public_id)


class Refund(VerbView):
    """Give money back for a return; the amount is reserved at once and sent by the worker."""

    scope = "refunds:write"
    body = shapes.RefundBody
    is_idempotent = True
    success_status = 201

    def perform(self, by: Actor, data: dict[str, Any], **url: Any) -> dict[str, Any]:
        refund = services.refund_return(
            url["public_id"],
            by=by,
            lines=[RefundLineAsk(**line) for line in data["lines"]] or None,
            reason_text=data["reason_text"],
            client_token=None,
        )
        return shape_of(refund)

    @extend_schema(request=shapes.RefundBody, responses={201: RefundShape})
    def post(self, request: Request, **url: Any) -> Response:
        return super().post(request, **url)
