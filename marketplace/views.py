"""The kernel's own small pages: health, and the pages of refusal."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from marketplace.errors import DomainError


def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers."""
    return HttpResponse("ok", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:
    """The database answers and is migrated."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM marketplace_seller LIMIT 1")
    return HttpResponse("ok", content_type="text/plain")


def refuse(request: HttpRequest, error: DomainError) -> HttpResponse:
    """A DomainError as a page (or as JSON below /api/): what happened, what it means, what to do."""
    if request.path.startswith("/api/"):
        response: HttpResponse = JsonResponse(error.as_dict(), status=error.status)
    else:
        response = render(request, "refused.html", {"error": error}, status=error.status)
    retry_after = error.details.get("retry_after")
    if retry_after:
        response["Retry-After"] = str(retry_after)
    return response


def no_seller(request: HttpRequest) -> HttpResponse:
    """Signed in, but a member of no seller: a support agent, or somebody whose membership ended."""
    return render(request, "no_seller.html", status=403)


def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return render(request, "400.html", status=400)


def permission_denied(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return render(request, "403.html", status=403)


def too_many_requests(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """Named by handler429 in the URLs, which allauth calls when a sign-in is tried too often."""
    response = render(request, "429.html", status=429)
    response["Retry-After"] = "60"
    return response


def page_not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    if request.path.startswith("/api/"):
        body = {"error": {"code": "not_found", "message": _("There is nothing at this address."), "details": {}}}
        return JsonResponse(body, status=404)
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    if request.path.startswith("/api/"):
        body = {"error": {"code": "server_error", "message": _("This went wrong on our side."), "details": {}}}
        return JsonResponse(body, status=500)
    return render(request, "500.html", status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "403.html", {"is_csrf": True}, status=403)
