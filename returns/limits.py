"""Which time limits of a return a seller may set for themselves, and what a new one would have meant."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace import clock
from marketplace.deadlines import DeadlineKind, register_kind
from returns.deadlines import EXPIRY_GRACE, REFUND_WITHIN, RESPOND_WITHIN
from returns.models import ReturnRequest

LOOK_BACK = timedelta(days=90)


def answers_in_time(channel: str, limit: timedelta) -> str:
    """How many answers of the last 90 days the new limit would have called late."""
    answered = ReturnRequest.objects.filter(answered_at__isnull=False, answered_at__gte=clock.now() - LOOK_BACK)
    if channel:
        answered = answered.filter(channel__code=channel)
    late = answered.filter(answered_at__gt=F("requested_at") + limit).count()
    return _("Of %(all)s requests answered in the last 90 days, %(late)s took longer than the new limit.") % {
        "all": answered.count(),
        "late": late,
    }


def refunds_in_time(channel: str, limit: timedelta) -> str:
    """How many refunds of the last 90 days came later after the receipt than the new limit."""
    paid = ReturnRequest.objects.filter(
        refunded_at__isnull=False, received_at__isnull=False, refunded_at__gte=clock.now() - LOOK_BACK
    )
    if channel:
        paid = paid.filter(channel__code=channel)
    late = paid.filter(refunded_at__gt=F("received_at") + limit).count()
    return _("Of %(all)s returns refunded in the last 90 days, %(late)s took longer than the new limit.") % {
        "all": paid.count(),
        "late": late,
    }


for kind in (
    DeadlineKind(
        "return.respond",
        gettext_lazy("Answer a request"),
        RESPOND_WITHIN,
        gettext_lazy("the marketplace's rule of 48 hours, from the request on"),
        most=timedelta(days=30),
        effect=answers_in_time,
    ),
    DeadlineKind(
        "return.window",
        gettext_lazy("Buyers may ask for a return"),
        None,
        gettext_lazy("the sales channel, from the arrival of the parcel on"),
        least=timedelta(days=1),
    ),
    DeadlineKind(
        "return.send_back",
        gettext_lazy("The buyer posts the parcel"),
        None,
        gettext_lazy("the sales channel, from the authorisation on"),
        least=timedelta(days=1),
    ),
    DeadlineKind(
        "return.expiry_grace",
        gettext_lazy("Wait for a parcel after its date"),
        EXPIRY_GRACE,
        gettext_lazy("our own promise to buyers, from the last day to post on"),
        most=timedelta(days=90),
    ),
    DeadlineKind(
        "return.refund",
        gettext_lazy("Refund after the receipt"),
        REFUND_WITHIN,
        gettext_lazy("the marketplace's rule of four days, from the receipt on"),
        most=timedelta(days=60),
        effect=refunds_in_time,
    ),
):
    register_kind(kind)
