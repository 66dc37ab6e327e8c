"""What a step of training keeps alive, against PyTorch: every op by itself, then whole networks.

In: the examples of every registered op, networks of the zoo. PyTorch's facts are what its autograd saves and what its
CPU profiler, or the allocator of a GPU, sees allocated and freed; nothing here is an expected number of our own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pytest
import torch
from nets import Net, fc, op
from op_harness import BATCH, build, cases, layer_of, layouts, tensors
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.profiler import ProfilerActivity, profile

import archdsl
from archdsl.analysis.counts import count
from archdsl.analysis.training_memory import OPTIMIZERS, estimate_training
from archdsl.elaborate.recipe_learning import Adam
from archdsl.elaborate.recipe_settings import Data
from archdsl.ops.base import Example, Kept
from archdsl.ops.embedding import Embed
from archdsl.train.dataset import Dataset, Examples
from archdsl.train.feed import Batch
from archdsl.train.learner import Learner
from archdsl.train.machine import Machine, computing
from archdsl.train.plan import Plan
from tests.devices import DEVICES, exact

# ------------------------------------------------------------ every op


class _Seen(NamedTuple):
    inputs: frozenset[bool]
    output: bool
    more: int
    view: bool
    passes: bool | None


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _observe(layer: nn.Module, entering: list[Tensor]) -> _Seen:
    """What autograd saves of a layer in training mode; its own weights, which are there anyway, are left out."""
    saved: list[Tensor] = []

    def pack(tensor: Tensor) -> Tensor:
        saved.append(tensor)
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        made = layer.train()(*entering)
    leaving = [made] if isinstance(made, Tensor) else list(made)
    own = {_memory(tensor) for tensor in [*layer.parameters(), *layer.buffers()]}
    kept = {_memory(tensor): tensor.untyped_storage().nbytes() for tensor in saved}
    outputs = {_memory(tensor) for tensor in leaving}
    inputs = [_memory(tensor) for tensor in entering]
    passes = None
    differentiable = [tensor.requires_grad for tensor in (*leaving, *entering)]
    if len(leaving) == 1 and all(differentiable):
        gradient = torch.randn_like(leaving[0])
        found: tuple[Tensor | None, ...] = torch.autograd.grad(leaving[0], entering, gradient, allow_unused=True)
        passes = all(back is not None and _memory(back) == _memory(gradient) for back in found)
    return _Seen(
        inputs=frozenset(place in kept for place in inputs),
        output=bool(outputs & kept.keys() - set(inputs)),
        more=sum(size for place, size in kept.items() if place not in own | outputs | set(inputs)),
        view=bool(outputs & set(inputs)),
        passes=passes,
    )


@pytest.mark.parametrize("example", cases(accepted=True))
def test_an_op_keeps_what_autograd_saves(example: Example) -> None:
    node, found = layer_of(example)
    stated: Kept = found.keeps(node.input_shapes, node.shapes)
    line = found.torch(node.input_shapes, node.shapes)
    for layout in layouts(line):
        layer = build(line, len(node.inputs))
        ids = isinstance(found, Embed) and len(node.input_shapes[0]) == 1
        entering = tensors(node.input_shapes, layout, ids=ids)
        seen = _observe(layer, entering if ids else [tensor.requires_grad_() for tensor in entering])
        assert seen.inputs == {stated.inputs}
        assert seen.output == stated.output
        assert seen.view == stated.view
        # What is kept once for a batch, and not for each example, is a few hundred bytes here.
        assert seen.more == pytest.approx(stated.more * BATCH, rel=0.1, abs=1024)
        # The gradient of what was stretched is a sum, so memory of its own.
        stretched = found.name == "add" and len(set(node.input_shapes)) > 1
        if seen.passes is not None and not stretched:
            assert seen.passes == stated.passes


# ------------------------------------------------------------ whole networks


def _most(step: Callable[[], object], device: str = "cpu") -> int:
    """The most bytes that are alive at once within a step, beyond what was there before."""
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step()
        return torch.cuda.max_memory_allocated() - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as seen:
        step()
    assert seen.profiler is not None
    assert seen.profiler.kineto_results is not None
    events = [event for event in seen.profiler.kineto_results.events() if event.name() == "[memory]"]
    live = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        live += event.nbytes()
        most = max(most, live)
    return most


def _bytes(values: Iterable[Tensor]) -> int:
    return sum({_memory(value): value.untyped_storage().nbytes() for value in values}.values())


def _optimizer(name: str, weights: Iterable[Tensor]) -> torch.optim.Optimizer:
    classes = {"sgd-momentum": "SGD", "rmsprop": "RMSprop", "adamw": "AdamW", "nadam": "NAdam", "radam": "RAdam"}
    made = getattr(torch.optim, classes.get(name, name.upper() if name == "sgd" else name.capitalize()))
    options: dict[str, Any] = {"momentum": 0.9} if name == "sgd-momentum" else {}
    # One tensor after the other, which is what the CPU does by itself.
    optimizer = made(weights, lr=1e-4, foreach=False, **options)
    assert isinstance(optimizer, torch.optim.Optimizer)
    return optimizer


def _measured(net: archdsl.Architecture, batch: int, name: str, device: str) -> int:
    """The peak of the second step, when the optimizer has its state, by PyTorch's own account."""
    module = net.module(seed=0).train().to(device)
    optimizer = _optimizer(name, module.parameters())
    height, width, channels = net.graph.inputs[0].shape
    images = torch.randn(batch, channels, height, width, device=device)

    def step() -> None:
        made = module(images)
        loss = torch.zeros((), device=device)
        for output in made if isinstance(made, tuple) else (made,):
            labels = torch.zeros(batch, *output.shape[2:], dtype=torch.long, device=device)
            loss = loss + nn.functional.cross_entropy(output, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    step()
    optimizer.zero_grad()
    state = [value for kept in optimizer.state.values() for value in kept.values() if torch.is_tensor(value)]
    return _bytes([images, *module.parameters(), *module.buffers(), *state]) + _most(step, device)


_SMALLER: dict[str, dict[str, str | int | float]] = {
    "vit_b_16": {"size": 64, "patch": 8, "dim": 192, "heads": 3},
    "swin_t": {"c": 32},
}
"""Networks whose channels are fewer here than in the zoo."""
_MORE = 16
"""Times the images on a GPU, where what cuDNN works on besides is not to be a tenth of the whole."""


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("network", "size", "batch", "optimizer"),
    [
        ("lenet5", None, 64, "adam"),
        ("alexnet", (127, 127, 3), 16, "sgd-momentum"),
        ("vgg11", (64, 64, 3), 16, "sgd-momentum"),
        ("resnet18", (64, 64, 3), 16, "adam"),
        ("resnet50", (64, 64, 3), 8, "sgd-momentum"),
        ("googlenet", (96, 96, 3), 8, "sgd-momentum"),
        ("densenet121", (64, 64, 3), 8, "sgd-momentum"),
        ("mobilenet_v2", (64, 64, 3), 8, "adam"),
        ("squeezenet1_0", (96, 96, 3), 8, "adam"),
        ("efficientnet_b0", (64, 64, 3), 8, "adamw"),
        ("shufflenet_v2_x1_0", (64, 64, 3), 8, "sgd-momentum"),
        ("vit_b_16", None, 8, "adam"),
        ("swin_t", (112, 112, 3), 8, "adamw"),
        ("unet", (188, 188, 1), 1, "sgd-momentum"),
    ],
)
def test_a_step_takes_what_the_profiler_sees(
    network: str, size: tuple[int, int, int] | None, batch: int, optimizer: str, device: str
) -> None:
    batch *= _MORE if device == "cuda" else 1
    net = archdsl.load(f"zoo:{network}", inputs={None: size} if size else None, settings=_SMALLER.get(network))
    estimate = estimate_training(net.graph, count(net.graph), batch=batch, optimizer=optimizer)
    with exact():
        measured = _measured(net, batch, optimizer, device)
    print(f"{network}, {device}, batch {batch}: {estimate.total / 2**20:.1f} of {measured / 2**20:.1f} MiB")
    assert estimate.total == pytest.approx(measured, rel=0.1)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("network", "batch"), [("resnet20", 64), ("lenet5", 64)])
