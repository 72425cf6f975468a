"""Where the demo's mailbox is."""

from django.urls import path

from marketplace.demo import mailbox

app_name = "mailbox"
urlpatterns = [
    path("", mailbox.index, name="index"),
    path("<str:name>/", mailbox.detail, name="detail"),
    path("<str:name>/html/", mailbox.html, name="html"),
    path("<str:name>/raw/", mailbox.raw, name="raw"),
]
