"""Modules beside torchvision's own: constructor, forward pass and training step, as ratios of one run.

In: networks that both have, the same weights in both. Out: rows of a table, each with the operations of PyTorch that
one of the two runs and the other does not: where both run the same on tensors of the same size and layout, what is left
of a ratio is Python and noise. On a GPU where there is one.
"""

from __future__ import annotations

import copy
import gc
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from archdsl.codegen.matching import Match, match, slots
from archdsl.codegen.matching import Tensor as Described
from archdsl.codegen.module import build, load
from archdsl.codegen.source import network_class
from archdsl.graph import Graph
from archdsl.ops.base import torch_shape
from tests.benchmarks.clock import seconds
from tests.devices import exact
from tests.torchvision_cpu import load as load_torchvision
from tests.zoo import entries

__all__ = ["show"]

_NETWORKS = {
    "resnet50": "resnet50",
    "googlenet": "googlenet_torchvision",
    "densenet121": "densenet121",
    "mobilenet_v2": "mobilenet_v2",
}
"""torchvision's name and ours."""
_RUNS = 15
_WANTED = 1.02
_COUNTER = "num_batches_tracked"

Step = Callable[[nn.Module, Tensor], object]


def show(names: Sequence[str] = tuple(_NETWORKS)) -> None:
    """Print the table of some networks. Raises `SystemExit` where two modules do not compute the same."""
    models = load_torchvision()
    gpu = torch.cuda.is_available()
    torch.set_num_threads(1)
    where = torch.cuda.get_device_name() if gpu else "CPU, one thread"
    print(f"Compiled modules beside torchvision's, same weights, {where}: median ratio of {_RUNS} rounds")
    print(f"  (wanted: at most {_WANTED}; the constructor, on the meta device, at most 1.00)")
    for name in names:
        graph = next(entry for entry in entries() if entry.name == _NETWORKS[name]).graph()
        builder = models.get_model_builder(name)
        quiet = {"init_weights": False} if name == "googlenet" else {}
        print(f"  {name:<14} {'constructor':<34} {_constructors(graph, lambda b=builder, q=quiet: b(**q)):5.2f}")
        theirs = builder(**quiet)
        ours = _copied(graph, theirs)
        for title, ratio, operations in _compared(ours, theirs, graph, gpu):
            print(f"  {name:<14} {title:<34} {ratio:5.2f}  {operations}", flush=True)
    print()


def _ratio(ours: Callable[[], object], theirs: Callable[[], object], runs: int = _RUNS) -> float:
    """The median of rounds ours, theirs, theirs, ours and the other way round, so that a drift falls on both."""
    ours(), theirs()
    found = []
    gc.collect()
    gc.disable()
    try:
        for number in range(runs):
            order = (ours, theirs, theirs, ours) if number % 2 else (theirs, ours, ours, theirs)
            times = [seconds(run) for run in order]
            outer, inner = times[0] + times[3], times[1] + times[2]
            found.append(outer / inner if number % 2 else inner / outer)
    finally:
        gc.enable()
    return median(found)


def _constructors(graph: Graph, theirs: Callable[[], nn.Module]) -> float:
    """Without memory, so without the initial values that the two draw in ways of their own."""
    ours = getattr(load(graph), network_class(graph))
    with torch.device("meta"):
        return _ratio(ours, theirs)


def _copied(graph: Graph, theirs: nn.Module) -> nn.Module:
    """Our module with torchvision's weights, in memory of its own."""
    ours, state = build(graph), theirs.state_dict()
    given = [Described(key, tuple(value.shape)) for key, value in state.items() if not key.endswith(_COUNTER)]
    found = match(given, slots(graph))
    assert isinstance(found, Match)
    values = {pair.ours.name: state[pair.theirs.name].clone() for pair in found.pairs if pair.theirs is not None}
    counters = {key: torch.zeros((), dtype=torch.long) for key in ours.state_dict() if key.endswith(_COUNTER)}
    ours.load_state_dict(values | counters, assign=True)
    return ours


def _compared(ours: nn.Module, theirs: nn.Module, graph: Graph, gpu: bool) -> list[tuple[str, float, str]]:
    shape = torch_shape(graph.inputs[0].shape)
    images = torch.randn(64 if gpu else 2, *shape, device="cuda" if gpu else "cpu")
    pair = [module.to(images.device) for module in (ours, theirs)]
    _check(pair[0], pair[1], images)
    found = []
    for title, step in (("forward", _forward), ("training step", _step)):
        found.append((title, _run(pair, images, step), _differing(pair, images, step)))
    if gpu:
        spread = [module.to(memory_format=torch.channels_last) for module in copy.deepcopy(pair)]
        given = images.to(memory_format=torch.channels_last)
        compiled = [torch.compile(module, fullgraph=True) for module in spread]
        for title, modules, step in (
            ("forward, channels_last, bf16", spread, _forward),
            ("training step, channels_last, bf16", spread, _step),
            ("forward, the same, torch.compile", compiled, _forward),
            ("training step, the same, torch.compile", compiled, _step),
        ):
            found.append((title, _run(modules, given, _in_bfloat16(step)), ""))
    return found


class _Recorder(TorchDispatchMode):
    """Every operation by name, `relu_` where it is in place, with the sizes and strides of the tensors in and out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[tuple[str, str]] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> object:
        made = func(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves((args, kwargs, made)) if isinstance(leaf, Tensor)]
        layout = " ".join(f"{tuple(tensor.shape)}{tensor.stride()}" for tensor in tensors)
        self.found[func.overloadpacket.__name__, layout] += 1
        return made


def _differing(pair: list[nn.Module], images: Tensor, step: Step) -> str:
    """What one of the two runs and the other does not."""
    found = []
    for module in pair:
        with _Recorder() as recorder:
            step(module, images)
        found.append(recorder.found)
    ours, theirs = found
    alone, missing = (_named(one - other) for one, other in ((ours, theirs), (theirs, ours)))
    if not alone and not missing:
        return f"the same {ours.total()} operations on the same memory"
    return f"{(ours & theirs).total()} operations the same; ours alone {alone}; theirs alone {missing}"


def _named(operations: Counter[tuple[str, str]]) -> str:
    names = Counter[str]()
    for (name, _), count in operations.items():
        names[name] += count
    return ", ".join(f"{count} {name}" if count > 1 else name for name, count in names.items())


def _check(ours: nn.Module, theirs: nn.Module, images: Tensor) -> None:
    with torch.inference_mode(), exact():
        got, expected = ours.eval()(images), theirs.eval()(images)
    if (got - expected).abs().max() > 1e-4 * expected.abs().max():
        raise SystemExit("the two modules do not compute the same, so their times mean nothing")


def _run(pair: list[nn.Module], images: Tensor, step: Step) -> float:
    ours, theirs = pair
    return _ratio(lambda: step(ours, images), lambda: step(theirs, images))


def _forward(module: nn.Module, images: Tensor) -> object:
    module.eval()
    with torch.inference_mode():
        return module(images)


def _step(module: nn.Module, images: Tensor) -> object:
    """Forward, backward of a loss over all outputs, and plain descent."""
    module.train()
    outputs = module(images)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    torch.autograd.backward([output.float().square().mean() for output in outputs])
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.grad is not None:
                parameter.sub_(parameter.grad, alpha=1e-6)
                parameter.grad = None
    return outputs


def _in_bfloat16(step: Step) -> Step:
    def run(module: nn.Module, images: Tensor) -> object:
        with torch.autocast(images.device.type, torch.bfloat16):
            return step(module, images)

    return run


if __name__ == "__main__":
    show(sys.argv[1:] or tuple(_NETWORKS))
