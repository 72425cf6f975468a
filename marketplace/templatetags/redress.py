"""The tags and filters of every page: badges, deadlines, money, icons, fields; built in, so no {% load %}."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django import forms, template
from django.forms.boundfield import BoundField
from django.http import HttpRequest
from django.template.context import Context
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from marketplace import charts, clock, times
from marketplace.money import Money, format_money
from marketplace.portal import Figure
from marketplace.portal_parts import Action, TimelineEntry
from marketplace.portal_words import ACTOR_ICONS, status_word

register = template.Library()
Text = str | Promise


@register.simple_tag
def icon(name: str, label: Text = "", size: str = "") -> SafeString:
    """`{% icon "clock" %}`; with a label it speaks, without it is decoration. size="l" is 20 px."""
    return format_html(
        '<svg class="icon{}"{}><use href="{}#{}"></use></svg>',
        " icon-l" if size == "l" else "",
        format_html(' role="img" aria-label="{}"', label) if label else mark_safe(' aria-hidden="true"'),
        static("vendor/lucide/icons.svg"),
        name,
    )


@register.simple_tag
def status_badge(machine: str, status: str, audience: str = "") -> SafeString:
    """Icon, word and colour of a state; the code is in the title. audience="buyer" takes the buyer's words."""
    word = status_word(machine, status, audience)
    return format_html(
        '<span class="state f-{}" title="{}">{}{}</span>', word.family, status, icon(word.icon), word.label
    )


@register.simple_tag
def badge(label: Text, family: str = "grey", icon_name: str = "") -> SafeString:
    """A badge for what is no state of a machine: "out of policy", "overdue"."""
    return format_html('<span class="state f-{}">{}{}</span>', family, icon(icon_name) if icon_name else "", label)


@register.simple_tag
def deadline(
    due: datetime | None, now: datetime | None = None, full: bool = False, by: Text = "", family: str = ""
) -> SafeString:
    """ "in 5 h 12 min" as a chip that counts down; full=True writes the moment and its zone beside it."""
    if due is None:
        return mark_safe('<span class="muted" aria-hidden="true">–</span>')
    now = now or clock.now()
    absolute = times.written(due)
    return format_html(
        '<time class="chip f-{}{}" datetime="{}" title="{}" data-deadline{}>{}'
        '<span data-relative>{}</span> <span class="chip-abs">{}</span></time>',
        family or times.urgency(due, now),
        " chip-full" if full else "",
        due.isoformat(),
        absolute,
        mark_safe(" data-steady") if family else "",
        icon("clock"),
        times.until(due, now, str(by)),
        absolute,
    )


@register.simple_tag
def server_now() -> SafeString:
    """For the head of pages with deadlines: the browser's clock may be wrong, ours decides."""
    return format_html('<meta name="server-now" content="{}">', clock.now().isoformat())


@register.simple_tag
def when(moment: datetime | None, short: bool = False, date: bool = False) -> SafeString:
    """ "14 Dec 2026, 23:59 GMT"; short=True leaves out what is plain from today; date=True is the day alone."""
    if moment is None:
        return mark_safe('<span class="muted">–</span>')
    absolute = times.written(moment)
    shown = times.written_date(moment) if date else absolute
    if short:
        shown = times.written_short(moment, clock.now())
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), absolute, shown)


@register.simple_tag
def ago(moment: datetime | None) -> SafeString:
    """ "3 h ago", with the moment in the title."""
    if moment is None:
        return mark_safe('<span class="muted">–</span>')
    shown = times.ago(moment, clock.now())
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), times.written(moment), shown)


@register.simple_tag
def money(minor: int | Money | None, currency: str = "") -> SafeString:
    """`{% money 2490 "GBP" %}` -> 24.90 GBP; a Money record may stand alone."""
    if minor is None:
        return mark_safe('<span class="muted">–</span>')
    amount = minor if isinstance(minor, Money) else Money(int(minor), currency)
    return format_html('<span class="money">{}</span>', format_money(amount, get_language()))


@register.simple_tag
def live_sum(minor: int, currency: str) -> SafeString:
    """The sum of a money form, in the button and the sentence above it; counts along where scripts run."""
    return format_html("<span data-sum>{}</span>", format_money(Money(minor, currency), get_language()))


@register.inclusion_tag("parts/money_bar.html")
def money_bar(budget: charts.Budget, adding: int | None = None, title: Text = "", wide: bool = True) -> dict[str, Any]:
    """Paid, refunded, reserved, disputed, left. adding=500 shows it after a refund; wide=False lists below."""
    bar = charts.money_bar(budget, adding=adding, locale=get_language())
    return {"bar": bar, "title": title, "wide": wide, "uid": f"bar-{uuid.uuid4().hex[:8]}", "adding": adding}


@register.inclusion_tag("parts/figure.html")
def figure(item: Figure) -> dict[str, Any]:
    """A portal.Figure: value, target, direction, its line of daily points, and the table behind it."""
    today = timezone.localtime(clock.now())
    days = [today - timedelta(days=back) for back in reversed(range(len(item.points)))]
    table = [(day, f"{value:g}") for day, value in zip(days, item.points, strict=True) if value is not None]
    known = [value for value in item.points if value is not None]
    family = {True: "green", False: "red", None: "grey"}[item.is_good]
    drawn = charts.line(known, label=item.label, target=item.target)
    return {"item": item, "line": drawn, "family": family, "table": table}


@register.inclusion_tag("parts/sparkline.html")
def sparkline(values: Sequence[float], target: float | None = None, label: Text = "") -> dict[str, Any]:
    """The line alone; give a label, it is the text that is read out."""
    return {"line": charts.line(list(values), label=label, target=target)}


