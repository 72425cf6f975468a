"""A state machine as a picture: positions for the SVG on the help page, made from the code's own moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marketplace import fsm

WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 168, 40, 96, 44, 24
CHARACTER = 6.4  # px of a label's letter at 11 px


@dataclass(frozen=True, slots=True)
class Node:
    status: str
    label: str
    x: int
    y: int

    @property
    def middle(self) -> tuple[int, int]:
        return self.x + WIDTH // 2, self.y + HEIGHT // 2


@dataclass(frozen=True, slots=True)
class Edge:
    path: str
    label: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Diagram:
    machine: str
    width: int
    height: int
    nodes: list[Node]
    edges: list[Edge]
    moves: list[dict[str, Any]]


def diagram(machine: str) -> Diagram:
    """Columns by the shortest way from the start, rows in the order of the status list."""
    model = fsm.MACHINES[machine]
    labels = {value: str(label) for value, label in fsm.statuses(model).items()}
    moves = fsm.moves_of(model)
    ranks = _ranks(moves)
    columns: dict[int, list[str]] = {}
    for status in labels:
        columns.setdefault(ranks.get(status, 0), []).append(status)
    tallest = max(len(column) for column in columns.values())
    nodes = {}
    for rank, column in columns.items():
        offset = (tallest - len(column)) * (HEIGHT + GAP_Y) // 2
        for row, status in enumerate(column):
            x = MARGIN + rank * (WIDTH + GAP_X)
            nodes[status] = Node(status, labels[status], x, MARGIN + offset + row * (HEIGHT + GAP_Y))
    together: dict[tuple[str, str], list[str]] = {}
    for move in moves:
        for source in move.sources:
            for target in move.targets:
                if source and source != target:
                    together.setdefault((source, target), []).append(move.name.replace("_", " "))
    edges = [_edge(nodes[s], nodes[t], ", ".join(names)) for (s, t), names in together.items()]
    width = MARGIN * 2 + (max(columns) + 1) * (WIDTH + GAP_X) - GAP_X
    height = MARGIN * 2 + tallest * (HEIGHT + GAP_Y) - GAP_Y + 40
    return Diagram(machine, width, height, list(nodes.values()), edges, [_row(move, labels) for move in moves])


def _ranks(moves: list[fsm.Move]) -> dict[str, int]:
    ranks = {target: 0 for move in moves for target in move.targets if move.sources == ("",)}
    # An object may begin in its end state (an external refund): what others lead to is not the first column.
    reached = {target for move in moves if move.sources != ("",) for target in move.targets}
    starts = {status for status in ranks if status not in reached} or set(ranks)
    ranks, frontier = dict.fromkeys(starts, 0), list(starts)
    while frontier:
        status = frontier.pop(0)
        for move in moves:
            if status in move.sources:
                for target in move.targets:
                    if target not in ranks:
                        ranks[target] = ranks[status] + 1
                        frontier.append(target)
    return ranks


def _edge(source: Node, target: Node, label: str) -> Edge:
    (sx, sy), (tx, ty) = source.middle, target.middle
    if source.x < target.x:
        x1, x2 = source.x + WIDTH, target.x
        path = f"M{x1},{sy} C{x1 + GAP_X // 2},{sy} {x2 - GAP_X // 2},{ty} {x2},{ty}"
        x, y = (x1 + x2) // 2, (sy + ty) // 2
    elif source.x > target.x:
        x1, x2 = source.x, target.x + WIDTH
        path = f"M{x1},{sy + 8} C{x1 - GAP_X // 2},{sy + 30} {x2 + GAP_X // 2},{ty + 30} {x2},{ty + 8}"
        x, y = (x1 + x2) // 2, (sy + ty) // 2 + 22
    else:
        down = source.y < target.y
        y1, y2 = (source.y + HEIGHT, target.y) if down else (source.y, target.y + HEIGHT)
        path = f"M{sx},{y1} C{sx + 30},{y1} {tx + 30},{y2} {tx},{y2}"
        x, y = sx + 22, (y1 + y2) // 2
    return Edge(path, label, x, y)


def _row(move: fsm.Move, labels: dict[str, str]) -> dict[str, Any]:
    return {
        "name": move.name.replace("_", " "),
        "sources": [labels.get(source, "") for source in move.sources if source],
        "targets": [labels[target] for target in move.targets],
        "actors": [actor.label for actor in sorted(move.actors)],
        "event": move.event,
    }
