"""What changed between two networks, layer by layer, and which weights of the one fit the other.

In: two graphs. Out: a `Difference`. How it is shown is left to `archdsl.report.difference`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final, Literal

from archdsl.analysis.counts import count
from archdsl.analysis.facts import facts
from archdsl.analysis.figures import Figures, figures
from archdsl.codegen.paths import layer_paths
from archdsl.graph import Graph, Node
from archdsl.ops.base import Shape

__all__ = ["Change", "Difference", "Layer", "Tensor", "Weights", "compare"]

_MOST_PAIRS: Final = 200_000
Kind = Literal["same", "renamed", "rewired", "changed", "removed", "added"]
Pair = tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of one of the networks; `params` and `macs` are its own, weights shared from another layer left out."""

    name: str
    call: str
    shapes: tuple[Shape, ...]
    params: int
    macs: int


@dataclass(frozen=True, slots=True)
class Change:
    """Two layers that stand in the same place, or one that has none in the other network.

    `changed` ones have another op, size or number of parameters; `rewired` ones are equal and read other layers.
    """

    kind: Kind
    before: Layer | None
    after: Layer | None

    @property
    def params(self) -> int:
        """How many more parameters there are."""
        return (self.after.params if self.after else 0) - (self.before.params if self.before else 0)

    @property
    def macs(self) -> int:
        """How many more MACs."""
        return (self.after.macs if self.after else 0) - (self.before.macs if self.before else 0)


@dataclass(frozen=True, slots=True)
class Tensor:
    """An entry of a state dict; `shape` in the first network and `other` in the second, None where there is none."""

    name: str
    shape: tuple[int, ...] | None
    other: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Weights:
    """The state dict of the first network, laid on that of the second by names; counters are left out.

    `fitting` tensors have the same name and shape, `reshaped` ones another shape, `lost` ones are in the first network
    alone, `missing` ones in the second alone. `values` counts the numbers in those that fit, `of` in all of the second.
    `renamed` pairs a lost and a missing tensor of one shape whose layers stand in the same place: a new name is all
    that they need.
    """

    fitting: tuple[Tensor, ...]
    renamed: tuple[tuple[str, str], ...]
    reshaped: tuple[Tensor, ...]
    lost: tuple[Tensor, ...]
    missing: tuple[Tensor, ...]
    values: int
    of: int


@dataclass(frozen=True, slots=True)
class Difference:
    """All of it, in the order of the text. `outputs` says whether the results are other layers' or have other names."""

    before: Figures
    after: Figures
    changes: tuple[Change, ...]
    outputs: bool
    weights: Weights

    @property
    def different(self) -> bool:
        """Whether the networks differ in anything but the names of layers."""
        return self.outputs or any(change.kind not in ("same", "renamed") for change in self.changes)


def compare(before: Graph, after: Graph) -> Difference:
    """Lay two networks on each other.

    >>> compare(resnet50, resnet50_with_10_classes).weights.reshaped[0].name
    'fc.weight'
    """
    pairs = _pairs(before, after)
    partner = {a: b for a, b in pairs if a is not None and b is not None}
    found = set(partner.values())
    old, new = _layers(before), _layers(after)
    changes = []
    for a, b in pairs:
        if a is None or b is None:
            kind: Kind = "added" if a is None else "removed"
        elif _key(before.nodes[a]) != _key(after.nodes[b]) or old[a].params != new[b].params:
            kind = "changed"
        elif _rewired(before.nodes[a], after.nodes[b], partner, found):
            kind = "rewired"
        else:
            kind = "same" if old[a].name == new[b].name else "renamed"
        changes.append(Change(kind, old[a] if a is not None else None, new[b] if b is not None else None))
    return Difference(
        figures(before),
        figures(after),
        tuple(changes),
        _outputs_differ(before, after, partner),
        _weights(before, after, partner),
    )


# ---------------------------------------------------------------- alignment


def _pairs(before: Graph, after: Graph) -> list[Pair]:
    """Layers in their order, each with its partner: equal ones first, then within the gaps what is less and less so."""
    old, new = before.nodes, after.nodes
    keys: tuple[Callable[[Graph, Node], Hashable], ...] = (
        lambda graph, node: (graph.names[node.key], *_key(node)),
        lambda graph, node: _key(node),
        lambda graph, node: (graph.names[node.key], node.kind),
        lambda graph, node: (node.kind, node.shapes),
        lambda graph, node: node.kind,
    )
    tables = [([key(before, n) for n in old], [key(after, n) for n in new]) for key in keys]
    return list(_align(tables, range(len(old)), range(len(new))))


