"""`archdsl train`: from the text to trained weights.

In: the file and options of a command line. Out: a run folder, and the accuracy on standard output. The run is left to
`archdsl.train`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archdsl.cli.common import fail, target_options

if TYPE_CHECKING:
    from archdsl.api import Architecture
    from archdsl.train.dataset import Dataset
    from archdsl.train.machine import Machine
    from archdsl.train.plan import Plan

__all__ = ["command"]

_DATA = "digits, mnist:DIR, fashion-mnist:DIR, cifar10:DIR, cifar100:DIR, folder:DIR, npz:FILE; in place of the file's."
_EXAMPLES = """\b
Examples:
  archdsl train lenet5.arch --data digits --out runs/lenet5
  archdsl train lenet5.arch --input 28x28x1 --data mnist:data/mnist --epochs 5 --lr 0.05
"""


@click.command("train", epilog=_EXAMPLES)
@target_options
@click.option("--data", metavar="DATA", help=_DATA)
@click.option("-o", "--out", type=click.Path(file_okay=False, path_type=Path), help="The run folder [runs/NAME].")
@click.option("--overwrite", is_flag=True, help="Replace a run that the folder holds.")
@click.option("--epochs", type=click.IntRange(min=1), metavar="N", help="Passes over the training images.")
@click.option("--batch", type=click.IntRange(min=1), metavar="N", help="Images in a step.")
@click.option("--lr", type=click.FloatRange(min=0, min_open=True), metavar="X", help="The learning rate.")
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="What decides every random number.")
@click.option(
    "--checkpoint-every",
    metavar="N|TIME",
    help="Steps (500), time (10m) or `epoch` between checkpoints [each epoch, and 10m].",
)
@click.option(
    "--store",
    type=click.Choice(["auto", "whole", "stream"]),
    default="auto",
    show_default=True,
    help="Images whole in memory, or read as they are needed.",
)
@click.option("--workers", type=click.IntRange(min=0), metavar="N", help="Processes that read images [a core each, 8].")
@click.option("--resume", is_flag=True, help="Go on, or fail where there is nothing to go on from.")
@click.option("--force", is_flag=True, help="Go on although network, recipe or data are others.")
@click.option("--on-nan", type=click.Choice(["stop", "skip"]), help="At a loss that is not finite [stop].")
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda, cuda:1.")
def command(
    architecture: Architecture,
    data: str | None,
    out: Path | None,
    overwrite: bool,
    epochs: int | None,
    batch: int | None,
    lr: float | None,
    seed: int | None,
    device: str,
    checkpoint_every: str | None,
    store: str,
    workers: int | None,
    resume: bool,
    force: bool,
    on_nan: str | None,
) -> None:
    """Train the network as the file's `train { … }` says, or as the options say instead.

    A run that was stopped or killed goes on where it was when the same command is given again.
    """
    from archdsl.diagnostics import ArchError
    from archdsl.train.data import load, parse_data
    from archdsl.train.display import choose_display
    from archdsl.train.errors import TrainError
    from archdsl.train.folder import BEST, METRICS, RECIPE, TABLE, WEIGHTS, RunFolder
    from archdsl.train.interval import Interval
    from archdsl.train.loop import Keeping, train
    from archdsl.train.machine import Machine, choose_device
    from archdsl.train.plan import Overrides, plan

    graph = architecture.graph
    path = out or Path("runs") / architecture.name
    try:
        machine = Machine(choose_device(device), workers=_workers(workers))
        keeping = Keeping(Interval.of(checkpoint_every) if checkpoint_every else Interval(), resume, force)
        given = parse_data(data) if data is not None else None
        made = plan(architecture.recipe, Overrides(given, batch, epochs, seed, lr, on_nan))
        if len(graph.inputs) != 1:
            raise TrainError(f"the network has {len(graph.inputs)} inputs, and training knows one image at a time")
        classes = graph.shape(graph.outputs[0].port)[-1]
        found = load(made.data, graph.inputs[0].shape, classes, made.augment, made.seed, store)
        folder = RunFolder(path, overwrite=overwrite)
        click.echo(_headline(architecture.name, made, found, machine))
        result = train(graph, made, found, folder, machine, choose_display(), keeping)
    except ArchError as error:
        fail(error.diagnostics)
    except TrainError as error:
        click.echo(f"error: {error.message}", err=True)
        if error.hint:
            click.echo(f"  hint: {error.hint}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    if result.status:
        click.echo(f"stopped after step {result.steps:,}; the same command goes on from there", err=True)
    if result.last is not None:
        right = round(result.last.test_accuracy * len(found.test))
        when = "" if not result.status else f" after epoch {result.last.epoch}"
        click.echo(f"test accuracy {result.last.test_accuracy:.2%} ({right:,} of {len(found.test):,} images){when}")
    left = [name for name in (WEIGHTS, BEST, METRICS, TABLE, RECIPE) if (path / name).exists()]
    click.echo(f"the results lie in {path}: {', '.join(left)}")
    sys.exit(result.status)


def _workers(given: int | None) -> int:
    return min(8, os.cpu_count() or 1) if given is None else given


def _headline(name: str, plan: Plan, data: Dataset, machine: Machine) -> str:
    """What will be done, in two lines."""
    from archdsl.train.dataset import Examples
    from archdsl.train.plan import describe

    remark = f" ({data.remark})" if data.remark else ""
    images = f"{len(data.train):,} images to learn from, {len(data.test):,} to test with{remark}"
    parts = [
        f"{plan.epochs} epochs of batches of {plan.batch}",
        describe(plan.optimizer),
        f"schedule {describe(plan.schedule)}",
        f"seed {plan.seed}",
        str(machine.device),
        "images in memory" if isinstance(data.train, Examples) else f"images read by {machine.workers} processes",
    ]
    if plan.augment is not None:
        parts.insert(3, describe(plan.augment))
    return f"{name} on {data.name}: {images}\n{', '.join(parts)}"
