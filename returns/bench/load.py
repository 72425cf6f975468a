"""The clients: each runs one flow after the other over one connection, and notes how long it took."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
IDLE = 1.0  # seconds after which the server may be about to close a kept-alive connection


class WrongAnswerError(RuntimeError):
    """The server answered something else than the flow expects: then nothing was measured."""


class Client:
    """One kept-alive connection with a key."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.host = urlsplit(url).netloc
        self.headers = headers
        self.connection = http.client.HTTPConnection(self.host, timeout=60)
        self.last = 0.0

    def post(self, path: str, body: dict[str, Any], *, wanted: int, **headers: str) -> dict[str, Any]:
        content = json.dumps(body).encode()
        more = {"Content-Type": "application/json", **self.headers, **headers}
        answer: dict[str, Any] = json.loads(self._send("POST", path, content, more, wanted))
        return answer

    def get(self, path: str) -> bytes:
        return self._send("GET", path, None, self.headers, 200)

    def _send(self, method: str, path: str, body: bytes | None, headers: dict[str, str], wanted: int) -> bytes:
        if time.monotonic() - self.last > IDLE:
            self.connection.close()  # it opens again by itself
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        self.last = time.monotonic()
        if answer.status != wanted:
            raise WrongAnswerError(f"{method} {path}: {answer.status} {content[:300]!r}")
        return content

    def close(self) -> None:
        self.connection.close()


@dataclass
class Run:
    """What a number of clients did: how long it took in all, and every flow's own seconds."""

    seconds: float = 0.0
    flows: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return len(self.flows) / self.seconds if self.seconds else 0.0

    def __add__(self, other: Run) -> Run:
        return Run(self.seconds + other.seconds, self.flows + other.flows)

    def quantile(self, share: float) -> float:
        return quantile(self.flows, share)


def quantile(values: Iterable[float], share: float) -> float:
    """The smallest value that `share` of them do not exceed; 0 without any."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class Clients(Generic[T]):
    """So many clients at once that share a list of things to do."""

    def __init__(self, clients: int, open_client: Callable[[], Any], flow: Callable[[Any, T], object]) -> None:
        self.clients, self.open_client, self.flow = clients, open_client, flow
        self.lock = threading.Lock()
        self.troubles: list[BaseException] = []

    def run(self, things: Iterable[T]) -> Run:
        todo, run = iter(things), Run()
        threads = [threading.Thread(target=self._work, args=(todo, run.flows)) for _ in range(self.clients)]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        run.seconds = time.perf_counter() - began
        if self.troubles:
            raise self.troubles[0]
        return run

    def _work(self, todo: Any, flows: list[float]) -> None:
        client = self.open_client()
        try:
            while not self.troubles:
                with self.lock:
                    thing = next(todo, None)
                if thing is None:
                    return
                began = time.perf_counter()
                self.flow(client, thing)
                flows.append(time.perf_counter() - began)
        except BaseException as trouble:  # noqa: BLE001  told by run()
            self.troubles.append(trouble)
        finally:
            client.close()
