"""The support door: Django admin with a queue first, cases behind a reason, and every look written down."""
