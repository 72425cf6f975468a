"""The shape of what people type about a refund; the rules are the services'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.form_fields import AmountField
from marketplace.money import Money, format_money, split
from marketplace.plain_forms import Paragraphs, PlainForm
from refunds.models import Component
from refunds.services import RefundLineAsk


@dataclass(frozen=True, slots=True)
class RefundRow:
    """One amount of the form, for an order line: what is proposed and what is left, by component.

    `left` is empty where it is not known what was paid for the line.
    """

    key: str
    order_line_id: int | None
    title: str
    detail: str
    proposed: Mapping[str, int]
    left: Mapping[str, int] = field(default_factory=dict)

    @property
    def proposed_minor(self) -> int:
        return sum(self.proposed.values())

    @property
    def left_minor(self) -> int | None:
        return sum(self.left.values()) if self.left else None

    def asks(self, minor: int, currency: str) -> list[RefundLineAsk]:
        """The amount by component: as proposed if it is that, else in the ratio of what is left."""
        if not minor:
            return []
        if minor == self.proposed_minor:
            parts = dict(self.proposed)
        elif not self.left:
            parts = {next(iter(self.proposed), Component.ITEM.value): minor}
        elif minor >= sum(self.left.values()):
            first = next(iter(self.left))
            parts = {**self.left, first: self.left[first] + minor - sum(self.left.values())}
        else:
            names = list(self.left)[::-1]  # the remainder goes to the first component
            shares = split(Money(minor, currency), [self.left[name] for name in names])
            parts = {name: share.minor for name, share in zip(names, shares, strict=True)}
        return [RefundLineAsk(self.order_line_id, name, amount) for name, amount in parts.items() if amount]


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row as the page shows it, with its field."""

    row: RefundRow
    bound: BoundField


