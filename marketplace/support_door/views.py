"""The pages of support: the queue, the search by id, a case behind a reason, a move with a reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from marketplace import clock
from marketplace.errors import DomainError
from marketplace.models import Seller, SupportAccess, User
from marketplace.portal_parts import Action
from marketplace.support_door import looks as doors
from marketplace.support_door.registry import CASES, FINDERS, QUEUES, CaseKind, CasePage, ReasonForm, SupportMove
from marketplace.tenancy import scope, support_scope

SELLER_IN_SESSION = "support_seller"


def frame(request: HttpRequest) -> dict[str, Any]:
    """For every page of the door: where one is, and whose data one is looking at."""
    names = [
        ("index", _("Queue"), "house"),
        ("support_search", _("Search"), "search"),
        ("support_looks", _("Looks"), "eye"),
        ("support_tables", _("All tables"), "file-text"),
    ]
    places = [(f"admin:{name}", label, icon) for name, label, icon in names]
    rail = [
        {"key": name, "label": label, "url": reverse(name), "icon": icon, "active": request.path == reverse(name)}
        for name, label, icon in places
    ]
    return {"rail": rail, "look": open_look_of(request)}


def open_look_of(request: HttpRequest) -> SupportAccess | None:
    """The look that was opened last in this session, while it lasts."""
    seller_id, user = request.session.get(SELLER_IN_SESSION), request.user
    if seller_id is None or not isinstance(user, User):
        return None
    look = doors.current_look(user, seller_id)
    if look is not None:
        look.seller = Seller.objects.get(pk=seller_id)
    return look


def queue(request: HttpRequest) -> HttpResponse:
    """What needs a decision, of all sellers: ids and states, no personal data."""
    with support_scope():
        sections = [section(clock.now()) for section in QUEUES]
    sellers = _seller_names({row.seller_id for section in sections for row in section.rows})
    shown = [(section, [(row, sellers[row.seller_id]) for row in section.rows]) for section in sections]
    return render(request, "support/queue.html", {**frame(request), "sections": shown})


def search(request: HttpRequest) -> HttpResponse:
    """By any public id, order number or RMA; or a seller by name."""
    text = request.GET.get("q", "").strip()[:100]
    hits, sellers = [], []
    if len(text) >= 2:
        ids = list(Seller.objects.values_list("pk", flat=True))
        with support_scope():
            hits = [hit for find in FINDERS for hit in find(text, ids)]
        sellers = list(Seller.objects.filter(name__icontains=text)[:20])
    names = _seller_names({hit.seller_id for hit in hits})
    context = {"q": text, "hits": [(hit, CASES[hit.kind].label, names[hit.seller_id]) for hit in hits]}
    return render(request, "support/search.html", {**frame(request), **context, "found_sellers": sellers})


def looks(request: HttpRequest) -> HttpResponse:
    """Who looked where, newest first."""
    rows = SupportAccess.objects.select_related("user", "seller").order_by("-id")[:200]
    return render(request, "support/looks.html", {**frame(request), "looks": rows})


def open_seller(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask for the reason; with it, the seller's data can be seen for thirty minutes."""
    seller = Seller.objects.filter(slug=slug).first()
    if seller is None:
        raise Http404
    target = _back_into_the_door(request, reverse("admin:support_tables"))
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        doors.open_look(_agent(request), seller, reason=form.cleaned_data["reason"])
        request.session[SELLER_IN_SESSION] = seller.pk
        return redirect(target)
    context = {**frame(request), "form": form, "subject": seller, "next": target}
    return render(request, "support/open.html", context, status=422 if form.errors else 200)


@require_POST
def end(request: HttpRequest, slug: str) -> HttpResponse:
    """Leave the seller's data before the thirty minutes are over."""
    seller = Seller.objects.filter(slug=slug).first()
    look = doors.current_look(_agent(request), seller.pk) if seller else None
    if look is not None:
        doors.end_look(look)
    request.session.pop(SELLER_IN_SESSION, None)
    return redirect("admin:index")


