"""For every route of the application: which things of the other shop are asked for there, and where they are put.

`{t[...]}` is a thing of the other shop (in a second pass: an id of the same shape that nobody has), `{o[...]}`
one of the visitor's own. A route that is not listed here fails test_crawler.py with its name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Fields = dict[str, Any]


@dataclass(frozen=True)
class Probe:
    """One thing to ask: GET with a query, or POST with a form or a JSON body."""

    path: Fields = field(default_factory=dict)
    query: Fields = field(default_factory=dict)
    form: Fields | None = None
    body: Any = None
    files: Fields = field(default_factory=dict)
    headers: Fields = field(default_factory=dict)

    @property
    def posts(self) -> bool:
        return self.form is not None or self.body is not None


def at(**path: str) -> Probe:
    return Probe(path=path)


def asks(**query: str) -> Probe:
    return Probe(query=query)


def sends(
    form: Fields | None = None, *, files: Fields | None = None, query: Fields | None = None, **path: str
) -> Probe:
    return Probe(path=path, form=form or {}, files=files or {}, query=query or {})


def tells(body: Any, *, headers: Fields | None = None, **path: str) -> Probe:
    return Probe(path=path, body=body, headers=headers or {})


NOTHING = [Probe()]

# --- the portal ------------------------------------------------------------------------------------------

SEARCHED = (
    "order_number", "order", "return", "refund", "rma", "own_rma", "sku", "payout", "email", "buyer_email", "mark",
    "import", "key_prefix", "mail",
)  # fmt: skip
_SEARCHES = [asks(q=f"{{t[{name}]}}") for name in SEARCHED]
_OTHER_SHOP = [
    Probe(headers={"X-Seller": "{t[slug]}", "X-Tenant": "{t[seller]}", "X-Seller-Id": "{t[seller]}"}),
    Probe(headers={"Cookie": "seller_id={t[seller]}"}),
    asks(seller="{t[slug]}", seller_id="{t[seller]}", buyer="{t[buyer]}"),
]
_ADDRESS = {
    "name": "Acme Returns", "line1": "1 Mill Lane", "city": "Leeds", "postcode": "LS1 4AB", "country": "GB",
    "phone": "+44 113 496 0000",
}  # fmt: skip
_DENIAL = {"reason_code": "OTHER", "message": "No."}
_RECEIPT = {"sellable_{t[return_line]}": "1", "note_{t[return_line]}": "seen"}
_AMOUNT = {"line_{t[order_line]}": "1.00", "seen_total": "100"}
_UPLOAD = {"file": ("{t[import_path]}", "amazon-order-id\tsku\n1\t2\n")}


def _a_return(form: Fields, kind: str = "return") -> list[Probe]:
    return [at(public_id=f"{{t[{kind}]}}"), sends(form, public_id=f"{{t[{kind}]}}")]


def _a_refund(form: Fields, kind: str) -> list[Probe]:
    return [at(public_id=f"{{t[{kind}]}}"), sends(form, public_id=f"{{t[{kind}]}}")]


PORTAL: dict[str, list[Probe]] = {
    "home": NOTHING + _OTHER_SHOP,
    "search": _SEARCHES,
    "orders:index": [
        Probe(), asks(q="{t[order_number]}"), asks(channel="{t[channel]}"), asks(cursor="{t[cursor_orders]}"),
        *_OTHER_SHOP,
    ],
    "orders:detail": [at(public_id="{t[order]}")],
    "orders:invite_buyer": [
        at(public_id="{t[order]}"),
        sends({"email": "new@buyers.example", "name": "New"}, public_id="{t[order]}"),
    ],
    "mails:detail": [at(token="{t[mail]}")],
    "mails:html": [at(token="{t[mail]}")],
    "imports:index": [Probe(), asks(cursor="{t[cursor_imports]}")],
    "imports:new": [
        Probe(),
        sends({"channel": "{t[channel]}"}, files=_UPLOAD),
        sends({"channel": "amazon.co.uk"}, files=_UPLOAD),
    ],
    "imports:delete_mapping": [sends(mapping_id="{t[mapping]}")],
    "imports:detail": [at(public_id="{t[import]}"), at(public_id="{t[import_done]}")],
    "imports:columns": [
        at(public_id="{t[import]}"),
        Probe(path={"public_id": "{o[import]}"}, query={"use": "{t[mapping_name]}"}),
        sends({"date_order": "DMY", "decimal_mark": "."}, public_id="{t[import]}"),
    ],
    "imports:run": [sends(public_id="{t[import]}"), sends(public_id="{t[import_done]}")],
    "imports:errors": [at(public_id="{t[import_done]}")],
    "imports:discard": [at(public_id="{t[import]}"), sends(public_id="{t[import]}")],
    "imports:undo": [at(public_id="{t[import_done]}"), sends(public_id="{t[import_done]}")],
    "returns:index": [
        Probe(), asks(bucket="all"), asks(bucket="all", channel="{t[channel]}"), *_OTHER_SHOP,
        asks(bucket="all", cursor="{t[cursor_returns]}"),
        *(asks(bucket="all", q=f"{{t[{name}]}}") for name in SEARCHED),
    ],
    "returns:export": [asks(bucket="all"), asks(bucket="all", q="{t[order_number]}", channel="{t[channel]}")],
    "returns:new": [
        Probe(), asks(order="{t[order]}"), asks(q="{t[order_number]}"),
        sends({"quantity_{t[order_line]}": "1"}, query={"order": "{t[order]}"}),
        sends(
            {"quantity_{t[order_line]}": "1", "reason_{t[order_line]}": "CR-DEFECTIVE"}, query={"order": "{o[order]}"}
        ),
    ],
    "returns:bulk": [sends({"id": ["{t[return]}", "{t[return_denied]}"]}), sends({"id": "{t[return]}"})],
    "returns:bulk_result": [at(nonce="{t[bulk_nonce]}")],
    "returns:detail": [
        at(public_id=f"{{t[{kind}]}}")
        for kind in ("return", "return_authorised", "return_received", "return_denied", "return_withdrawn")
    ],
    "returns:authorise": _a_return(_ADDRESS),
    "returns:deny": [*_a_return(_DENIAL), sends({**_DENIAL, "preview": "1"}, public_id="{t[return]}")],
    "returns:ship": _a_return({"carrier": "DPD", "tracking": "77"}, "return_authorised"),
    "returns:receive": [
        *_a_return(_RECEIPT, "return_authorised"),
        sends(_RECEIPT, public_id="{o[return_authorised]}"),
    ],
    "returns:refund": [
        *_a_return(_AMOUNT, "return_received"),
        sends(_AMOUNT, public_id="{o[return_received]}"),
        sends({**_AMOUNT, "recount": "1"}, public_id="{t[return_received]}"),
    ],
    "returns:close": _a_return({"close_reason": "REPLACED"}, "return_authorised"),
    "returns:reinstate": _a_return({"reason": "Oops."}, "return_denied"),
    "returns:contact": _a_return({"message": "Hello"}),
    "returns:note": _a_return({"text": "Hello"}),
    "refunds:index": [
        Probe(), asks(channel="{t[channel]}"), asks(cursor="{t[cursor_refunds]}"), *_OTHER_SHOP,
        *(asks(q=f"{{t[{name}]}}") for name in SEARCHED),
    ],
    "refunds:export": [Probe(), asks(q="{t[order_number]}", channel="{t[channel]}")],
    "refunds:detail": [
        at(public_id=f"{{t[{kind}]}}")
        for kind in ("refund", "refund_manual", "refund_done", "refund_held", "refund_review")
    ],
    "refunds:review": [
        *_a_refund({"do": "agree"}, "refund_review"),
        sends({"do": "decline", "reason": "No."}, public_id="{t[refund_review]}"),
    ],
    "refunds:confirm": [
        *_a_refund({"reference": "bank-1"}, "refund_manual"),
        sends({"reference": "{t[payout]}"}, public_id="{t[refund_manual]}"),
    ],
    "refunds:differences": [Probe(), asks(view="closed"), asks(cursor="{t[cursor_refunds]}")],
    "refunds:close_difference": [
        at(pk="{t[pk_refunds_discrepancy]}"),
        sends({"note": "Seen."}, pk="{t[pk_refunds_discrepancy]}"),
    ],
    "refunds:look_up": _a_refund({}, "refund"),
    "refunds:hold": _a_refund({"reason": "Wait."}, "refund"),
    "refunds:release": _a_refund({"reason": "Go."}, "refund_held"),
    "refunds:cancel": _a_refund({"reason": "No."}, "refund"),
    "refunds:resolve": _a_refund({"outcome": "unpaid", "reason": "Seen."}, "refund"),
    "settings:index": NOTHING,
    "settings:profile": [
        Probe(),
        sends({"name": "Acme person", "language": "en", "zone": "UTC", "user": "{t[user]}", "id": "{t[user]}"}),
    ],
    "settings:notifications": [Probe(), sends({"wants": "refund.failed", "user": "{t[user]}"})],
    "settings:team": NOTHING + _OTHER_SHOP,
    "settings:invite": [Probe(), sends({"email": "not an address", "role": "agent", "seller": "{t[seller]}"})],
    "settings:revoke_invitation": [
        at(invitation_id="{t[invitation]}"),
        sends(invitation_id="{t[invitation]}"),
    ],
    "settings:role": [at(membership_id="{t[member]}"), sends({"role": "owner"}, membership_id="{t[member]}")],
    "settings:remove_member": [at(membership_id="{t[member]}"), sends(membership_id="{t[member]}")],
    "settings:channels": NOTHING,
    "settings:new_channel": [Probe(), sends({"code": "{t[channel]}", "name": ""})],
    "settings:channel": [at(code="{t[channel]}"), sends({"name": "Ours now", "step": "save"}, code="{t[channel]}")],
    "settings:deadlines": NOTHING,
    "settings:end_rule": [at(rule_id="{t[rule]}"), sends(rule_id="{t[rule]}")],
    "settings:new_rule": [
        at(kind="return.respond"),
        sends(
            {"channel": "{t[channel]}", "amount": "20", "unit": "hours", "source": "Us", "step": "save"},
            kind="return.respond",
        ),
    ],
    "settings:keys": NOTHING,
    "settings:new_key": [Probe(), sends({"name": "", "scopes": "orders:read", "seller": "{t[seller]}"})],
    "settings:rotate_key": [at(public_id="{t[key]}"), sends(public_id="{t[key]}")],
    "settings:revoke_key": [at(public_id="{t[key]}"), sends(public_id="{t[key]}")],
    "settings:security": [
        Probe(),
        sends({"review_above": "777.00", "step": "save", "seller": "{t[seller]}", "id": "{t[seller]}"}),
    ],
    "settings:log": NOTHING,
    "switch": [sends({"seller": "{t[slug]}"}), sends({"seller": "{t[slug]}", "next": "/orders/{t[order]}/"})],
    "help:index": NOTHING,
    "help:machine": [at(machine="return"), at(machine="refund")],
}  # fmt: skip

# --- the API ---------------------------------------------------------------------------------------------

_OUR_LINE = {"order_line_id": "{o[order_line]}", "quantity": 1, "reason_code": "CR-DEFECTIVE"}
_THEIR_LINE = {"order_line_id": "{t[order_line]}", "quantity": 1, "reason_code": "CR-DEFECTIVE"}
_OUR_AMOUNT = {"order_line_id": "{o[order_line]}", "component": "ITEM", "amount_minor": 100}
_THEIR_AMOUNT = {"order_line_id": "{t[order_line]}", "component": "ITEM", "amount_minor": 100}
_GOODWILL = {"component": "GOODWILL", "amount_minor": 100}
_KEY = {"Idempotency-Key": "{nonce}"}
_NEW_ORDER = {
    "channel": "{t[channel]}", "number": "N-1", "purchased_at": "2026-11-01T10:00:00Z", "currency": "GBP",
    "lines": [{"sku": "A", "quantity": 1, "item_minor": 500}],
}  # fmt: skip
_A_REFUND = {"lines": [_GOODWILL], "reason_code": "GENERAL_ADJUSTMENT"}


def _verb(body: Any, kind: str = "return") -> list[Probe]:
    return [tells(body, headers=_KEY, public_id=f"{{t[{kind}]}}"), tells(body, public_id=f"{{t[{kind}]}}")]


API: dict[str, list[Probe]] = {
    "api:orders": [
        Probe(), asks(number="{t[order_number]}"), asks(channel="{t[channel]}"), asks(cursor="{t[cursor_orders]}"),
        tells(_NEW_ORDER), *_OTHER_SHOP,
    ],
    "api:order": [at(public_id="{t[order]}")],
    "api:order-budget": [at(public_id="{t[order]}")],
    "api:returns": [
        Probe(), asks(order_number="{t[order_number]}"), asks(rma="{t[rma]}"), asks(channel="{t[channel]}"),
        asks(cursor="{t[cursor_returns]}"), *_OTHER_SHOP,
        tells({"order": "{t[order]}", "lines": [_THEIR_LINE]}),
        tells({"order": "{t[order]}", "lines": [_OUR_LINE]}),
        tells({"order": "{o[order]}", "lines": [_THEIR_LINE]}),
    ],
    "api:return": [at(public_id=f"{{t[{kind}]}}") for kind in ("return", "return_received", "return_denied")],
    "api:return-authorise": _verb({"return_address": {**_ADDRESS, "phone": ""}}),
    "api:return-deny": _verb(_DENIAL),
    "api:return-ship": _verb({"carrier": "DPD", "tracking": "77"}, "return_authorised"),
    "api:return-receive": [
        *_verb({"units": [{"return_line_id": "{t[return_line]}", "condition": "SELLABLE", "quantity": 1}]},
               "return_authorised"),
        tells(
            {"units": [{"return_line_id": "{t[return_line]}", "condition": "SELLABLE", "quantity": 1}]},
            public_id="{o[return_authorised]}",
        ),
    ],
    "api:return-close": _verb({"close_reason": "REPLACED"}, "return_authorised"),
    "api:return-reinstate": _verb({"reason": "Oops."}, "return_denied"),
    "api:return-contact": _verb({"message": "Hello"}),
    "api:return-refund": [
        *_verb({"lines": [_THEIR_AMOUNT]}, "return_received"),
        *_verb({}, "return_received"),
        tells({"lines": [_THEIR_AMOUNT]}, headers=_KEY, public_id="{o[return_received]}"),
    ],
    "api:refunds": [
        Probe(), asks(order="{t[order]}"), asks(asker="{t[return_received]}"), asks(cursor="{t[cursor_refunds]}"),
        *_OTHER_SHOP,
        tells({"order": "{t[order]}", **_A_REFUND}, headers=_KEY),
        tells({"order": "{o[order]}", **_A_REFUND, "lines": [_THEIR_AMOUNT]}, headers=_KEY),
        # a key that the other shop has used: its answer is not ours
        tells({"order": "{t[order]}", **_A_REFUND}, headers={"Idempotency-Key": "{t[idempotency_key]}"}),
    ],
    "api:refund": [at(public_id=f"{{t[{kind}]}}") for kind in ("refund", "refund_done", "refund_review")],
    "api:refund-review": _verb({}, "refund_review"),
    "api:refund-cancel": _verb({"reason": "No."}, "refund"),
    "api:refund-confirm": _verb({"reference": "{t[payout]}"}, "refund_manual"),
}  # fmt: skip

# --- the buyer's pages -----------------------------------------------------------------------------------

_SHOPS = ("{o[slug]}", "{there}")  # under one's own shop, and under the other's without its key


def _in_both(**more: Any) -> list[Probe]:
    form, path = more.pop("form", None), more
    return [Probe(path={"slug": slug, **path}, form=form) for slug in _SHOPS]


def _here(form: Fields) -> Probe:
    return Probe(path={"slug": "{o[slug]}"}, form=form)


BUYER: dict[str, list[Probe]] = {
    "buyer:landing": _in_both(),
    # Asking for a code at the other shop is everybody's right, so these forms are sent to one's own shop alone.
    "buyer:find": [
        *_in_both(),
        _here({"order_number": "{t[order_number]}", "email": "{t[buyer_email]}"}),
        _here({"order_number": "{o[order_number]}", "email": "{t[buyer_email]}"}),
    ],
    "buyer:code": [*_in_both(), *_in_both(form={"code": "ABCD-2345", "ask": "{t[ask]}"})],
    "buyer:gift": [
        *_in_both(),
        _here({"order_number": "{t[order_number]}", "postcode": "LS1 4DY", "email": "me@gifts.example"}),
    ],
    "buyer:gift_sent": _in_both(),
    "buyer:link": [Probe(path={"slug": "{o[slug]}", "token": "{t[link]}"})],
    "buyer:leave": _in_both(form={}),
    "buyer:language": _in_both(form={"language": "de", "next": "/r/{t[slug]}/orders/{t[order]}/"}),
    "buyer:orders": _in_both(),
    "buyer:order": [
        *_in_both(public_id="{t[order]}"),
        *_in_both(public_id="{t[order]}", form={"quantity_{t[order_line]}": "1"}),
        Probe(path={"slug": "{o[slug]}", "public_id": "{o[order]}"}, form={"quantity_{t[order_line]}": "1"}),
    ],
    "buyer:reasons": [
        *_in_both(public_id="{t[order]}"),
        *_in_both(public_id="{t[order]}", form={"reason_{t[order_line]}": "CR-DEFECTIVE"}),
    ],
    "buyer:check": [*_in_both(public_id="{t[order]}"), *_in_both(public_id="{t[order]}", form={})],
    "buyer:returns": _in_both(),
    "buyer:status": [*_in_both(public_id="{t[return]}"), *_in_both(public_id="{t[return_received]}")],
    "buyer:sent": _in_both(public_id="{t[return]}"),
    "buyer:withdraw": [*_in_both(public_id="{t[return]}"), *_in_both(public_id="{t[return]}", form={})],
    "buyer:ship": [
        *_in_both(public_id="{t[return_authorised]}"),
        *_in_both(public_id="{t[return_authorised]}", form={"carrier": "DPD", "tracking": "7"}),
    ],
    "buyer:slip": _in_both(public_id="{t[return_authorised]}"),
}

# --- pages of no shop ------------------------------------------------------------------------------------

OPEN: dict[str, list[Probe]] = {
    "invitation": [],  # whoever has the token may read who invites; see test_an_invitation_is_its_holders
    "healthz": NOTHING,
    "readyz": NOTHING,
    "api_schema": NOTHING,
    "api_docs": NOTHING,
    "account_login": [Probe(), sends({"login": "{t[email]}", "password": "wrong password here"})],
    "account_logout": NOTHING,
    "account_inactive": NOTHING,
    "account_reauthenticate": NOTHING,
    "account_change_password": NOTHING,
    "account_reset_password": [Probe(), sends({"email": "{t[email]}"})],
    "account_reset_password_done": NOTHING,
    "account_reset_password_from_key": [at(uidb36="{t[uid]}", key="abc-def")],
    "account_reset_password_from_key_done": NOTHING,
    "mfa_index": NOTHING,
    "mfa_authenticate": NOTHING,
    "mfa_reauthenticate": NOTHING,
    "mfa_activate_totp": NOTHING,
    "mfa_deactivate_totp": NOTHING,
    "mfa_view_recovery_codes": NOTHING,
    "mfa_generate_recovery_codes": NOTHING,
    "mfa_download_recovery_codes": NOTHING,
    "kit:parts": NOTHING,
    "kit:mails": NOTHING,
    "kit:mail": [at(event="return_authorised_buyer", part="html")],
    "kit:error": [at(code="404")],
    "kit:page": [at(name="returns/{t[return]}")],
    # The demo's mailbox is the outside world: it shows every mail that left, to anybody, and is not there otherwise.
    "mailbox:index": [Probe(), asks(to="{t[buyer_email]}")],
    "mailbox:detail": [at(name="../../{t[import_path]}"), at(name="{t[mail]}")],
    "mailbox:html": [at(name="{t[mail]}")],
    "mailbox:raw": [at(name="{t[mail]}")],
}
