"""The kit: every part of a page with sample data. Included only where DEBUG or REDRESS_DEMO is on."""

from __future__ import annotations

from django.urls import path

from marketplace.preview import views

app_name = "kit"
urlpatterns = [
    path("", views.parts, name="parts"),
    path("mails/", views.mails, name="mails"),
    path("mails/<slug:event>/<slug:part>/", views.mail, name="mail"),
    path("error/<int:code>/", views.error, name="error"),
    path("<path:name>/", views.page, name="page"),
]
