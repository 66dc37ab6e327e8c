"""The first weights: PyTorch's own, or as rules say, `conv=he_normal fc=normal(0.01)`.

In: a graph, rules, a seed. Out: a filled module, the same numbers on every device. Where rules are written and how they
are read is left to `archdsl.elaborate`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from archdsl.codegen.module import module
from archdsl.codegen.named_weights import named_weights, unused
from archdsl.diagnostics import HintedError
from archdsl.elaborate.recipe_init import (
    SCALED,
    Dirac,
    Distribution,
    Filled,
    HeNormal,
    HeUniform,
    Initial,
    LecunNormal,
    LecunUniform,
    Normal,
    Ones,
    Orthogonal,
    TruncatedNormal,
    Uniform,
    Whiten,
    XavierNormal,
    XavierUniform,
    Zeros,
)
from archdsl.elaborate.recipe_words import begins_at_zero
from archdsl.graph import Graph, Node

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["InitialiseError", "Ruled", "initialise", "initialised", "ruled"]


class InitialiseError(HintedError):
    """Why a rule does not go with a network."""


def initialised(graph: Graph, rules: Sequence[Initial], seed: int | None) -> nn.Module:
    """The network with its first weights, those that no rule names as PyTorch draws them.

    With a seed they are what `torch.manual_seed(seed)` and the constructor of the compiled class give on a CPU, drawn
    anew by the rules, whatever the device; torch's generators are left as they were. Without one, torch's generator
    decides. Raises `InitialiseError`.
    """
    if seed is None:
        made = module(graph)
    else:
        import torch

        place = torch.empty(0).device
        with _seeded(seed), torch.device("cpu"):
            made = module(graph)
        made = made.to(place)
    initialise(made, graph, rules, seed)
    return made


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """torch's generator of the CPU at a seed, and afterwards where it was; those of other devices are left alone."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def initialise(made: nn.Module, graph: Graph, rules: Sequence[Initial], seed: int | None) -> None:
    """Draw the weights that rules name, each tensor from a generator of its own, made of the seed and its name.

    So they are the same on every device, and stay the same where another layer changes. A rule names an op, or one
    of a group, `bias`; the rule of the smallest group that a tensor is in decides. Fans are those of
    `torch.nn.init`. Without a seed one is drawn from torch's generator. `whiten` is left to those who have images.
    Raises `InitialiseError` for an op that the network does not have, and where a distribution needs a matrix.
    """
    if not rules:
        return
    if seed is None:
        import torch

        seed = int(torch.randint(2**63 - 1, (), device="cpu"))
    for given in ruled(made, graph, rules):
        if not isinstance(given.distribution, Whiten):
            _fill(given.weight, _groups(given.node, given.name), given.distribution, given.path, seed)


class Ruled(NamedTuple):
    """A weight that a rule names: of which layer, its name there, its whole name."""

    weight: nn.Parameter
    node: Node
    name: str
    path: str
    distribution: Distribution


def ruled(made: nn.Module, graph: Graph, rules: Sequence[Initial]) -> list[Ruled]:
    """The weights that rules name. Raises `InitialiseError` for a rule that names none."""
    by_word = {rule.op: rule.distribution for rule in rules}
    found = named_weights(made, graph, by_word)
    found = [given for given in found if not begins_at_zero(given.name)]
    for word in unused(by_word, found):
        raise InitialiseError(f"the recipe says how `{word}` begins, and the network has no weights of it")
    return [Ruled(given.weight, given.node, given.name, given.path, by_word[given.word]) for given in found]


def _groups(node: Node, name: str) -> list[int]:
    """Where a convolution reads by a table, how many maps each of its filters reads; nothing elsewhere."""
    connect = getattr(node.op, "connect", None)
    return [len(maps) for maps in connect] if connect and name == "weight" else []


def _fill(weight: nn.Parameter, groups: list[int], distribution: Distribution, name: str, seed: int) -> None:
    import torch

    if isinstance(distribution, SCALED) and weight.ndim < 2:
        shape = "x".join(map(str, weight.shape))
        raise InitialiseError(
            f"`{distribution.name}` needs a matrix, and {name} is {shape}", "normal(0.01), ones, zeros"
        )
    if weight.is_meta:
        return
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
    drawn = torch.empty(weight.shape, dtype=weight.dtype, device="cpu")
    parts = [part.unsqueeze(0) for part in torch.split(drawn, groups)] if groups else [drawn]
    for part in parts:
        _draw(part, distribution, generator)
    with torch.no_grad():
        weight.copy_(drawn)


def _draw(weight: torch.Tensor, distribution: Distribution, generator: torch.Generator) -> None:
    from torch.nn import init

    match distribution:
        case HeNormal():
            init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)
        case HeUniform():
            init.kaiming_uniform_(weight, nonlinearity="relu", generator=generator)
        case XavierNormal():
            init.xavier_normal_(weight, generator=generator)
        case XavierUniform():
            init.xavier_uniform_(weight, generator=generator)
        case LecunNormal():
            init.kaiming_normal_(weight, nonlinearity="linear", generator=generator)
        case LecunUniform():
            init.kaiming_uniform_(weight, nonlinearity="linear", generator=generator)
        case Normal(std=std, mean=mean):
            init.normal_(weight, mean, std, generator=generator)
        case TruncatedNormal(std=std):
            init.trunc_normal_(weight, 0.0, std, -2 * std, 2 * std, generator=generator)
        case Uniform(limit=limit):
            init.uniform_(weight, -limit, limit, generator=generator)
        case Filled(value=value):
            init.constant_(weight, value)
        case Zeros():
            init.zeros_(weight)
        case Ones():
            init.ones_(weight)
        case Dirac():
            init.kaiming_uniform_(weight, math.sqrt(5), generator=generator)
            init.dirac_(weight[: weight.shape[1]])
        case Orthogonal(gain=gain):
            init.orthogonal_(weight, gain, generator=generator)
        case _:
            raise AssertionError(f"no rule for {distribution.name}")
