"""`archdsl train`: from the text to trained weights.

In: the file and options of a command line. Out: a run folder, and the accuracy on standard output. The run is left to
`archdsl.train`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archdsl.cli.common import report, target_options
from archdsl.cli.training import errors_shown, refuse_windows, said, wrapped, written_settings

if TYPE_CHECKING:
    from archdsl.api import Architecture
    from archdsl.train.dataset import Dataset
    from archdsl.train.machine import Machine
    from archdsl.train.plan import Plan
    from archdsl.train.team import Team

__all__ = ["command"]

_DATA = "digits, mnist:DIR, fashion-mnist:DIR, cifar10:DIR, cifar100:DIR, folder:DIR, npz:FILE; in place of the file's."
_EXAMPLES = """\b
Examples:
  archdsl train lenet5.arch --data digits --out runs/lenet5
  archdsl train lenet5.arch --input 28x28x1 --data mnist:data/mnist --epochs 5 --lr 0.05
  archdsl train resnet.arch:resnet18 --data folder:data/birds --optimizer 'adamw lr=1e-3' --fast
  archdsl train net.arch --data cifar10:data --recipe 'augment crop=32+4 flip  schedule cosine warmup=2'
"""


@click.command("train", epilog=_EXAMPLES)
@target_options
@click.option("--data", metavar="DATA", help=_DATA)
@click.option("-o", "--out", type=click.Path(file_okay=False, path_type=Path), help="The run folder [runs/NAME].")
@click.option("--overwrite", is_flag=True, help="Replace a run that the folder holds.")
@click.option("--epochs", type=click.IntRange(min=1), metavar="N", help="Passes over the training images.")
@click.option("--batch", type=click.IntRange(min=1), metavar="N", help="Images in a batch.")
@click.option("--lr", type=click.FloatRange(min=0, min_open=True), metavar="X", help="The learning rate.")
@click.option("--optimizer", metavar="TEXT", help="The optimizer with its options, 'sgd lr=0.1 momentum=0.9'.")
@click.option(
    "--recipe", "written", multiple=True, metavar="TEXT", help="Settings in place of the file's, as it has them."
)
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="What decides every random number.")
@click.option(
    "--init",
    "weights",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Begin at the weights of a file, .safetensors or .pth; a head of another size begins anew.",
)
@click.option("--freeze", multiple=True, metavar="PATTERN", help="Hold the weights of layers: 'stage1*'.")
@click.option("--on-nan", type=click.Choice(["stop", "skip"]), help="At a loss that is not finite [stop].")
@click.option("--resume", is_flag=True, help="Go on, or fail where there is nothing to go on from.")
@click.option("--force", is_flag=True, help="Go on although network, recipe or data are others.")
@click.option(
    "--checkpoint-every",
    metavar="N|TIME",
    help="Steps (500), time (10m) or `epoch` between checkpoints [each epoch, and 10m].",
)
@click.option("--tensorboard", is_flag=True, help="Write event files too, RUN/tensorboard; needs the package.")
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda, cuda:1.")
@click.option("--precision", type=click.Choice(["fp32", "tf32", "bf16", "fp16"]), help="Of the arithmetic [fp32].")
@click.option("--compile", "compiled", is_flag=True, help="Train through torch.compile.")
@click.option(
    "--cuda-graphs", "graphs", is_flag=True, help="Compiled, and run as CUDA graphs: for small networks; experimental."
)
@click.option("--channels-last", is_flag=True, help="Keep images as (N, H, W, C) in memory.")
@click.option("--deterministic", is_flag=True, help="The same bits every time, on GPUs too.")
@click.option("--fast", is_flag=True, help="What is fastest on the device without harm, and say what.")
@click.option(
    "--store",
    type=click.Choice(["auto", "whole", "stream"]),
    default="auto",
    show_default=True,
    help="Images whole in memory, or read as they are needed.",
)
@click.option("--no-check", is_flag=True, help="Do not decode streamed images once before the first run on them.")
@click.option("--gpus", type=click.IntRange(min=1), metavar="N", help="Train on N GPUs of this machine, by torchrun.")
@click.option(
    "--max-restarts", type=click.IntRange(min=0), metavar="N", help="Of --gpus, where a process is killed [0]."
)
@click.option("--workers", type=click.IntRange(min=0), metavar="N", help="Processes that read images [a core each, 8].")
def command(
    architecture: Architecture,
    data: str | None,
    out: Path | None,
    overwrite: bool,
    epochs: int | None,
    batch: int | None,
    lr: float | None,
    optimizer: str | None,
    written: tuple[str, ...],
    seed: int | None,
    weights: Path | None,
    freeze: tuple[str, ...],
    on_nan: str | None,
    resume: bool,
    force: bool,
    checkpoint_every: str | None,
    tensorboard: bool,
    device: str,
    precision: str | None,
    compiled: bool,
    graphs: bool,
    channels_last: bool,
    deterministic: bool,
    fast: bool,
    store: str,
    workers: int | None,
    no_check: bool,
    gpus: int | None,
    max_restarts: int | None,
) -> None:
    """Train the network as the file's `train { … }` says, or as the options say instead.

    A run that was stopped or killed goes on where it was when the same command is given again.
    """
    refuse_windows()
    from archdsl.train.signals import at_once

    with at_once():
        import torch

        from archdsl.train.data import load, parse_data
        from archdsl.train.dataset import Examples
        from archdsl.train.decoding import check_images
        from archdsl.train.display import Silent, choose_display
        from archdsl.train.folder import BEST, METRICS, RECIPE, TABLE, WEIGHTS, RunFolder
        from archdsl.train.interval import Interval
        from archdsl.train.loop import Keeping, train
        from archdsl.train.memory import keep_freed
        from archdsl.train.objective import class_count, output_count
        from archdsl.train.plan import Overrides, plan, unreached
        from archdsl.train.report import REPORT
        from archdsl.train.team import joined, restarts
        from archdsl.train.transfer import file_weights

    graph = architecture.graph
    path = out or Path("runs") / architecture.name
    lines = [*written, f"optimizer {optimizer}"] if optimizer is not None else list(written)
    with errors_shown():
        interval = Interval.of(checkpoint_every) if checkpoint_every else Interval()
        keeping = Keeping(interval, resume, force, tensorboard)
        given = parse_data(data) if data is not None else None
        settings = written_settings(lines, graph)
        begun = file_weights(weights) if weights is not None else None
        overrides = Overrides(settings, given, batch, epochs, seed, lr, on_nan, begun, freeze)
        made = plan(architecture.recipe, overrides)
        classes = class_count(made.criterion, output_count(graph))
        _together(gpus, max_restarts, device, path)
        keep_freed()
    with errors_shown(), joined(cuda=device != "cpu" and torch.cuda.is_available()) as team:
        with team.agreed():
            machine = _machine(device, precision, compiled, graphs, channels_last, deterministic, fast, workers, team)
            found = load(made.data, graph.inputs[0].shape, classes, made.augment, made.seed, store)
            if team.place == 0 and not no_check:
                check_images(found)
            # What a restart goes on from is not to be removed.
            folder = RunFolder(path, overwrite=overwrite and not restarts(), chief=team.chief)
        if team.chief:
            report(unreached(made, architecture.recipe, settings))
            click.echo(wrapped(_headline(architecture.name, made, found, machine)))
            idle = {"--workers": workers is not None, "--no-check": no_check}
            if isinstance(found.train, Examples):
                for word in (option for option, asked in idle.items() if asked):
                    said(f"warning: {word} changes nothing, since the images are in memory")
        result = train(graph, made, found, folder, machine, choose_display() if team.chief else Silent(), keeping)
    if not team.chief:
        sys.exit(result.status)
    if result.status:
        said(f"stopped after step {result.steps:,}; the same command goes on from there")
    if result.last is not None:
        right = round(result.last.test_accuracy * len(found.test))
        when = "" if not result.status else f" after epoch {result.last.epoch}"
        click.echo(f"test accuracy {result.last.test_accuracy:.2%} ({right:,} of {len(found.test):,} images){when}")
    left = [name for name in (WEIGHTS, BEST, METRICS, TABLE, RECIPE, REPORT) if (path / name).exists()]
    click.echo(wrapped(f"the results lie in {path}: {', '.join(left)}"))
    sys.exit(result.status)


def _together(processes: int | None, restarts: int | None, device: str, path: Path) -> None:
    """Where several processes are asked for, be them, and end as they do."""
    import torch

    from archdsl.train.errors import TrainError
    from archdsl.train.launch import launch

    if processes is None:
        if restarts is not None:
            raise TrainError("--max-restarts is of --gpus", "torchrun --max-restarts N … for several machines")
        return
    if "WORLD_SIZE" in os.environ:
        raise TrainError("torchrun has begun the processes already", "leave out --gpus")
    there = torch.cuda.device_count()
    if device in ("auto", "cuda") and there < processes:
        hint = f"--device cpu --gpus {processes} trains in {processes} processes on the CPU"
        raise TrainError(f"--gpus {processes}: torch sees {there} GPUs here", hint)
    if device not in ("auto", "cpu", "cuda"):
        raise TrainError(
            f"--gpus {processes} gives each process a GPU of its own, not `{device}`", "leave out --device"
        )
    before = _checkpoints(path)

    def words() -> list[str]:
        left = _without(sys.argv[1:], "--gpus", "--max-restarts")
        # What a restart goes on from is not to be removed.
        return [word for word in left if word != "--overwrite"] if _checkpoints(path) - before else left

    sys.exit(launch(processes, restarts or 0, words))


def _checkpoints(path: Path) -> set[tuple[str, int]]:
    """The checkpoints of a run folder, each with its time."""
    from archdsl.train.folder import CHECKPOINTS

    return {(found.name, found.stat().st_mtime_ns) for found in (path / CHECKPOINTS).glob("step-*.safetensors")}


def _without(words: Sequence[str], *options: str) -> list[str]:
    """A command line without some options and their values."""
    left: list[str] = []
    skip = False
    for word in words:
        if not skip and not word.startswith(tuple(f"{option}=" for option in options)):
            skip = word in options
            if not skip:
                left.append(word)
        else:
            skip = False
    return left


def _machine(
    device: str,
    precision: str | None,
    compiled: bool,
    graphs: bool,
    channels_last: bool,
    deterministic: bool,
    fast: bool,
    workers: int | None,
    team: Team,
) -> Machine:
    """The machine that the options name; what is said stands in place of what `--fast` chooses."""
    from dataclasses import replace

    from archdsl.train.machine import Machine, choose_device, fastest

    chosen = choose_device(device)
    if team.size > 1 and chosen.type == "cuda":
        chosen = choose_device(f"cuda:{team.place}")
    base = fastest(chosen) if fast else Machine(chosen)
    machine = replace(
        base,
        precision=precision or base.precision,
        compile=compiled or base.compile,
        graphs=graphs,
        channels_last=channels_last or base.channels_last,
        deterministic=deterministic,
        workers=min(8, os.cpu_count() or 1) if workers is None else workers,
        team=team,
    )
    if fast and team.chief:
        click.echo(f"fast on {chosen.type}: {machine.arithmetic}")
    return machine


def _headline(name: str, plan: Plan, data: Dataset, machine: Machine) -> str:
    """What will be done, in two lines."""
    from archdsl.diagnostics import counted
    from archdsl.train.dataset import Examples
    from archdsl.train.plan import describe

    remark = f" ({data.remark})" if data.remark else ""
    images = f"{len(data.train):,} images to learn from, {len(data.test):,} to test with{remark}"
    together = f", {plan.accumulate} a step" if plan.accumulate > 1 else ""
    parts = [
        f"{counted(plan.epochs, 'epoch')} of batches of {plan.batch}{together}",
        describe(plan.optimizer),
        f"schedule {describe(plan.schedule)}",
        f"seed {plan.seed}",
        f"{machine.device}, {machine.arithmetic}",
        "images in memory" if isinstance(data.train, Examples) else f"images read by {machine.workers} processes",
    ]
    if plan.augment is not None:
        parts.insert(3, describe(plan.augment))
    if plan.ema is not None:
        parts.insert(3, f"ema {plan.ema:g}")
    if plan.lookahead is not None:
        parts.insert(3, describe(plan.lookahead))
    return f"{name} on {data.name}: {images}\n{', '.join(parts)}"
