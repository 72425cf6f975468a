"""The kernel's own entries on the rail and in the search."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from marketplace.orders.selectors import search
from marketplace.orders.work import invitations_wanted
from marketplace.portal import RAIL, SEARCH, WORK, RailEntry

RAIL += [
    RailEntry("today", _("Today"), "home", "house", 0),
    RailEntry("orders", _("Orders"), "orders:index", "shopping-bag", 60),
    RailEntry("imports", _("Imports"), "imports:index", "file-up", 65),
    RailEntry("settings", _("Settings"), "settings:index", "settings", 90),
    RailEntry("help", _("Help"), "help:index", "circle-question-mark", 95),
]
SEARCH.append(search)
WORK.append(invitations_wanted)
