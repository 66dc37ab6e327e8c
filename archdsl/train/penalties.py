"""What a recipe says of some weights alone: an L2 penalty, another learning rate.

In: a module, its graph, `l2 fc=5e-4`, `rate bias=2`. Out: which parameters are penalised how strongly, and which learn
at how many times the rate. Adding to gradients and stepping are left to `archdsl.train.learner` and `optimizers`.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from archdsl.codegen.named_weights import named_weights, unused
from archdsl.elaborate.recipe_init import Penalty, Rate
from archdsl.graph import Graph
from archdsl.train.errors import TrainError

__all__ = ["penalised", "rates"]


def penalised(made: nn.Module, graph: Graph, penalties: Sequence[Penalty]) -> list[tuple[nn.Parameter, float]]:
    """The weights that are penalised, with the strength: strength / 2 * |w|^2 is added to the loss.

    `l2 fc=5e-4` is of every `fc` the weight and not the bias, as `weight_decay` of sgd for some layers. Raises
    `TrainError` for an op or a group that the network has no weights of.
    """
    strengths = {penalty.op: penalty.strength for penalty in penalties}
    found = named_weights(made, graph, strengths)
    for word in unused(strengths, found):
        raise TrainError(f"the recipe penalises the weights of `{word}`, and the network has none")
    return [(given.weight, strengths[given.word]) for given in found]


def rates(made: nn.Module, graph: Graph, rules: Sequence[Rate]) -> dict[nn.Parameter, float]:
    """What the learning rate of some weights is multiplied by; those of `rate bn=0` are held.

    `rate bias=2` is Caffe's `lr_mult` of most of its networks, `rate bn=0 norm_bias=64` Jordan's, "94% on CIFAR-10 in
    3.29 seconds on a single GPU", 2024. Raises `TrainError` as `penalised` does, and where all
    weights are held.
    """
    factors = {rule.op: rule.factor for rule in rules}
    found = named_weights(made, graph, factors)
    for word in unused(factors, found):
        raise TrainError(f"the recipe says the rate of `{word}`, and the network has no weights of it")
    for given in found:
        if not factors[given.word]:
            given.weight.requires_grad_(False)
    if not any(weight.requires_grad for weight in made.parameters()):
        raise TrainError("a rate of 0 holds every weight, so there is nothing to train")
    return {given.weight: factors[given.word] for given in found}
