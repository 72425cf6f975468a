"""One rig per adapter: the real adapter, pointed at the real sandbox process."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from refunds.gateways import Gateway, GatewayConfig, RefundAsk, gateway_for
from tests.refunds.sandbox_fixture import STRIPE_KEY, SandboxProcess, sandbox_process

__all__ = ["sandbox_process"]

READ_TIMEOUT = 0.7  # seconds; the sandbox is told to be silent for longer where a test wants a timeout


@dataclass
class Rig:
    """An adapter, the sandbox behind it, and a way to be paid."""

    kind: str
    sandbox: SandboxProcess
    config: GatewayConfig

    @property
    def gateway(self) -> Gateway:
        return gateway_for("stripe" if self.kind.startswith("stripe") else self.kind, config=self.config)

    @property
    def patient(self) -> Gateway:
        """The same adapter with time enough for a busy machine."""
        return replace(self, config=replace(self.config, read_timeout=20.0)).gateway

    def payment(self, amount: int = 10_000) -> str:
        """A reference to a fresh payment of so many pence."""
        if self.kind == "sandbox":
            return self.sandbox.new_payment(f"pay-{uuid.uuid4().hex[:12]}", amount)
        intent = self.sandbox.new_stripe_payment(amount)
        return str(intent["latest_charge" if self.kind == "stripe charge" else "id"])

    def ask(self, payment_reference: str, amount: int = 3_000, **metadata: object) -> RefundAsk:
        return RefundAsk(
            key=str(uuid.uuid4()),
            refund_public_id=f"ba-{uuid.uuid4().hex[:22]}",
            payment_reference=payment_reference,
            amount=amount,
            currency="GBP",
            metadata=metadata,
        )

    def payouts(self) -> list[dict[str, object]]:
        return self.sandbox.payouts()


@pytest.fixture
def sandbox(sandbox_process: SandboxProcess) -> Iterator[SandboxProcess]:
    """The sandbox with an empty book and no faults."""
    sandbox_process.reset()
    yield sandbox_process
    sandbox_process.control("normal")


@pytest.fixture(params=["sandbox", "stripe intent", "stripe charge"])
def rig(request: pytest.FixtureRequest, sandbox: SandboxProcess) -> Rig:
    config = GatewayConfig(
        sandbox_url=sandbox.url,
        stripe_api_key=STRIPE_KEY,
        stripe_api_base=sandbox.url,
        read_timeout=READ_TIMEOUT,
    )
    return Rig(request.param, sandbox, config)
