"""L2 penalties on the weights of some ops.

In: a module, its graph, `l2 fc=5e-4`. Out: which parameters are penalised how strongly. Adding it to the gradient is
left to `archdsl.train.learner`.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from archdsl.codegen.paths import layer_paths
from archdsl.elaborate.recipe_init import Penalty
from archdsl.graph import Graph
from archdsl.train.errors import TrainError

__all__ = ["penalised"]


def penalised(made: nn.Module, graph: Graph, penalties: Sequence[Penalty]) -> list[tuple[nn.Parameter, float]]:
    """The weights of the named ops, biases left out, with the strength: strength / 2 * |w|^2 is added to the loss.

    It is what `weight_decay` of sgd is, for some layers. Raises `TrainError` for an op that the network does not have.
    """
    strengths = {penalty.op: penalty.strength for penalty in penalties}
    paths = layer_paths(graph)
    found: list[tuple[nn.Parameter, float]] = []
    seen: set[str] = set()
    for node in graph.layers:
        if node.shared is not None or node.key not in paths or node.kind not in strengths:
            continue
        for name, weight in made.get_submodule(paths[node.key]).named_parameters():
            if not name.split(".")[-1].endswith("bias"):
                seen.add(node.kind)
                found.append((weight, strengths[node.kind]))
    for op in strengths:
        if op not in seen:
            raise TrainError(f"the recipe penalises the weights of `{op}`, and the network has none")
    return found
