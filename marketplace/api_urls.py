"""Everything below /api/v1/; the apps are named by string, the kernel imports none of them."""

from __future__ import annotations

from django.urls import include, path

app_name = "api"
urlpatterns = [
    path("", include("marketplace.orders.api")),
    path("", include("returns.api.urls")),
    path("", include("refunds.api.urls")),
]
