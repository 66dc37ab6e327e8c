"""Fractions that rise evenly over the layers of a network, as the rates of path dropping do.

In: a checked graph. Out: `Ramp`s, so that 0.0087, 0.0174, … can be written as what they are, `0.2 * i / 23`. Where they
are written so is left to `modules`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from archdsl.codegen.constructors import Value, parse
from archdsl.graph import Graph

__all__ = ["Ramp", "place", "ramps", "written"]

_FEWEST: Final = 3
"""Different values that make a rise."""
_BEYOND: Final = 4
"""How many steps the last value may lie before the peak, itself counted: nothing is dropped in the layers behind it."""
_MOST: Final = 100_000
"""Layers over which one rises."""


@dataclass(frozen=True, slots=True)
class Ramp:
    """Values `peak * i / steps`."""

    peak: float
    steps: int

    def index(self, value: object) -> int | None:
        """Which i a value has, exactly; None where it has none."""
        if type(value) is not float:
            return None
        found = round(value * self.steps / self.peak)
        return found if self.peak * found / self.steps == value else None


def ramps(graph: Graph) -> tuple[Ramp, ...]:
    """The ramps of a network, one for each argument of a layer that has one."""
    values: dict[tuple[str, str], set[float]] = {}
    for node in graph.layers:
        if node.op is None or not any(type(value) is float for value in vars(node.op).values()):
            continue
        init = node.op.torch(node.input_shapes, node.shapes).init
        call = parse(init) if init is not None else None
        if call is None:
            continue
        for name, value in zip(call.names, call.values, strict=True):
            if type(value.value) is float:
                values.setdefault((call.function, name), set()).add(value.value)
    found = (_ramp(sorted(column)) for column in values.values())
    return tuple(dict.fromkeys(ramp for ramp in found if ramp is not None))


def _ramp(values: list[float]) -> Ramp | None:
    if len(values) < _FEWEST:
        return None
    step = min(high - low for low, high in pairwise(values))
    last = round(values[-1] / step)
    for steps in range(last, last + _BEYOND) if last <= _MOST else ():
        ramp = Ramp(round(step * steps, 3), steps)
        if ramp.peak > 0 and all(ramp.index(value) is not None for value in values):
            return ramp
    return None


def place(values: list[Value], known: tuple[Ramp, ...]) -> Ramp | None:
    """The ramp on which these values follow each other step by step."""
    for ramp in known:
        indices = [ramp.index(value.value) for value in values]
        first = indices[0]
        if first is not None and indices == list(range(first, first + len(indices))):
            return ramp
    return None


def written(value: Value, known: tuple[Ramp, ...]) -> Value:
    """A value with its place on a ramp in its text, where it has more digits than one would write."""
    if type(value.value) is float and len(value.text) > len("0.0625"):
        for ramp in known:
            index = ramp.index(value.value)
            if index is not None:
                return Value(f"{ramp.peak} * {index} / {ramp.steps}", value.value)
    return value
