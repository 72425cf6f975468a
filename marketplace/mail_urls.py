"""Where the pages of mails are."""

from django.urls import path

from marketplace import mail_pages

app_name = "mails"
urlpatterns = [
    path("<str:token>/", mail_pages.detail, name="detail"),
    path("<str:token>/html/", mail_pages.html, name="html"),
]
