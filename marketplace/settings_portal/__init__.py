"""Settings of a seller and of a person: profile, team, channels, keys, notifications, deadlines, security."""