@register.inclusion_tag("parts/timeline.html")
def timeline(entries: Sequence[TimelineEntry], audience: str = "") -> dict[str, Any]:
    """What happened, oldest first; audience="buyer" takes the buyer's words for the states."""
    rows = []
    for entry in entries:
        family = "red" if entry.is_failure else "amber" if entry.is_note else ""
        if not family and entry.target:
            family = status_word(entry.machine, entry.target, audience).family.value
        name = entry.icon or ("triangle-alert" if entry.is_failure else "sticky-note" if entry.is_note else "")
        rows.append((entry, family, name or ACTOR_ICONS.get(entry.actor_kind, "circle-dot")))
    return {"rows": rows, "audience": audience}


@register.inclusion_tag("parts/actions.html")
def actions(items: Sequence[Action]) -> dict[str, Any]:
    """The verbs of a page; what is not possible is shown so, with its reason one press away."""
    return {"items": items}


@register.simple_tag
def copy(text: str, label: Text = "") -> SafeString:
    """A button that copies `text`; it is there only where JavaScript runs."""
    return format_html(
        '<button type="button" class="copy js-only" data-copy="{}" aria-label="{}">{}</button>',
        text,
        label or _("Copy %(text)s") % {"text": text},
        icon("copy"),
    )


@register.filter
def frame(request: HttpRequest | None) -> str:
    """Which frame a page of refusal wears: the portal's, the buyer's, or the plain one."""
    if getattr(request, "is_portal", False):
        return "portal.html"
    return "buyer.html" if getattr(request, "seller", None) else "base.html"


FOOT = ("settings", "help")


@register.filter
def rail_main(entries: Sequence[dict[str, Any]] | None) -> list[dict[str, Any]]:
    return [entry for entry in entries or [] if entry["key"] not in FOOT]


@register.filter
def rail_foot(entries: Sequence[dict[str, Any]] | None) -> list[dict[str, Any]]:
    return [entry for entry in entries or [] if entry["key"] in FOOT]


@register.filter
def initial(text: str) -> str:
    """The first letter or figure, for the tile that stands where no picture is."""
    return next((letter for letter in str(text) if letter.isalnum()), "·").upper()


@register.simple_tag(takes_context=True)
def form_nonce(context: Context) -> SafeString:
    """One hidden value per form shown, kept when the form comes back with a problem: one press, one effect."""
    request = context.get("request")
    given = request.POST.get("form_nonce", "") if request is not None else ""
    try:
        nonce = str(uuid.UUID(given))
    except ValueError:
        nonce = str(uuid.uuid4())
    return format_html('<input type="hidden" name="form_nonce" value="{}">', nonce)


CHECKS = (forms.CheckboxInput,)
CHOICES = (forms.RadioSelect, forms.CheckboxSelectMultiple)


def _anchor(bound: BoundField) -> str:
    """The id that a problem's link goes to: the input itself, or the first of its choices."""
    return f"{bound.auto_id}_0" if isinstance(bound.field.widget, CHOICES) else bound.id_for_label


@register.simple_tag
def field(bound: BoundField, label: Text = "", hint: Text = "", cls: str = "", suffix: Text = "", **more: Any) -> str:
    """Label, hint, problem, input, counter of one form field. More: optional=True, hide_label=True, cards=True."""
    widget, name = bound.field.widget, bound.auto_id
    hint = hint or bound.help_text
    limit = getattr(bound.field, "max_length", None) if isinstance(widget, forms.Textarea) else None
    described = [f"{name}_hint"] * bool(hint) + [f"{name}_error"] * bool(bound.errors)
    described += [f"{name}_count"] * bool(limit)
    look = "form-select" if isinstance(widget, forms.Select) else "form-control"
    if isinstance(widget, (*CHECKS, *CHOICES)):
        look = "form-check-input"
    attrs: dict[str, Any] = {"class": f"{look} {cls}".strip()}
    if described and not isinstance(widget, CHOICES):
        attrs["aria-describedby"] = " ".join(described)
    if bound.errors:
        attrs["aria-invalid"] = "true"
    if limit:
        attrs |= {"maxlength": False, "data-limit": limit}
    if isinstance(widget, CHOICES):
        widget.attrs |= attrs
    kind = "choices" if isinstance(widget, CHOICES) else "check" if isinstance(widget, CHECKS) else "input"
    return render_to_string(
        "parts/field.html",
        {
            "bound": bound,
            "kind": kind,
            "label": label or bound.label,
            "hint": hint,
            "limit": limit,
            "left": limit - len(bound.value() or "") if limit else None,
            "suffix": suffix,
            "described": " ".join(described),
            "widget": "" if kind == "choices" else bound.as_widget(attrs=attrs),
            **more,
        },
    )


def _problems(form: Any) -> Iterator[tuple[str, str]]:
    if hasattr(form, "forms"):
        for message in form.non_form_errors():
            yield "", str(message)
        for each in form.forms:
            yield from _problems(each)
        return
    for message in form.non_field_errors():
        yield "", str(message)
    for bound in form:
        for message in bound.errors:
            yield _anchor(bound), str(message)


@register.inclusion_tag("parts/error_summary.html")
def error_summary(*form_list: Any, message: Text = "") -> dict[str, Any]:
    """ "There is a problem": every problem of the forms, linked to its field; takes the focus. Forms may be None."""
    found = [problem for form in form_list if form is not None and form.is_bound for problem in _problems(form)]
    if message:
        found.insert(0, ("", str(message)))
    return {"problems": found}
