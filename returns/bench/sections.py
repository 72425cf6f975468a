"""Which sections there are, and how they are measured one after the other."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from marketplace.embedded import processes
from returns.bench import flow
from returns.bench.load import WrongAnswerError
from returns.bench.report import Report
from returns.bench.tree import Tree, admin_url

NAMES = ("flow",)


def measure(inside: str, wanted: list[str], *, is_short: bool, tell: Callable[[str], object]) -> None:
    """`inside` is "url,pid,directory" of the tree, in whose environment this process runs."""
    url, pid, home = inside.split(",", 2)
    tree = Tree(url, int(pid), Path(home))
    environment = dict(os.environ)
    admin = admin_url(environment)
    report = Report(tell)
    try:
        if "flow" in wanted:
            flow.measure(tree, environment, admin, report, flow.SHORT if is_short else flow.FULL)
    except WrongAnswerError:
        tell(processes.last_words(tree.log / "web.log", lines=40))
        raise
    report.summary()
