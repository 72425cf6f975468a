"""Where the pages of orders are."""

from django.urls import path

from marketplace.orders import views

app_name = "orders"
urlpatterns = [
    path("", views.index, name="index"),
    path("<str:public_id>/", views.detail, name="detail"),
    path("<str:public_id>/invite-buyer/", views.invite_buyer, name="invite_buyer"),
]
