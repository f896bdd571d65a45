"""Lanes: whatever the graph, each value leads from who makes it to all who read it."""

from __future__ import annotations

import numpy as np
import pytest

from mlforge_tasks.page.lanes import Node, Row, rows


def test_a_chain_is_one_line() -> None:
    """However long it is."""
    drawn = rows([Node((), (0,)), *(Node((at,), (at + 1,)) for at in range(120))])
    assert {one.lane for one in drawn} == {0}
    assert all(one.ends == (0, 0) and not one.past for one in drawn)


def test_a_detour_runs_beside_what_it_leads_around() -> None:
    """A value that is read again has its own lane until then."""
    nodes = [Node((), "x"), Node("x", "a"), Node("a", "b"), Node("xb", "y"), Node("y", "z")]
    assert rows(nodes) == (
        Row(0, (), (0,), ()),
        Row(1, (0,), (1,), (0,)),
        Row(1, (1,), (1,), (0,)),
        Row(0, (0, 1), (0,), ()),
        Row(0, (0,), (), ()),
    )


@pytest.mark.parametrize("seed", range(20))
def test_lanes_lead_from_maker_to_readers(seed: int) -> None:
    """In any graph; no two values have one lane at a time."""
    rng = np.random.default_rng(seed)
    nodes = [Node((), (("in", at),)) for at in range(rng.integers(1, 4))]
    made: list[object] = [value for node in nodes for value in node.makes]
    for at in range(rng.integers(1, 40)):
        places = rng.permutation(len(made))[: rng.integers(1, 4)]
        makes = [(str(at), part) for part in range(rng.choice((0, 1, 1, 1, 2, 3)))]
        nodes.append(Node([made[place] for place in places], makes))
        made += makes
    drawn = rows(nodes)
    last = {value: at for at, node in enumerate(nodes) for value in node.reads}
    alive: dict[object, int] = {}
    for at, (node, row) in enumerate(zip(nodes, drawn, strict=True)):
        assert row.above == tuple(sorted({alive[value] for value in node.reads}))
        alive = {value: lane for value, lane in alive.items() if last[value] > at}
        assert row.past == tuple(sorted(alive.values()))
        kept = [value for value in node.makes if last.get(value, at) > at]
        assert len(kept) == len(row.below)
        alive |= dict(zip(kept, row.below, strict=True))
        assert len(set(alive.values())) == len(alive)
        assert row.ends[0] <= row.lane <= row.ends[1]
