"""Bytes of a forward pass.

In: a graph. Out: `Memory`, in bytes of float32. Training is left to `training_memory.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from archdsl.analysis.counts import Counts
from archdsl.analysis.facts import FLOAT32, facts, training_only
from archdsl.graph import Graph

__all__ = ["Memory", "memory"]


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of float32 for one example.

    - `weights`: parameters and buffers.
    - `activations`: every output of every layer, each counted once and as a tensor of its own: nothing is assumed
      to be done in place or to be a view. The input is not among them, nor what exists in training only.
    - `peak`: the most that is alive at one moment of inference, layers run in the order of the text and a tensor
      freed after the last layer that reads it; the input is among them.
    """

    weights: int
    activations: int
    peak: int


def memory(graph: Graph, counts: Counts) -> Memory:
    """The bytes of one forward pass.

    >>> memory(relu_on_2x2x1, counts).activations      # 4 values of 4 bytes
    16
    """
    known = facts(graph)
    extra = training_only(graph)
    # Outputs of the network outlive every layer.
    last = {output.port.node: len(graph.nodes) for output in graph.outputs if not output.training}
    for node in graph.nodes:
        if node.key not in extra:
            for port in node.inputs:
                last[port.node] = max(last.get(port.node, 0), node.key)
    freed: list[int] = [0] * (len(graph.nodes) + 1)
    activations = live = peak = 0
    for node, fact in zip(graph.nodes, known, strict=True):
        if node.key in extra:
            continue
        live += fact.elements
        peak = max(peak, live)
        if node.op is not None:
            activations += fact.elements
        freed[last.get(node.key, node.key)] += fact.elements
        live -= freed[node.key]
    weights = counts.total.params + counts.total.buffers
    return Memory(weights * FLOAT32, activations * FLOAT32, peak * FLOAT32)