class RefundForm(PlainForm):
    """Amounts per line and component, goodwill on top, a fee kept back; what is paid is what the button said."""

    def __init__(
        self,
        *args: Any,
        rows: Sequence[RefundRow],
        currency: str,
        left_minor: int | None,
        limit_minor: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.rows, self.currency = list(rows), currency
        self.left_minor, self.limit_minor = left_minor, limit_minor
        for row in rows:
            self.fields[row.key] = self._amount(_("Refund for %(what)s") % {"what": row.title}, row.proposed_minor)
        self.fields["goodwill"] = self._amount(_("Goodwill on top"), 0)
        self.fields["fee"] = self._amount(_("Restocking fee, kept back"), 0, sign=-1)
        self.fields["reason_text"] = Paragraphs(
            label=_("Explanation"),
            help_text=_("For your books; the buyer does not see it."),
            max_length=2000,
            required=left_minor is None,
            widget=forms.Textarea({"rows": 2}),
        )
        if self.may_need_typing:
            limit = format_money(Money(limit_minor, currency))
            self.fields["typed_total"] = AmountField(
                currency=currency,
                sign=0,
                required=False,
                label=_("Type the total"),
                help_text=_("Only above %(limit)s. A second person then has to agree before it is sent.")
                % {"limit": limit},
            )
        self.fields["seen_total"] = forms.IntegerField(required=False, widget=forms.HiddenInput({"data-sum-minor": ""}))
        self.initial.setdefault("seen_total", self.total)
        self.speak_plainly()

    def _amount(self, label: str, minor: int, sign: int = 1) -> AmountField:
        initial = Money(minor, self.currency).plain()
        return AmountField(currency=self.currency, sign=sign, required=False, label=label, initial=initial)

    @property
    def may_need_typing(self) -> bool:
        """Could the total be above the seller's limit?"""
        return bool(self.limit_minor) and (self.left_minor is None or self.left_minor > self.limit_minor)

    def shown_rows(self) -> list[ShownRow]:
        return [ShownRow(row, self[row.key]) for row in self.rows]

    @property
    def total(self) -> int:
        """In minor units: of what was typed, or before that of what is proposed."""
        if not self.is_bound:
            return sum(row.proposed_minor for row in self.rows)
        cleaned = getattr(self, "cleaned_data", {})
        amounts = sum(cleaned.get(row.key) or 0 for row in self.rows)
        return amounts + (cleaned.get("goodwill") or 0) - (cleaned.get("fee") or 0)

    @property
    def left_after(self) -> int:
        return max(0, (self.left_minor or 0) - self.total)

    @property
    def money(self) -> Money:
        return Money(self.total, self.currency)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors or "recount" in self.data:
            return cleaned
        if self.total <= 0:
            raise forms.ValidationError(_("What is refunded must come to more than nothing."), code="amount")
        if self.left_minor is not None and self.total > self.left_minor:
            left = format_money(Money(self.left_minor, self.currency))
            raise forms.ValidationError(
                _("Together it is %(total)s, and no more than %(left)s is left on this order.")
                % {"total": format_money(self.money), "left": left},
                code="amount",
            )
        if self.limit_minor and self.total > self.limit_minor and cleaned.get("typed_total") != self.total:
            self.add_error("typed_total", _("Type %(total)s: it is above your limit.") % {"total": self.money.plain()})
        if cleaned.get("seen_total") != self.total:
            raise forms.ValidationError(
                _("The amounts changed: together it is %(total)s now. Look once more, then press the button.")
                % {"total": format_money(self.money)},
                code="total_changed",
            )
        return cleaned

    def asks(self) -> list[RefundLineAsk]:
        """The lines of the refund, for the service."""
        found = [ask for row in self.rows for ask in row.asks(self.cleaned_data[row.key], self.currency)]
        if self.cleaned_data["goodwill"]:
            found.append(RefundLineAsk(None, Component.GOODWILL, self.cleaned_data["goodwill"]))
        if self.cleaned_data["fee"]:
            found.append(RefundLineAsk(None, Component.RESTOCKING_FEE, -self.cleaned_data["fee"]))
        return found


class ReviewForm(PlainForm):
    """The second person: yes, or no with a reason."""

    reason = Paragraphs(
        label=gettext_lazy("Why not, if you do not agree"),
        max_length=2000,
        required=False,
        widget=forms.Textarea({"rows": 2}),
    )


class ReasonForm(PlainForm):
    reason = Paragraphs(label=gettext_lazy("Why"), max_length=2000, widget=forms.Textarea({"rows": 2}))


class OptionalReasonForm(PlainForm):
    reason = Paragraphs(label=gettext_lazy("Why"), max_length=2000, required=False, widget=forms.Textarea({"rows": 2}))


class ReferenceForm(PlainForm):
    reference = forms.CharField(
        label=gettext_lazy("Reference of your payment"),
        help_text=gettext_lazy("The bank's reference or your own note; it stands for this one refund."),
        max_length=120,
    )


class ResolveForm(PlainForm):
    """What a person found at the provider; which texts must be there is the service's to say."""

    outcome = forms.ChoiceField(
        label=gettext_lazy("What the provider's own pages say"),
        widget=forms.RadioSelect,
        choices=[
            ("paid", gettext_lazy("The refund is there: it was paid")),
            ("unpaid", gettext_lazy("It is not there: nothing was paid")),
        ],
    )
    reference = forms.CharField(
        label=gettext_lazy("The provider's id of the refund, if it was paid"), max_length=120, required=False
    )
    reason = Paragraphs(
        label=gettext_lazy("Where you looked, and what you saw"),
        max_length=2000,
        required=False,
        widget=forms.Textarea({"rows": 2}),
    )


class DifferenceForm(PlainForm):
    note = Paragraphs(label=gettext_lazy("What it was"), max_length=500, widget=forms.Textarea({"rows": 3}))


class ConfirmForm(forms.Form):
    """Nothing to fill in: the button is the decision."""
