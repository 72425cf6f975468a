"""The picture of a machine on the help page: everything is in it, nothing lies on anything else."""

from __future__ import annotations

import pytest

from marketplace import fsm
from marketplace.diagrams import diagram


@pytest.mark.parametrize("machine", sorted(fsm.MACHINES))
def test_every_state_and_move_is_drawn_and_no_two_boxes_overlap(machine: str) -> None:
    drawn = diagram(machine)

    assert {node.status for node in drawn.nodes} == set(fsm.statuses(fsm.MACHINES[machine]))
    said = {name for label in drawn.labels for name in label.text.split(", ")}
    moves = [move for move in fsm.moves_of(fsm.MACHINES[machine]) if any(move.sources)]
    assert said == {m.name.replace("_", " ") for m in moves if set(m.sources) != set(m.targets)}

    boxes = [(node.x, node.y, node.x + node.width, node.y + node.height) for node in drawn.nodes]
    for number, (left, top, right, bottom) in enumerate(boxes):
        assert left >= 0
        assert right <= drawn.width
        assert bottom <= drawn.height
        for other in boxes[number + 1 :]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
        for label in drawn.labels:
            assert not (left < label.x < right and top < label.y < bottom), label.text
