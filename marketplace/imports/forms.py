"""The shape of what the pages of imports take; the rules are in the services."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketplace.imports.formats import FORMAT_LABELS
from marketplace.imports.mapping import LABELS, REQUIRED, Field, Mapping
from marketplace.imports.statuses import STATUS_LABELS
from marketplace.imports.values import DateOrder, DecimalMark
from marketplace.models import SalesChannel
from marketplace.money import EXPONENTS
from marketplace.plain_forms import PlainForm

ENCODING_LABELS = [
    ("", gettext_lazy("Found out from the file")),
    ("utf-8-sig", "UTF-8"),
    ("cp1252", "Windows-1252"),
    ("cp932", "Shift-JIS"),
    ("utf-16", "UTF-16"),
]
DATE_ORDERS = [
    ("", gettext_lazy("Not chosen")),
    (DateOrder.DMY, gettext_lazy("Day, month, year: 31.12.2026")),
    (DateOrder.MDY, gettext_lazy("Month, day, year: 12/31/2026")),
    (DateOrder.YMD, gettext_lazy("Year, month, day: 26-12-31")),
]
DECIMAL_MARKS = [
    (DecimalMark.POINT, gettext_lazy("Point: 1,234.50")),
    (DecimalMark.COMMA, gettext_lazy("Comma: 1.234,50")),
]
# What the page shows first; the rest is behind "More columns".
FIRST = (*REQUIRED, Field.ITEM_AMOUNT, Field.CURRENCY, Field.STATUS, Field.TITLE, Field.CHANNEL)


class UploadForm(PlainForm):
    file = forms.FileField(
        label=gettext_lazy("Order file"),
        help_text=gettext_lazy("Tab-separated or CSV, as your marketplace or shop exports it."),
        max_length=255,
    )
    channel = forms.ChoiceField(label=gettext_lazy("Sales channel"))
    file_format = forms.ChoiceField(
        label=gettext_lazy("Kind of file"),
        required=False,
        choices=[("", gettext_lazy("Found out from its columns")), *FORMAT_LABELS.items()],
    )
    encoding = forms.ChoiceField(label=gettext_lazy("Encoding"), required=False, choices=ENCODING_LABELS)

    def __init__(self, *args: Any, channels: Sequence[SalesChannel], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["channel"].choices = [(each.code, str(each)) for each in channels]  # type: ignore[attr-defined]


class RulesForm(PlainForm):
    """How the cells of any file are written; alone it serves reports whose columns are known."""

    date_order = forms.ChoiceField(
        label=gettext_lazy("Dates in figures"),
        help_text=gettext_lazy("Needed only where a date such as 03/04/2026 can be read two ways."),
        required=False,
        choices=DATE_ORDERS,
    )
    decimal_mark = forms.ChoiceField(label=gettext_lazy("Decimal mark"), choices=DECIMAL_MARKS)
    moves_back = forms.BooleanField(
        label=gettext_lazy("Let this file take finished orders back"),
        help_text=gettext_lazy("Without it a cancelled, returned or delivered order never moves to an earlier status."),
        required=False,
    )

    def __init__(self, *args: Any, mapping: Mapping, moves_back: bool = False, **kwargs: Any) -> None:
        kwargs["initial"] = {
            "date_order": mapping.date_order or "",
            "decimal_mark": mapping.decimal_mark,
            "moves_back": moves_back,
        } | kwargs.get("initial", {})
        super().__init__(*args, **kwargs)
        self.before = mapping

    def mapping(self) -> Mapping:
        """The mapping as this form has it."""
        return Mapping.from_dict(self.before.as_dict() | self.rules())

    def rules(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("date_order", "decimal_mark")}


class ColumnsForm(RulesForm):
    """Which column of the seller's own file is which of our fields, and what its status words mean."""

    currency = forms.CharField(
        label=gettext_lazy("Currency where the file names none"),
        max_length=3,
        widget=forms.TextInput(attrs={"autocapitalize": "characters", "spellcheck": "false"}),
    )
    default_status = forms.ChoiceField(
        label=gettext_lazy("Status where the file names none"), choices=list(STATUS_LABELS.items())
    )
    is_tax_included = forms.BooleanField(
        label=gettext_lazy("The prices contain the tax that stands beside them"), required=False
    )
    is_unit_price = forms.BooleanField(
        label=gettext_lazy("The price is for one piece, not for the whole line"), required=False
    )
    save_as = forms.CharField(
        label=gettext_lazy("Save these choices as"),
        help_text=gettext_lazy("The next file with these columns is then read the same way."),
        max_length=80,
        required=False,
    )

    def __init__(
        self, *args: Any, headers: Sequence[str], words: Sequence[str], mapping: Mapping, **kwargs: Any
    ) -> None:
        kwargs["initial"] = {
            "currency": mapping.currency,
            "default_status": mapping.default_status,
            "is_tax_included": mapping.is_tax_included,
            "is_unit_price": mapping.is_unit_price,
        }
        super().__init__(*args, mapping=mapping, **kwargs)
        self.examples: dict[str, str] = {}
        names = [name.strip() for name in headers if name.strip()]
        self.words = {f"word_{place}": word for place, word in enumerate([*mapping.words, *words])}
        for name in Field:
            self._add_column(name, names, mapping)
        for key, word in self.words.items():
            self._add_word(key, word, mapping)

    def _add_column(self, name: Field, names: Sequence[str], mapping: Mapping) -> None:
        is_needed = name in REQUIRED
        first = ("", _("Choose a column") if is_needed else _("Not in the file"))
        self.fields[f"column_{name}"] = forms.ChoiceField(
            label=str(LABELS[name]),
            required=is_needed,
            choices=[first, *((each, each) for each in dict.fromkeys(names))],
            initial=next((each for each in names if each == mapping.columns.get(name)), ""),
            error_messages={"required": _("Choose the column for: %(field)s.") % {"field": LABELS[name]}},
        )

    def _add_word(self, key: str, word: str, mapping: Mapping) -> None:
        known = mapping.words.get(word.casefold(), "")
        self.fields[key] = forms.ChoiceField(
            label=_("“%(word)s” means") % {"word": word},
            required=False,
            choices=[("", _("Not known: leave these rows out")), *STATUS_LABELS.items()],
            initial=known,
        )

    def clean_currency(self) -> str:
        code = str(self.cleaned_data["currency"]).strip().upper()
        if code not in EXPONENTS:
            raise forms.ValidationError(_("Write the currency as its code, such as GBP."))
        return code

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        chosen = [cleaned.get(f"column_{name}") for name in Field]
        twice = sorted({column for column in chosen if column and chosen.count(column) > 1})
        if twice:
            raise forms.ValidationError(
                _("One column can stand for one thing only: %(columns)s.") % {"columns": ", ".join(twice)}
            )
        return cleaned

    def rules(self) -> dict[str, Any]:
        data = self.cleaned_data
        plain = ("currency", "default_status", "is_tax_included", "is_unit_price")
        return super().rules() | {
            **{name: data[name] for name in plain},
            "columns": {name: data[f"column_{name}"] for name in Field},
            "words": {word.casefold(): data[key] for key, word in self.words.items() if data[key]},
        }

    # --- for the template

    def first_columns(self) -> Iterator[tuple[BoundField, str]]:
        return ((self[f"column_{name}"], self.examples.get(name, "")) for name in FIRST)

    def more_columns(self) -> Iterator[tuple[BoundField, str]]:
        return ((self[f"column_{name}"], self.examples.get(name, "")) for name in Field if name not in FIRST)

    def word_fields(self) -> list[BoundField]:
        return [self[key] for key in self.words]
