"""The project package and the shared kernel of Redress; it imports no domain app."""

from marketplace.celery import app as celery_app

__all__ = ["celery_app"]
