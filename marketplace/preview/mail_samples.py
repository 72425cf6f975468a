"""One sample context for every mail, for the kit, the contact sheet and the tests."""

from __future__ import annotations

from typing import Any

_COMMON: dict[str, Any] = {
    "seller_name": "Acme Lanterns",
    "shop_url": "https://acme.example",
    "order_number": "202-0697275-7781120",
    "items": [
        {
            "title": "Lantern, brass, 40 cm",
            "sku": "LAN-40-BR",
            "quantity": 1,
            "reason": "Different from what was ordered",
        },
        {
            "title": "Lamp oil 1 l",
            "sku": "OIL-1L",
            "quantity": 2,
            "reason": "Defective or does not work properly",
        },
    ],
    "silence_text": "",
    "due_text": "",
}
_BUYER: dict[str, Any] = {
    "recipient_name": "Mario",
    "button_url": "https://redress.example/r/acme/l/Zk3vJ8sQ2yT0bXnW5aLcEg",
    "button_label": "Show my return",
    "why_text": "You get this mail because you bought from Acme Lanterns and this order has a return.",
    "preferences_url": "",
}
_SELLER: dict[str, Any] = {
    "recipient_name": "Anna Weber",
    "buyer_name": "Mario",
    "button_url": "https://redress.example/returns/ret-0b7Kq2/",
    "button_label": "Open the return",
    "why_text": "You get this mail because you handle returns for Acme Lanterns.",
    "preferences_url": "https://redress.example/settings/notifications/",
}
_ADDRESS = {
    "rma": "D4tYb2kXRRMA",
    "return_by_text": "14 Dec 2026",
    "due_text": "14 Dec 2026, 23:59 GMT",
    "return_address_lines": [
        "Acme Lanterns, Returns",
        "Unit 4, Mill Yard",
        "London WC2A 2HD",
        "United Kingdom",
        "020 7946 0018",
    ],
}
_REFUND = {
    "amount_text": "24.90\u00a0GBP",
    "refund_id": "ba-5Qz8Lk2mN0vR7tYcWx3pJd",
    "button_label": "Open the refund",
    "items": [],
}

EVENTS: dict[str, dict[str, Any]] = {
    "return_requested_buyer": {
        **_BUYER,
        "due_text": "2 Dec 2026, 09:42 GMT",
        "silence_text": "If you hear nothing by then, the page tells you where to turn.",
    },
    "return_requested_seller": {
        **_SELLER,
        "comment": "The lantern in the box is the small one, 25 cm. I ordered 40 cm.",
        "is_out_of_policy": True,
        "button_label": "Answer the request",
        "due_text": "2 Dec 2026, 09:42 GMT",
        "silence_text": "Without an answer the request counts as late, and the buyer can turn to the marketplace.",
    },
    "return_authorised_buyer": {
        **_BUYER,
        **_ADDRESS,
        "instructions": "Use the box the items came in.",
        "button_label": "Print the return slip",
        "silence_text": "If no parcel is seen by then, the return expires.",
    },
    "return_denied_buyer": {
        **_BUYER,
        "deny_reason": "The item was used or damaged.",
        "deny_message": "The chimney is broken and there is soot on the brass.\nWe can send a new one.",
        "claim_text": "If you do not agree, you can open a claim with the marketplace.",
    },
    "return_withdrawn_seller": {**_SELLER},
    "return_received_buyer": {**_BUYER, "received_text": "3 of 3 units arrived.", "due_text": "4 Dec 2026, 17:00 GMT"},
    "return_closed_buyer": {**_BUYER, "close_reason": "A replacement is on its way to you."},
    "return_expired_buyer": {**_BUYER, "return_by_text": "14 Dec 2026"},
    "return_overdue_seller": {**_SELLER, "due_text": "2 Dec 2026, 09:42 GMT", "button_label": "Answer the request"},
    "return_reinstated_buyer": {**_BUYER, **_ADDRESS, "button_label": "Print the return slip"},
    "seller_message_buyer": {
        **_BUYER,
        "items": [],
        "message": "Hello Mario,\n\nwould you keep the lantern for 5.00 GBP back?\n\nAnna, Acme Lanterns",
        "button_label": "Answer on the page",
    },
    "refund_completed_buyer": {
        **_BUYER,
        **_REFUND,
        "method_text": "It goes to the card you paid with.",
        "credit_note": "CN-2026-00117",
        "button_label": "Show my return",
    },
    "refund_completed_seller": {**_SELLER, **_REFUND, "left_text": "Of this payment 0.00\u00a0GBP is left."},
    "refund_failed_seller": {**_SELLER, **_REFUND, "failure_text": "The card was closed by its owner (card_closed)."},
    "refund_on_hold_seller": {
        **_SELLER,
        **_REFUND,
        "hold_text": "A chargeback on this payment is open since 28 Nov 2026.",
    },
    "refund_unknown_seller": {**_SELLER, **_REFUND},
    "buyer_code": {
        **_BUYER,
        "items": [],
        "order_number": "",
        "code": "4829 1307",
        "due_text": "30 Nov 2026, 09:57 GMT",
        "button_url": "",
        "why_text": "You get this mail because this address was typed on the returns page of Acme Lanterns.",
    },
    "buyer_invited": {**_BUYER, "items": [], "button_label": "Open my order"},
    "buyer_gift": {**_BUYER, "items": [], "button_label": "Choose what to return"},
    "return_shipped_seller": {**_SELLER, "carrier": "Royal Mail", "tracking": "AB123456789GB"},
    "return_expired_seller": {**_SELLER, "return_by_text": "14 Dec 2026"},
    "refund_review_seller": {**_SELLER, **_REFUND, "asked_by": "Anna Weber", "button_label": "Agree or refuse"},
    "invitation": {
        **_SELLER,
        "items": [],
        "order_number": "",
        "recipient_name": "ben@acme.example",
        "inviter_name": "Anna Weber",
        "role_text": "Agent",
        "due_text": "7 Dec 2026, 09:42 GMT",
        "button_url": "https://redress.example/i/Zk3vJ8sQ2yT0bXnW5aLcEg",
        "button_label": "Take the invitation",
        "why_text": "You get this mail because Anna Weber typed this address.",
        "preferences_url": "",
    },
    "mail_failed_seller": {
        **_SELLER,
        "items": [],
        "failed_to": "mario@example.com",
        "failed_subject": "Send back by 14 Dec 2026: return authorised for order 202-0697275-7781120",
        "failure_text": "550 5.1.1 No such mailbox here",
        "tried_text": "It was tried 3 times within 2 hours.",
    },
}


def sample(event: str) -> dict[str, Any]:
    """The whole context of one mail."""
    return {**_COMMON, **EVENTS[event]}
