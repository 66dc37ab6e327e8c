"""Which weights a word of a recipe stands for: an op, or a group such as `bias`.

In: a module with its graph, the words in use. Out: each weight that one of them names, under the narrowest. What is
then done with it is left to `archdsl.codegen.initialise` and `archdsl.train`, what the words mean to
`archdsl.elaborate.recipe_words`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, NamedTuple

from archdsl.codegen.paths import layer_paths
from archdsl.elaborate.recipe_words import WeightWords
from archdsl.graph import Graph, Node

if TYPE_CHECKING:
    from torch import nn

__all__ = ["NamedWeight", "named_weights", "unused"]


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
    known = WeightWords(graph.nodes)
    found = []
    for key, path in layer_paths(graph).items():
        node = graph.nodes[key]
        if node.shared is not None:
            continue
        for name, weight in made.get_submodule(path).named_parameters():
            word = next((word for word in known.of(node, name, weight.ndim) if word in words), None)
            if word is not None:
                found.append(NamedWeight(weight, node, name, f"{path}.{name}" if path else name, word))
    return found


def unused(words: Collection[str], found: Collection[NamedWeight]) -> list[str]:
    """The words under which no weight was found, in their order."""
    used = {given.word for given in found}
    return [word for word in words if word not in used]
