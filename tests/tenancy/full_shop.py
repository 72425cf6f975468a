"""A shop with one of everything, every text of it marked; and the names under which the crawler knows its things."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg2
from django.conf import settings
from django.core import signing
from django.test import Client
from django.utils.http import int_to_base36

from marketplace import access, buyer_codes, buyers, clock, events
from marketplace.actors import SCOPES, Actor, MemberRole
from marketplace.imports import running
from marketplace.imports import services as imports
from marketplace.imports.mapping import Mapping
from marketplace.imports.selectors import NEWEST as NEWEST_IMPORTS
from marketplace.mail_message import token_of
from marketplace.models import (
    AccountMail,
    ImportJob,
    ImportMapping,
    Invitation,
    Mail,
    NotificationPreference,
    Order,
    SalesChannel,
    Seller,
    SupportAccess,
    User,
)
from marketplace.orders.selectors import NEWEST as NEWEST_ORDERS
from marketplace.paging import Sort
from marketplace.settings_portal.services import add_rule, invite
from marketplace.tenancy import scope, tenant_models
from refunds.models import RefundRequest
from refunds.services import (
    RefundLineAsk,
    confirm_manual_refund,
    create_refund,
    hold_refund,
    record_external_refund,
)
from refunds.views.index import NEWEST as NEWEST_REFUNDS
from returns import services
from returns.models import ReturnLine, ReturnRequest
from returns.selectors import NEWEST as NEWEST_RETURNS
from returns.services import LineAsk, ReceivedAsk
from tests.cast import Shop, open_shop
from tests.factories import ADDRESS, BuyerFactory, OrderFactory, SalesChannelFactory, UserFactory
from tests.imports.conftest import as_report, line

Things = dict[str, Any]
# Ids of the second shop begin here, so that none of them turns up in a page by chance.
FAR = 7_000_000
ABSENT_PK = 7_999_999
PAGING = "redress.paging"


@dataclass
class FullShop:
    """`things`: by the names that the table of routes uses. `key`: an API key that may do everything."""

    shop: Shop
    mark: str
    things: Things = field(default_factory=dict)
    key: str = ""

    @property
    def seller(self) -> Seller:
        return self.shop.seller

    @property
    def owner(self) -> Actor:
        return self.shop.actor(MemberRole.OWNER)


def move_ids_away(admin_url: str) -> None:
    """From now on every new row has a seven-digit id."""
    with psycopg2.connect(admin_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1")
        for number, (name,) in enumerate(cursor.fetchall()):
            cursor.execute("SELECT setval(%s, %s)", [name, FAR + 10_000 * number])
    connection.close()


def open_full_shop(slug: str, mark: str) -> FullShop:
    """Everything goes through the services, so that mails, history, events and books are there as well."""
    full = FullShop(open_shop(slug), mark)
    _people(full)
    Seller.objects.filter(pk=full.seller.pk).update(review_above_minor=50_000)
    with scope(full.seller.pk):
        _trade(full)
        _returns(full)
        _refunds(full)
        _settings(full)
        _doors(full)
    events.drain_all()
    _imports(full)
    with scope(full.seller.pk):
        _what_came_of_it(full)
    return full


def _people(full: FullShop) -> None:
    for role, membership in full.shop.people.items():
        email = f"{role.value}.{full.mark}@team.example".lower()
        User.objects.filter(pk=membership.user_id).update(name=f"{full.mark} {role.value}", email=email)
        membership.user.refresh_from_db()
    mate = full.shop.people[MemberRole.AGENT]
    full.things |= {"slug": full.shop.seller.slug, "seller": full.seller.pk, "member": mate.pk}
    full.things["user"] = mate.user_id
    full.things |= {"mark": full.mark, "uid": int_to_base36(mate.user_id)}
    full.things["email"] = full.shop.people[MemberRole.OWNER].user.email


def _trade(full: FullShop) -> None:
    mark, things = full.mark, full.things
    full.shop.buyer.name, full.shop.buyer.email = f"{mark} buyer", f"{mark}.buyer@buyers.example".lower()
    full.shop.buyer.save()
    channel: SalesChannel = SalesChannelFactory(
        code=f"{mark.lower()}.example",
        name=f"{mark} channel",
        gateway="manual",
        return_address={**ADDRESS, "name": f"{mark} warehouse"},
    )
    things["channel"], things["channel_pk"] = channel.code, channel.pk
    things["buyer"], things["buyer_pk"] = full.shop.buyer.public_id, full.shop.buyer.pk
    things["other_buyer"] = BuyerFactory(name=f"{mark} other buyer").public_id
    now = clock.now()
    full.things["orders"] = []
    for number in range(9):
        spec = {"sku": f"{mark}-SKU-{number}", "title": f"{mark} lamp", "quantity": 2, "item_minor": 10_000}
        order: Order = OrderFactory(
            channel=full.shop.channel if number else channel,
            buyer=full.shop.buyer,
            number=f"{mark}-ORDER-{number}",
            purchased_at=now - timedelta(days=9),
            payment_reference=f"{mark}-PAYMENT-{number}",
            postcode_hash="",
            lines=[spec],
        )
        things["orders"].append(order)
    first = things["orders"][1]
    things |= {"order": first.public_id, "order_pk": first.pk, "order_number": first.number}
    things |= {"sku": f"{mark}-SKU-1", "order_line": first.lines.get().pk}


def _ask(full: FullShop, number: int, quantity: int = 1) -> ReturnRequest:
    order = full.things["orders"][number]
    asks = [LineAsk(order.lines.get().pk, quantity, "CR-DEFECTIVE", f"{full.mark} comment")]
    return services.submit_return(order.public_id, by=full.shop.buyer_actor, lines=asks)


def _returns(full: FullShop) -> None:
    things, owner, mark = full.things, full.owner, full.mark
    pending, authorised, received, denied, withdrawn = (_ask(full, number) for number in range(1, 6))
    made = services.authorise_return(authorised.public_id, by=owner, merchant_rma=f"{mark}-OWN-RMA")
    services.authorise_return(received.public_id, by=owner)
    services.ship_return(
        received.public_id, by=full.shop.buyer_actor, carrier=f"{mark} carrier", tracking=f"{mark}TRACK"
    )
    back = ReturnLine.objects.get(return_request=received)
    services.receive_return(received.public_id, by=owner, units=[ReceivedAsk(back.pk, "SELLABLE", 1, f"{mark} seen")])
    services.deny_return(denied.public_id, by=owner, reason_code="OTHER", message=f"{mark} denial")
    services.withdraw_return(withdrawn.public_id, by=full.shop.buyer_actor)
    services.add_note(pending.public_id, by=owner, text=f"{mark} note")
    services.contact_buyer(pending.public_id, by=owner, message=f"{mark} message")
    things |= {"return": pending.public_id, "return_pk": pending.pk, "rma": made.rma, "own_rma": f"{mark}-OWN-RMA"}
    things |= {"return_authorised": authorised.public_id, "return_received": received.public_id}
    things |= {"return_denied": denied.public_id, "return_withdrawn": withdrawn.public_id}
    things["return_line"] = ReturnLine.objects.get(return_request=authorised).pk
    things["return_line_pending"] = ReturnLine.objects.get(return_request=pending).pk


def _goodwill(full: FullShop, number: int, amount: int = 1_000) -> RefundRequest:
    return create_refund(
        full.things["orders"][number].public_id,
        by=full.owner,
        lines=[RefundLineAsk(None, "GOODWILL", amount, f"{full.mark} line note")],
        reason_code="GENERAL_ADJUSTMENT",
        reason_text=f"{full.mark} refund reason",
    )


def _refunds(full: FullShop) -> None:
    things, owner, mark = full.things, full.owner, full.mark
    refund = services.refund_return(things["return_received"], by=owner, reason_text=f"{mark} explanation")
    things |= {"refund": refund.public_id, "refund_pk": refund.pk}
    by_hand = _goodwill(full, 0)
    things["refund_manual"] = by_hand.public_id
    done = _goodwill(full, 0)
    confirm_manual_refund(done.public_id, by=owner, reference=f"{mark}-BANK")
    things |= {"refund_done": done.public_id, "payout": f"{mark}-BANK"}
    held = _goodwill(full, 6)
    hold_refund(held.public_id, by=owner, reason=f"{mark} hold")
    things["refund_held"] = held.public_id
    things["refund_review"] = _reviewed(full).public_id
    record_external_refund(
        things["orders"][8].public_id, provider_refund_id=f"{mark}-PAYOUT", amount_minor=700, currency="GBP"
    )


def _reviewed(full: FullShop) -> RefundRequest:
    Seller.objects.filter(pk=full.seller.pk).update(review_above_minor=100)
    refund = _goodwill(full, 7)
    Seller.objects.filter(pk=full.seller.pk).update(review_above_minor=50_000)
    return refund


def _settings(full: FullShop) -> None:
    things, owner, mark = full.things, full.owner, full.mark
    key, full.key = access.create_api_key(f"{mark} key", by=owner, scopes=list(SCOPES))
    things |= {"key": key.public_id, "key_prefix": key.prefix}
    rule = add_rule(
        "return.respond", by=owner, length=timedelta(hours=40), source=f"{mark} source", channel=things["channel"]
    )
    things["rule"] = rule.pk
    invitation: Invitation = invite(f"{mark}.guest@guests.example".lower(), by=owner, role=MemberRole.AGENT)
    things["invitation"] = invitation.pk
    mail = AccountMail.objects.get(invitation=invitation)
    found = re.search(r"/i/([^/\s]+)/", mail.text)
    assert found
    things["invitation_token"] = found[1]
    user = full.shop.people[MemberRole.OWNER].user
    NotificationPreference.objects.create(user=user, event="refund.failed", wants_mail=False)
    agent = UserFactory(email=f"agent.{full.seller.slug}@redress.example", is_staff=True)
    now = clock.now()
    look = SupportAccess.objects.create(
        seller=full.seller, user=agent, reason=f"{mark} look", at=now, until=now + timedelta(minutes=30)
    )
    things["look"] = look.pk


def _doors(full: FullShop) -> None:
    things, order = full.things, full.things["orders"][1]
    link = buyers.buyer_link(order, buyer=full.shop.buyer)
    things["link"] = link.rstrip("/").rpartition("/")[2]
    ask = buyer_codes.ask_for_code(number=order.number, email=full.shop.buyer.email, language="en")
    things["ask"] = ask.public_id
    things["buyer_email"] = full.shop.buyer.email


def _imports(full: FullShop) -> None:
    things, mark = full.things, full.mark
    rows = [line(n, amazon_order_id=f"{mark}-FILE-{n}", product_name=f"{mark} kettle") for n in (1, 2)]
    rows.append(line(3, amazon_order_id=f"{mark}-FILE-3", item_price=f"{mark} price"))
    with scope(full.seller.pk):
        done, waiting = (
            imports.start_import(
                [as_report(rows)], by=full.owner, name=f"{mark} file {n}.txt", channel=full.shop.channel.code
            )
            for n in (1, 2)
        )
        mapping = Mapping.from_dict(waiting.mapping)
        imports.choose_columns(waiting.public_id, by=full.owner, mapping=mapping, save_as=f"{mark} mapping")
        saved: ImportMapping = ImportMapping.objects.get()
        things |= {"mapping": saved.pk, "mapping_name": saved.name}
        imports.run_import(done.public_id, by=full.owner)
    assert running.work_on(full.seller.pk, done.pk)
    things |= {"import": waiting.public_id, "import_done": done.public_id, "import_path": waiting.file_path}


def _what_came_of_it(full: FullShop) -> None:
    """Pressed forms, answered keys, mails; one row of every table; places in lists."""
    things = full.things
    mail = Mail.objects.filter(side="buyer").order_by("id").first()
    assert mail is not None
    things["mail"] = token_of(mail.message_id)
    things["cursor_orders"] = _cursor(NEWEST_ORDERS, things["orders"][1])
    things["cursor_returns"] = _cursor(NEWEST_RETURNS, ReturnRequest.objects.get(public_id=things["return"]))
    things["cursor_refunds"] = _cursor(NEWEST_REFUNDS, RefundRequest.objects.get(public_id=things["refund"]))
    things["cursor_imports"] = _cursor(NEWEST_IMPORTS, ImportJob.objects.get(public_id=things["import_done"]))
    for model in tenant_models():
        row = model.objects.order_by("id").first()
        things[f"pk_{model._meta.db_table}"] = row.pk if row is not None else ABSENT_PK
    things |= {"pk_marketplace_seller": full.seller.pk, "pk_marketplace_user": things["user"]}
    things |= {"pk_marketplace_membership": things["member"], "pk_marketplace_invitation": things["invitation"]}
    things["pk_marketplace_supportaccess"] = things["look"]
    things["pk_marketplace_accountmail"] = AccountMail.objects.get(invitation=things["invitation"]).pk


def _cursor(sort: Sort, row: Any) -> str:
    values = [getattr(row, name) for name in sort.fields]
    plain = [value.isoformat() if hasattr(value, "isoformat") else value for value in values]
    return signing.dumps([sort.key, 0, *plain], salt=PAGING, compress=True)


def use_the_doors(full: FullShop) -> None:
    """As the shop's own people: a form is pressed and a key is used, and what they answered is kept."""
    things, person = full.things, Client()
    person.force_login(full.shop.people[MemberRole.OWNER].user)
    nonce = f"{full.mark}-NONCE"
    pressed = person.post("/returns/bulk/", {"id": things["return_denied"], "form_nonce": nonce})
    assert pressed.status_code == 302
    things["bulk_nonce"] = nonce
    program = Client(headers={"authorization": f"Bearer {full.key}", "idempotency-key": f"{full.mark}-KEY"})
    body = {
        "order": things["orders"][2].public_id,
        "lines": [{"component": "GOODWILL", "amount_minor": 500}],
        "reason_code": "GENERAL_ADJUSTMENT",
        "reason_text": f"{full.mark} by program",
    }
    answer = program.post("/api/v1/refunds/", body, content_type="application/json")
    assert answer.status_code == 201, answer.content
    things["idempotency_key"] = f"{full.mark}-KEY"


def nothing_like(theirs: Things) -> Things:
    """For each thing an id of the same shape that nobody has."""
    found = {name: _absent(value) for name, value in theirs.items() if name != "orders"}
    for name, value in theirs.items():
        if name.startswith("cursor_"):
            place = signing.loads(value, salt=PAGING)[:-1]
            found[name] = signing.dumps([*place, ABSENT_PK], salt=PAGING, compress=True)
    return found


def _absent(value: Any) -> Any:
    if isinstance(value, int):
        return ABSENT_PK
    if re.fullmatch(r"[0-9a-f]{32}", value):
        return "0" * 31 + "1"
    head, dash, _rest = value.partition("-")
    if dash and head in {"ord", "ret", "ba", "imp", "key", "buy", "ask"}:
        return f"{head}-{'0' * len(_rest)}"
    if "@" in value:
        return "absent.person@nowhere.example"
    return f"ABSENT{value[6:]}" if len(value) > 6 else "absent"


def link_path(full: FullShop) -> str:
    return f"/r/{full.seller.slug}/l/{full.things['link']}/".removeprefix(settings.BASE_URL)