def test_our_own_loop_takes_what_is_said(network: str, batch: int, device: str) -> None:
    batch *= _MORE if device == "cuda" else 1
    net = archdsl.load(f"zoo:{network}")
    height, width, channels = net.graph.inputs[0].shape
    examples = Examples(torch.rand(batch, channels, height, width), torch.randint(10, (batch,)))
    data = Dataset("noise", examples, examples, 10, (height, width, channels))
    plan = Plan(Data("npz"), batch=batch, optimizer=Adam(lr=1e-4))
    machine = Machine(torch.device(device))
    there = examples.to(machine.device)
    given = Batch(there.images, there.labels, count=batch, together=batch)
    with computing(machine, net.graph, batch):
        learner = Learner(net.graph, plan, machine, data)
        learner.step(0, [given], 1e-4)
        for weight in learner.module.parameters():
            weight.grad = None
        most = _bytes([there.images, *learner.tensors().values()]) + _most(
            lambda: learner.step(1, [given], 1e-4), device
        )
    print(f"{network}, {device}, batch {batch}: {most / 2**20:.1f} MiB measured")
    estimate = estimate_training(net.graph, count(net.graph), batch=batch, optimizer="adam")
    assert estimate.total == pytest.approx(most, rel=0.1)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_optimizers_keep_and_take_what_pytorchs_do(name: str) -> None:
    weight = torch.zeros(100, 100, requires_grad=True)
    optimizer = _optimizer(name, [weight])
    weight.grad = torch.ones_like(weight)
    optimizer.step()
    kept = [value for value in optimizer.state[weight].values() if torch.is_tensor(value) and value.numel() > 1]
    assert sum(value.numel() for value in kept) == OPTIMIZERS[name].state * 10_000
    assert _most(optimizer.step) == pytest.approx(OPTIMIZERS[name].passing * 40_000, abs=100)


