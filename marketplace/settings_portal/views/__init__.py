"""The portal door to the settings."""
