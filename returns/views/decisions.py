"""The decisions about a return: one form each, one service each."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from marketplace import clock, times
from marketplace.portal import actor_of
from returns import deadlines, forms, selectors, services
from returns.models import ReturnRequest
from returns.previews import mail_of_denial
from returns.views.frame import answer, decision, posted


@decision("authorise")
def authorise(request: HttpRequest, case: ReturnRequest) -> HttpResponse:
    """Where to send it, and the promise that goes with it."""
    form = forms.AuthoriseForm(posted(request), request=case)

    def act() -> str:
        made = services.authorise_return(
            case.public_id,
            by=actor_of(request),
            return_address=form.address,
            merchant_rma=form.cleaned_data["merchant_rma"],
        )
        return _("The return is authorised under the RMA number %(rma)s. %(mail)s") % {
            "rma": made.rma,
            "mail": _mailed(case),
        }

    return answer(
        request,
        case,
        form,
        act,
        name="authorise",
        template="returns/authorise.html",
        consequence=_promised(case),
    )


@decision("deny")
def deny(request: HttpRequest, case: ReturnRequest) -> HttpResponse:
    """A reason and a message; the mail can be looked at before it goes."""
    form = forms.DenyForm(posted(request))
    only_looks = "preview" in request.POST
    preview = mail_of_denial(case, **form.cleaned_data) if only_looks and form.is_valid() else None

    def act() -> str:
        services.deny_return(case.public_id, by=actor_of(request), **form.cleaned_data)
        return _("The return is denied. %(mail)s") % {"mail": _mailed(case)}

    return answer(
        request,
        case,
        form,
        act,
        name="deny",
        template="returns/deny.html",
        preview=preview,
        only_looks=only_looks,
        consequence=_denied(case),
    )


@decision("receive")
def receive(request: HttpRequest, case: ReturnRequest) -> HttpResponse:
    """How many units of each item came back, in which condition."""
    lines = list(selectors.with_lines(case).lines.all())
    form = forms.ReceiveForm(posted(request), lines=lines)

    def act() -> str:
        made = services.receive_return(case.public_id, by=actor_of(request), units=form.units)
        by_when = times.written(made.refund_by) if made.refund_by else ""
        if made.status == ReturnRequest.Status.RECEIVED:
            return _("Everything is noted as received. Refund the buyer by %(when)s.") % {"when": by_when}
        return _("What came back is noted; the rest is still to come. Refund the buyer by %(when)s.") % {
            "when": by_when
        }

    return answer(request, case, form, act, name="receive", template="returns/receive.html")


@decision("ship")
def ship(request: HttpRequest, case: ReturnRequest) -> HttpResponse:
    """The buyer told the seller that the parcel is posted."""
    form = forms.ShipForm(posted(request))

    def act() -> str:
        services.ship_return(case.public_id, by=actor_of(request), **form.cleaned_data)
        return _("The parcel is noted as on its way.")

    return answer(
        request,
        case,
        form,
        act,
        name="ship",
        title=_("Note the parcel"),
        verb=_("Note the parcel"),
        consequence=_("The return waits for the parcel and does not expire any more. Nobody is mailed."),
    )


@decision("close")
def close(request: HttpRequest, case: ReturnRequest) -> HttpResponse:
    """Nothing is owed any more."""
    form = forms.CloseForm(posted(request))

    def act() -> str:
        services.close_return(case.public_id, by=actor_of(request), **form.cleaned_data)
        return _("The return is closed. %(mail)s") % {"mail": _mailed(case)}

    return answer(
        request,
        case,
        form,
        act,
        name="close",
        title=_("Close return"),
        verb=_("Close return"),
        consequence=_("The buyer is told the reason by mail. No money moves. You can take it back for 24 hours."),
    )


@decision("reinstate")
def reinstate(request: HttpRequest, case: ReturnRequest) -> HttpResponse:
    """Take back a denial, an expiry or a closing."""
    form = forms.ReinstateForm(posted(request))

    def act() -> str:
        made = services.reinstate_return(case.public_id, by=actor_of(request), **form.cleaned_data)
        until = times.written_date(made.return_by) if made.return_by else ""
        return _("The return is authorised again; the buyer has until %(date)s.") % {"date": until}

    return answer(
        request,
        case,
        form,
        act,
        name="reinstate",
        title=_("Reinstate return"),
        verb=_("Reinstate return"),
        consequence=_("The return is authorised again with new deadlines, and the buyer is told by mail."),
    )


@decision("contact")
def contact(request: HttpRequest, case: ReturnRequest) -> HttpResponse:
    """A mail to the buyer; it stands on the timeline."""
    form = forms.ContactForm(posted(request))

    def act() -> str:
        services.contact_buyer(case.public_id, by=actor_of(request), **form.cleaned_data)
        return _("Your message is on its way to the buyer.")

    return answer(
        request,
        case,
        form,
        act,
        name="contact",
        title=_("Contact buyer"),
        verb=_("Send message"),
        consequence=_("%(buyer)s gets it by mail, word for word, and can answer to your contact address.")
        % {"buyer": case.buyer_name or _("The buyer")},
    )


def _promised(case: ReturnRequest) -> str:
    until = deadlines.return_by(case.channel.code, clock.now(), case.channel.return_window_days)
    if case.buyer is None or not case.buyer.email:
        return _(
            "The buyer has until %(date)s to post the item. Their address is not known, so nobody is mailed:"
            " pass on the address and the RMA number yourself. No money moves yet."
        ) % {"date": times.written_date(until)}
    return _(
        "The buyer gets the address and the RMA number by mail and has until %(date)s to post the item."
        " No money moves yet."
    ) % {"date": times.written_date(until)}


def _denied(case: ReturnRequest) -> str:
    end = _("The request ends; you can take it back for 24 hours.")
    if case.buyer is None or not case.buyer.email:
        return _("The buyer's address is not known, so nobody is mailed: tell them yourself. %(end)s") % {"end": end}
    return _("The buyer gets the reason and your message by mail, and is told where to turn next. %(end)s") % {
        "end": end
    }


def _mailed(case: ReturnRequest) -> str:
    if case.buyer is None or not case.buyer.email:
        return _("The buyer's address is not known, so no mail was sent.")
    return _("The buyer gets a mail.")
