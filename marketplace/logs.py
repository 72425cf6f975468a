"""How a log line looks: time, level, logger, request id, text; never a secret or a person's data."""

from __future__ import annotations

import contextvars
import logging
import re

# Links of buyers and invitations carry their secret in the address; a log line shows the address without it.
_SECRETS = re.compile(r"(/r/[-a-z0-9]{1,40}/l/|/i/)[A-Za-z0-9_-]{20,}")

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="-")


class LineFormatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(request_id)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        record.request_id = request_id.get()
        return _SECRETS.sub(r"\1…", super().format(record))
