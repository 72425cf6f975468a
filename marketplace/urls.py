"""The doors: portal, buyer pages, API, admin, health."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from marketplace import api_docs, pages, views
from marketplace.settings_portal.views.invitation import invitation
from marketplace.settings_portal.views.profile import switch

handler400 = "marketplace.views.bad_request"
handler403 = "marketplace.views.permission_denied"
handler404 = "marketplace.views.page_not_found"
handler429 = "marketplace.views.too_many_requests"
handler500 = "marketplace.views.server_error"

urlpatterns = [
    path("", pages.home, name="home"),
    path("search/", pages.search, name="search"),
    path("orders/", include("marketplace.orders.urls")),
    path("mails/", include("marketplace.mail_urls")),
    path("mailbox/", include("marketplace.demo.mailbox_urls")),
    path("imports/", include("marketplace.imports.urls")),
    path("returns/", include("returns.urls")),
    path("refunds/", include("refunds.urls")),
    path("settings/", include("marketplace.settings_portal.urls")),
    path("switch/", switch, name="switch"),
    path("i/<str:token>/", invitation, name="invitation"),
    path("r/<slug:slug>/", include("returns.buyer.urls")),
    path("help/", include("marketplace.help.urls")),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("accounts/", include("marketplace.account_urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("marketplace.api_urls")),
    path("api/schema/", api_docs.schema, name="api_schema"),
    path("api/docs/", api_docs.docs, name="api_docs"),
]
if settings.DEBUG or settings.REDRESS_DEMO:
    urlpatterns.append(path("_kit/", include("marketplace.preview.urls")))
