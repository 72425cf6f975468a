"""A person's own page: name, language, zone; how they sign in; and the switch between sellers."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from marketplace.accounts import owns_second_factor
from marketplace.errors import NotFound
from marketplace.models import Membership, User
from marketplace.portal import actor_of
from marketplace.settings_portal import services
from marketplace.settings_portal.forms import ProfileForm
from marketplace.settings_portal.services.profile import person_id
from marketplace.settings_portal.views.frame import attempt, show
from marketplace.tenancy import current_seller_id

# A page of the same kind at the next seller; the object one was looking at belongs to the last.
SECTIONS = ("returns", "refunds", "orders", "imports", "settings")


def profile(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    user = User.objects.get(pk=person_id(actor))
    initial = {"name": user.name, "language": user.language, "zone": user.zone}
    form = ProfileForm(request.POST or None, initial=initial)
    if form.is_valid() and attempt(form, lambda: services.change_profile(by=actor, **form.cleaned_data)):
        messages.success(request, _("Your profile is saved."))
        return redirect("settings:profile")
    return show(
        request,
        "settings/profile.html",
        "profile",
        status=422 if form.errors else 200,
        form=form,
        person=user,
        has_app=owns_second_factor(user),
        membership=Membership.objects.filter(user=user, seller_id=current_seller_id()).first(),
    )


@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Work for another seller from now on; only for one whose team one is on."""
    membership = Membership.objects.filter(
        user_id=person_id(actor_of(request)), seller__slug=request.POST.get("seller", "")
    )
    found = membership.select_related("seller").first()
    if found is None:
        raise NotFound(_("You are not on the team of this seller."))
    request.session["seller_id"] = found.seller_id
    section = request.POST.get("next", "").strip("/").partition("/")[0]
    return HttpResponseRedirect(f"/{section}/" if section in SECTIONS else "/")
