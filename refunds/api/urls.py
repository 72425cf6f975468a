"""Where the API's verbs of a refund are."""

from __future__ import annotations

from django.urls import path

from refunds.api import views

urlpatterns = [
    path("refunds/", views.Refunds.as_view(), name="refunds"),
    path("refunds/<str:public_id>/", views.RefundDetail.as_view(), name="refund"),
    path("refunds/<str:public_id>/review/", views.Review.as_view(), name="refund-review"),
    path("refunds/<str:public_id>/cancel/", views.Cancel.as_view(), name="refund-cancel"),
    path("refunds/<str:public_id>/confirm/", views.Confirm.as_view(), name="refund-confirm"),
    path("orders/<str:public_id>/budget/", views.Budget.as_view(), name="order-budget"),
]
