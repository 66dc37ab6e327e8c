"""Where the weights of each layer are in the generated module.

In: a checked graph. Out: for every layer the path of its module, `stages.0.1.conv2`, which the names in the state dict
begin with. Reading or filling weights is left to others.
"""

from __future__ import annotations

from archdsl.codegen.forward import attributes
from archdsl.codegen.inplace import in_place
from archdsl.codegen.structure import Block, Chain, Leaf, Module, structure
from archdsl.graph import Graph

__all__ = ["layer_paths"]


def layer_paths(graph: Graph, *, flat: bool = False) -> dict[int, str]:
    """The path of the module of every layer that has one, by the node's key.

    `conv 3x3 8 -> relu` gives `{1: "conv", 2: "relu"}`. Uses of shared weights have one path, and so have equal layers
    without weights in one block. A layer that is a function in `forward` has none.
    """
    found: dict[int, str] = {}
    pending: list[tuple[Module, str]] = [(in_place(structure(graph, flat=flat)), "")]
    while pending:
        module, path = pending.pop()
        before = f"{path}." if path else ""
        if isinstance(module, Leaf):
            found[module.node.key] = path
        elif isinstance(module, Chain):
            pending += [(part, f"{before}{index}") for index, part in enumerate(module.elements)]
        elif isinstance(module, Block):
            pending += _children(module, before)
    return dict(sorted(found.items()))


def _children(block: Block, before: str) -> list[tuple[Module, str]]:
    _, names = attributes(block)
    return [(step.module, before + names[id(step)]) for step in block.steps if id(step) in names]
