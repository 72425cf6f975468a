"""The kernel's own reactions to events."""

from marketplace import mail_handlers  # noqa: F401
