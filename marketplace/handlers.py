"""The kernel's own reactions to events."""
