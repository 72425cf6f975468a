"""What buyers fill in: shape only, the services hold the rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.plain_forms import Paragraphs, PlainForm
from returns.buyer.reading import Item
from returns.reasons import COMMENT_LIMIT, RETURN_REASONS, active_reasons

MOST_IN_A_LIST = 20  # beyond this a number is typed instead of chosen


@dataclass(frozen=True, slots=True)
class Choice:
    """So many units of one line; the reason and comment follow on the next page."""

    line_id: int
    quantity: int
    reason_code: str = ""
    comment: str = ""


class FindForm(PlainForm):
    order_number = forms.CharField(
        label=gettext_lazy("Order number"),
        max_length=64,
        help_text=gettext_lazy("It stands in the mail that confirmed your order, such as 202-0697275-2310748."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "text", "spellcheck": "false"}),
    )
    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        max_length=254,
        help_text=gettext_lazy("The one you ordered with."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class GiftForm(PlainForm):
    order_number = forms.CharField(
        label=gettext_lazy("Order number"),
        max_length=64,
        help_text=gettext_lazy("It stands on the packing slip in the parcel."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    postcode = forms.CharField(
        label=gettext_lazy("Postcode the parcel was sent to"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "postal-code"}),
    )
    email = forms.EmailField(
        label=gettext_lazy("Your e-mail address"),
        max_length=254,
        help_text=gettext_lazy(
            "We send you a link and the seller's answer. Whoever paid hears of it only when money goes back."
        ),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class CodeForm(PlainForm):
    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=40,
        help_text=gettext_lazy("Eight letters and figures, such as ABCD-2345. Capitals or not makes no difference."),
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "characters", "spellcheck": "false"}
        ),
    )


class ItemsForm(PlainForm):
    """How many units of each line; at least one."""

    def __init__(self, *args: Any, items: list[Item], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.items = [item for item in items if item.left]
        for item in self.items:
            self.fields[f"quantity_{item.line_id}"] = _quantity(item)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors and not any(int(quantity or 0) for quantity in cleaned.values()):
            raise forms.ValidationError(_("Choose what you want to return."))
        return cleaned

    @property
    def choices(self) -> list[Choice]:
        found = [(item.line_id, int(self.cleaned_data[f"quantity_{item.line_id}"] or 0)) for item in self.items]
        return [Choice(line_id, quantity) for line_id, quantity in found if quantity]


class ReasonsForm(PlainForm):
    """Why each of the chosen lines comes back."""

    def __init__(self, *args: Any, choices: list[Choice], comments_required: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.choices, self.comments_required = choices, comments_required
        listed = [("", _("Choose a reason")), *((reason.code, str(reason.words)) for reason in active_reasons())]
        for choice in choices:
            self.fields[f"reason_{choice.line_id}"] = forms.ChoiceField(
                label=_("Why do you return it?"),
                choices=listed,
                initial=choice.reason_code,
                error_messages={"required": _("Choose a reason.")},
            )
            self.fields[f"comment_{choice.line_id}"] = Paragraphs(
                label=_("In a few words"),
                required=False,
                max_length=COMMENT_LIMIT,
                initial=choice.comment,
                help_text=_("What should the seller know? A comment does not buy an exception from the return policy."),
                widget=forms.Textarea(attrs={"rows": 3}),
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for choice in self.choices:
            reason = RETURN_REASONS.get(cleaned.get(f"reason_{choice.line_id}", ""))
            is_silent = not str(cleaned.get(f"comment_{choice.line_id}", "") or "").strip()
            is_bad = f"comment_{choice.line_id}" in self.errors
            if self.comments_required and reason and reason.is_comment_required and is_silent and not is_bad:
                sentence = reason.hint or _("This reason needs a few words from you.")
                self.add_error(f"comment_{choice.line_id}", str(sentence))
        return cleaned

    @property
    def answered(self) -> list[Choice]:
        return [
            Choice(
                choice.line_id,
                choice.quantity,
                self.cleaned_data[f"reason_{choice.line_id}"],
                self.cleaned_data[f"comment_{choice.line_id}"],
            )
            for choice in self.choices
        ]


class ShipForm(PlainForm):
    carrier = forms.CharField(
        label=gettext_lazy("Carrier"), max_length=40, help_text=gettext_lazy("Such as Royal Mail.")
    )
    tracking = forms.CharField(
        label=gettext_lazy("Tracking number"),
        max_length=80,
        help_text=gettext_lazy("It stands on the receipt of the carrier."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


def _quantity(item: Item) -> forms.Field:
    label = _("How many?")
    if item.left > MOST_IN_A_LIST:
        return forms.IntegerField(label=label, min_value=0, max_value=item.left, initial=0, required=False)
    names = [(str(n), _("none") if n == 0 else str(n)) for n in item.choices]
    return forms.ChoiceField(label=label, choices=names, initial="0")
