"""What this app does when an event has happened (see marketplace/events.py)."""
