"""Forms of the kit: every kind of field, empty and with problems."""

from __future__ import annotations

from django import forms

from marketplace.plain_forms import Paragraphs, PlainForm

REASONS = [
    ("", "Choose a reason"),
    ("media_opened", "Media or software has been opened"),
    ("window_expired", "The return window has passed"),
    ("used_or_damaged", "The item was used or damaged"),
]


class DenyForm(PlainForm):
    reason_code = forms.ChoiceField(
        label="Reason for not authorising", choices=REASONS, error_messages={"required": "Choose a reason."}
    )
    message = Paragraphs(
        label="Message to the buyer",
        help_text="The buyer gets it by mail, word for word.",
        max_length=3000,
        error_messages={"required": "Write what the buyer should know."},
    )


class AddressForm(PlainForm):
    name = forms.CharField(label="Name", initial="Acme Lanterns, Returns")
    line1 = forms.CharField(label="Address line 1", initial="Unit 4, Mill Yard")
    line2 = forms.CharField(label="Address line 2", required=False)
    city = forms.CharField(label="City or town", initial="London")
    postcode = forms.CharField(label="Postcode", initial="WC2A 2HD")
    country = forms.ChoiceField(label="Country", choices=[("GB", "United Kingdom"), ("IE", "Ireland")])
    phone = forms.CharField(
        label="Daytime phone",
        initial="020 7946 0018",
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
    )


class KitForm(PlainForm):
    order_number = forms.CharField(
        label="Order number",
        help_text="It stands at the top of your order mail, such as 202-0697275-2310748.",
    )
    email = forms.EmailField(label="E-mail address", widget=forms.EmailInput(attrs={"autocomplete": "email"}))
    amount = forms.DecimalField(
        label="Amount",
        max_digits=12,
        decimal_places=2,
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
    )
    condition = forms.ChoiceField(
        label="Condition",
        widget=forms.RadioSelect,
        choices=[
            ("SELLABLE", "Sellable"),
            ("DAMAGED", "Damaged"),
            ("WRONG_ITEM", "Wrong item"),
            ("MISSING", "Missing"),
        ],
        error_messages={"required": "Choose the condition."},
    )
    channels = forms.MultipleChoiceField(
        label="Channels",
        widget=forms.CheckboxSelectMultiple,
        choices=[("uk", "amazon.co.uk"), ("de", "amazon.de")],
    )
    comment = Paragraphs(label="Comment", required=False, max_length=200, widget=forms.Textarea(attrs={"rows": 3}))
    by_mail = forms.BooleanField(
        label="Send me return requests by mail",
        help_text="With links to authorise, deny or reply.",
        required=False,
    )
    file = forms.FileField(label="Report file")
