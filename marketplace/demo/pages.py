"""Every page of a running demo, with things in each state: for the contact sheet and the browser's tests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from marketplace.demo import stock
from marketplace.demo.person import Person
from marketplace.demo.stock import Demo


@dataclass(frozen=True, slots=True)
class Page:
    """One thing to look at: who looks (a key of House.people), where, and what it should answer."""

    name: str
    who: str
    path: str
    status: int = 200


@dataclass
class House:
    """The people who are signed in, and the pages they can see."""

    demo: Demo
    people: dict[str, Person] = field(default_factory=dict)
    pages: list[Page] = field(default_factory=list)

    def add(self, who: str, table: str, found: Mapping[str, str] | None = None) -> None:
        """A page a line: name, address with {places} to fill in, the status if it is not 200.

        A line whose place was not found is left out.
        """
        for line in filter(None, map(str.strip, table.splitlines())):
            name, path, *status = line.split()
            names = set(re.findall(r"{(\w+)}", path))
            if all((found or {}).get(each) for each in names):
                self.pages.append(Page(name, who, path.format(**(found or {})), int(status[0]) if status else 200))

    def cookies(self, who: str) -> list[tuple[str, str, str]]:
        """Name, value and path of what this person's browser would send."""
        return [(cookie.name, cookie.value or "", cookie.path) for cookie in self.people[who].session.cookies]


NOBODY = """
    welcome              /
    sign-in              /accounts/login/
    password-reset       /accounts/password/reset/
    password-reset-sent  /accounts/password/reset/done/
    api-docs             /api/docs/
    error-400            /_kit/error/400/ 400
    error-403            /_kit/error/403/ 403
    error-500            /_kit/error/500/ 500
    mailbox              /mailbox/
    invitation           {invitation}
    invitation-ended     /i/no-such-token/ 404
    buyer-landing        /r/acme/
    buyer-find           /r/acme/find/
    buyer-gift           /r/acme/gift/
    buyer-gift-sent      /r/acme/gift/sent/
    buyer-no-link        /r/acme/l/no-such-link/ 404
"""
OWNER = """
    today                /
    help                 /help/
    machine-return       /help/machines/return/
    machine-refund       /help/machines/refund/
    search               /search/?q=LANT-40-BR
    search-nothing       /search/?q=nothing-like-this
    not-found            /returns/ret-nothing/ 404
    kit                  /_kit/
    kit-mails            /_kit/mails/
    account-password     /accounts/password/change/
    account-confirm      /accounts/reauthenticate/
    account-two-factor   /accounts/2fa/
    account-app          /accounts/2fa/totp/activate/
    sign-out             /accounts/logout/
    returns              /returns/
    returns-all          /returns/?bucket=all
    returns-closed       /returns/?bucket=closed
    returns-filtered     /returns/?bucket=all&q=LANT&sort=newest
    returns-empty        /returns/?bucket=all&q=nothing-like-this
    return-find          /returns/new/
    return-new           /returns/new/?order={order_returned}
    return-authorise     /returns/{pending}/authorise/
    return-deny          /returns/{pending}/deny/
    return-contact       /returns/{pending}/contact/
    return-close         /returns/{pending}/close/
    return-refund        /returns/{pending}/refund/
    return-note          /returns/{pending}/note/
    return-ship          /returns/{authorised}/ship/
    return-receive       /returns/{authorised}/receive/
    return-refund-back   /returns/{received}/refund/
    return-reinstate     /returns/{just_denied}/reinstate/
    return-too-late      /returns/{received}/authorise/ 409
    refunds              /refunds/
    refunds-all          /refunds/?bucket=all
    refunds-empty        /refunds/?bucket=all&q=nothing-like-this
    refund-confirm       /refunds/{by_hand}/confirm/
    refund-cancel        /refunds/{by_hand}/cancel/
    refund-hold          /refunds/{by_hand}/hold/
    refund-look-up       /refunds/{not_known}/look-up/
    orders               /orders/
    orders-empty         /orders/?q=nothing-like-this
    order                /orders/{order}/
    order-returned       /orders/{order_returned}/
    order-invite         /orders/{order}/invite-buyer/
    imports              /imports/
    import-new           /imports/new/
    import-columns       {checked}columns/
    import-own-columns   {own_columns}columns/
    import-checked       {checked}
    import-discard       {checked}discard/
    import-done          {imported}
    import-undo          {imported}undo/
    settings-profile     /settings/profile/
    settings-mails       /settings/notifications/
    settings-team        /settings/team/
    settings-invite      /settings/team/invite/
    settings-role        {role}
    settings-channels    /settings/channels/
    settings-channel     /settings/channels/amazon.co.uk/
    settings-channel-new /settings/channels/new/
    settings-deadlines   /settings/deadlines/
    settings-deadline    {deadline}
    settings-keys        /settings/keys/
    settings-key-new     /settings/keys/new/
    settings-key-rotate  {rotate}
    settings-security    /settings/security/
    settings-log         /settings/log/
    mail-as-sent         {mail}
"""
MATE = """
    today-as-mate        /
    returns-as-mate      /returns/
    return-as-mate       /returns/{pending}/
    return-forbidden     /returns/{pending}/authorise/ 403
    team-as-mate         /settings/team/
    profile-as-mate      /settings/profile/
"""
SUPPORT = """
    support-queue        /admin/
    support-search       /admin/search/?q=202
    support-looks        /admin/looks/
    support-tables       /admin/tables/
    support-table        /admin/returns/returnrequest/
    support-reason       /admin/open/globex/
    support-case         /admin/cases/return/{received}/
    support-move         {move}
"""
# Of a buyer who came by the link of a mail about a return in that state.
BUYERS = {
    "PENDING_RESPONSE": "buyer-withdraw {page}withdraw/\n buyer-sent {page}sent/",
    "AUTHORISED": "buyer-ship {page}ship/\n buyer-slip {page}slip/\n buyer-returns /r/acme/returns/",
}
ASKING = """
    buyer-orders         /r/acme/orders/
    buyer-order          {asking}
    buyer-reasons        {asking}reasons/
    buyer-check          {asking}check/
"""


