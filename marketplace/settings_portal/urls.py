"""Where the settings pages are."""

from django.urls import path
from django.views.generic import RedirectView

from marketplace.settings_portal.views import channels, deadlines, keys, notifications, profile, security, team

app_name = "settings"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="settings:profile"), name="index"),
    path("profile/", profile.profile, name="profile"),
    path("notifications/", notifications.notifications, name="notifications"),
    path("team/", team.index, name="team"),
    path("team/invite/", team.invite, name="invite"),
    path("team/invitations/<int:invitation_id>/revoke/", team.revoke, name="revoke_invitation"),
    path("team/<int:membership_id>/role/", team.role, name="role"),
    path("team/<int:membership_id>/remove/", team.remove, name="remove_member"),
    path("channels/", channels.index, name="channels"),
    path("channels/new/", channels.new, name="new_channel"),
    path("channels/<str:code>/", channels.channel, name="channel"),
    path("deadlines/", deadlines.index, name="deadlines"),
    path("deadlines/rules/<int:rule_id>/end/", deadlines.end, name="end_rule"),
    path("deadlines/<str:kind>/", deadlines.new, name="new_rule"),
    path("keys/", keys.index, name="keys"),
    path("keys/new/", keys.new, name="new_key"),
    path("keys/<str:public_id>/rotate/", keys.rotate, name="rotate_key"),
    path("keys/<str:public_id>/revoke/", keys.revoke, name="revoke_key"),
    path("security/", security.security, name="security"),
    path("log/", security.log, name="log"),
]
