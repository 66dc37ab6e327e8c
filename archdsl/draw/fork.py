"""Where a tensor that several layers of a box read forks: inside the box, so that a skip stays in its block.

In: the boxes and edges of a picture. Out: the same with forks in the boxes and the edges led through them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from archdsl.draw.picture import Box, Edge, Piece
from archdsl.graph import Port

__all__ = ["forked"]


def forked(page: Box, edges: Sequence[Edge], first_id: int) -> tuple[Box, tuple[Edge, ...]]:
    """Put a fork into every box that one tensor enters for several nodes; `first_id` and up are free for their ids.

    The input of a residual block then enters it once, and its shortcut lies beside its body, not outside of the box.
    """
    paths = {piece.id: path for piece, path in page.pieces()}
    tensors: dict[Port, list[Edge]] = {}
    for edge in edges:
        tensors.setdefault(edge.port, []).append(edge)
    forks: dict[int, list[Piece]] = {}
    made: list[Edge] = []
    next_id = first_id
    for readers in tensors.values():
        sizes = next((edge.sizes for edge in readers if edge.sizes), ())
        own = paths[readers[0].tail]
        pending = [(readers[0].tail, [(edge, _entered(own, paths[edge.head])) for edge in readers])]
        while pending:
            tail, ways = pending.pop()
            rooms: dict[int, list[tuple[Edge, tuple[int, ...]]]] = {}
            for edge, entered in ways:
                rooms.setdefault(entered[0] if entered else -1, []).append((edge, entered[1:]))
            for room, inside in rooms.items():
                if room == -1 or len({edge.head for edge, _ in inside}) == 1:
                    for edge, _ in inside:
                        made.append(replace(edge, tail=tail, sizes=sizes))
                        sizes = ()
                    continue
                if len({deeper[:1] for _, deeper in inside}) == 1 and inside[0][1]:
                    pending.append((tail, inside))  # all of it goes into one box further in, and forks there
                    continue
                fork = Piece(next_id, f"fork {next_id}", ())
                next_id += 1
                forks.setdefault(room, []).append(fork)
                made.append(Edge(inside[0][0].port, tail, fork.id, sizes))
                sizes = ()
                pending.append((fork.id, inside))
    return _with(page, forks), tuple(made)


def _entered(own: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    """The boxes that an edge enters, the outermost first."""
    same = 0
    while same < min(len(own), len(other)) and own[same] == other[same]:
        same += 1
    return other[same:]


def _with(box: Box, forks: dict[int, list[Piece]]) -> Box:
    parts = tuple(part if isinstance(part, Piece) else _with(part, forks) for part in box.parts)
    return replace(box, parts=(*forks.get(box.id, ()), *parts)) if box.id else replace(box, parts=parts)
