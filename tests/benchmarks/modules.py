"""Modules beside torchvision's own: constructor, forward pass and training step, as ratios of one run.

In: networks that both have, the same weights in both. Out: rows of a table. Runs of the two follow each other in turn,
and what is shown is the median of the ratios of such pairs. On a GPU where there is one.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor, nn

from archdsl.codegen.matching import Match, match, slots
from archdsl.codegen.matching import Tensor as Described
from archdsl.codegen.module import build, load
from archdsl.codegen.source import network_class
from archdsl.graph import Graph
from archdsl.ops.base import torch_shape
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


def show() -> None:
    """Print the table. Raises `SystemExit` where two modules do not compute the same."""
    models = load_torchvision()
    gpu = torch.cuda.is_available()
    where = torch.cuda.get_device_name() if gpu else f"CPU, {torch.get_num_threads()} threads"
    print(f"Compiled modules beside torchvision's, same weights, {where}: median ratio of {_RUNS} pairs")
    print(f"  (wanted: at most {_WANTED}; the constructor, on the meta device, at most 1.00)")
    for name, own in _NETWORKS.items():
        graph = next(entry for entry in entries() if entry.name == own).graph()
        builder = models.get_model_builder(name)
        quiet = {"init_weights": False} if name == "googlenet" else {}
        print(f"  {name:<14} {'constructor':<34} {_constructors(graph, lambda b=builder, q=quiet: b(**q)):5.2f}")
        theirs = builder(**quiet)
        ours = _copied(graph, theirs)
        for title, ratio in _compared(ours, theirs, graph, gpu):
            print(f"  {name:<14} {title:<34} {ratio:5.2f}", flush=True)
    print()


def _ratio(ours: Callable[[], object], theirs: Callable[[], object], runs: int = _RUNS) -> float:
    ours(), theirs()
    found = []
    for number in range(runs):
        first, second = (ours, theirs) if number % 2 else (theirs, ours)
        times = [_seconds(first), _seconds(second)]
        found.append(times[0] / times[1] if number % 2 else times[1] / times[0])
    return median(found)


def _seconds(run: Callable[[], object]) -> float:
    """On a CPU those of the processor, which other work on the machine does not lengthen."""
    if not torch.cuda.is_available():
        start = time.process_time()
        run()
        return time.process_time() - start
    torch.cuda.synchronize()
    start = time.perf_counter()
    run()
    torch.cuda.synchronize()
    return time.perf_counter() - start


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


def _compared(ours: nn.Module, theirs: nn.Module, graph: Graph, gpu: bool) -> list[tuple[str, float]]:
    shape = torch_shape(graph.inputs[0].shape)
    images = torch.randn(64 if gpu else 2, *shape, device="cuda" if gpu else "cpu")
    pair = [module.to(images.device) for module in (ours, theirs)]
    _check(pair[0], pair[1], images)
    found = [
        ("forward", _run(pair, images, _forward)),
        ("training step", _run(pair, images, _step)),
    ]
    if gpu:
        spread = [module.to(memory_format=torch.channels_last) for module in copy.deepcopy(pair)]
        given = images.to(memory_format=torch.channels_last)
        found += [
            ("forward, channels_last, bf16", _run(spread, given, _in_bfloat16(_forward))),
            ("training step, channels_last, bf16", _run(spread, given, _in_bfloat16(_step))),
        ]
        compiled = [torch.compile(module, fullgraph=True) for module in spread]
        found.append(("forward, the same, torch.compile", _run(compiled, given, _in_bfloat16(_forward))))
        found.append(("training step, the same, torch.compile", _run(compiled, given, _in_bfloat16(_step))))
    return found


def _check(ours: nn.Module, theirs: nn.Module, images: Tensor) -> None:
    with torch.inference_mode():
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
