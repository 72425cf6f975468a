"""What happens when a setting is saved; every verb asks for its permission and writes the settings log."""

from marketplace.settings_portal.services.channels import ChannelSettings, add_channel, change_channel, channel_changes
from marketplace.settings_portal.services.deadlines import add_rule, end_rule
from marketplace.settings_portal.services.invitations import (
    accept_invitation,
    invitation_behind,
    invite,
    revoke_invitation,
)
from marketplace.settings_portal.services.profile import change_notifications, change_profile
from marketplace.settings_portal.services.security import SecuritySettings, change_security, security_changes
from marketplace.settings_portal.services.team import change_role, remove_member

__all__ = [
    "ChannelSettings",
    "SecuritySettings",
    "accept_invitation",
    "add_channel",
    "add_rule",
    "change_channel",
    "change_notifications",
    "change_profile",
    "change_role",
    "change_security",
    "channel_changes",
    "end_rule",
    "invitation_behind",
    "invite",
    "remove_member",
    "revoke_invitation",
    "security_changes",
]
