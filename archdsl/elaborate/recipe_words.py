"""What a recipe may call the weights of a network: an op, or a group such as `bias`.

In: the nodes of a checked graph. Out: for each weight the words that stand for it, the narrowest first. Reading a
recipe is left to `archdsl.elaborate.recipe_reader`, the tensors themselves to `archdsl.codegen.named_weights`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from archdsl.elaborate.recipe_init import BIAS, FIRST, NORM_BIAS, RESIDUAL_GAMMA, WEIGHT
from archdsl.graph import Node
from archdsl.ops.base import Op, Shape

__all__ = ["Called", "WeightWords", "begins_at_zero"]

_MATRICES: Final = ("convolution", "linear", "attention")
"""Styles of ops whose matrices `weight` stands for; a token or a position is no map from one size to another."""


def begins_at_zero(name: str) -> bool:
    """Whether no `init` is for a weight of this name: the offsets of a deformable convolution (Dai et al., 2017)."""
    return name.startswith("offset.")


class Called(NamedTuple):
    """The words that a trained weight goes by, the narrowest first, and its size."""

    words: tuple[str, ...]
    shape: tuple[int, ...]

    def under(self, words: Collection[str]) -> str | None:
        """The one of some words that holds for it, or None."""
        return next((word for word in self.words if word in words), None)


class WeightWords:
    """The words for the weights of one network.

    >>> WeightWords(graph.nodes).of(node, "bias", 1)  # of a batch norm
    ('norm_bias', 'bias')
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._first = _first(nodes)
        self._gammas = _residual_gammas(nodes)

    def of(self, node: Node, name: str, axes: int) -> tuple[str, ...]:
        """What a tensor of a layer is called, the narrowest word first; `axes` is how many it has."""
        assert node.op is not None
        if name.rpartition(".")[2].endswith("bias"):
            return (NORM_BIAS, BIAS) if node.op.style == "normalization" else (BIAS,)
        words = [RESIDUAL_GAMMA] if node.key in self._gammas else []
        matrix = node.op.style in _MATRICES and axes > 1
        if matrix and node.key in self._first:
            words.append(FIRST)
        return (*words, node.kind, *((WEIGHT,) if matrix else ()))

    def every(self, *, drawn: bool = False) -> list[Called]:
        """Each trained weight, shared ones once; all, or those that an `init` is for (`drawn`)."""
        return [
            Called(self.of(node, weight.name, len(weight.shape)), weight.shape)
            for node in self._nodes
            if node.op is not None and node.shared is None
            for weight in node.op.weights(*node.input_shapes)
            if weight.kind == "parameter" and not (drawn and begins_at_zero(weight.name))
        ]


def _learns(op: Op, inputs: Sequence[Shape]) -> bool:
    return any(weight.kind == "parameter" for weight in op.weights(*inputs))


def _first(nodes: Sequence[Node]) -> frozenset[int]:
    """The layers with weights that no other weights are before."""
    weighted: list[bool] = []
    found = set()
    for node in nodes:
        before = any(weighted[port.node] for port in node.inputs)
        own = node.op is not None and _learns(node.op, node.input_shapes)
        if own and not before:
            found.add(node.key)
        weighted.append(own or before)
    return frozenset(found)


def _residual_gammas(nodes: Sequence[Node]) -> frozenset[int]:
    """The norms at the end of the longest branch of a sum: Goyal et al., "Accurate, large minibatch SGD", 2017."""
    depth: list[int] = []
    for node in nodes:
        depth.append(1 + max((depth[port.node] for port in node.inputs), default=0))
    found = set()
    for node in nodes:
        if node.kind != "add" or node.op is None:
            continue
        deepest = max(depth[port.node] for port in node.inputs)
        ends = [port.node for port in node.inputs if depth[port.node] == deepest]
        end = nodes[ends[0]]
        # A gate and dropped paths stand behind the norm.
        while end.op is not None and (end.kind == "mul" or end.op.style == "dropout"):
            end = nodes[min((port.node for port in end.inputs), key=lambda key: depth[key])]
        norm = end.op is not None and end.op.style == "normalization" and _learns(end.op, end.input_shapes)
        if norm and len(ends) == 1:
            found.add(end.key)
    return frozenset(found)
