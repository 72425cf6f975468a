"""The messaging app: threads between buyer and seller."""
