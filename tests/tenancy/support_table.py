"""What is asked at the support door: its own pages, and those that Django admin makes for every table."""

from __future__ import annotations

from tests.tenancy.route_table import NOTHING, SEARCHED, Probe, asks, at, sends

_CASES = (("order", "order"), ("return", "return"), ("refund", "refund"), ("import", "import"), ("buyer", "buyer"))
SUPPORT: dict[str, list[Probe]] = {
    "admin:index": NOTHING,
    "admin:support_search": [asks(q=f"{{t[{name}]}}") for name in SEARCHED],
    "admin:support_looks": NOTHING,
    "admin:support_tables": NOTHING,
    "admin:support_open": [at(slug="{t[slug]}"), sends({"reason": "short"}, slug="{t[slug]}")],
    "admin:support_end": [sends(slug="{t[slug]}")],
    "admin:support_case": [at(kind=kind, public_id=f"{{t[{thing}]}}") for kind, thing in _CASES],
    "admin:support_move": [
        *(at(kind=kind, public_id=f"{{t[{thing}]}}", name="cancel") for kind, thing in _CASES),
        *(
            sends({"reason": "Because of the ticket."}, kind="refund", public_id="{t[refund]}", name=name)
            for name in ("cancel", "hold", "look_up", "release")
        ),
    ],
    "admin:login": NOTHING,
    "admin:logout": NOTHING,
    "admin:password_change": NOTHING,
    "admin:password_change_done": NOTHING,
    "admin:jsi18n": NOTHING,
    "admin:autocomplete": [asks(app_label="marketplace", model_name="order", field_name="buyer", term="{t[mark]}")],
    "admin:view_on_site": [at(content_type_id="1", object_id="{t[order_pk]}")],
    "admin:app_list": [at(app_label="marketplace"), at(app_label="refunds"), at(app_label="returns")],
}
# By design: who supports all shops sees their ids and states, and everybody's looks, without a look of their own.
SUPPORT_SEES_IDS = {
    "admin:index", "admin:support_search", "admin:support_case", "admin:support_move", "admin:support_open",
    "admin:support_looks", "admin:support_end", "admin:marketplace_supportaccess_changelist",
    "admin:marketplace_supportaccess_change", "admin:marketplace_seller_changelist",
    "admin:marketplace_seller_change", "admin:marketplace_seller_history",
}  # fmt: skip


def support_probes(key: str) -> list[Probe] | None:
    """What Django admin makes for each table: list, add, change, delete, history, and unnamed redirects."""
    if key in SUPPORT:
        return SUPPORT[key]
    if key.startswith("admin/"):
        return _unnamed(key)
    if not key.startswith("admin:"):
        return None
    table, _, page = key.removeprefix("admin:").rpartition("_")
    if page in {"changelist", "add"}:
        return [Probe(), asks(q="{t[mark]}", id="{t[pk_" + table + "]}", seller__id__exact="{t[seller]}")]
    if page in {"change", "delete", "history"}:
        probe = at(object_id="{t[pk_" + table + "]}")
        return [probe, sends({"post": "yes", "status": "CANCELLED"}, **probe.path)]
    return None


def _unnamed(pattern: str) -> list[Probe] | None:
    """Routes of Django admin that have no name: they only redirect, or say that there is nothing."""
    if pattern.endswith("<path:object_id>/"):
        _admin, app, model, _rest = pattern.split("/", 3)
        return [at(object_id="{t[pk_" + f"{app}_{model}" + "]}")]
    return {
        "admin/autocomplete/": [
            asks(app_label="marketplace", model_name="order", field_name="buyer", term="{t[mark]}")
        ],
        "admin/r/<path:rest>": [at(rest="1/{t[order_pk]}/")],
        "admin/(?P<url>.*)$": [at(url="nothing/{t[order]}")],
    }.get(pattern)
