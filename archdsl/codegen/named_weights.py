"""Which weights a word of a recipe stands for: an op, or a group such as `bias`.

In: a module with its graph, the words in use. Out: each weight that one of them names, under the narrowest. What is
then done with it is left to `archdsl.codegen.initialise` and `archdsl.train`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from archdsl.codegen.paths import layer_paths
from archdsl.elaborate.recipe_init import BIAS, FIRST, NORM_BIAS, RESIDUAL_GAMMA, WEIGHT
from archdsl.graph import Graph, Node

if TYPE_CHECKING:
    from torch import nn

__all__ = ["NamedWeight", "named_weights", "unused"]

_MATRICES: Final = ("convolution", "linear", "attention")
"""Styles of ops whose matrices `weight` stands for; a token or a position is no map from one size to another."""


class NamedWeight(NamedTuple):
    """A weight that a word stands for: of which layer, its name there, its whole name."""

    weight: nn.Parameter
    node: Node
    name: str
    path: str
    word: str


def named_weights(made: nn.Module, graph: Graph, words: Collection[str]) -> list[NamedWeight]:
    """The weights that `words` stand for; an op's name stands for its weights without biases.

    >>> named_weights(module, graph, ["conv", "bias"])  # conv.weight under `conv`, conv.bias under `bias`

    A weight that several stand for is given under the narrowest. Shared weights are given once.
    """
    gammas = _residual_gammas(graph) if RESIDUAL_GAMMA in words else frozenset()
    first = _first(graph) if FIRST in words else frozenset()
    found = []
    for key, path in layer_paths(graph).items():
        node = graph.nodes[key]
        if node.shared is not None:
            continue
        for name, weight in made.get_submodule(path).named_parameters():
            known = _words(node, name, weight.ndim, gamma=key in gammas, first=key in first)
            word = next((word for word in known if word in words), None)
            if word is not None:
                found.append(NamedWeight(weight, node, name, f"{path}.{name}" if path else name, word))
    return found


def unused(words: Collection[str], found: Collection[NamedWeight]) -> list[str]:
    """The words under which no weight was found, in their order."""
    used = {given.word for given in found}
    return [word for word in words if word not in used]


def _words(node: Node, name: str, dimensions: int, *, gamma: bool, first: bool) -> Iterator[str]:
    """What a recipe may call a tensor, the narrowest word first."""
    if name.rpartition(".")[2].endswith("bias"):
        if node.op is not None and node.op.style == "normalization":
            yield NORM_BIAS
        yield BIAS
        return
    matrix = node.op is not None and node.op.style in _MATRICES and dimensions > 1
    if gamma:
        yield RESIDUAL_GAMMA
    if first and matrix:
        yield FIRST
    yield node.kind
    if matrix:
        yield WEIGHT


def _first(graph: Graph) -> frozenset[int]:
    """The layers with weights that no other weight is before."""
    weighted: list[bool] = []
    found = set()
    for node in graph.nodes:
        before = any(weighted[port.node] for port in node.inputs)
        own = node.op is not None and bool(node.op.weights(*node.input_shapes))
        if own and not before:
            found.add(node.key)
        weighted.append(own or before)
    return frozenset(found)


def _residual_gammas(graph: Graph) -> frozenset[int]:
    """The norms at the end of the longest branch of a sum: Goyal et al., "Accurate, large minibatch SGD", 2017."""
    depth: list[int] = []
    for node in graph.nodes:
        depth.append(1 + max((depth[port.node] for port in node.inputs), default=0))
    found = set()
    for node in graph.layers:
        if node.kind != "add":
            continue
        deepest = max(depth[port.node] for port in node.inputs)
        ends = [port.node for port in node.inputs if depth[port.node] == deepest]
        end = graph.nodes[ends[0]]
        # A gate and dropped paths stand behind the norm.
        while end.op is not None and (end.kind == "mul" or end.op.style == "dropout"):
            end = graph.nodes[min((port.node for port in end.inputs), key=lambda key: depth[key])]
        norm = end.op is not None and end.op.style == "normalization" and bool(end.op.weights(*end.input_shapes))
        if norm and len(ends) == 1:
            found.add(end.key)
    return frozenset(found)
