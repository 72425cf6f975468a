"""Where the pages of refunds are."""

from django.urls import path

from refunds.views import decisions, detail, differences, index

app_name = "refunds"
urlpatterns = [
    path("", index.index, name="index"),
    path("export/", index.export, name="export"),
    path("differences/", differences.index, name="differences"),
    path("differences/<int:pk>/", differences.close, name="close_difference"),
    path("<str:public_id>/", detail.detail, name="detail"),
    path("<str:public_id>/review/", decisions.review, name="review"),
    path("<str:public_id>/confirm/", decisions.confirm, name="confirm"),
    path("<str:public_id>/look-up/", decisions.look_up, name="look_up"),
    path("<str:public_id>/hold/", decisions.hold, name="hold"),
    path("<str:public_id>/release/", decisions.release, name="release"),
    path("<str:public_id>/cancel/", decisions.cancel, name="cancel"),
    path("<str:public_id>/resolve/", decisions.resolve, name="resolve"),
]
