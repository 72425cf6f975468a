"""Where the API's verbs of a return are."""

from __future__ import annotations

from django.urls import path

from returns.api import views

urlpatterns = [
    path("returns/", views.Returns.as_view(), name="returns"),
    path("returns/<str:public_id>/", views.ReturnDetail.as_view(), name="return"),
    path("returns/<str:public_id>/authorise/", views.Authorise.as_view(), name="return-authorise"),
    path("returns/<str:public_id>/deny/", views.Deny.as_view(), name="return-deny"),
    path("returns/<str:public_id>/ship/", views.Ship.as_view(), name="return-ship"),
    path("returns/<str:public_id>/receive/", views.Receive.as_view(), name="return-receive"),
    path("returns/<str:public_id>/close/", views.Close.as_view(), name="return-close"),
    path("returns/<str:public_id>/reinstate/", views.Reinstate.as_view(), name="return-reinstate"),
    path("returns/<str:public_id>/contact/", views.Contact.as_view(), name="return-contact"),
    path("returns/<str:public_id>/refund/", views.Refund.as_view(), name="return-refund"),
]
