"""What the bench says: figures beside their floor, bars met or missed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Report:
    """Told line by line while it is measured; the bars once more at the end."""

    tell: Callable[[str], object]
    bars: list[str] = field(default_factory=list)
    section: str = ""

    def line(self, section: str, name: str, text: str) -> None:
        if section != self.section:
            self.section = section
            self.tell(f"\n{section}")
        self.tell(f"  {name:<40} {text}")

    def bar(self, section: str, name: str, value: float, bar: float, *, is_least: bool) -> None:
        """A figure that has to reach `bar` (`is_least`), or must not exceed it."""
        is_met = value >= bar if is_least else value <= bar
        words = f"{value:.2f}   bar {'>=' if is_least else '<='} {bar:g}: {'met' if is_met else 'MISSED'}"
        self.line(section, name, words)
        self.bars.append(f"{section}, {name}: {words}")

    def summary(self) -> None:
        self.tell("\nBars")
        for bar in self.bars:
            self.tell(f"  {bar}")
