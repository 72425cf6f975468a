"""Where the pages of returns are."""

from django.urls import path

from returns.views import bulk, decisions, detail, index, new, refund

app_name = "returns"
urlpatterns = [
    path("", index.index, name="index"),
    path("export/", index.export, name="export"),
    path("new/", new.new, name="new"),
    path("bulk/", bulk.bulk, name="bulk"),
    path("bulk/<str:nonce>/", bulk.bulk_result, name="bulk_result"),
    path("<str:public_id>/", detail.detail, name="detail"),
    path("<str:public_id>/authorise/", decisions.authorise, name="authorise"),
    path("<str:public_id>/deny/", decisions.deny, name="deny"),
    path("<str:public_id>/ship/", decisions.ship, name="ship"),
    path("<str:public_id>/receive/", decisions.receive, name="receive"),
    path("<str:public_id>/refund/", refund.refund, name="refund"),
    path("<str:public_id>/close/", decisions.close, name="close"),
    path("<str:public_id>/reinstate/", decisions.reinstate, name="reinstate"),
    path("<str:public_id>/contact/", decisions.contact, name="contact"),
    path("<str:public_id>/note/", detail.note, name="note"),
]
