"""Our training loop beside a plain one written by hand: images a second on the same module and data, as ratios.

In: networks with data of their size. Out: rows of a table. Each of the two is a process of its own, as a user has it;
parts of an epoch of both follow each other in turn, and what is shown is the median of the ratios of such pairs. On a
CPU both compute in float32; on a GPU ours does what `--fast` chooses, and beside it with CUDA graphs, while the
other is as torch has it by itself.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
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
from archdsl.train.machine import computing, fastest
from archdsl.train.memory import keep_freed
from archdsl.train.plan import Plan
from archdsl.train.progress import Progress
from archdsl.train.signals import Stop
from tests.benchmarks.clock import seconds

__all__ = ["show"]

_PAIRS = 31
_WANTED = {"cpu": 0.98, "cuda": 1.5}
_ROOT = Path(__file__).resolve().parents[2]
_IMAGES = {"cpu": 256, "cuda": 8192}
"""Of the random colour images; the digits are 1,437."""


@dataclass(frozen=True)
class _Case:
    """A network, its data, images in a batch."""

    net: str
    data: str
    batch: int
    side: int | None = None


_CASES = (
    _Case("lenet5", "digits", 32),
    _Case("cifar10_vgg1", "colours", 64),
    _Case("resnet20", "colours", 64),
    _Case("resnet18", "colours", 64, side=32),
)


def show() -> None:
    """Print the table."""
    device = _device()
    machine = fastest(device)
    ways = {"ours": machine.arithmetic}
    if device.type == "cuda":
        ways["graphs"] = replace(machine, graphs=True).arithmetic
    where = "; ".join(f"{device.type}, {arithmetic}" for arithmetic in ways.values())
    print(f"Training loop beside a plain one by hand, {where}: median of {_PAIRS} pairs")
    print(f"  (images a second, ours to the other's; wanted: at least {_WANTED[device.type]})")
    for number, case in enumerate(_CASES):
        with _served(number, "plain") as theirs:
            ratios = []
            for way in ways:
                with _served(number, way) as ours:
                    ratios.append(1 / _ratio(ours, theirs))
        print(f"  {case.net:<14} {'   '.join(f'{ratio:5.2f}' for ratio in ratios)}", flush=True)
    print()


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


# ------------------------------------------------------------ the two sides, a process each


@contextmanager
def _served(number: int, way: str) -> Iterator[Callable[[], float]]:
    """Seconds that a part of an epoch takes in a process of its own, whenever it is asked."""
    command = [sys.executable, "-m", "tests.benchmarks.training", str(number), way]
    with subprocess.Popen(command, cwd=_ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked, told = process.stdin, process.stdout

        def measured() -> float:
            print(file=asked, flush=True)
            answer = told.readline()
            if not answer:
                raise SystemExit(f"failed: {' '.join(command)}")
            return float(answer)

        yield measured
        asked.close()


def _serve(number: int, way: str) -> None:
    """Measure once for every line of standard input."""
    torch.set_num_threads(1)
    case, device = _CASES[number], _device()
    net = archdsl.load(f"zoo:{case.net}", inputs={None: (case.side, case.side, 3)} if case.side else None)
    data = _data(case.data, net, device)
    with tempfile.TemporaryDirectory() as place:
        run = (
            _plain(net, data, case.batch, device) if way == "plain" else _ours(net, data, case.batch, way, Path(place))
        )
        for _ in sys.stdin:
            print(seconds(run), flush=True)


def _data(kind: str, net: archdsl.Architecture, device: torch.device) -> Dataset:
    size = net.graph.inputs[0].shape
    if kind == "digits":
        return load(Data("digits"), size, 10)
    generator = torch.Generator().manual_seed(0)
    count = _IMAGES[device.type]
    images = torch.randint(256, (count, size[2], *size[:2]), generator=generator, dtype=torch.uint8)
    part = Examples(images, torch.randint(10, (count,), generator=generator))
    return Dataset(kind, part, part, 10, size)


def _plan(batch: int) -> Plan:
    return Plan(Data("any"), batch=batch, epochs=10**6, optimizer=Sgd(lr=1e-3, momentum=0.9))


def _ours(net: archdsl.Architecture, data: Dataset, batch: int, way: str, place: Path) -> Callable[[], object]:
    keep_freed()
    machine = replace(fastest(_device()), graphs=way == "graphs")
    folder = RunFolder(place / "run", overwrite=False)
    with computing(machine, net.graph, batch):
        run = loop._Run(net.graph, _plan(batch), data, folder, machine, Silent(), loop.Keeping())
    stop = Stop()

    def epoch() -> None:
        with computing(machine, net.graph, batch):
            run._progress = Progress()
            assert run._learn(stop)

    return epoch


def _plain(net: archdsl.Architecture, data: Dataset, batch: int, device: torch.device) -> Callable[[], object]:
    epochs = _by_hand(net.module().to(device), data, batch, device)
    return lambda: next(epochs)


def _by_hand(made: nn.Module, data: Dataset, batch: int, device: torch.device) -> Iterator[float]:
    """The loop as one writes it: the set on the device as floats, an order, a step, its loss and accuracy added up."""
    assert isinstance(data.train, Examples)
    images = data.prepare.normalised(data.prepare.floats(data.train.images)).to(device)
    labels = data.train.labels.to(device)
    optimizer = torch.optim.SGD(made.parameters(), lr=1e-3, momentum=0.9)
    made.train()
    while True:
        total, right = 0.0, 0
        for chosen in torch.randperm(len(labels), device=device).split(batch):  # type: ignore[no-untyped-call]
            given = labels[chosen]
            optimizer.zero_grad()
            output = made(images[chosen])
            loss = functional.cross_entropy(output, given)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.item() * len(chosen)
            right += int((output.argmax(1) == given).sum().item())
        yield right / len(labels)


def _ratio(ours: Callable[[], float], theirs: Callable[[], float]) -> float:
    """Seconds of ours to those of the other, in pairs whose order changes, after one of each to warm up."""
    ours(), theirs()
    found = []
    for number in range(_PAIRS):
        first, second = (ours, theirs) if number % 2 else (theirs, ours)
        times = [first(), second()]
        found.append(times[0] / times[1] if number % 2 else times[1] / times[0])
    return median(found)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        show()
    else:
        _serve(int(sys.argv[1]), sys.argv[2])
