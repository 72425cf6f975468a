"""One transaction per request, in the scope of one seller, with a known actor."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.utils import timezone, translation

from marketplace import access, links, logs
from marketplace.actors import Actor, ActorKind, MemberRole
from marketplace.crash import crashpoint
from marketplace.errors import DomainError
from marketplace.models import Membership, Seller, User
from marketplace.tenancy import scope
from marketplace.views import no_seller, refuse

Next = Callable[[HttpRequest], HttpResponseBase]
_BUYER_PATH = re.compile(r"^/r/(?P<slug>[-a-z0-9]{1,40})(/|$)")
# Pages without a seller: sign-in, health, support's admin, static files, invitations, provider webhooks.
_NO_TENANT = (
    "/accounts/",
    "/admin/",
    "/healthz",
    "/readyz",
    "/static/",
    "/i/",
    "/hooks/",
    "/_",
    "/api/schema",
)
# Pages that need no signed-in person of a seller; the API refuses by itself.
_OPEN = (*_NO_TENANT, "/api/", "/mailbox/")
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)


class RequestIdMiddleware:
    """A number for every request, in the log lines, the history and the answer."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        token = logs.request_id.set(uuid.uuid4().hex[:16])
        try:
            response = self.get_response(request)
            response["X-Request-Id"] = logs.request_id.get()
            return response
        finally:
            logs.request_id.reset(token)


class ContentSecurityPolicyMiddleware:
    """Nothing inline, nothing from another host; pages of a signed-in person are in no shared cache."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", CSP)
        response.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()")
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class TenantMiddleware:
    """Finds the seller and the actor, opens the scope, and keeps rendering inside it (rulings 1)."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        seller_id = self._identify(request)
        if seller_id is None:
            with translation.override(translation.get_language() or "en"):
                response = self.get_response(request)
            timezone.deactivate()
            return response
        with scope(seller_id, reading=request.key_reading):  # type: ignore[attr-defined]
            response = self._inside(request)
            if getattr(request, "must_roll_back", False) or response.status_code >= 500:
                transaction.set_rollback(True)
            crashpoint("request.before_commit")
        crashpoint("request.after_commit")
        timezone.deactivate()
        return response

    def _inside(self, request: HttpRequest) -> HttpResponseBase:
        api_error = self._authenticate_api(request)
        response = api_error or self.get_response(request)
        if isinstance(response, SimpleTemplateResponse) and not response.is_rendered:
            response = response.render()
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """A portal page without a person: sign in first. A person without a seller: say so."""
        is_open = request.path == "/" or request.path.startswith(_OPEN) or _BUYER_PATH.match(request.path)
        if is_open or getattr(request, "actor", None):
            return None
        if isinstance(request.user, User):
            return no_seller(request)
        url = redirect_to_login(request.get_full_path() if request.method == "GET" else "/").url
        if request.headers.get("HX-Request") == "true":
            return HttpResponse(status=204, headers={"HX-Redirect": url})
        return HttpResponseRedirect(url)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A refusal raised by a portal view becomes its page; what was begun is rolled back."""
        if getattr(request, "seller", None) is not None:
            request.must_roll_back = True  # type: ignore[attr-defined]
            if isinstance(exception, DomainError):
                transaction.set_rollback(False)
                return refuse(request, exception)
        elif isinstance(exception, DomainError):
            return refuse(request, exception)
        return None

    # --- who is it -------------------------------------------------------------------------------

    def _identify(self, request: HttpRequest) -> int | None:
        request.actor = None  # type: ignore[attr-defined]
        request.seller = None  # type: ignore[attr-defined]
        request.is_portal = False  # type: ignore[attr-defined]
        request.key_reading = None  # type: ignore[attr-defined]
        if request.path.startswith(_NO_TENANT):
            if request.path.startswith("/accounts/") and isinstance(request.user, User):
                _activate(request.user.language, request.user.zone)
            return None
        buyer = _BUYER_PATH.match(request.path)
        if buyer:
            request.seller = Seller.objects.filter(slug=buyer["slug"]).first()  # type: ignore[attr-defined]
        elif request.path.startswith("/api/"):
            return self._identify_program(request)
        else:
            self._identify_person(request)
        return request.seller.pk if request.seller else None  # type: ignore[attr-defined]

    def _identify_program(self, request: HttpRequest) -> int | None:
        scheme, _sep, secret = request.headers.get("Authorization", "").partition(" ")
        secret = secret.strip()
        if scheme.lower() != "bearer" or not secret or len(secret) > 200:
            return None
        route = links.route_of("api_key", secret)
        if route is None:
            return None
        request.seller = route.seller  # type: ignore[attr-defined]
        request.key_reading = access.reading_of_key(route.seller_id, route.object_id)  # type: ignore[attr-defined]
        return route.seller_id

    def _authenticate_api(self, request: HttpRequest) -> HttpResponse | None:
        if request.key_reading is not None:  # type: ignore[attr-defined]
            try:
                request.actor = access.actor_of_opening()  # type: ignore[attr-defined]
            except DomainError as error:
                return refuse(request, error)
        return None

    def _identify_person(self, request: HttpRequest) -> None:
        user: User | AnonymousUser = request.user
        if not isinstance(user, User) or not user.is_active:
            return
        memberships = list(Membership.objects.filter(user=user).select_related("seller").order_by("seller__name", "id"))
        if not memberships:
            return
        wanted = request.session.get("seller_id")
        for membership in memberships:
            membership.user = user
        chosen = next((m for m in memberships if m.seller_id == wanted), memberships[0])
        request.sellers = [m.seller for m in memberships]  # type: ignore[attr-defined]
        request.seller = chosen.seller  # type: ignore[attr-defined]
        request.is_portal = True  # type: ignore[attr-defined]
        is_second = _has_second_factor(request, chosen)
        request.actor = actor_of_member(chosen, has_second_factor=is_second)  # type: ignore[attr-defined]
        _activate(user.language, user.zone)


def actor_of_member(membership: Membership, *, has_second_factor: bool) -> Actor:
    user = membership.user
    return Actor(
        kind=ActorKind.SELLER,
        id=f"user:{user.pk}",
        label=str(user),
        seller_id=membership.seller_id,
        role=MemberRole(membership.role),
        user_id=user.pk,
        lacks_second_factor=membership.seller.requires_second_factor and not has_second_factor,
    )


def _has_second_factor(request: HttpRequest, membership: Membership) -> bool:
    """Asked only where the answer matters: the seller demands it (one query more for a session that used it)."""
    if not membership.seller.requires_second_factor:
        return False
    from marketplace.accounts import has_second_factor

    return has_second_factor(request, membership.user)


def _activate(language: str, zone: str) -> None:
    translation.activate(language)
    try:
        timezone.activate(zone)
    except Exception:  # noqa: BLE001 an unknown zone name in an old profile must not lock anybody out
        timezone.activate("UTC")
