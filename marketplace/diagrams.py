"""A state machine as a picture for the help page, drawn from the code's own moves: states in rows, moves between.

Rows by the longest way from the start; a line over several rows keeps a place of its own in each, so that it
crosses no box; the order within the rows is that with few crossings (barycentres, a few sweeps).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from marketplace import fsm
from marketplace.portal_words import status_word

WIDTH, HEIGHT = 152, 44  # of a state's box
LABEL_HEIGHT, ROW_GAP, GAP, MARGIN = 18, 24, 20, 16
LETTER = 6.2  # px of a letter of a move's name
LINE = 18  # letters in one line of a box
SWEEPS = 24


@dataclass
class Place:
    """Something with a place in a row: a state, the name of a move, or a line that passes."""

    row: int  # even: states, odd: moves
    width: float
    status: str = ""
    label: str = ""
    x: float = 0  # of its middle
    above: list[Place] = field(default_factory=list)
    below: list[Place] = field(default_factory=list)

    @property
    def height(self) -> int:
        return HEIGHT if self.row % 2 == 0 else LABEL_HEIGHT


@dataclass(frozen=True, slots=True)
class Node:
    """A state's box; its name in one line or two."""

    status: str
    lines: list[tuple[str, float]]
    x: float
    y: float
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def middle(self) -> float:
        return self.x + WIDTH / 2


@dataclass(frozen=True, slots=True)
class Label:
    text: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Edge:
    path: str
    has_head: bool


@dataclass(frozen=True, slots=True)
class Diagram:
    machine: str
    width: int
    height: int
    nodes: list[Node]
    labels: list[Label]
    edges: list[Edge]
    moves: list[dict[str, Any]]


def diagram(machine: str) -> Diagram:
    model = fsm.MACHINES[machine]
    words = {value: str(status_word(machine, value).label) for value in fsm.statuses(model)}
    moves = fsm.moves_of(model)
    drawing = _Drawing(words, moves)
    places = [place for row in drawing.rows for place in row]
    return Diagram(
        machine,
        round(max(place.x + place.width / 2 for place in places) + MARGIN),
        round(drawing.top(len(drawing.rows) - 1) + HEIGHT + MARGIN),
        [_node(place, drawing) for place in places if place.status],
        [Label(p.label, p.x, drawing.top(p.row) + LABEL_HEIGHT / 2) for p in places if p.label and not p.status],
        drawing.edges(),
        [_row(move, words) for move in moves],
    )


def _node(place: Place, drawing: _Drawing) -> Node:
    top, lines = drawing.top(place.row), _wrapped(place.label)
    first = top + HEIGHT / 2 - 8 * (len(lines) - 1)
    return Node(place.status, [(t, first + 16 * n) for n, t in enumerate(lines)], place.x - WIDTH / 2, top)


def _wrapped(text: str) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + len(word) < LINE:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


class _Drawing:
    """Finds the places."""

    def __init__(self, words: dict[str, str], moves: list[fsm.Move]) -> None:
        ranks = _ranks(list(words), moves)
        self.states = {status: Place(2 * ranks[status], WIDTH, status, words[status]) for status in words}
        self.rows: list[list[Place]] = [[] for _ in range(2 * max(ranks.values()) + 1)]
        for place in self.states.values():
            self.rows[place.row].append(place)
        self.ways: list[tuple[list[Place], bool]] = []  # each from above to below; does it end (or begin) in a head?
        for (sources, target), names in _arrows(ranks, moves).items():
            self._connect(sources, target, ", ".join(names))
        for _sweep in range(SWEEPS):
            self._order("above", self.rows)
            self._order("below", reversed(self.rows))
        self._spread()

    def top(self, row: int) -> float:
        return MARGIN + (row + 1) // 2 * (HEIGHT + ROW_GAP) + row // 2 * (LABEL_HEIGHT + ROW_GAP)

    def _connect(self, sources: tuple[str, ...], target: str, names: str) -> None:
        """The name of the move stands next to its target; the lines of its sources meet there."""
        end = self.states[target]
        is_down = all(self.states[source].row < end.row for source in sources)
        label = Place(end.row - 1 if is_down else end.row + 1, len(names) * LETTER + 8, label=names)
        self.rows[label.row].append(label)
        self._way([label, end] if is_down else [end, label], is_upward=not is_down, has_head=True)
        for source in sources:
            start = self.states[source]
            step = 1 if start.row < label.row else -1
            passed = [Place(row, 4) for row in range(start.row + step, label.row, step)]
            for place in passed:
                self.rows[place.row].append(place)
            way = [start, *passed, label]
            self._way(way if is_down else way[::-1], is_upward=False, has_head=False)

    def _way(self, way: list[Place], *, is_upward: bool, has_head: bool) -> None:
        for upper, lower in pairwise(way):
            upper.below.append(lower)
            lower.above.append(upper)
        self.ways.append((way[::-1] if is_upward else way, has_head))

    def _order(self, side: str, rows: Iterable[list[Place]]) -> None:
        for row in rows:
            weight = {}
            for place in row:
                mean = _mean([_at(each, self.rows) for each in getattr(place, side)])
                weight[id(place)] = _at(place, self.rows) if mean is None else mean
            row.sort(key=lambda place: weight[id(place)])

    def _spread(self) -> None:
        """Everything near the middle of what it is connected with, nothing on top of anything else."""
        for row in self.rows:
            x = 0.0
            for place in row:
                place.x = x + place.width / 2
                x += place.width + GAP
        for sweep in range(SWEEPS * 2):
            for row in self.rows if sweep % 2 else reversed(self.rows):
                wanted = [_mean([n.x for n in (p.above if sweep % 2 else p.below) or p.above + p.below]) for p in row]
                _settle(row, [p.x if w is None else w for p, w in zip(row, wanted, strict=True)])
        left = min(place.x - place.width / 2 for row in self.rows for place in row)
        for row in self.rows:
            for place in row:
                place.x += MARGIN - left

    def edges(self) -> list[Edge]:
        return [Edge(self._path(way), has_head) for way, has_head in self.ways]

    def _path(self, way: list[Place]) -> str:
        """A curve between rows, straight down through each row that is passed."""
        points: list[tuple[float, float]] = []
        for number, place in enumerate(way):
            top, is_down = self.top(place.row), way[0].row < way[-1].row
            enter, leave = (top, top + place.height) if is_down else (top + place.height, top)
            points += [(place.x, y) for y, used in ((enter, number > 0), (leave, number < len(way) - 1)) if used]
        path = f"M{points[0][0]:.0f},{points[0][1]:.0f}"
        for (x1, y1), (x2, y2) in pairwise(points):
            middle = (y1 + y2) / 2
            path += f" C{x1:.0f},{middle:.0f} {x2:.0f},{middle:.0f} {x2:.0f},{y2:.0f}"
        return path


