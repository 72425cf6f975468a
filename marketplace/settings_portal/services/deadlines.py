"""The seller's own time limits: versioned, valid from a moment that is still to come."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from marketplace import clock, times
from marketplace.actors import Actor, Permission
from marketplace.deadlines import KINDS
from marketplace.errors import NotFound, Refused
from marketplace.models import DeadlineRule, SalesChannel
from marketplace.settings_log import Change, record_change
from marketplace.settings_portal import selectors


def add_rule(
    kind: str, *, by: Actor, length: timedelta, source: str, channel: str = "", valid_from: datetime | None = None
) -> DeadlineRule:
    """A new version of a time limit. What was promised before `valid_from` keeps its old limit.

    `channel` "" means all channels; `source` says why, for whoever asks later.
    """
    by.require(Permission.SETTINGS)
    now = clock.now()
    start = valid_from or now
    rule_kind = KINDS.get(kind)
    if rule_kind is None:
        raise NotFound(_("There is no such time limit."))
    if start < now:
        raise Refused(_("A rule can not begin in the past: people were promised something else."), code="rule_in_past")
    if not rule_kind.least <= length <= rule_kind.most:
        raise Refused(
            _("This limit must lie between %(least)s and %(most)s.")
            % {"least": selectors.span(rule_kind.least), "most": selectors.span(rule_kind.most)},
            code="rule_out_of_range",
        )
    if channel and not SalesChannel.objects.filter(code=channel).exists():
        raise NotFound(_("There is no such sales channel."))
    before = selectors.limit_in_force(kind, channel, start)
    rule: DeadlineRule = DeadlineRule.objects.create(
        kind=kind, channel=channel, seconds=int(length.total_seconds()), valid_from=start, source=source
    )
    after = _("%(span)s from %(moment)s on (%(source)s)") % {
        "span": selectors.span(length),
        "moment": times.written(start),
        "source": source,
    }
    record_change("deadline", _subject(rule), [Change(rule_kind.label, before, after)], by=by)
    return rule


def end_rule(rule_id: int, *, by: Actor) -> DeadlineRule:
    """From now on the rule before it, or the default, holds again; what was promised under it stays promised."""
    by.require(Permission.SETTINGS)
    rule: DeadlineRule | None = DeadlineRule.objects.select_for_update().filter(pk=rule_id).first()
    if rule is None:
        raise NotFound
    now = clock.now()
    if rule.valid_to is not None and rule.valid_to <= now:
        return rule
    rule.valid_to = max(now, rule.valid_from)
    rule.save(update_fields=["valid_to"])
    label = KINDS[rule.kind].label if rule.kind in KINDS else rule.kind
    before = selectors.span(timedelta(seconds=rule.seconds))
    after = _("rule ended; now %(limit)s") % {"limit": selectors.limit_in_force(rule.kind, rule.channel, rule.valid_to)}
    record_change("deadline", _subject(rule), [Change(label, before, after)], by=by)
    return rule


def _subject(rule: DeadlineRule) -> str:
    return rule.channel or _("All channels")
