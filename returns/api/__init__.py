"""The API door to returns."""
