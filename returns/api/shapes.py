"""What the API takes and gives for returns: bodies and shapes."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from marketplace.api import StrictSerializer, shown
from marketplace.models import StateTransition
from refunds.api.shapes import RefundLineBody
from returns import selectors
from returns.models import ReceivedUnits, ReturnLine, ReturnRequest
from returns.reasons import DENY_REASONS, RETURN_REASONS


class HistoryShape(serializers.ModelSerializer[StateTransition]):
    class Meta:
        model = StateTransition
        fields = ("version", "move", "source", "target", "actor_kind", "actor_label", "reason_code", "at")


class ReceivedShape(serializers.ModelSerializer[ReceivedUnits]):
    class Meta:
        model = ReceivedUnits
        fields = ("condition", "quantity", "note", "at")


class ReturnLineShape(serializers.ModelSerializer[ReturnLine]):
    sku = serializers.CharField(source="order_line.sku")
    title = serializers.CharField(source="order_line.title")

    class Meta:
        model = ReturnLine
        fields = ("id", "order_line_id", "sku", "title", "quantity", "reason_code", "comment", "received_quantity")


_FIELDS = (
    "public_id",
    "status",
    "version",
    "order",
    "order_number",
    "channel",
    "rma",
    "merchant_rma",
    "units",
    "value_minor",
    "currency",
    "first_reason_code",
    "is_out_of_policy",
    "is_overdue",
    "requested_at",
    "respond_by",
    "authorised_at",
    "return_by",
    "received_at",
    "refund_by",
    "ended_at",
    "close_reason",
    "deny_reason_code",
    "carrier",
    "tracking",
)


class ReturnRow(serializers.ModelSerializer[ReturnRequest]):
    """A return as lists show it; amounts in minor units of `currency`."""

    order = serializers.CharField(source="order.public_id")
    channel = serializers.CharField(source="channel.code")
    status = serializers.ChoiceField(choices=ReturnRequest.Status.choices)

    class Meta:
        model = ReturnRequest
        fields = _FIELDS


class ReturnAlone(ReturnRow):
    """A return without its lines."""

    class Meta:
        model = ReturnRequest
        fields = (*_FIELDS, "deny_message", "return_address")


class ReturnShape(ReturnAlone):
    """A return with its lines."""

    lines = ReturnLineShape(many=True)

    class Meta:
        model = ReturnRequest
        fields = (*ReturnAlone.Meta.fields, "lines")


class ReturnDetailShape(ReturnShape):
    """A return with its lines and its history."""

    history = serializers.SerializerMethodField()

    class Meta:
        model = ReturnRequest
        fields = (*ReturnShape.Meta.fields, "history")

    def get_history(self, obj: ReturnRequest) -> list[dict[str, Any]]:
        rows: QuerySet[StateTransition] = StateTransition.objects.filter(machine="return", object_id=obj.pk)
        return [shown(HistoryShape, row) for row in rows.order_by("version")]


def shape_of(request: ReturnRequest) -> dict[str, Any]:
    """The return as the API answers a verb: a ReturnShape, of the lines that the service has at hand."""
    lines = [shown(ReturnLineShape, line) for line in selectors.lines_at_hand(request)]
    return {**shown(ReturnAlone, request), "lines": lines}


class ReturnLineBody(StrictSerializer):
    order_line_id = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    quantity = serializers.IntegerField(min_value=1, max_value=100_000)
    reason_code = serializers.ChoiceField(choices=[(code, code) for code in RETURN_REASONS])
    comment = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


class SubmitBody(StrictSerializer):
    order = serializers.CharField(max_length=40)
    lines: Any = serializers.ListSerializer(child=ReturnLineBody(), allow_empty=False, max_length=200)
    confirm_duplicate = serializers.BooleanField(required=False, default=False)


class AddressBody(StrictSerializer):
    name = serializers.CharField(max_length=120)
    line1 = serializers.CharField(max_length=120)
    line2 = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)
    city = serializers.CharField(max_length=80)
    region = serializers.CharField(max_length=80, required=False, default="", allow_blank=True)
    postcode = serializers.CharField(max_length=20)
    country = serializers.RegexField(r"^[A-Z]{2}$")
    phone = serializers.CharField(max_length=40, required=False, default="", allow_blank=True)


class AuthoriseBody(StrictSerializer):
    return_address = AddressBody(required=False, allow_null=True, default=None)
    merchant_rma = serializers.CharField(max_length=40, required=False, default="", allow_blank=True)


class DenyBody(StrictSerializer):
    reason_code = serializers.ChoiceField(choices=[(code, code) for code in DENY_REASONS])
    message = serializers.CharField(max_length=3000)


class ReceivedBody(StrictSerializer):
    return_line_id = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    condition = serializers.ChoiceField(choices=ReceivedUnits.Condition.choices)
    quantity = serializers.IntegerField(min_value=1, max_value=100_000)
    note = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)


class ReceiveBody(StrictSerializer):
    units: Any = serializers.ListSerializer(child=ReceivedBody(), allow_empty=False, max_length=500)


class ShipBody(StrictSerializer):
    carrier = serializers.CharField(max_length=40)
    tracking = serializers.CharField(max_length=80)


class CloseBody(StrictSerializer):
    close_reason = serializers.ChoiceField(choices=ReturnRequest.CloseReason.choices)


class ReinstateBody(StrictSerializer):
    reason = serializers.CharField(max_length=500)


class MessageBody(StrictSerializer):
    message = serializers.CharField(max_length=3000)


class RefundBody(StrictSerializer):
    """Lines to refund; without lines, what the received units cost. Amounts in minor units."""

    lines: Any = serializers.ListSerializer(child=RefundLineBody(), required=False, default=list, max_length=500)
    reason_text = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)
