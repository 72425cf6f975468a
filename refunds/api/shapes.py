"""What the API takes and gives for refunds: bodies and shapes."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from marketplace.api import StrictSerializer, shown
from marketplace.models import StateTransition
from marketplace.money import LARGEST
from refunds.models import Component, PublicStatus, RefundBudget, RefundLine, RefundRequest

MAX_MINOR = LARGEST // 1000


class RefundLineShape(serializers.ModelSerializer[RefundLine]):
    class Meta:
        model = RefundLine
        fields = ("order_line_id", "component", "amount_minor", "note")


class RefundAlone(serializers.ModelSerializer[RefundRequest]):
    """A refund without its lines; `status` is one of AWS's five words, `stage` says where inside PENDING it stands."""

    status = serializers.ChoiceField(source="public_status", choices=PublicStatus.choices)
    stage = serializers.ChoiceField(source="status", choices=RefundRequest.Status.choices)
    order = serializers.CharField(source="order.public_id")

    class Meta:
        model = RefundRequest
        fields = (
            "public_id",
            "status",
            "stage",
            "version",
            "order",
            "amount_minor",
            "currency",
            "reason_code",
            "reason_text",
            "source",
            "asker",
            "asker_public_id",
            "gateway",
            "provider_refund_id",
            "provider_message",
            "hold_reason",
            "created_at",
            "settled_at",
        )


class RefundShape(RefundAlone):
    """A refund; `status` is one of AWS's five words, `stage` says where inside PENDING it stands."""

    lines = RefundLineShape(many=True)

    class Meta:
        model = RefundRequest
        fields = (*RefundAlone.Meta.fields, "lines")


class HistoryShape(serializers.ModelSerializer[StateTransition]):
    class Meta:
        model = StateTransition
        fields = ("version", "move", "source", "target", "actor_kind", "actor_label", "reason_code", "at")


class RefundDetailShape(RefundShape):
    """A refund with its history."""

    history = serializers.SerializerMethodField()

    class Meta:
        model = RefundRequest
        fields = (*RefundShape.Meta.fields, "history")

    def get_history(self, obj: RefundRequest) -> list[dict[str, Any]]:
        rows = StateTransition.objects.filter(machine="refund", object_id=obj.pk).order_by("version")
        return [shown(HistoryShape, row) for row in rows]


class BudgetShape(serializers.ModelSerializer[RefundBudget]):
    """What may still go back on an order's charge, in minor units."""

    class Meta:
        model = RefundBudget
        fields = (
            "currency",
            "cap_minor",
            "refunded_minor",
            "reserved_minor",
            "disputed_minor",
            "left_minor",
            "over_recovery_minor",
            "is_cap_known",
        )


def shape_of(refund: RefundRequest) -> dict[str, Any]:
    """The refund as the API answers a verb: a RefundShape, of the lines that the service has at hand."""
    lines = refund.lines_at_hand if refund.lines_at_hand is not None else refund.lines.all()
    return {**shown(RefundAlone, refund), "lines": [shown(RefundLineShape, line) for line in lines]}


class RefundLineBody(StrictSerializer):
    """A component of a refund; a RESTOCKING_FEE is what the seller keeps back and is given as a negative amount."""

    order_line_id = serializers.IntegerField(
        min_value=1, max_value=2**63 - 1, required=False, allow_null=True, default=None
    )
    component = serializers.ChoiceField(choices=Component.choices)
    amount_minor = serializers.IntegerField(min_value=-MAX_MINOR, max_value=MAX_MINOR)


class CreateBody(StrictSerializer):
    order = serializers.CharField(max_length=40)
    lines: Any = serializers.ListSerializer(child=RefundLineBody(), allow_empty=False, max_length=500)
    reason_code = serializers.CharField(max_length=40)
    reason_text = serializers.CharField(max_length=2000, required=False, default="", allow_blank=True)


class ConfirmBody(StrictSerializer):
    reference = serializers.CharField(max_length=120)


class ReasonBody(StrictSerializer):
    reason = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)