def house_of(facts: dict[str, Any]) -> House:
    """Sign everybody in, prepare what the demo data lacks, and list the pages."""
    demo = Demo(facts)
    house = House(demo)
    owner, support = demo.signed_in("acme", "owner"), demo.signed_in("", "support")
    house.people = {
        "nobody": Person(demo.url),
        "owner": owner,
        "mate": demo.signed_in("acme", "readonly"),
        "support": support,
        "asking": Person(demo.url),
        "waiting": Person(demo.url),
    }
    demo.confirm(owner, "/accounts/reauthenticate/")
    found = stock.returns(demo) | stock.refunds(demo, owner) | stock.orders(demo) | stock.imports(owner)
    found |= stock.settings(demo, owner) | stock.look(support, found["received"]) | stock.mail(owner, found["received"])
    house.add("nobody", NOBODY, found)
    house.add("owner", OWNER, found)
    for status, public_id in demo.by("returns", "status").items():
        house.add("owner", f"return-{_slug(status)} /returns/{public_id}/")
    for stage, public_id in demo.by("refunds", "stage").items():
        house.add("owner", f"refund-{_slug(stage)} /refunds/{public_id}/")
    house.add("mate", MATE, found)
    house.add("support", SUPPORT, found)
    _buyers(house)
    _mails(house)
    return house


def _buyers(house: House) -> None:
    demo = house.demo
    house.add("asking", ASKING, {"asking": stock.asking_buyer(demo, house.people["asking"], house.people["waiting"])})
    house.add("waiting", "buyer-code /r/acme/code/")
    for status, public_id, link in stock.buyers_links(demo):
        who = f"buyer-{_slug(status)}"
        house.people[who] = Person(demo.url)
        house.people[who].open(link)
        page = {"page": f"/r/acme/returns/{public_id}/"}
        house.add(who, f"{who} {{page}}\n {BUYERS.get(status, '')}", page)


def _mails(house: House) -> None:
    """One of each kind of mail, by its subject's first words, as the reader's mail program shows it."""
    kinds: dict[str, str] = {}
    for path, subject, _to in house.demo.mailbox():
        words = re.sub(r"\d+ \w{3} \d{4}(, \d\d:\d\d \w+)?|order \S+|\d+\.\d+ [A-Z]{3}", "", subject)
        words = re.sub(r"Acme Home & Garden|Globex Electronics", "the shop", words)
        kinds.setdefault("-".join(re.findall(r"[a-z]+", words.lower())[:5]), path)
    house.add("nobody", f"mailbox-mail {next(iter(kinds.values()))}")
    for name, path in sorted(kinds.items()):
        house.add("nobody", f"mail-{name} {path}html/")


def _slug(code: str) -> str:
    return code.lower().replace("_", "-")
