"""What does a person see who opens the sandbox in a browser?"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from html import escape
from typing import Any

from refunds.sandbox.faults import Mode
from refunds.sandbox.stripe_shapes import THREE_DECIMAL, ZERO_DECIMAL

SHOWN = 200  # newest payouts and payments on the page; /_book has them all

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 70rem; margin: 0 auto; padding: 1rem; }
table { border-collapse: collapse; width: 100%; } .wide { overflow-x: auto; }
caption { text-align: left; font-weight: 600; padding: .75rem 0 .25rem; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #8884; white-space: nowrap; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.failed { text-decoration: line-through; }
form { display: flex; gap: .5rem; flex-wrap: wrap; align-items: end; }
label { display: grid; font-size: .875rem; } input, select, button { font: inherit; padding: .3rem .5rem; }
"""


def render(book: dict[str, Any], faults: list[dict[str, object]]) -> str:
    """The page, as HTML: what is queued to go wrong, the payouts and the payments, newest first."""
    payouts, payments = book["payouts"], book["payments"]
    queued = "; ".join(_fault(fault) for fault in faults) or "nothing: it behaves"
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Sandbox payment gateway</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style><body><main>
<h1>Sandbox payment gateway</h1>
<p>A stand-in for a payment provider. No real money moves. It has taken
<strong>{len(payments)}</strong> payments and sent back <strong>{len(payouts)}</strong> refunds.</p>
<p>What goes wrong next: <strong>{escape(queued)}</strong></p>
{_form()}
{_payouts(payouts[::-1][:SHOWN])}
{_payments(payments[::-1][:SHOWN])}
</main></body></html>"""


def _form() -> str:
    options = "".join(f"<option>{mode.value}</option>" for mode in Mode)
    return f"""<form method="post" action="/_control">
<label>Behave <select name="mode">{options}</select></label>
<label>for so many calls <input name="count" type="number" min="1" value="1"></label>
<label>only for payment <input name="match" placeholder="any"></label>
<button>Set</button></form>"""


def _fault(fault: dict[str, object]) -> str:
    times = "until told otherwise" if fault["left"] is None else f"{fault['left']} more"
    about = f", payment {fault['match']}" if fault["match"] else ""
    return f"{fault['mode']} ({times}{about})"


def _payouts(payouts: list[dict[str, Any]]) -> str:
    rows = [
        f"<tr class='{escape(payout['status'])}'><td>{_time(payout)}</td><td class=n>{_money(payout)}</td>"
        f"<td>{escape(payout['status'])}</td><td>{escape(payout['reference'] or 'not ours')}</td>"
        f"<td>{escape(payout['payment_reference'])}</td><td>{escape(payout['id'])}</td>"
        f"<td>{escape(payout['account'])}</td></tr>"
        for payout in payouts
    ]
    head = "<th>When (UTC)<th class=n>Amount<th>Status<th>For<th>Payment<th>Refund id<th>Account"
    return _table("Refunds sent back", head, rows, 7)


def _payments(payments: list[dict[str, Any]]) -> str:
    rows = [
        f"<tr><td>{_time(payment)}</td><td class=n>{_money(payment)}</td>"
        f"<td class=n>{_figures(payment['refunded'], payment)}</td><td>{escape(payment['reference'])}</td>"
        f"<td>{escape(payment['account'])}</td></tr>"
        for payment in payments
    ]
    return _table(
        "Payments taken",
        "<th>When (UTC)<th class=n>Amount<th class=n>Refunded<th>Payment<th>Account",
        rows,
        5,
    )


def _table(caption: str, head: str, rows: list[str], columns: int) -> str:
    body = "".join(rows) or f"<tr><td colspan={columns}>None yet.</td></tr>"
    return f"<div class=wide><table><caption>{caption}</caption><thead><tr>{head}<tbody>{body}</table></div>"


def _time(row: dict[str, Any]) -> str:
    return datetime.fromtimestamp(row["created_at"], UTC).strftime("%Y-%m-%d %H:%M:%S")


def _money(row: dict[str, Any]) -> str:
    return f"{_figures(row['amount'], row)} {escape(row['currency'])}"


def _figures(amount: int, row: dict[str, Any]) -> str:
    native = not str(row["account"]).startswith("stripe-")
    zero = ZERO_DECIMAL - {"MGA"} | {"ISK", "UGX"} if native else ZERO_DECIMAL
    places = 0 if row["currency"] in zero else 3 if row["currency"] in THREE_DECIMAL else 2
    return f"{Decimal(amount).scaleb(-places):,.{places}f}"
