"""Where the floor's one call is."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from returns.bench.floor import views


def ready(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ready")


urlpatterns = [path("tickets/<int:pk>/move/", views.Move.as_view()), path("readyz", ready)]
