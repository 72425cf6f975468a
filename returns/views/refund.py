"""Giving money back for a return: the bar before, the amounts, the bar after, and a button that says the sum."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from marketplace.money import exponent, format_money
from marketplace.portal import actor_of
from refunds.bars import bar_of
from refunds.forms import RefundForm
from refunds.models import RefundRequest
from refunds.selectors import BudgetFigures, budget_figures
from returns import services
from returns.models import ReturnRequest
from returns.refund_rows import refund_rows
from returns.views.frame import answer, decision, posted


@decision("refund")
def refund(request: HttpRequest, case: ReturnRequest) -> HttpResponse:
    """Amounts are proposed from what came back; nothing is sent before the service has reserved it."""
    figures = budget_figures(case.order)
    form = RefundForm(
        posted(request),
        rows=refund_rows(case),
        currency=case.currency,
        left_minor=figures.left.minor if figures.left is not None else None,
        limit_minor=request.seller.review_above_minor,  # type: ignore[attr-defined]
    )

    def act() -> str:
        made = services.refund_return(
            case.public_id, by=actor_of(request), lines=form.asks(), reason_text=form.cleaned_data["reason_text"]
        )
        return said_of(made)

    return answer(
        request,
        case,
        form,
        act,
        name="refund",
        template="returns/refund.html",
        only_looks="recount" in request.POST,
        bar=bar_of(figures),
        places=exponent(case.currency),
        how=how_it_is_paid(figures),
    )


def said_of(made: RefundRequest) -> str:
    """What to tell the person who asked, by what became of it at once."""
    amount = format_money(made.amount)
    if made.status == RefundRequest.Status.REVIEW:
        return _("%(amount)s is set aside. A second person has to agree before it is sent.") % {"amount": amount}
    if made.status == RefundRequest.Status.ON_HOLD:
        return _("%(amount)s is set aside. Payouts are stopped at the moment; it is sent when they go on.") % {
            "amount": amount
        }
    if made.awaits_seller:
        return _("%(amount)s is set aside. Pay it outside, then confirm it with your reference.") % {"amount": amount}
    return _("%(amount)s is on its way to the buyer.") % {"amount": amount}


def how_it_is_paid(figures: BudgetFigures) -> str:
    """The consequence, in one sentence that holds whatever the sum."""
    if figures.gateway == "manual":
        return _(
            "Nothing is sent from here: you pay the buyer outside and then confirm it with your reference."
            " Until then the amount is set aside."
        )
    return _(
        "The money goes back the way the buyer paid; banks take 3 to 5 days. The buyer gets a mail."
        " It can be cancelled only until it is sent, which takes seconds."
    )
