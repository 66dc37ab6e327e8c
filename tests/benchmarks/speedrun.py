"""How long the speed recipe learns until it is right of 94% of CIFAR-10's test images, as its papers count the time.

In: where CIFAR-10 lies, `cifar10:DIR` or `folder:DIR`. Out: a row a run: seconds of learning, accuracy, and that of the
mean over each image and its mirror. The images lie on the device and the step is compiled when the clock starts, and it
stands still while the test images are looked at.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import mean

import torch

import archdsl
from archdsl.train import loop
from archdsl.train.data import load, parse_data
from archdsl.train.dataset import Dataset
from archdsl.train.display import Silent
from archdsl.train.folder import RunFolder
from archdsl.train.inference import answers, score
from archdsl.train.machine import Machine, computing, fastest
from archdsl.train.plan import Overrides, Plan, plan
from archdsl.train.progress import Progress
from archdsl.train.signals import Stop
from tests.benchmarks.clock import seconds

__all__ = ["show"]

_RUNS = {"cpu": 1, "cuda": 5}


def show(where: str, runs: int | None = None) -> None:
    """Print the table."""
    net = archdsl.load("zoo:speedrun")
    made = plan(net.recipe, Overrides(data=parse_data(where)))
    data = load(made.data, net.graph.inputs[0].shape, 10, made.augment)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    machine = fastest(device)
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    print(f"The speed recipe on {len(data.train):,} images, {name}, {machine.arithmetic}: {made.epochs} epochs")
    found = []
    for seed in range(runs or _RUNS[device.type]):
        with tempfile.TemporaryDirectory() as place:
            found.append(_run(net, replace(made, seed=seed), data, machine, Path(place)))
        time, plain, flipped = found[-1]
        print(f"  seed {seed}   {time:6.2f} s   {plain:.2%}   {flipped:.2%} with mirrors", flush=True)
    time, plain, flipped = map(mean, zip(*found, strict=True))
    print(f"  mean     {time:6.2f} s   {plain:.2%}   {flipped:.2%} with mirrors (wanted: 94%)\n")


def _run(
    net: archdsl.Architecture, made: Plan, data: Dataset, machine: Machine, place: Path
) -> tuple[float, float, float]:
    stop, total = Stop(), 0.0
    with computing(machine, net.graph, made.batch):
        run = loop._Run(net.graph, made, data, RunFolder(place / "run"), machine, Silent(), loop.Keeping())
        learner, feed = run._learner, run._feed
        begun = {name: tensor.detach().clone() for name, tensor in learner.tensors().items()}
        record = learner.record()
        for first in (0, feed.per_epoch - 1):
            learner.step(first, next(feed.steps(0, first)), 0.0)
        learner.restore(begun, record)
        run._progress = Progress()
        while not run._finished():
            total += seconds(lambda: run._learn(stop))
            assert run._test(stop)
        views = [
            score(answers([learner.tested()], feed.tests(), made.criterion, machine, flip=flip)).accuracy
            for flip in (False, True)
        ]
    return total, views[0], views[1]


if __name__ == "__main__":
    show(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None)
