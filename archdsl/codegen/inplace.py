"""Rectifiers and sums that overwrite what they are given, as one writes `nn.ReLU(inplace=True)` to save memory traffic.

In: the network as a `Block`. Out: the same, in which a rectifier works in place where nothing else reads its input and
no gradient needs it: behind a convolution, a linear layer, batch norm or a sum; a function where it ends a unit of one
layer. A sum of two is added to its first branch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from archdsl.codegen.structure import Block, Chain, Leaf, Module, Step
from archdsl.graph import Port

__all__ = ["in_place"]

_IN_PLACE: Final = {"nn.ReLU()": "nn.ReLU(inplace=True)", "nn.ReLU6()": "nn.ReLU6(inplace=True)"}
_FUNCTIONS: Final = {
    "nn.ReLU(inplace=True)": "F.relu({0}, inplace=True)",
    "nn.ReLU6(inplace=True)": "F.relu6({0}, inplace=True)",
}
_LAYERS: Final = frozenset({"conv", "deconv", "dwconv", "fc"})
_BETWEEN: Final = frozenset({"normalization", "dropout"})
_MAKERS: Final = frozenset({"conv", "deconv", "bn", "fc", "add"})
"""Ops whose result is new, and whose gradient does without it."""
_SUM: Final = "{0} + {1}"


def in_place(block: Block) -> Block:
    """The block and all that stand in it.

    `conv 3x3 8 -> relu` becomes `nn.ReLU(inplace=True)` behind the convolution. Equal rectifiers of a block are one
    module, so all of them work in place or none. Those in an `nn.Sequential` stay as they are.

    In a block of a layer, its normalisation and a rectifier, the last is `F.relu`, as in torchvision's `BasicConv2d`: a
    network has dozens of such units, and a module in each would take as long to make as the norm.
    """
    uses = Counter(block.outputs)
    makers: dict[Port, Step] = {}
    for step in block.steps:
        uses.update(step.inputs)
        makers.update(dict.fromkeys(step.outputs, step))
    spoilt = {_init(step) for step in block.steps if uses[step.inputs[0]] > 1 or not _is_new(step.inputs[0], makers)}
    steps = []
    for step in block.steps:
        init = _init(step)
        if init in _IN_PLACE and init not in spoilt and isinstance(step.module, Leaf):
            torch = step.module.torch._replace(init=_IN_PLACE[init])
            steps.append(replace(step, module=replace(step.module, torch=torch)))
        elif isinstance(step.module, Leaf) and (call := _added(step, uses, makers)):
            steps.append(replace(step, module=replace(step.module, torch=step.module.torch._replace(call=call))))
        else:
            steps.append(replace(step, module=_inside(step.module)))
    return replace(block, steps=tuple(_ended(steps) if _is_unit(block) else steps))


def _is_unit(block: Block) -> bool:
    """Whether a block is one layer and what follows it: convolution, batch norm, activation."""
    if block.network or len(block.steps) < 2 or not all(step.plain for step in block.steps):
        return False
    nodes = [step.module.node for step in block.steps if isinstance(step.module, Leaf)]
    between = [node.op.style for node in nodes[1:-1] if node.op is not None]
    return len(nodes) == len(block.steps) and nodes[0].kind in _LAYERS and _BETWEEN.issuperset(between)


def _ended(steps: list[Step]) -> list[Step]:
    """A unit's steps, a rectifier at its end as a function; one with a label keeps its place among the modules."""
    last = steps[-1]
    call = _FUNCTIONS.get(_init(last), "")
    if not call or last.label is not None or not isinstance(last.module, Leaf):
        return steps
    torch = last.module.torch._replace(init=None, call=call)
    return [*steps[:-1], replace(last, module=replace(last.module, torch=torch))]


def _added(step: Step, uses: Mapping[Port, int], makers: Mapping[Port, Step]) -> str:
    """A sum of two that overwrites the first, `y.add_(self.project(x))`; empty where it must not.

    Never the second, which is the shortcut: it may be the input itself in one block and a projection in the next, and
    both are to be one class.
    """
    module = step.module
    if not isinstance(module, Leaf) or module.node.kind != "add" or module.torch.call != _SUM or len(step.inputs) != 2:
        return ""
    if module.node.input_shapes[0] != module.node.shape:
        return ""  # stretched over the second, it has no room for the sum
    first = step.inputs[0]
    maker = makers.get(first)
    new = maker is not None and uses[first] == 1 and _is_new(first, makers) and not _sums(maker)
    return "{0}.add_({1})" if new else ""


def _sums(step: Step) -> bool:
    return isinstance(step.module, Leaf) and step.module.node.kind == "add"


def _inside(module: Module) -> Module:
    if isinstance(module, Block):
        return in_place(module)
    return replace(module, parts=tuple(map(_inside, module.parts))) if isinstance(module, Chain) else module


def _init(step: Step) -> str:
    return (step.module.torch.init or "") if isinstance(step.module, Leaf) else ""


def _is_new(port: Port, makers: Mapping[Port, Step]) -> bool:
    """Whether a tensor is the result of a layer of this block that nobody else holds."""
    maker = makers.get(port)
    if maker is None or not isinstance(maker.module, Leaf):
        return False
    return maker.module.node.kind in _MAKERS and (maker.module.torch.init is not None or len(maker.inputs) > 1)
