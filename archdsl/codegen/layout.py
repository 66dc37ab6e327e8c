"""Where the channels of sequences are, and where a tensor has to be transposed.

In: for each module, the layout that it wants and gives. Out: the layout of every LxC tensor in a body of code, and the
places that need `.mT`. Tensors of another rank have one layout only and no part in this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple, Protocol

from archdsl.graph import Port
from archdsl.ops.base import Shape

__all__ = ["NETWORK", "Face", "Layout", "Used", "body_face", "flow", "join", "leaf_face"]

Layout = Literal["channels_first", "channels_last", "any"]
"""Of a sequence: (N, C, L), (N, L, C), or as it comes."""

NETWORK: Final[Layout] = "channels_last"
"""How sequences enter and leave a network: (N, L, C), as in transformers."""


class Face(NamedTuple):
    """What a module wants of each input and gives in each output; None for a tensor that is no sequence.

    `any` among the wants stands for a common layout of the caller's choice, which the outputs given as `any` then have.
    """

    wants: tuple[Layout | None, ...]
    gives: tuple[Layout | None, ...]


class Used(Protocol):
    """A module in its place: what it reads and makes."""

    @property
    def face(self) -> Face: ...
    @property
    def inputs(self) -> tuple[Port, ...]: ...
    @property
    def outputs(self) -> tuple[Port, ...]: ...


def leaf_face(sequence: Layout, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Face:
    """The face of one layer: `sequence` holds for its LxC tensors."""
    wants = tuple(sequence if len(shape) == 2 else None for shape in inputs)
    made = sequence if sequence != "any" or any(wants) else NETWORK
    return Face(wants, tuple(made if len(shape) == 2 else None for shape in outputs))


def join(faces: Iterable[Face]) -> Face | None:
    """The face of modules of one input and one output in a row; None where a transposition would stand between two."""
    entry: Layout | None = None
    current: Layout | None = None
    for index, face in enumerate(faces):
        (wants,), (gives,) = face.wants, face.gives
        if index == 0:
            entry, current = wants, gives
            continue
        if wants in ("channels_first", "channels_last") and current != wants:
            if current != "any":
                return None
            entry = wants
            current = wants
        current = current if gives == "any" else gives
    return Face((entry,), (current,))


def preferred(steps: Sequence[Used]) -> dict[Port, Layout]:
    """For each sequence the layout that its first reader with a will of its own wants."""
    found: dict[Port, Layout] = {}
    for step in reversed(steps):
        onward: Layout = next(
            (found[p] for p, g in zip(step.outputs, step.face.gives, strict=True) if g == "any" and p in found), "any"
        )
        for port, wants in reversed(list(zip(step.inputs, step.face.wants, strict=True))):
            if wants is None:
                continue
            wish = onward if wants == "any" else wants
            if wish != "any":
                found[port] = wish
    return found


def flow(steps: Sequence[Used], entering: Mapping[Port, Layout]) -> tuple[dict[Port, Layout], list[tuple[bool, ...]]]:
    """The layout of every sequence, and for each step which of its inputs have to be transposed."""
    layouts: dict[Port, Layout] = dict(entering)
    turned: list[tuple[bool, ...]] = []
    for step in steps:
        pairs = list(zip(step.inputs, step.face.wants, strict=True))
        common = next((layouts[port] for port, wants in pairs if wants == "any"), NETWORK)
        turned.append(
            tuple(wants is not None and layouts[port] != (common if wants == "any" else wants) for port, wants in pairs)
        )
        for port, gives in zip(step.outputs, step.face.gives, strict=True):
            if gives is not None:
                layouts[port] = common if gives == "any" else gives
    return layouts, turned


def body_face(
    steps: Sequence[Used], inputs: Sequence[Port], outputs: Sequence[Port], sequences: Iterable[Port]
) -> Face:
    """The face of a class with this body; `sequences` are those of its tensors that are LxC."""
    wishes = preferred(steps)
    every = frozenset(sequences)
    entering = {port: wishes.get(port, NETWORK) for port in inputs if port in every}
    layouts, _ = flow(steps, entering)
    return Face(tuple(entering.get(port) for port in inputs), tuple(layouts.get(port) for port in outputs))
