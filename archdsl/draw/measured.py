"""What a node can say of its layers: counts, the receptive field, the rows of a table.

In: a graph and keys of layers. Out: numbers and short texts; the facts themselves are those of `archdsl.analysis`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from archdsl.analysis.facts import FLOAT32, facts
from archdsl.analysis.receptive import Field, fields
from archdsl.draw.picture import Count
from archdsl.draw.text import size
from archdsl.graph import Graph

__all__ = ["Measured"]


class Measured:
    """One graph; nothing is computed before it is asked for."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def count(self, name: Count, keys: Sequence[int]) -> int:
        """The sum over some layers; inputs count nothing, and layers with the weights of others no parameters."""
        total = 0
        for key in keys:
            node, fact = self.graph.nodes[key], facts(self.graph)[key]
            if node.op is None:
                continue
            if name == "macs":
                total += fact.macs
            elif name == "memory":
                total += fact.elements * FLOAT32
            elif node.shared is None:
                total += fact.params
        return total

    def field(self, first: int, last: int, *, whole: bool) -> str:
        """The receptive field, from the first iteration to the last: `7×7…31×31`, `all` of the input.

        Empty for a layer that looks at each position by itself, and for a network without positions; with `whole`, for
        the latter alone.
        """
        if not whole and facts(self.graph)[first].reach is None:
            return ""
        mine, its = _field(self._fields[first]), _field(self._fields[last])
        return mine if mine == its else f"{mine}…{its}"

    def rows(self, keys: Sequence[int]) -> tuple[tuple[str, str], ...]:
        """What a table says of a layer: `kernel 3×3`, `stride 2`, `input 56×56×64`, and so on, as far as it has them.

        Of several layers, their input, output and parameters.
        """
        first, last = self.graph.nodes[keys[0]], self.graph.nodes[keys[-1]]
        if first.op is None:
            return ()
        made = []
        window = first.op.geometry(first.input_shapes[0]) if len(keys) == 1 else None
        if window is not None:
            sides = [str(before) if before == after else f"{before}+{after}" for before, after in window.padding]
            made.append(("kernel", size(window.kernel)))
            made += [("stride", _along(window.stride))] if set(window.stride) != {1} else []
            made += [("padding", _along(sides))] if window.padded else []
            made += [("dilation", _along(window.dilation))] if set(window.dilation) != {1} else []
        made.append(("input", ", ".join(map(size, dict.fromkeys(first.input_shapes)))))
        made.append(("output", ", ".join(map(size, dict.fromkeys(last.shapes)))))
        if params := self.count("params", keys):
            made.append(("params", f"{params:,}"))
        return tuple(made)

    @cached_property
    def _fields(self) -> Sequence[Field]:
        return fields(self.graph)


def _along(values: Sequence[int | str]) -> str:
    """Numbers along the axes, one for all where they are equal."""
    return str(values[0]) if len(set(values)) == 1 else "×".join(map(str, values))


def _field(field: Field) -> str:
    if field.whole:
        return "all"
    return size(field.size) if field.size is not None else ""
