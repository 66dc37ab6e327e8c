"""The first weights as a recipe says.

In: a module, its graph, a distribution for each kind of op. Out: the same module, filled. Without a word of the recipe
the weights stay as PyTorch draws them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from archdsl.codegen.paths import layer_paths
from archdsl.elaborate.recipe_init import (
    Distribution,
    Filled,
    HeNormal,
    HeUniform,
    Initial,
    LecunNormal,
    Normal,
    Ones,
    Orthogonal,
    TruncatedNormal,
    Uniform,
    XavierNormal,
    XavierUniform,
    Zeros,
)
from archdsl.graph import Graph
from archdsl.train.errors import TrainError

__all__ = ["initialise"]

_SCALED = (HeNormal, HeUniform, XavierNormal, XavierUniform, LecunNormal, Orthogonal)


def initialise(made: nn.Module, graph: Graph, rules: Sequence[Initial]) -> None:
    """Draw the weights of `conv`, `fc`, … anew, from torch's generator; `bias` stands for every bias of the network.

    Raises `TrainError` for an op that the network does not have, and where a distribution needs a matrix.
    """
    paths = layer_paths(graph)
    filled: dict[str, int] = {rule.op: 0 for rule in rules}
    by_op = {rule.op: rule.distribution for rule in rules}
    for node in graph.layers:
        if node.shared is not None or node.key not in paths:
            continue
        for name, parameter in made.get_submodule(paths[node.key]).named_parameters():
            op = "bias" if name.split(".")[-1].endswith("bias") else node.kind
            if op in by_op:
                filled[op] += 1
                _fill(parameter, by_op[op], f"{paths[node.key]}.{name}")
    for op, count in filled.items():
        if not count:
            raise TrainError(f"the recipe says how `{op}` begins, and the network has no weights of it")


def _fill(weight: nn.Parameter, distribution: Distribution, name: str) -> None:
    if isinstance(distribution, _SCALED) and weight.ndim < 2:
        shape = "x".join(map(str, weight.shape))
        raise TrainError(f"`{distribution.name}` needs a matrix, and {name} is {shape}", "normal(0.01), ones, zeros")
    with torch.no_grad():
        match distribution:
            case HeNormal():
                nn.init.kaiming_normal_(weight, nonlinearity="relu")
            case HeUniform():
                nn.init.kaiming_uniform_(weight, nonlinearity="relu")
            case XavierNormal():
                nn.init.xavier_normal_(weight)
            case XavierUniform():
                nn.init.xavier_uniform_(weight)
            case LecunNormal():
                nn.init.kaiming_normal_(weight, nonlinearity="linear")
            case Normal(std=std, mean=mean):
                nn.init.normal_(weight, mean, std)
            case TruncatedNormal(std=std):
                nn.init.trunc_normal_(weight, 0.0, std, -2 * std, 2 * std)
            case Uniform(limit=limit):
                nn.init.uniform_(weight, -limit, limit)
            case Filled(value=value):
                nn.init.constant_(weight, value)
            case Zeros():
                nn.init.zeros_(weight)
            case Ones():
                nn.init.ones_(weight)
            case Orthogonal(gain=gain):
                nn.init.orthogonal_(weight, gain)
            case _:
                raise AssertionError(f"no rule for {distribution.name}")
