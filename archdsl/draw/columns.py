"""How a long network is broken into columns, so that it fits a page and can still be read.

In: a picture. Out: for each of its nodes the column, and the longest way through the network. Sizes are estimated from
the lengths of the texts; the layout itself is left to Graphviz.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from archdsl.draw.picture import Edge, Piece, Plan
from archdsl.draw.text import size

__all__ = ["COLUMN", "PAGE", "Columns", "arrange"]

PAGE: Final = (504.0, 684.0)
"""Width and height of the text on a page, in points: 7 by 9.5 inches."""
COLUMN: Final = 249.4
"""Width of one of its two columns, in points: 88 mm."""
_MOST: Final = 6
_WORTH: Final = 1.1
"""How much larger the text must become for one more column."""
_LINE: Final = 12.0
_LETTER: Final = 5.5
_NODE: Final = 19.0
_GAP: Final = 18.5
_LABEL: Final = 9.0
_FRAME: Final = 33.0
_ROW: Final = 18.0
"""Points: a line of text, a letter, a node of one line, the room between two nodes and what a size on the edge adds to
it, title and margins of a box, a row of a table."""
_HEADING: Final = 70.0
"""Points that the name of the network and the legend take above the columns."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The column of every node, from 0; the edges of the longest way from an input to the main output.

    `scale` is about by how much the picture must be made smaller to fit its page.
    """

    of: dict[int, int]
    spine: frozenset[tuple[int, int]]
    scale: float

    @property
    def count(self) -> int:
        """How many there are."""
        return max(self.of.values(), default=0) + 1


def arrange(plan: Plan, *, break_up: bool = True, width: float = PAGE[0]) -> Columns:
    """Break the network where a single tensor passes, into as many columns as let the text be largest on one page.

    `arrange(resnet50)` has two columns; with `break_up=False` there is one, however long.

    - `width`: of the page in points.
    """
    order, before = _order(plan)
    spine = _spine(plan, order, before)
    of = dict.fromkeys(order, 0)
    page = (width, PAGE[1])
    best = _scale(plan, order, before, of, page)
    if break_up:
        for breaks in _candidates(plan, order, before):
            if any(breaks[edge.tail] > breaks[edge.head] for edge in plan.edges):
                continue
            found = _scale(plan, order, before, breaks, page)
            if found > best * _WORTH:
                best, of = found, breaks
    return Columns(of, spine, best)


def _order(plan: Plan) -> tuple[list[int], dict[int, list[Edge]]]:
    """Every node after those it reads, and the edges into each."""
    before: dict[int, list[Edge]] = {piece.id: [] for piece in plan.pieces()}
    after: dict[int, list[int]] = {key: [] for key in before}
    for edge in plan.edges:
        before[edge.head].append(edge)
        after[edge.tail].append(edge.head)
    waiting = {key: len(edges) for key, edges in before.items()}
    order = [key for key, count in waiting.items() if count == 0]
    for key in order:
        for head in after[key]:
            waiting[head] -= 1
            if waiting[head] == 0:
                order.append(head)
    return order, before


def _spine(plan: Plan, order: Sequence[int], before: dict[int, list[Edge]]) -> frozenset[tuple[int, int]]:
    depth: dict[int, int] = {}
    for key in order:
        depth[key] = 1 + max((depth[edge.tail] for edge in before[key]), default=0)
    found: set[tuple[int, int]] = set()
    key = plan.exits[0].tail if plan.exits else order[-1]
    while before[key]:
        tail = max(before[key], key=lambda edge: depth[edge.tail]).tail
        found.add((tail, key))
        key = tail
    return frozenset(found)


# ---------------------------------------------------------------- where to break


def _candidates(plan: Plan, order: Sequence[int], before: dict[int, list[Edge]]) -> Iterator[dict[int, int]]:
    """The most even arrangement in two columns, in three, and so on."""
    wanted = set[int]()
    for key in reversed(order):
        if not plan.exits or key == plan.exits[0].tail or key in wanted:
            wanted.add(key)
            wanted.update(edge.tail for edge in before[key])
    parts = [
        [part.id] if isinstance(part, Piece) else [piece.id for piece, _ in part.pieces()] for part in plan.page.parts
    ]
    part_of = {key: ids for ids in parts for key in ids}
    main = [ids for ids in parts if ids[0] in wanted]
    chunks = _chunks(plan, main)
    bottoms = _bottoms(plan, order, before, dict.fromkeys(order, 0))
    ends = [max(bottoms[key] for key in chunk) for chunk in chunks]
    heights = [end - start for start, end in zip([0.0, *ends], ends, strict=False)]
    for count in range(2, min(_MOST, len(chunks)) + 1):
        of: dict[int, int] = {}
        for chunk, column in zip(chunks, _split(heights, count), strict=True):
            of.update(dict.fromkeys(chunk, column))
        for key in order:  # what leads to other outputs stands where it branches off, a box of it together
            if key not in of:
                column = max((of[edge.tail] for edge in before[key]), default=0)
                of.update(dict.fromkeys(part_of[key], column))
        yield of


def _chunks(plan: Plan, main: Sequence[list[int]]) -> list[list[int]]:
    """Parts of the page that must stay together: a break is where one edge passes."""
    place = {key: index for index, ids in enumerate(main) for key in ids}
    crossing = [0] * (len(main) + 1)
    for edge in plan.edges:
        if edge.tail in place and edge.head in place:
            crossing[place[edge.tail]] += 1
            crossing[place[edge.head]] -= 1
    chunks: list[list[int]] = [[]]
    passing = 0
    for index, ids in enumerate(main):
        chunks[-1] += ids
        passing += crossing[index]
        if passing == 1 and index + 1 < len(main):
            chunks.append([])
    return chunks


def _split(heights: Sequence[float], count: int) -> list[int]:
    """For each height its column: consecutive, at most `count` of them, the tallest as low as it can be."""
    low, high = max(heights), sum(heights)
    while high - low > 1:
        middle = (low + high) / 2
        low, high = (low, middle) if _fill(heights, middle)[-1] < count else (middle, high)
    return _fill(heights, high)


def _fill(heights: Sequence[float], most: float) -> list[int]:
    column, used = 0, 0.0
    found: list[int] = []
    for height in heights:
        if used and used + height > most:
            column, used = column + 1, 0.0
        used += height
        found.append(column)
    return found


# ---------------------------------------------------------------- how large it is


def _scale(
    plan: Plan, order: Sequence[int], before: dict[int, list[Edge]], of: dict[int, int], page: tuple[float, float]
) -> float:
    """By how much the picture must be made smaller to fit the page."""
    bottoms = _bottoms(plan, order, before, of)
    pieces = {piece.id: piece for piece in plan.pieces()}
    rows: dict[tuple[int, int], float] = {}
    depth: dict[int, int] = {}
    for key in order:
        depth[key] = 1 + max((depth[edge.tail] for edge in before[key]), default=0)
        row = (of[key], depth[key])
        rows[row] = rows.get(row, 0.0) + _width(pieces[key]) + _GAP
    for leaving in plan.exits:
        row = (of[leaving.tail], depth[leaving.tail] + 1)
        rows[row] = rows.get(row, 0.0) + len(f"{leaving.name}  {size(leaving.shape)}") * _LETTER + _GAP
    widths: dict[int, float] = {}
    for (column, _), width in rows.items():
        widths[column] = max(widths.get(column, 0.0), width + _FRAME)
    height = max(bottoms.values(), default=1.0) + _HEADING
    return min(1.0, page[0] / sum(widths.values()), page[1] / height)


def _bottoms(plan: Plan, order: Sequence[int], before: dict[int, list[Edge]], of: dict[int, int]) -> dict[int, float]:
    """How far down each node reaches in its column."""
    pieces = {piece.id: piece for piece in plan.pieces()}
    level = {piece.id: len(path) for piece, path in plan.page.pieces()}
    found: dict[int, float] = {}
    for key in order:
        top = 0.0
        for edge in before[key]:
            if of[edge.tail] == of[key]:
                frames = max(0, level[key] - level[edge.tail]) * _FRAME
                top = max(top, found[edge.tail] + _GAP + frames + (_LABEL if edge.sizes else 0.0))
        found[key] = top + _height(pieces[key])
    return found


def _height(piece: Piece) -> float:
    if not piece.cells:
        return _GAP
    lines = max((cell.shared is not None) + len(cell.counts) + bool(cell.field) for cell in piece.cells)
    rows = max(len(cell.rows) for cell in piece.cells)
    return _NODE + _LINE * (lines + bool(piece.caption)) + _ROW * rows


def _width(piece: Piece) -> float:
    """Points from the left to the right of a node."""
    return sum(len(cell.text) + len(cell.label or "") for cell in piece.cells) * _LETTER + 9 * len(piece.cells)
