"""What an op says of itself against what PyTorch does: the op's line made into a module and run.

In: a bound op and the sizes that enter. Out: what came of it, in the order of our sizes. The tests compare the two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Literal

import pytest
import torch
from _pytest.mark import ParameterSet
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import archdsl.codegen.layers
from archdsl.diagnostics import Collector, render_text
from archdsl.elaborate import Network, Request, Workspace
from archdsl.graph import Node
from archdsl.ops.base import Example, Op, Shape, Torch, show_shape
from archdsl.ops.embedding import Embed
from archdsl.ops.registry import all_ops

__all__ = [
    "BATCH",
    "Layout",
    "Observed",
    "build",
    "cases",
    "elaborated",
    "layer_of",
    "layouts",
    "observe",
    "refuse",
    "sizes",
    "tensors",
    "text_of",
]

BATCH = 2
"""Examples in a batch; two, since batch norm refuses one and a size that forgets the batch shows."""

Layout = Literal["channels_first", "channels_last"]


@dataclass(frozen=True, slots=True)
class Observed:
    """What PyTorch made of a layer: sizes in our order, its state by name and shape, its MACs for one example."""

    outputs: tuple[Shape, ...]
    parameters: frozenset[tuple[str, Shape]]
    buffers: frozenset[tuple[str, Shape]]
    macs: int


def _names() -> dict[str, object]:
    """What the lines of an op may name: PyTorch under its usual names and the layers that it lacks."""
    found: dict[str, object] = {"torch": torch, "nn": nn, "F": F, "math": math, "Tensor": Tensor}
    for entry in iter_modules(archdsl.codegen.layers.__path__, "archdsl.codegen.layers."):
        module = import_module(entry.name)
        found.update((name, getattr(module, name)) for name in module.__all__)
    return found


_NAMES = _names()


def layouts(line: Torch) -> tuple[Layout, ...]:
    """The layouts of a sequence that a line takes."""
    return ("channels_first", "channels_last") if line.sequence == "any" else (line.sequence,)


def build(line: Torch, count: int) -> nn.Module:
    """A module of one layer `m` whose `forward` takes `count` tensors. Raises what PyTorch raises."""
    names = [f"x{number}" for number in range(count)]
    call = line.call.replace("{m}", "self.m").replace("{all}", ", ".join(names))
    for number, name in enumerate(names):
        call = call.replace(f"{{{number}}}", name)
    source = "class Layer(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    source += f"        self.m = {line.init}\n" if line.init is not None else ""
    source += f"    def forward(self, {', '.join(names)}):\n        return {call}\n"
    scope = dict(_NAMES)
    exec(source, scope)
    made = scope["Layer"]
    assert isinstance(made, type)
    layer = made()
    assert isinstance(layer, nn.Module)
    return layer


def tensors(shapes: Sequence[Shape], layout: Layout, *, ids: bool = False) -> list[Tensor]:
    """A batch of random values, or of zeros for ids, for each of our sizes, in PyTorch's order."""
    found = []
    for shape in shapes:
        first = len(shape) > 2 or (len(shape) == 2 and layout == "channels_first")
        ordered = (shape[-1], *shape[:-1]) if first else shape
        found.append(torch.zeros(BATCH, *ordered, dtype=torch.long) if ids else torch.randn(BATCH, *ordered))
    return found


def sizes(outputs: Tensor | Sequence[Tensor], layout: Layout) -> tuple[Shape, ...]:
    """The sizes of one example in our order, whatever came out. The batch must have stayed."""
    found = []
    for output in [outputs] if isinstance(outputs, Tensor) else outputs:
        batch, *rest = output.shape
        assert batch == BATCH, f"a batch of {BATCH} became one of {batch}"
        first = len(rest) > 2 or (len(rest) == 2 and layout == "channels_first")
        found.append((*rest[1:], rest[0]) if first else tuple(rest))
    return tuple(found)


def observe(op: Op, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> tuple[Observed, ...]:
    """The op's own line run in training mode, once for each layout of a sequence that it takes."""
    line = op.torch(inputs, outputs)
    found = []
    for layout in layouts(line):
        layer = build(line, len(inputs))
        ids = isinstance(op, Embed) and len(inputs[0]) == 1
        counter = FlopCounterMode(display=False)
        # The fused kernel of the CPU is unknown to the counter; the plain one multiplies the same matrices.
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
            made = layer(*tensors(inputs, layout, ids=ids))
        flops = counter.get_total_flops()
        assert flops % (2 * BATCH) == 0
        parameters = {name.removeprefix("m."): tuple(value.shape) for name, value in layer.named_parameters()}
        state = {name.removeprefix("m."): tuple(value.shape) for name, value in layer.state_dict().items()}
        buffers = frozenset(entry for entry in state.items() if entry[0] not in parameters)
        found.append(Observed(sizes(made, layout), frozenset(parameters.items()), buffers, flops // (2 * BATCH)))
    return tuple(found)


def refuse(inputs: Sequence[Shape], *, op: Op | None = None, expression: str | None = None) -> Exception | None:
    """What PyTorch raises for the op's own line, or for an expression; None where it accepts.

    An expression is a whole one, `nn.GroupNorm(4, 6)`, or speaks of the first input as `x`, channels first.
    """
    try:
        if expression is not None:
            exec(f"({expression})", {**_NAMES, "x": tensors(inputs[:1], "channels_first")[0]})
            return None
        assert op is not None
        line = op.torch(inputs, ())
        for layout in layouts(line)[:1]:
            build(line, len(inputs))(*tensors(inputs, layout))
    # What a layer raises when it is given what it cannot take; anything else is a mistake of the line.
    except (RuntimeError, ValueError, IndexError, NotImplementedError, AssertionError, TypeError) as error:
        return error
    return None


# ---------------------------------------------------------------- the examples


def text_of(example: Example) -> str:
    """The example as a whole file: its inputs, and the op on all of them."""
    if len(example.inputs) == 1:
        lines = [f"input {show_shape(example.inputs[0])}", example.text]
    else:
        names = [f"in{number}" for number in range(len(example.inputs))]
        lines = [f"input {name} {show_shape(shape)}" for name, shape in zip(names, example.inputs, strict=True)]
        lines.append(f"({', '.join(f'@{name}' for name in names)}) -> {example.text}")
    if example.output and isinstance(example.output[0], tuple):
        lines[-1] += " -> first"
    return "\n".join(lines) + "\n"


def elaborated(text: str) -> tuple[Network | None, Collector]:
    found = Collector()
    network = Workspace.text(text, found).network(Request(), found)
    return network, found


def layer_of(example: Example) -> tuple[Node, Op]:
    network, found = elaborated(text_of(example))
    assert network is not None, render_text(found)
    node = network.graph.nodes[-1]
    assert node.op is not None
    return node, node.op


def cases(accepted: bool) -> list[ParameterSet]:
    found = []
    for kind in all_ops():
        for example in kind.examples:
            if (example.output is not None) == accepted:
                shapes = " ".join(map(show_shape, example.inputs))
                found.append(pytest.param(example, id=f"{example.text} on {shapes}"))
    return found
