"""What a person sets for themselves: name, language, zone, and which mails of this seller they want."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.utils.translation import gettext as _

from marketplace.actors import Actor, Permission
from marketplace.errors import Refused
from marketplace.models import NotificationPreference, User
from marketplace.notifications import KINDS, Kind
from marketplace.settings_log import Change, record_change


def person_id(actor: Actor) -> int:
    """Whose profile it is; programs and the clock have none."""
    if actor.user_id is None:
        raise Refused(_("Only a person has a profile."))
    return actor.user_id


def change_profile(*, by: Actor, name: str, language: str, zone: str) -> User:
    """How others see this person, and the language and zone of their pages and mails."""
    by.require(Permission.VIEW)
    user = User.objects.select_for_update().get(pk=person_id(by))
    languages = dict(settings.LANGUAGES)
    changes = [
        Change(_("Name"), user.name, name),
        Change(_("Language"), languages.get(user.language, user.language), languages.get(language, language)),
        Change(_("Time zone"), user.zone, zone),
    ]
    user.name, user.language, user.zone = name, language, zone
    user.save(update_fields=["name", "language", "zone"])
    record_change("profile", user.email, changes, by=by)
    return user


def kinds_for(actor: Actor) -> list[Kind]:
    """The mails that this role can get at all."""
    return [kind for kind in KINDS.values() if kind.permission in actor.permissions]


def change_notifications(wanted: Mapping[str, bool], *, by: Actor) -> int:
    """Which mails this person wants from this seller; returns how many answers changed."""
    by.require(Permission.VIEW)
    person = person_id(by)
    kinds = {kind.event: kind for kind in kinds_for(by)}
    chosen = dict(NotificationPreference.objects.filter(user_id=person).values_list("event", "wants_mail"))
    changes = []
    for event, kind in kinds.items():
        before, after = chosen.get(event, kind.is_wanted), wanted.get(event, False)
        if before != after:
            NotificationPreference.objects.update_or_create(user_id=person, event=event, defaults={"wants_mail": after})
            changes.append(
                Change(kind.label, _("mail") if before else _("no mail"), _("mail") if after else _("no mail"))
            )
    record_change("notification", by.label, changes, by=by)
    return len(changes)
