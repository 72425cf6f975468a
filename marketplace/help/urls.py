"""Where the help pages are."""

from django.urls import path

from marketplace.help import views

app_name = "help"
urlpatterns = [
    path("", views.index, name="index"),
    path("machines/<slug:machine>/", views.machine, name="machine"),
]
