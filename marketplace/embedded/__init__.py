"""The servers that the demo and the test suite bring along: PostgreSQL and Valkey, out of wheels."""

from marketplace.embedded.postgres import Postgres
from marketplace.embedded.processes import StartFailed
from marketplace.embedded.valkey import Valkey

__all__ = ["Postgres", "StartFailed", "Valkey"]
