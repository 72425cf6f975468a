"""What support sees of the tables: read only, and a seller's tables only through an open look."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import SimpleTemplateResponse
from django.utils.translation import gettext as _

from marketplace.support_door import looks
from marketplace.support_door.views import open_look_of
from marketplace.tenancy import scope

SHOWN = 100

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin


class ReadOnlyAdmin(_ModelAdmin):
    """Nothing is added, changed or deleted here; what may be done is done by services, on case pages."""

    list_per_page = SHOWN
    show_full_result_count = False
    actions = None

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        raise PermissionDenied

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return redirect("admin:support_looks")


class OperatorAdmin(ReadOnlyAdmin):
    """Tables with people's addresses: for operators, not for every support agent."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(getattr(request.user, "is_superuser", False))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(getattr(request.user, "is_superuser", False))


class TenantAdmin(ReadOnlyAdmin):
    """A table of sellers: shows the rows of the one seller whose look is open, and writes the page down."""

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return self._inside(request, partial(super().changelist_view, request, extra_context))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return self._inside(request, partial(super().change_view, request, object_id, form_url, extra_context))

    def _inside(self, request: HttpRequest, show: Callable[[], HttpResponse]) -> HttpResponse:
        look = open_look_of(request)
        if look is None:
            messages.warning(request, _("Find the seller or the case first; it asks for the reason."))
            return redirect("admin:support_search")
        looks.note_page(look, f"{request.method} {request.get_full_path()}")
        with scope(look.seller_id):
            response = show()
            if isinstance(response, SimpleTemplateResponse):
                response.render()
            return response