def case(request: HttpRequest, kind: str, public_id: str) -> HttpResponse:
    """The whole story of one thing; without an open look the question for the reason comes first."""
    found = _kind(kind)
    seller = _seller_of(found, public_id)
    if (refusal := _enter(request, seller)) is not None:
        return refusal
    with scope(seller.pk):
        page = _page(found, public_id)
        actions = [_action(move, page, kind, public_id) for move in found.moves]
        entries = [replace(entry, mail_url="") for entry in page.entries]
        context = {"page": page, "entries": entries, "actions": actions, "kind": found, "public_id": public_id}
        return render(request, "support/case.html", {**frame(request), **context})


def move(request: HttpRequest, kind: str, public_id: str, name: str) -> HttpResponse:
    """One verb on a case: the consequence, the demanded reason, then the service as this agent."""
    found = _kind(kind)
    chosen = next((each for each in found.moves if each.name == name), None)
    if chosen is None:
        raise Http404
    seller = _seller_of(found, public_id)
    if (refusal := _enter(request, seller)) is not None:
        return refusal
    form = chosen.form(request.POST or None)
    back = reverse("admin:support_case", args=[kind, public_id])
    with scope(seller.pk):
        page = _page(found, public_id)
        if form.is_valid() and _run(form, chosen, public_id, request, seller):
            messages.success(request, _("Done: %(what)s.") % {"what": chosen.label})
            return redirect(back)
        context = {
            "page": page,
            "form": form,
            "move": chosen,
            "back_url": back,
            "why_not": chosen.why_not(page.subject),
        }
        status = 422 if form.errors else 200
        return render(request, "support/move.html", {**frame(request), **context}, status=status)


def _run(form: ReasonForm, chosen: SupportMove, public_id: str, request: HttpRequest, seller: Seller) -> bool:
    try:
        with transaction.atomic():
            chosen.run(public_id, doors.actor_for(_agent(request), seller.pk), form.cleaned_data)
    except DomainError as error:
        form.add_error(None, error.message)
        return False
    return True


def _enter(request: HttpRequest, seller: Seller) -> HttpResponse | None:
    """Write the page down and go on; or send the agent to the question for the reason."""
    look = doors.current_look(_agent(request), seller.pk)
    if look is None:
        if request.method == "POST":
            messages.warning(request, _("Your thirty minutes are over; nothing was changed. Give the reason again."))
        ask = reverse("admin:support_open", args=[seller.slug])
        return redirect(f"{ask}?next={request.path}")
    doors.note_page(look, f"{request.method} {request.path}")
    request.session[SELLER_IN_SESSION] = seller.pk
    return None


def _action(move_: SupportMove, page: CasePage, kind: str, public_id: str) -> Action:
    url = reverse("admin:support_move", args=[kind, public_id, move_.name])
    reason = move_.why_not(page.subject)
    return Action(move_.label, url, reason=reason, in_panel=False)


def _kind(kind: str) -> CaseKind:
    if kind not in CASES:
        raise Http404
    return CASES[kind]


def _page(found: CaseKind, public_id: str) -> CasePage:
    try:
        return found.show(public_id)
    except DomainError as error:
        raise Http404 from error


def _seller_of(found: CaseKind, public_id: str) -> Seller:
    with support_scope():
        seller_id = found.locate(public_id)
    seller = Seller.objects.filter(pk=seller_id).first() if seller_id is not None else None
    if seller is None:
        raise Http404
    return seller


def _seller_names(ids: set[int]) -> dict[int, Seller]:
    return {seller.pk: seller for seller in Seller.objects.filter(pk__in=ids)}


def _agent(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404  # never: the site lets nobody else in
    return request.user


def _back_into_the_door(request: HttpRequest, default: str) -> str:
    """Only to a page of this door."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    is_here = url_has_allowed_host_and_scheme(target, allowed_hosts=None)
    return target if is_here and target.startswith(reverse("admin:index")) else default
