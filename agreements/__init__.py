"""The agreements app: cancellation requests."""