def _settle(row: list[Place], wanted: list[float]) -> None:
    """As near as can be to where each wants to be, in this order: neighbours that collide share the loss."""
    groups: list[tuple[float, list[tuple[Place, float]]]] = []  # where the first of a group stands; offsets to it
    for place, want in zip(row, wanted, strict=True):
        groups.append((want, [(place, 0.0)]))
        while len(groups) > 1:
            (first, members), (second, others) = groups[-2], groups[-1]
            last, offset = members[-1]
            shift = offset + last.width / 2 + GAP + others[0][0].width / 2
            if first + shift <= second:
                break
            joined = [*members, *((each, shift + more) for each, more in others)]
            mean = (first * len(members) + (second - shift) * len(others)) / len(joined)
            groups[-2:] = [(mean, joined)]
    for start, members in groups:
        for place, offset in members:
            place.x = start + offset


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _at(place: Place, rows: list[list[Place]]) -> float:
    """Where it stands in its row, from 0 to 1."""
    row = rows[place.row]
    return next(n for n, each in enumerate(row) if each is place) / max(len(row), 1)


def _ranks(states: list[str], moves: list[fsm.Move]) -> dict[str, int]:
    """The longest way from the start, leaving out what leads back."""
    after: dict[str, list[str]] = {status: [] for status in states}
    for move in moves:
        for source in filter(None, move.sources):
            after[source] += [target for target in move.targets if target != source]
    steps = _steps_forward(states, after)
    ranks = dict.fromkeys(states, 0)
    for _round in states:
        for source, target in steps:
            ranks[target] = max(ranks[target], ranks[source] + 1)
    return ranks


def _steps_forward(states: list[str], after: dict[str, list[str]]) -> list[tuple[str, str]]:
    """Every step but those that lead back to where one came from."""
    forward: list[tuple[str, str]] = []
    open_states: set[str] = set()
    done: set[str] = set()

    def visit(status: str) -> None:
        open_states.add(status)
        for target in after[status]:
            if target in open_states:
                continue
            forward.append((status, target))
            if target not in done:
                visit(target)
        open_states.remove(status)
        done.add(status)

    for status in states:
        if status not in done:
            visit(status)
    return forward


def _arrows(ranks: dict[str, int], moves: list[fsm.Move]) -> dict[tuple[tuple[str, ...], str], list[str]]:
    """Which states lead to which by the same moves, down and up apart."""
    found: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for move in moves:
        for target in move.targets:
            for is_down in (True, False):
                sources = tuple(s for s in move.sources if s and s != target and (ranks[s] < ranks[target]) == is_down)
                if sources:
                    found.setdefault((sources, target), []).append(move.name.replace("_", " "))
    return found


def _row(move: fsm.Move, words: dict[str, str]) -> dict[str, Any]:
    return {
        "name": move.name.replace("_", " "),
        "sources": [words[source] for source in move.sources if source],
        "targets": [words[target] for target in move.targets],
        "actors": [actor.label for actor in sorted(move.actors)],
        "event": move.event,
    }