def _align(tables: Sequence[tuple[list[Hashable], list[Hashable]]], old: range, new: range) -> Iterator[Pair]:
    if not tables or not old or not new:
        yield from ((a, None) for a in old)
        yield from ((None, b) for b in new)
        return
    one, other = tables[0][0][old.start : old.stop], tables[0][1][new.start : new.stop]
    head = next((i for i, (x, y) in enumerate(zip(one, other, strict=False)) if x != y), min(len(one), len(other)))
    yield from zip(old[:head], new[:head], strict=True)
    # What is equal at the ends needs no search, which is quadratic at worst.
    rest, others = one[head:], other[head:]
    pairs = zip(reversed(rest), reversed(others), strict=False)
    tail = next((i for i, (x, y) in enumerate(pairs) if x != y), min(len(rest), len(others)))
    rest, others = rest[: len(rest) - tail], others[: len(others) - tail]
    a, b = old.start + head, new.start + head
    # Each round of the search goes through all pairs of equal keys; thousands of like layers are left to their place
    # among rarer ones.
    matcher = SequenceMatcher(None, rest, others, autojunk=_pairs_of_equals(rest, others) > _MOST_PAIRS)
    done_a = done_b = 0
    for match in matcher.get_matching_blocks():
        gap_a, gap_b = range(a + done_a, a + match.a), range(b + done_b, b + match.b)
        yield from _align(tables[1:], gap_a, gap_b)
        yield from zip(
            range(a + match.a, a + match.a + match.size), range(b + match.b, b + match.b + match.size), strict=True
        )
        done_a, done_b = match.a + match.size, match.b + match.size
    yield from zip(old[len(old) - tail :], new[len(new) - tail :], strict=True)


def _pairs_of_equals(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    counted = Counter(other)
    return sum(number * counted[key] for key, number in Counter(one).items())


def _key(node: Node) -> tuple[Hashable, ...]:
    return (node.call, node.input_shapes, node.shapes, node.shared is None)


def _rewired(before: Node, after: Node, partner: dict[int, int], found: set[int]) -> bool:
    """Whether a layer reads another one, leaving out layers that one of the networks lacks."""
    for one, other in zip(before.inputs, after.inputs, strict=True):
        mapped = partner.get(one.node)
        if mapped is not None and other.node in found and (mapped, one.index) != (other.node, other.index):
            return True
    shared = partner.get(before.shared) if before.shared is not None else None
    return shared is not None and after.shared is not None and shared != after.shared


def _outputs_differ(before: Graph, after: Graph, partner: dict[int, int]) -> bool:
    mapped = [
        (output.name, partner.get(output.port.node), output.port.index, output.training) for output in before.outputs
    ]
    return mapped != [(output.name, output.port.node, output.port.index, output.training) for output in after.outputs]


def _layers(graph: Graph) -> list[Layer]:
    counts = count(graph)
    return [
        Layer(graph.names[node.key], node.call, node.shapes, counts.params[node.key], fact.macs)
        for node, fact in zip(graph.nodes, facts(graph), strict=True)
    ]


# ---------------------------------------------------------------- weights


def _weights(before: Graph, after: Graph, partner: dict[int, int]) -> Weights:
    layers, others = _tensors(before), _tensors(after)
    old = {name: shape for own in layers.values() for name, shape in own}
    new = {name: shape for own in others.values() for name, shape in own}
    laid = [Tensor(name, shape, new.get(name)) for name, shape in old.items()]
    fitting = tuple(tensor for tensor in laid if tensor.shape == tensor.other)
    renamed = {
        one: other
        for key, own in layers.items()
        for (one, shape), (other, same) in zip(own, others.get(partner.get(key, -1), ()), strict=False)
        if shape == same and one not in new and other not in old
    }
    return Weights(
        fitting,
        tuple(renamed.items()),
        tuple(tensor for tensor in laid if tensor.other is not None and tensor.shape != tensor.other),
        tuple(tensor for tensor in laid if tensor.other is None),
        tuple(Tensor(name, None, shape) for name, shape in new.items() if name not in old),
        sum(_size(tensor.shape) for tensor in fitting),
        sum(map(_size, new.values())),
    )


def _tensors(graph: Graph) -> dict[int, tuple[tuple[str, tuple[int, ...]], ...]]:
    """By layer, the names and shapes in the state dict of the compiled module, its counters left out."""
    found = {}
    for key, path in layer_paths(graph).items():
        node = graph.nodes[key]
        if node.op is not None:
            found[key] = tuple(
                (f"{path}.{weight.name}" if path else weight.name, weight.shape)
                for weight in node.op.weights(*node.input_shapes)
                if weight.kind != "counter"
            )
    return found


def _size(shape: tuple[int, ...] | None) -> int:
    return math.prod(shape) if shape is not None else 0
