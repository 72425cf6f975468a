"""What a mail to the buyer would say, shown before it is sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import transaction

from marketplace.mail_secrets import without_secrets
from marketplace.mail_text import MailText
from marketplace.models import Seller
from marketplace.notifications import Recipient, render
from marketplace.tenancy import current_seller_id
from returns import notices
from returns.models import ReturnRequest
from returns.reasons import reason_words


def mail_of_denial(case: ReturnRequest, *, reason_code: str, message: str) -> MailText | None:
    """The mail as it would be sent; None where nobody can be written to."""
    recipients = notices.to_asker(case)
    if not recipients:
        return None
    facts = {
        "deny_reason": reason_words(reason_code),
        "deny_message": message,
        "claim_text": notices.claim_text(case.order),
    }
    return _rendered("return_denied_buyer", case, recipients[0], facts)


def _rendered(template: str, case: ReturnRequest, recipient: Recipient, facts: dict[str, Any]) -> MailText:
    """The link that the mail would carry is made, forgotten again, and not shown."""
    seller = Seller.objects.get(pk=current_seller_id())
    with transaction.atomic():
        letter = render(
            template, lambda _recipient: notices.for_buyer(case, **facts), recipient=recipient, seller=seller
        )
        transaction.set_rollback(True)
    return replace(letter, text=without_secrets(template, letter.text), html="")
