"""The API door to refunds."""
