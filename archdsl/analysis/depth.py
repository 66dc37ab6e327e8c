"""How deep a network is, as papers count.

In: a graph. Out: the number of weight layers on the longest path. Parameters are left to `counts.py`.
"""

from __future__ import annotations

from archdsl.analysis.facts import facts
from archdsl.graph import Graph

__all__ = ["depth"]


def depth(graph: Graph) -> int:
    """Weight layers (convolutions and fully connected ones) on the longest path from an input to an output.

    >>> depth(resnet50)        # 1 + 3 * (3 + 4 + 6 + 3) + 1; a projection lies beside its block, not in the path
    50

    An input of a merge that is stretched over the output (the gate of C over HxWxC of a squeeze-and-excitation
    block) does not lengthen the path, since papers name SE-ResNet-50 for the network that it gates. Training-only
    heads are not counted.
    """
    longest: list[int] = []
    for node, fact in zip(graph.nodes, facts(graph), strict=True):
        before = 0
        for port, stretched in zip(node.inputs, fact.broadcast, strict=True):
            if not stretched and longest[port.node] > before:
                before = longest[port.node]
        longest.append(before + fact.weighted)
    # Not simply the largest: the layers of a gate lie on a path that ends at the merge.
    return max((longest[output.port.node] for output in graph.outputs if not output.training), default=0)
