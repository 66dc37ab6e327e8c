"""Our training loop beside a plain one written by hand: images a second on the same module and data, as ratios.

In: networks with data of their size. Out: rows of a table. Parts of an epoch of the two follow each other in turn, and
what is shown is the median of the ratios of such pairs. On a CPU both compute in float32; on a GPU ours does what
`--fast` chooses, and beside it the same with CUDA graphs, while the other is as torch has it by itself.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch
from torch import nn
from torch.nn import functional

import archdsl
from archdsl.elaborate.recipe_learning import Sgd
from archdsl.elaborate.recipe_settings import Data
from archdsl.train import loop
from archdsl.train.data import load
from archdsl.train.dataset import Dataset, Examples
from archdsl.train.display import Silent
from archdsl.train.folder import RunFolder
from archdsl.train.machine import Machine, computing, fastest
from archdsl.train.plan import Plan
from archdsl.train.progress import Progress
from archdsl.train.signals import Stop
from tests.benchmarks.clock import seconds

__all__ = ["show"]

_PAIRS = 15
_WANTED = {"cpu": 0.98, "cuda": 1.5}
_NETWORKS = (
    ("lenet5", "digits", 32, 1),
    ("cifar10_vgg1", "colours", 64, 1),
    ("resnet20", "colours", 64, 1),
    ("resnet18", "colours", 64, 1),
)
"""Name, data, images in a batch, times the data is gone through in one measurement."""
_IMAGES = {"cpu": 512, "cuda": 8192}
"""Of the random colour images; the digits are 1,437."""


def show() -> None:
    """Print the table."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(1)
    machine = fastest(device)
    machines = [machine, replace(machine, graphs=True)] if device.type == "cuda" else [machine]
    where = "; ".join(f"{device.type}, {each.arithmetic}" for each in machines)
    print(f"Training loop beside a plain one by hand, {where}: median of {_PAIRS} pairs")
    print(f"  (images a second, ours to the other's; wanted: at least {_WANTED[device.type]})")
    for name, kind, batch, times in _NETWORKS:
        net = archdsl.load(f"zoo:{name}", inputs={None: (32, 32, 3)} if name == "resnet18" else None)
        data = _data(kind, net, device)
        plan = Plan(Data(kind), batch=batch, epochs=10**6, optimizer=Sgd(lr=1e-3, momentum=0.9))
        ratios = []
        for each in machines:
            with tempfile.TemporaryDirectory() as place:
                ratios.append(_compared(net, data, plan, each, Path(place), times))
        print(f"  {name:<14} {'   '.join(f'{ratio:5.2f}' for ratio in ratios)}", flush=True)
    print()


def _data(kind: str, net: archdsl.Architecture, device: torch.device) -> Dataset:
    size = net.graph.inputs[0].shape
    if kind == "digits":
        return load(Data("digits"), size, 10)
    generator = torch.Generator().manual_seed(0)
    count = _IMAGES[device.type]
    images = torch.randint(256, (count, size[2], *size[:2]), generator=generator, dtype=torch.uint8)
    part = Examples(images, torch.randint(10, (count,), generator=generator))
    return Dataset(kind, part, part, 10, size)


def _compared(net: archdsl.Architecture, data: Dataset, plan: Plan, machine: Machine, place: Path, times: int) -> float:
    """Images a second of ours, divided by those of the other."""
    folder = RunFolder(place / "run", overwrite=False)
    with computing(machine, net.graph, plan.batch):
        run = loop._Run(net.graph, plan, data, folder, machine, Silent(), loop.Keeping())
    plain = copy.deepcopy(run._learner.module).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    other = _by_hand(plain, data, plan, machine.device)
    stop = Stop()

    def ours() -> None:
        with computing(machine, net.graph, plan.batch):
            for _ in range(times):
                run._progress = Progress()
                assert run._learn(stop)

    def theirs() -> None:
        for _ in range(times):
            next(other)

    return 1 / _ratio(ours, theirs)


def _by_hand(made: nn.Module, data: Dataset, plan: Plan, device: torch.device) -> Iterator[float]:
    """The loop as one writes it: the set on the device as floats, an order, a step, its loss and accuracy added up."""
    assert isinstance(data.train, Examples)
    images = data.prepare.normalised(data.prepare.floats(data.train.images)).to(device)
    labels = data.train.labels.to(device)
    optimizer = torch.optim.SGD(made.parameters(), lr=1e-3, momentum=0.9)
    made.train()
    while True:
        total, right = 0.0, 0
        for chosen in torch.randperm(len(labels), device=device).split(plan.batch):  # type: ignore[no-untyped-call]
            given = labels[chosen]
            optimizer.zero_grad()
            output = made(images[chosen])
            loss = functional.cross_entropy(output, given)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.item() * len(chosen)
            right += int((output.argmax(1) == given).sum().item())
        yield right / len(labels)


def _ratio(ours: Callable[[], object], theirs: Callable[[], object]) -> float:
    """Seconds of ours to those of the other, in pairs whose order changes."""
    ours(), theirs()
    found = []
    for number in range(_PAIRS):
        first, second = (ours, theirs) if number % 2 else (theirs, ours)
        times = [seconds(first), seconds(second)]
        found.append(times[0] / times[1] if number % 2 else times[1] / times[0])
    return median(found)


if __name__ == "__main__":
    show()
