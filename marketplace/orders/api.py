"""The API door to orders."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import path
from django_filters import rest_framework as django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers

from marketplace.actors import Actor
from marketplace.api import MomentFilter, ShownList, StrictSerializer, VerbView, is_for_the_document, shown
from marketplace.models import Order, OrderLine
from marketplace.money import LARGEST
from marketplace.orders import services
from marketplace.orders.selectors import NEWEST

MAX_MINOR = LARGEST // 1000


class OrderLineShape(serializers.ModelSerializer[OrderLine]):
    class Meta:
        model = OrderLine
        fields = (
            "id",
            "position",
            "sku",
            "asin",
            "title",
            "quantity",
            "quantity_shipped",
            "item_minor",
            "tax_minor",
            "shipping_minor",
            "discount_minor",
            "paid_minor",
            "status",
        )


class OrderShape(serializers.ModelSerializer[Order]):
    """An order; amounts in minor units of `currency`. The buyer's address is never shown."""

    channel = serializers.CharField(source="channel.code")
    buyer = serializers.CharField(source="buyer.public_id", allow_null=True, default=None)
    lines = OrderLineShape(many=True)

    class Meta:
        model = Order
        fields = (
            "public_id",
            "channel",
            "number",
            "buyer",
            "status",
            "purchased_at",
            "shipped_at",
            "delivered_at",
            "currency",
            "paid_minor",
            "shipping_minor",
            "ship_country",
            "lines",
        )


class OrderLineBody(StrictSerializer):
    sku = serializers.CharField(max_length=80)
    quantity = serializers.IntegerField(min_value=1, max_value=100_000)
    title = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)
    asin = serializers.CharField(max_length=20, required=False, default="", allow_blank=True)
    quantity_shipped = serializers.IntegerField(min_value=0, max_value=100_000, required=False, allow_null=True)
    item_minor = serializers.IntegerField(min_value=0, max_value=MAX_MINOR, required=False, default=0)
    tax_minor = serializers.IntegerField(min_value=0, max_value=MAX_MINOR, required=False, default=0)
    shipping_minor = serializers.IntegerField(min_value=0, max_value=MAX_MINOR, required=False, default=0)
    discount_minor = serializers.IntegerField(min_value=0, max_value=MAX_MINOR, required=False, default=0)


class OrderBody(StrictSerializer):
    channel = serializers.CharField(max_length=40)
    number = serializers.CharField(max_length=64)
    purchased_at = serializers.DateTimeField()
    currency = serializers.CharField(max_length=3)
    lines: Any = serializers.ListSerializer(child=OrderLineBody(), allow_empty=False, max_length=500)
    status = serializers.CharField(max_length=40, required=False, default="Shipped")
    shipped_at = serializers.DateTimeField(required=False, allow_null=True)
    delivered_at = serializers.DateTimeField(required=False, allow_null=True)
    payment_reference = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)
    ship_country = serializers.RegexField(r"^[A-Z]{2}$", required=False, default="", allow_blank=True)
    buyer_email = serializers.EmailField(max_length=254, required=False, default="", allow_blank=True)
    buyer_name = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)
    buyer_language = serializers.ChoiceField(choices=["en", "de"], required=False, default="en")
    buyer_zone = serializers.CharField(max_length=64, required=False, default="UTC")


class OrderFilter(django_filters.FilterSet):
    number = django_filters.CharFilter(field_name="number_key", method="by_number")
    channel = django_filters.CharFilter(field_name="channel__code")
    purchased_after = MomentFilter(field_name="purchased_at", lookup_expr="gte")
    purchased_before = MomentFilter(field_name="purchased_at", lookup_expr="lt")

    def by_number(self, queryset: QuerySet[Order], name: str, value: str) -> QuerySet[Order]:
        return queryset.filter(number_key=value.strip().lower())


class OrderList(ShownList):
    """Orders, newest first, in pages by key."""

    scope = "orders:read"
    serializer_class = OrderShape
    filterset_class = OrderFilter
    sort = NEWEST

    def get_queryset(self) -> Any:
        if is_for_the_document(self):
            return Order.objects.none()
        return Order.objects.select_related("channel", "buyer").prefetch_related("lines")


class OrderCreate(VerbView):
    """Make an order, once per channel and number."""

    scope = "orders:write"
    body = OrderBody
    success_status = 201

    def perform(self, by: Actor, data: dict[str, Any], **url: Any) -> dict[str, Any]:
        lines = [services.LineSpec(**line) for line in data.pop("lines")]
        order = services.create_order(services.OrderSpec(lines=lines, **data), by=by)
        return shown(OrderShape, services.order_named(order.public_id))

    @extend_schema(request=OrderBody, responses={201: OrderShape})
    def post(self, request: Any, **url: Any) -> Any:
        return super().post(request, **url)


class Orders(OrderList, OrderCreate):
    """GET: orders, newest first. POST: make one."""

    http_method_names = ("get", "post", "options")

    @property
    def scope(self) -> str:  # type: ignore[override]
        return "orders:write" if self.request.method == "POST" else "orders:read"


class OrderDetail(generics.GenericAPIView[Order]):
    """One order."""

    scope = "orders:read"
    serializer_class = OrderShape

    @extend_schema(responses=OrderShape)
    def get(self, request: Any, public_id: str) -> Any:
        from rest_framework.response import Response

        return Response(shown(OrderShape, services.order_named(public_id)))


urlpatterns = [
    path("orders/", Orders.as_view(), name="orders"),
    path("orders/<str:public_id>/", OrderDetail.as_view(), name="order"),
]
