"""A thing with a state, its history, its outbox, and the key of a program: four plain tables."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models


class Row(models.Model):
    objects: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        abstract = True


class Key(Row):
    secret = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=80)

    class Meta:
        app_label = "floor"

    def __str__(self) -> str:
        return self.name


class Ticket(Row):
    number = models.CharField(max_length=64)
    status = models.CharField(max_length=24)
    version = models.PositiveIntegerField(default=1)
    note = models.CharField(max_length=200, blank=True)
    changed_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "floor"

    def __str__(self) -> str:
        return self.number


class History(Row):
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="history")
    version = models.PositiveIntegerField()
    source = models.CharField(max_length=24)
    target = models.CharField(max_length=24)
    by = models.CharField(max_length=80)
    at = models.DateTimeField()

    class Meta:
        app_label = "floor"
        constraints: ClassVar = [models.UniqueConstraint(fields=["ticket", "version"], name="floor_version_once")]

    def __str__(self) -> str:
        return f"{self.source} → {self.target}"


class Outbox(Row):
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=60)
    payload = models.JSONField()
    at = models.DateTimeField(db_index=True)

    class Meta:
        app_label = "floor"

    def __str__(self) -> str:
        return self.name
