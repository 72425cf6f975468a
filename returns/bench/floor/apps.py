"""The floor's one app."""

from django.apps import AppConfig


class FloorConfig(AppConfig):
    name = "returns.bench.floor"
    label = "floor"