# ------------------------------------------------------------ by hand


def test_a_step_by_hand() -> None:
    graph = Net(10).then(fc(20), op("relu")).graph()
    found = estimate_training(graph, count(graph), batch=8, optimizer="adam")
    # 10*20 + 20 = 220 parameters, and two values of Adam for each.
    assert (found.weights, found.optimizer_state) == (880, 1760)
    # Fullest while Adam steps: all gradients, the input of 8*10 values and the output of 8*20, which are held, and for
    # the matrix of 10*20 the root and the quotient of its denominator.
    assert (found.moment, found.gradients) == ("optimizer", 880)
    assert found.activations == 4 * (80 + 160 + 2 * 200)
    assert found.total == 880 + 1760 + 880 + 2560


def test_no_layer_keeps_anything_before_the_first_weight() -> None:
    # The tanh has nothing to learn from and none before it: only the input, the output of 8*1 values and what passes.
    graph = Net(100).then(op("tanh"), fc(1)).graph()
    found = estimate_training(graph, count(graph), batch=8, optimizer="sgd")
    # Backward through the last layer: the input (800), the tanh (800) that it keeps, the output (8), its gradient (8),
    # and the gradients of 101 weights; none for the tanh.
    assert (found.moment, found.gradients, found.activations) == ("backward", 404, 4 * (800 + 800 + 8 + 8))


def test_a_gradient_takes_memory_of_its_own() -> None:
    graph = Net(1).then(fc(100), op("sigmoid"), fc(1)).graph()
    found = estimate_training(graph, count(graph), batch=8, optimizer="sgd")
    # Backward through the sigmoid: the input (8), its output (800) that it keeps, the gradients of that (800) and of
    # what entered (800), the network's output (8); and the gradients of the 101 weights behind.
    assert (found.moment, found.gradients, found.activations) == ("backward", 404, 4 * (8 + 3 * 800 + 8))


def test_convolutions_take_copies_in_blocks_on_their_way_back() -> None:
    lines = "input 8x8x16\nconv 3x3+1 16 bias=false -> conv 3x3+1 10 bias=false -> gap"
    graph = archdsl.loads(lines).graph
    found = estimate_training(graph, count(graph), batch=1, optimizer="sgd")
    # Backward through the second: the input (8*8*16 = 1024), which it holds with the first's output (1024), the
    # network's output (10), the gradients of what left (8*8*10 = 640) and of what entered (1024), and both in blocks of
    # 16 channels (1024 each); and the gradients of its 3*3*16*10 weights.
    assert (found.moment, found.gradients) == ("backward", 4 * 1440)
    assert found.activations == 4 * (1024 + 1024 + 10 + 640 + 1024 + 1024 + 1024)


def test_weights_of_training_alone_are_there() -> None:
    graph = archdsl.loads("input 10\nrelu @x -> fc 3\noutput aux training = @x -> fc 2 -> bn").graph
    found = estimate_training(graph, count(graph), batch=8, optimizer="sgd")
    # fc 3 has 33 values, fc 2 has 22, and bn 2 gains, 2 biases, and a mean and a variance for each of 2 channels.
    assert found.weights == 4 * (33 + 22 + 4 + 4)


@pytest.mark.parametrize(("batch", "optimizer"), [(0, "sgd"), (1, "sdg")])
def test_what_is_refused(batch: int, optimizer: str) -> None:
    graph = Net(10).then(fc(20)).graph()
    with pytest.raises(ValueError, match=r"at least one image|is not known"):
        estimate_training(graph, count(graph), batch=batch, optimizer=optimizer)
