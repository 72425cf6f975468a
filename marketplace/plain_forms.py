"""The base of every portal and buyer form: problems in plain words, line breaks counted once."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _


class Paragraphs(forms.CharField):
    """Text of several lines; a line break is one character, as the counter beside it says."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> str:
        return super().to_python(value.replace("\r\n", "\n") if isinstance(value, str) else value) or ""


class PlainForm(forms.Form):
    """Says what is missing by the name of its field; `error_messages` given to a field go first."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.speak_plainly()

    def speak_plainly(self) -> None:
        """Again for a form that adds fields of its own after this one's `__init__`."""
        for name, field in self.fields.items():
            label = str(field.label or name.replace("_", " ").capitalize())
            for code, sentence in _sentences(field).items():
                if field.error_messages.get(code) == _stock(field, code):
                    field.error_messages[code] = sentence.replace("{label}", label)


def _sentences(field: forms.Field) -> dict[str, str]:
    if isinstance(field, forms.ChoiceField):
        wrong = _("{label}: choose one of the list.")
        return {"required": _("Choose: {label}."), "invalid_choice": wrong, "invalid_list": wrong}
    found = {"required": _("Fill in: {label}.")}
    if isinstance(field, forms.FileField):
        found["required"] = _("Choose a file: {label}.")
    elif isinstance(field, forms.EmailField):
        found["invalid"] = _("{label}: write it like name@example.com.")
    elif isinstance(field, forms.IntegerField | forms.DecimalField):
        found["invalid"] = _("{label}: write a number.")
    elif isinstance(field, forms.fields.BaseTemporalField):
        found["invalid"] = _("{label}: write it like 2026-12-14.")
    if isinstance(field, forms.CharField):
        found["max_length"] = _("{label}: %(show_value)s characters are too many, %(limit_value)s fit.")
    return found


def _stock(field: forms.Field, code: str) -> Any:
    """Django's own message for this code, None where it has none."""
    for cls in type(field).__mro__:
        messages = vars(cls).get("default_error_messages", {})
        if code in messages:
            return messages[code]
    return None
