"""Where the pages of imports are."""

from django.urls import path

from marketplace.imports import views

app_name = "imports"
urlpatterns = [
    path("", views.index, name="index"),
    path("new/", views.new, name="new"),
    path("mappings/<int:mapping_id>/delete/", views.delete_mapping, name="delete_mapping"),
    path("<str:public_id>/", views.detail, name="detail"),
    path("<str:public_id>/columns/", views.columns, name="columns"),
    path("<str:public_id>/run/", views.run, name="run"),
    path("<str:public_id>/errors.csv", views.errors, name="errors"),
    path("<str:public_id>/discard/", views.discard, name="discard"),
    path("<str:public_id>/undo/", views.undo, name="undo"),
]
