"""Two shops with a gateway and a mail server of their own processes: one story is disturbed, one is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from refunds.breaker import BREAKER
from tests.crash.world import World
from tests.refunds.sandbox_fixture import SandboxProcess, sandbox_process
from tests.smtp_server import MailServer, mail_server

__all__ = ["mail_server", "sandbox_process"]


@pytest.fixture
def new_world(
    transactional_db: None,
    settings: Settings,
    sandbox_process: SandboxProcess,
    mail_server: MailServer,
    tmp_path: Path,
) -> Iterator[Callable[[str], World]]:
    settings.SANDBOX_GATEWAY_URL = sandbox_process.url
    settings.GATEWAY_READ_TIMEOUT = 1
    settings.VAR_DIR = tmp_path
    BREAKER.forget()
    yield lambda slug: World(slug, sandbox_process, mail_server)
    BREAKER.forget()
    sandbox_process.control("normal")
