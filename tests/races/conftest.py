"""The sandbox and the breaker, as in the tests of refunds."""

from tests.refunds.conftest import closed_breaker, sandbox
from tests.refunds.sandbox_fixture import sandbox_process

__all__ = ["closed_breaker", "sandbox", "sandbox_process"]
