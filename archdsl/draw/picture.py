"""What a picture consists of: boxes, the nodes in them, edges and outputs.

In: nothing. Out: frozen types between `archdsl.draw.plan`, which fills them, and the formats, which write them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from archdsl.graph import Output, Port
from archdsl.ops.base import Shape, Style

__all__ = ["Box", "Cell", "Count", "Edge", "Exit", "Figure", "Heat", "Piece", "Plan"]

Count = Literal["params", "macs", "memory"]
"""A number of a layer, for one example: trainable values, multiply-accumulates, bytes of its outputs as float32."""

Figure = Literal[Count, "rf"]
"""What a picture can show in its nodes: a count, or the receptive field."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One layer: its call, its `@name`, and what was asked to be shown of it. `style` is None for a closed block.

    - `key`: the layer in the graph, of a closed block its first one; `last`: the layer whose output leaves, of a closed
      block its last one, of a repeat that of its last iteration.
    - `counts`: numbers to show, those that are zero left out; `field`: the receptive field, empty where none is to be
      shown.
    - `heat`: the number that the colour says.
    - `rows`: names and values of a table.
    """

    text: str
    style: Style | None
    key: int
    last: int
    label: str | None = None
    shared: str | None = None
    counts: tuple[tuple[Count, int], ...] = ()
    field: str = ""
    heat: int = 0
    rows: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Heat:
    """What the colours say where they do not say the kind of layer, and its largest value."""

    count: Count
    most: int


@dataclass(frozen=True, slots=True)
class Piece:
    """One node of the picture: a layer with those that follow it at once, or a closed block.

    A block that holds nothing else has its name as `caption`. A piece without cells is a fork: the place where a tensor
    that several layers of a box read enters that box.
    """

    id: int
    name: str
    cells: tuple[Cell, ...]
    caption: str = ""
    times: int = 1


@dataclass(frozen=True, slots=True)
class Box:
    """A block with its inside; `times` counts the iterations it stands for. The outermost one is the page."""

    id: int
    title: str
    times: int
    parts: tuple[Box | Piece, ...]

    def pieces(self) -> Iterator[tuple[Piece, tuple[int, ...]]]:
        """Every node inside, in the order of the text, with the boxes in here around it, the outermost first."""
        pending: list[tuple[Box | Piece, tuple[int, ...]]] = [(part, ()) for part in reversed(self.parts)]
        while pending:
            part, path = pending.pop()
            if isinstance(part, Piece):
                yield part, path
            else:
                pending.extend((inner, (*path, part.id)) for inner in reversed(part.parts))


@dataclass(frozen=True, slots=True)
class Edge:
    """One tensor from a piece to a piece. `sizes` has its size in every iteration where it is new, else it is empty."""

    port: Port
    tail: int
    head: int
    sizes: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Exit:
    """Named outputs of the network and the piece that makes them: one, or those of all turns of a folded repeat."""

    outputs: tuple[Output, ...]
    tail: int
    shape: Shape

    @property
    def name(self) -> str:
        """`aux`; `heat1, heat2`; `heat1 … heat7`."""
        names = [output.name for output in self.outputs]
        return ", ".join(names) if len(names) < 3 else f"{names[0]} … {names[-1]}"

    @property
    def training(self) -> bool:
        """Whether they are there in training only."""
        return self.outputs[0].training


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole picture."""

    name: str
    title: str
    page: Box
    edges: tuple[Edge, ...]
    exits: tuple[Exit, ...]
    heat: Heat | None = None

    def pieces(self) -> Iterator[Piece]:
        """Every node, in the order of the text."""
        return (piece for piece, _ in self.page.pieces())
