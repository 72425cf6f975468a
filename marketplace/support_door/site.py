"""Django admin as the support door: who comes in, and what stands where."""

from __future__ import annotations

import time
from typing import Any

from allauth.account.internal.flows.reauthentication import did_recently_reauthenticate
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import logout as sign_out
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _

from marketplace.accounts import has_second_factor, owns_second_factor
from marketplace.models import User

# An agent who did nothing for so long confirms who they are (reliability.md 3.4).
IDLE_AT_MOST = 15 * 60
_SEEN = "support_seen_at"


class SupportSite(admin.AdminSite):
    site_header = _("Redress support")
    site_title = _("Redress support")
    index_title = _("All tables, read only")
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        """Support staff with a second factor; in the demo the password will do."""
        user = request.user
        if not (isinstance(user, User) and user.is_active and user.is_staff):
            return False
        return settings.REDRESS_DEMO or has_second_factor(request, user)

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Only tables that are read only come in; packages that bring admin pages of their own stay outside."""
        from marketplace.support_door.base import ReadOnlyAdmin

        if admin_class is not None and issubclass(admin_class, ReadOnlyAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def get_urls(self) -> list[Any]:
        from marketplace.support_door import views

        own = [
            path("", self.admin_view(views.queue), name="index"),
            path("search/", self.admin_view(views.search), name="support_search"),
            path("looks/", self.admin_view(views.looks), name="support_looks"),
            path("open/<slug:slug>/", self.admin_view(views.open_seller), name="support_open"),
            path("end/<slug:slug>/", self.admin_view(views.end), name="support_end"),
            path("cases/<slug:kind>/<str:public_id>/", self.admin_view(views.case), name="support_case"),
            path("cases/<slug:kind>/<str:public_id>/<slug:name>/", self.admin_view(views.move), name="support_move"),
            path("tables/", self.admin_view(self.tables), name="support_tables"),
            # Two general pages of Django admin would read a table outside any look.
            path("autocomplete/", _nothing_here),
            path("r/<path:rest>", _nothing_here),
        ]
        return [*own, *super().get_urls()]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        inner = super().admin_view(view, cacheable)

        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if self.has_permission(request) and _was_idle(request):
                return redirect(f"{reverse('account_reauthenticate')}?next={request.path}")
            return inner(request, *args, **kwargs)

        return checked

    def tables(self, request: HttpRequest) -> HttpResponse:
        return super().index(request)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is one sign-in for everybody; here it is only said what is missing."""
        target = request.GET.get("next") or reverse("admin:index")
        if self.has_permission(request):
            return redirect("admin:index")
        if not isinstance(request.user, User):
            return redirect_to_login(target)
        if not request.user.is_staff:
            raise PermissionDenied
        context = {"has_app": owns_second_factor(request.user), "next": target}
        return render(request, "support/second_factor.html", context, status=403)

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        sign_out(request)
        return redirect("account_login")

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return redirect("account_change_password")

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        from marketplace.support_door.views import frame

        return {**super().each_context(request), **frame(request)}


def _nothing_here(request: HttpRequest, rest: str = "") -> HttpResponse:
    raise Http404


def _was_idle(request: HttpRequest) -> bool:
    now, seen = int(time.time()), request.session.get(_SEEN)
    if seen is not None and now - seen > IDLE_AT_MOST and not did_recently_reauthenticate(request):
        return True
    if seen is None or now - seen > 60:
        request.session[_SEEN] = now
    return False
