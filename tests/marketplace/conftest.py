"""Fixtures of the kernel's tests."""

from tests.smtp_server import mail_server

__all__ = ["mail_server"]
