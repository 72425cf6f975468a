"""The support app: cases, and what support sees across sellers."""
