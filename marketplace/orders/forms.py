"""What people fill in on the pages of orders."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class InviteForm(forms.Form):
    """Who bought this order."""

    email = forms.EmailField(
        label=_("The buyer's e-mail address"),
        max_length=254,
        help_text=_("You may use it for this order alone. The buyer gets one mail with a link to the order."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    name = forms.CharField(
        label=_("Name"), max_length=120, required=False, help_text=_("As it stands in the greeting.")
    )
    language = forms.ChoiceField(label=_("Language of the mail"), choices=settings.LANGUAGES, initial="en")
