"""The page behind an invitation: looking at it changes nothing, a press joins the seller."""

from __future__ import annotations

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from marketplace.errors import DomainError, NotFound
from marketplace.models import Invitation, User
from marketplace.settings_portal import services
from marketplace.settings_portal.forms import NewPersonForm
from marketplace.settings_portal.services.invitations import refuse_unless_open
from marketplace.settings_portal.views.frame import attempt


@sensitive_post_parameters("password", "again")
@never_cache
def invitation(request: HttpRequest, token: str) -> HttpResponseBase:
    found = services.invitation_behind(token)
    if found is None:
        return _ended(request, NotFound(_("Nothing is behind this link. Was it copied whole?")))
    try:
        refuse_unless_open(found)
    except DomainError as error:
        return _ended(request, error, status=410)
    if isinstance(request.user, User):
        return _signed_in(request, found, token, request.user)
    if User.objects.filter(email=found.email).exists():
        return render(request, "invitation/sign_in.html", {"invitation": found, "next": request.path})
    return _new_person(request, found, token)


def _signed_in(request: HttpRequest, found: Invitation, token: str, user: User) -> HttpResponse:
    if user.email.lower() != found.email.lower():
        return render(request, "invitation/somebody_else.html", {"invitation": found, "next": request.path}, status=403)
    if request.method == "POST":
        try:
            member = services.accept_invitation(token, user=user)
        except DomainError as error:
            return _ended(request, error, status=410)
        return _welcome(request, member.seller_id, str(found.seller))
    return render(request, "invitation/accept.html", {"invitation": found})


def _new_person(request: HttpRequest, found: Invitation, token: str) -> HttpResponseBase:
    form = NewPersonForm(request.POST or None, email=found.email)
    if form.is_valid():
        name, password = form.cleaned_data["name"], form.cleaned_data["password"]
        if attempt(form, lambda: services.accept_invitation(token, user=None, name=name, password=password)):
            user = User.objects.get(email=found.email)
            _welcome(request, found.seller_id, str(found.seller))
            login = Login(user=user, email=user.email, redirect_url="/")
            answer: HttpResponseBase = perform_password_login(request, {"email": user.email}, login)
            return answer
    status = 422 if form.errors else 200
    return render(request, "invitation/new_person.html", {"invitation": found, "form": form}, status=status)


def _welcome(request: HttpRequest, seller_id: int, seller: str) -> HttpResponse:
    request.session["seller_id"] = seller_id
    messages.success(request, _("Welcome to %(seller)s.") % {"seller": seller})
    return redirect("/")


def _ended(request: HttpRequest, error: DomainError, status: int = 0) -> HttpResponse:
    return render(request, "invitation/ended.html", {"error": error}, status=status or error.status)
