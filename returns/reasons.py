"""Why something comes back, who pays for that, and why a seller says no (seller-central.md 1.4 and 1.5).

Codes are those of the marketplace's files. `words` is the later wording, shown to people; `words_2012` is the
wording of the webinar (seed 001), shown beside it in the help. Texts are lazy: they follow the reader's language.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Words = str | Promise
COMMENT_LIMIT = 200  # code points, a line break counts as one ([AMZHTML]: maxlength=200)
MESSAGE_LIMIT = 3000  # the deny form's counter ([S1])


class Payer(StrEnum):
    """Who pays for sending it back."""

    BUYER = "buyer"
    SELLER = "seller"


@dataclass(frozen=True, slots=True)
class ReturnReason:
    code: str
    words: Words
    words_2012: Words
    is_comment_required: bool
    pays: Payer  # the prepaid-label table [SMAG]
    pays_where: tuple[tuple[str, Payer], ...] = ()  # channels with a table of their own, by code or ending
    hint: Words = ""  # what the comment should say
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class DecisionReason:
    code: str
    words: Words


_BUYER, _SELLER = Payer.BUYER, Payer.SELLER
# Row 3 and 4 differ by country and programme: Japan's table [REF-JP] charges the seller.
_JAPAN_SELLER = (("amazon.co.jp", Payer.SELLER),)

RETURN_REASONS: dict[str, ReturnReason] = {
    reason.code: reason
    for reason in (
        ReturnReason("CR-ORDERED_WRONG_ITEM", _("Bought by mistake"), _("Accidental order"), False, _BUYER),
        ReturnReason(
            "CR-FOUND_BETTER_PRICE",
            _("Better price available"),
            _("Better price available"),
            True,
            _BUYER,
            hint=_("Which shop, and which price?"),
        ),
        ReturnReason(
            "CR-QUALITY_UNACCEPTABLE",
            _("Performance or quality not adequate"),
            _("Performance or quality not adequate"),
            True,
            _BUYER,
            _JAPAN_SELLER,
            hint=_("What did you expect, and what did you get?"),
        ),
        ReturnReason(
            "CR-NOT_COMPATIBLE",
            _("Incompatible or not useful"),
            _("Incompatible or not useful for intended purpose"),
            True,
            _BUYER,
            _JAPAN_SELLER,
            hint=_("What does it not fit?"),
        ),
        ReturnReason(
            "CR-DAMAGED_BY_FC",
            _("Product damaged, but shipping box OK"),
            _("Item damaged, box fine"),
            True,
            _SELLER,
            hint=_("What is damaged?"),
        ),
        ReturnReason(
            "CR-MISSED_ESTIMATED_DELIVERY",
            _("Item arrived too late"),
            _("Missed estimated delivery date"),
            True,
            _SELLER,
            hint=_("When did it arrive?"),
        ),
        ReturnReason(
            "CR-MISSING_PARTS",
            _("Missing parts or accessories"),
            _("Missing parts or accessories"),
            True,
            _SELLER,
            hint=_("Which parts are missing?"),
        ),
        ReturnReason(
            "CR-DAMAGED_BY_CARRIER",
            _("Product and shipping box both damaged"),
            _("Item and box both damaged"),
            True,
            _SELLER,
            hint=_("What is damaged?"),
        ),
        ReturnReason(
            "CR-SWITCHEROO",
            _("Wrong item was sent"),
            _("Different from what was ordered"),
            True,
            _SELLER,
            hint=_("Which item did you receive?"),
        ),
        ReturnReason(
            "CR-DEFECTIVE",
            _("Item defective or doesn't work"),
            _("Defective/does not work properly"),
            True,
            _SELLER,
            hint=_("What does not work?"),
        ),
        ReturnReason(
            "CR-EXTRA_ITEM",
            _("Received extra item (no refund needed)"),
            _("Arrived in addition to what was ordered"),
            True,
            _SELLER,
            hint=_("Which item is extra?"),
        ),
        ReturnReason(
            "CR-UNWANTED_ITEM",
            _("No longer needed"),
            _("No longer needed/wanted"),
            True,
            _BUYER,
            hint=_("Tell the seller in a few words."),
        ),
        ReturnReason(
            "CR-UNAUTHORIZED_PURCHASE", _("Didn't approve purchase"), _("Unauthorized purchase"), False, _SELLER
        ),
        ReturnReason(
            "AMZ-PG-BAD-DESC",
            _("Inaccurate website description"),
            _("Different from website description"),
            True,
            _SELLER,
            hint=_("What is wrong in the description?"),
        ),
    )
}

# The full list is not published: the webinar shows one, help pages name others, the rest is Buy with Prime's
# closed set reduced to what a seller of returned goods can mean (seller-central.md 1.5).
DENY_REASONS: dict[str, DecisionReason] = {
    reason.code: reason
    for reason in (
        DecisionReason("MEDIA_OPENED", _("Media or software has been opened")),  # [S1]
        DecisionReason("WINDOW_EXPIRED", _("The return window has ended")),  # [CLO-US]
        DecisionReason("NOT_RETURNABLE", _("This product is not returnable")),  # [JPFAQ]
        DecisionReason("USED_OR_DAMAGED", _("The item was used or damaged by the buyer")),  # [BWP]
        DecisionReason("WRONG_ORDER", _("The item is not from this order")),
        DecisionReason("DUPLICATE_REQUEST", _("There is another request for this item")),  # [BP-US]
        DecisionReason("RESOLVED_TECHNICAL", _("Solved a technical issue")),  # [JPFAQ]
        DecisionReason("REPLACEMENT_WITHOUT_RETURN", _("Replacement without return")),  # [BP-UK]
        DecisionReason("REFUNDED_WITHOUT_RETURN", _("Refunded without return")),  # [BP-US]
        DecisionReason("BUYER_KEEPS", _("The buyer agreed to keep the item")),
        DecisionReason("OTHER", _("Another reason")),
    )
}


def active_reasons() -> list[ReturnReason]:
    """Those that a new request may give, in the order of the marketplace's page."""
    return [reason for reason in RETURN_REASONS.values() if reason.is_active]


def who_pays(reason_code: str, channel_code: str) -> Payer:
    """Who pays for sending it back on this channel; the buyer where the code is unknown."""
    reason = RETURN_REASONS.get(reason_code)
    if reason is None:
        return Payer.BUYER
    return dict(reason.pays_where).get(channel_code, reason.pays)


def reason_words(code: str) -> str:
    """The wording of a return or deny reason; an unknown code as it is, never an invented meaning ([LBL])."""
    reason = RETURN_REASONS.get(code) or DENY_REASONS.get(code)
    return str(reason.words) if reason else code
