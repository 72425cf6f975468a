"""The shape of what people type about a return; the rules are the services'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.form_fields import AddressForm
from marketplace.models import OrderLine
from marketplace.plain_forms import Paragraphs, PlainForm
from returns import addresses
from returns.models import ReceivedUnits, ReturnLine, ReturnRequest
from returns.reasons import COMMENT_LIMIT, DENY_REASONS, MESSAGE_LIMIT, active_reasons
from returns.selectors import ReturnableLine
from returns.services import DuplicateWarning, LineAsk, ReceivedAsk


class AuthoriseForm(AddressForm):
    """Where to send it; the channel's address unless the seller says otherwise."""

    merchant_rma = forms.CharField(
        label=gettext_lazy("Your own RMA number"),
        help_text=gettext_lazy("Printed beside ours, which is made when you authorise."),
        max_length=40,
        required=False,
    )

    def __init__(self, *args: Any, request: ReturnRequest, **kwargs: Any) -> None:
        super().__init__(*args, initial=addresses.tidy(request.channel.return_address or {}), **kwargs)


class DenyForm(PlainForm):
    reason_code = forms.ChoiceField(label=gettext_lazy("Reason for not authorising"))
    message = Paragraphs(
        label=gettext_lazy("Message to the buyer"),
        help_text=gettext_lazy("The buyer gets it by mail, word for word."),
        max_length=MESSAGE_LIMIT,
        error_messages={"required": gettext_lazy("Write what the buyer should know.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(reason.code, reason.words) for reason in DENY_REASONS.values()]
        self.fields["reason_code"].choices = [("", _("Choose a reason")), *choices]  # type: ignore[attr-defined]


class CloseForm(PlainForm):
    close_reason = forms.ChoiceField(
        label=gettext_lazy("Why nothing is owed any more"),
        choices=ReturnRequest.CloseReason.choices,
        widget=forms.RadioSelect,
    )


class ReinstateForm(PlainForm):
    reason = Paragraphs(label=gettext_lazy("Why it is taken back"), max_length=500, widget=forms.Textarea({"rows": 3}))


class ShipForm(PlainForm):
    carrier = forms.CharField(label=gettext_lazy("Carrier"), max_length=40)
    tracking = forms.CharField(label=gettext_lazy("Tracking number"), max_length=80)


class ContactForm(PlainForm):
    message = Paragraphs(
        label=gettext_lazy("Message to the buyer"),
        max_length=3999,
        error_messages={"required": gettext_lazy("Write what the buyer should know.")},
    )


class NoteForm(PlainForm):
    text = Paragraphs(label=gettext_lazy("Note for your team"), max_length=4000, widget=forms.Textarea({"rows": 2}))


@dataclass(frozen=True, slots=True)
class ReceiveRow:
    """One item of the form: how many units are still to come, and a field per condition."""

    line: ReturnLine
    left: int
    fields: list[BoundField]
    note: BoundField


class ReceiveForm(PlainForm):
    """How many units of each item came back, and in which condition."""

    def __init__(self, *args: Any, lines: Sequence[ReturnLine], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lines = [line for line in lines if self._is_asked_about(line)]
        for line in self.lines:
            left = (line.quantity - line.received_quantity) or line.quantity
            for condition in ReceivedUnits.Condition:
                self.fields[f"{condition}_{line.pk}".lower()] = forms.IntegerField(
                    label=condition.label,
                    min_value=0,
                    max_value=left,
                    required=False,
                    initial=left if condition == ReceivedUnits.Condition.SELLABLE else 0,
                    widget=forms.NumberInput({"inputmode": "numeric", "autocomplete": "off"}),
                    error_messages={
                        "invalid": _("Write a whole number."),
                        "min_value": _("A quantity is not below zero."),
                        "max_value": _("%(item)s: at most %(n)s still to come.")
                        % {"item": title_of(line.order_line), "n": left},
                    },
                )
            self.fields[f"note_{line.pk}"] = forms.CharField(
                label=_("What you noticed"), max_length=300, required=False
            )

        self.speak_plainly()

    def _is_asked_about(self, line: ReturnLine) -> bool:
        """What is still to come; and what a form from before says about units that are accounted for by now."""
        return line.received_quantity < line.quantity or f"sellable_{line.pk}" in self.data

    def rows(self) -> list[ReceiveRow]:
        return [
            ReceiveRow(
                line,
                line.quantity - line.received_quantity,
                [self[f"{condition}_{line.pk}".lower()] for condition in ReceivedUnits.Condition],
                self[f"note_{line.pk}"],
            )
            for line in self.lines
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors and not self.units:
            raise forms.ValidationError(_("Say how many units came back, in which condition."), code="units_needed")
        return cleaned

    @property
    def units(self) -> list[ReceivedAsk]:
        found = []
        for line in self.lines:
            for condition in ReceivedUnits.Condition:
                quantity = self.cleaned_data.get(f"{condition}_{line.pk}".lower()) or 0
                if quantity:
                    note = self.cleaned_data.get(f"note_{line.pk}", "")
                    found.append(ReceivedAsk(line.pk, condition.value, quantity, note))
        return found


@dataclass(frozen=True, slots=True)
class NewReturnRow:
    """One order line of the form; `problem` says in words why nothing of it can come back."""

    order_line: OrderLine
    left: int
    problem: str
    open_requests: list[ReturnRequest]
    fields: list[BoundField]


class NewReturnForm(PlainForm):
    """What a buyer wants to send back, written down by the seller."""

    def __init__(self, *args: Any, lines: Sequence[ReturnableLine], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lines = list(lines)
        self.warning: DuplicateWarning | None = None
        self.is_late = any(line.problem == "window_closed" and line.units.left for line in lines)
        reasons = [("", _("Choose a reason")), *((reason.code, reason.words) for reason in active_reasons())]
        for line in self.possible:
            pk = line.units.order_line.pk
            self.fields[f"quantity_{pk}"] = forms.TypedChoiceField(
                label=_("Units"), coerce=int, choices=[(n, str(n)) for n in range(line.units.left + 1)], initial=0
            )
            self.fields[f"reason_{pk}"] = forms.ChoiceField(label=_("Reason"), choices=reasons, required=False)
            self.fields[f"comment_{pk}"] = Paragraphs(
                label=_("What the buyer says"),
                max_length=COMMENT_LIMIT,
                required=False,
                widget=forms.Textarea({"rows": 2}),
            )
        if self.is_late:
            self.fields["reason"] = Paragraphs(
                label=_("Why it is taken back all the same"), max_length=200, widget=forms.Textarea({"rows": 2})
            )
        self.fields["confirm_duplicate"] = forms.BooleanField(
            label=_("Yes, this is about further units"), required=False
        )
        self.speak_plainly()

    def warn(self, warning: DuplicateWarning) -> None:
        """There is an open request already: the page names it and asks for a yes."""
        self.warning = warning
        self.add_error("confirm_duplicate", warning.message)

    @property
    def possible(self) -> list[ReturnableLine]:
        return [line for line in self.lines if line.units.left and line.problem in {"", "window_closed"}]

    def rows(self) -> list[NewReturnRow]:
        return [
            NewReturnRow(
                line.units.order_line,
                line.units.left,
                "" if line in self.possible else _why_not(line),
                line.open_requests,
                [self[f"{name}_{line.units.order_line.pk}"] for name in ("quantity", "reason", "comment")]
                if line in self.possible
                else [],
            )
            for line in self.lines
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for line in self.possible:
            pk = line.units.order_line.pk
            if cleaned.get(f"quantity_{pk}") and not cleaned.get(f"reason_{pk}"):
                title = title_of(line.units.order_line)
                self.add_error(f"reason_{pk}", _("Choose the reason for %(item)s.") % {"item": title})
        if not self.errors and not self.asks:
            raise forms.ValidationError(_("Choose what is to come back: one unit at least."), code="lines_needed")
        return cleaned

    @property
    def asks(self) -> list[LineAsk]:
        found = []
        for line in self.possible:
            pk = line.units.order_line.pk
            quantity = self.cleaned_data.get(f"quantity_{pk}") or 0
            if quantity:
                reason = self.cleaned_data.get(f"reason_{pk}", "")
                found.append(LineAsk(pk, quantity, reason, self.cleaned_data.get(f"comment_{pk}", "")))
        return found


def _why_not(line: ReturnableLine) -> str:
    if line.problem == "not_shipped":
        return _("Not shipped yet, so it can not come back.")
    return _("All units are in other returns already.")


def title_of(line: OrderLine) -> str:
    return str(line.title or line.sku)
