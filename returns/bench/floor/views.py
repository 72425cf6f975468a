"""One bare call: who is it, is the body in order, one locked transition with its history and outbox row."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from returns.bench.floor.models import History, Key, Outbox, Ticket


class KeyAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[Any, None]:
        secret = request.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            return Key.objects.get(secret=secret), None
        except Key.DoesNotExist:
            raise AuthenticationFailed from None


class MoveBody(serializers.Serializer[Any]):
    before = serializers.CharField(max_length=24)
    target = serializers.CharField(max_length=24)
    note = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


class TicketShape(serializers.ModelSerializer[Ticket]):
    class Meta:
        model = Ticket
        fields = ("id", "number", "status", "version", "note", "changed_at")


class Move(APIView):
    authentication_classes = (KeyAuthentication,)

    def post(self, request: Request, pk: int) -> Response:
        body = MoveBody(data=request.data)
        body.is_valid(raise_exception=True)
        source, target = body.validated_data["before"], body.validated_data["target"]
        with transaction.atomic():
            ticket = Ticket.objects.select_for_update().get(pk=pk)
            if ticket.status != source:
                raise serializers.ValidationError("wrong state")
            ticket.status, ticket.note = target, body.validated_data["note"]
            ticket.version += 1
            ticket.changed_at = timezone.now()
            ticket.save(update_fields=["status", "note", "version", "changed_at"])
            History.objects.create(
                ticket=ticket,
                version=ticket.version,
                source=source,
                target=target,
                by=str(request.user),
                at=ticket.changed_at,
            )
            Outbox.objects.create(
                ticket=ticket, name=target, payload={"id": ticket.pk, "source": source}, at=ticket.changed_at
            )
        return Response(TicketShape(ticket).data)
