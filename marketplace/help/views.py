"""The help pages."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from marketplace import fsm
from marketplace.diagrams import diagram


def index(request: HttpRequest) -> HttpResponse:
    return render(request, "help/index.html", {"machines": sorted(fsm.MACHINES)})


def machine(request: HttpRequest, machine: str) -> HttpResponse:
    """Every state and move of one machine, as a picture and as a table."""
    if machine not in fsm.MACHINES:
        raise Http404
    return render(request, "help/machine.html", {"diagram": diagram(machine), "machines": sorted(fsm.MACHINES)})
