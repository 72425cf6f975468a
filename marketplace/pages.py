"""Pages that gather from all apps: Today and the search box."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from marketplace import clock, portal, times
from marketplace.actors import Permission
from marketplace.portal import WorkItem, WorkLists, actor_of

SHOWN = 12
FAR_AWAY = timedelta(days=36500)


def home(request: HttpRequest) -> HttpResponse:
    """What is late, what falls due today, what waits for others; and four figures."""
    if getattr(request, "seller", None) is None:
        return _nobody(request)
    actor, now = actor_of(request), clock.now()
    actor.require(Permission.VIEW)
    lists = [gather(actor, now) for gather in portal.WORK]
    figures = [figure for gather in portal.FIGURES for figure in gather(actor, now)]
    return render(
        request,
        "marketplace/today.html",
        {**_merged(lists), "figures": figures, "day": times.written_date(timezone.localtime(now))},
    )


def _nobody(request: HttpRequest) -> HttpResponse:
    """The front page: the way to sign in, or word that this person belongs to no seller."""
    return render(request, "marketplace/welcome.html")


def _merged(lists: list[WorkLists]) -> dict[str, object]:
    far = clock.now() + FAR_AWAY

    def by_due(item: WorkItem) -> datetime:
        return item.due or far

    return {
        "late": sorted((item for each in lists for item in each.late), key=by_due)[:SHOWN],
        "today": sorted((item for each in lists for item in each.today), key=by_due)[:SHOWN],
        "waiting": sorted((item for each in lists for item in each.waiting), key=by_due)[:SHOWN],
        "late_count": sum(each.late_count for each in lists),
        "today_count": sum(each.today_count for each in lists),
        "waiting_count": sum(each.waiting_count for each in lists),
    }


def search(request: HttpRequest) -> HttpResponse:
    """One box for any order, RMA, request, buyer or SKU; a single hit opens at once."""
    actor = actor_of(request)
    text = request.GET.get("q", "").strip()[:100]
    hits = [hit for find in portal.SEARCH for hit in find(actor, text)] if len(text) >= 2 else []
    if len(hits) == 1:
        from django.shortcuts import redirect

        return redirect(hits[0].url)
    return render(request, "marketplace/search.html", {"hits": hits, "search_text": text})
