"""What this app shows on pages of the kernel: rail, Today, search, order cards (see marketplace/portal.py)."""
