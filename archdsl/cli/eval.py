"""`archdsl eval`: how good trained weights are on the test images.

In: the file and options of a command line, run folders or files of weights. Out: a table, or JSON. What is computed is
left to `archdsl.train`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archdsl.cli.common import target_options
from archdsl.cli.training import errors_shown, refuse_windows, wrapped, written_settings
from archdsl.diagnostics import counted

if TYPE_CHECKING:
    from archdsl.api import Architecture
    from archdsl.train.inference import Answers, Score

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  archdsl eval lenet5.arch runs/lenet5
  archdsl eval lenet5.arch runs/a runs/b runs/c --flip
  archdsl eval resnet.arch:resnet18 resnet18.safetensors --data folder:data/birds --recipe 'augment resize=256 crop=224'
"""


@click.command("eval", epilog=_EXAMPLES)
@target_options
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--data", metavar="DATA", help="digits, mnist:DIR, …; in place of the run's.")
@click.option(
    "--recipe", "written", multiple=True, metavar="TEXT", help="Settings in place of the file's, without a run."
)
@click.option("--best", is_flag=True, help="The weights of the best epoch, not of the last.")
@click.option("--flip", is_flag=True, help="The mean over each image and its mirror.")
@click.option(
    "--batch", type=click.IntRange(min=1), default=128, show_default=True, metavar="N", help="Images at once."
)
@click.option("--confusion", type=click.Path(dir_okay=False, path_type=Path), help="Write the confusion matrix, CSV.")
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda, cuda:1.")
@click.option("--precision", type=click.Choice(["fp32", "tf32", "bf16", "fp16"]), default="fp32", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="For programs: a score for each, and for all together.")
def command(
    architecture: Architecture,
    runs: tuple[Path, ...],
    data: str | None,
    written: tuple[str, ...],
    best: bool,
    flip: bool,
    batch: int,
    confusion: Path | None,
    device: str,
    precision: str,
    as_json: bool,
) -> None:
    """Test run folders or files of weights; several are an ensemble, their probabilities averaged.

    A run folder says how its network was given its images. For a file of weights the recipe of the text says it.
    """
    refuse_windows()
    from archdsl.train.data import load, parse_data
    from archdsl.train.errors import TrainError
    from archdsl.train.feed import Feed
    from archdsl.train.inference import answers, score
    from archdsl.train.machine import Machine, choose_device, computing
    from archdsl.train.objective import class_count, output_count
    from archdsl.train.plan import Plan, merged
    from archdsl.train.trained import Setup, open_run

    graph = architecture.graph
    with errors_shown():
        machine = Machine(choose_device(device), precision)
        asked = Setup.of(merged(architecture.recipe, written_settings(written, graph)))
        opened = [open_run(path, graph, asked.criterion, machine, best=best) for path in runs]
        setups = [run.setup for run in opened if run.setup is not None]
        setup = setups[0] if setups else asked
        for path, run in zip(runs, opened, strict=True):
            why = list(setup.differences(run.setup)) if run.setup is not None else []
            if why:
                first = next(path for path, run in zip(runs, opened, strict=True) if run.setup is setup)
                hint = "test each by itself"
                raise TrainError(f"{first} and {path} cannot be averaged: {'; '.join(why)}", hint)
        if setups and written:
            raise TrainError("a run folder says how its images were prepared, so --recipe would change nothing")
        where = parse_data(data) if data is not None else setup.data
        if where is None:
            raise TrainError("what is tested on is not said", "--data digits")
        classes = class_count(setup.criterion, output_count(graph))
        found = load(where, graph.inputs[0].shape, classes, setup.augment)
        if setup.names and found.names and setup.names != found.names:
            others = ", ".join(sorted(set(setup.names) ^ set(found.names))[:8])
            hint = "a class is told by its place among all, so all of the run's are to be there, and no other"
            raise TrainError(f"the classes of `{found.name}` are not those that the run learned: {others}", hint)
        if setup.prepare is not None:
            found = replace(found, prepare=setup.prepare)
        feed = Feed(found, Plan(where, batch=batch), machine)
        groups = [[run.module] for run in opened]
        if len(opened) > 1:
            groups.append([run.module for run in opened])
        with computing(machine, graph, batch):
            made = [answers(group, feed.tests(), setup.criterion, machine, flip=flip) for group in groups]
        if confusion is not None:
            _write_confusion(confusion, made[-1], found.names)
    names = [*map(str, runs), "together"][: len(made)]
    scores = [score(answer) for answer in made]
    if as_json:
        rows = [{"run": name, **asdict(found)} for name, found in zip(names, scores, strict=True)]
        click.echo(
            json.dumps({"network": architecture.name, "data": where.kind, "flip": flip, "scores": rows}, indent=2)
        )
        return
    remark = f" ({found.remark})" if found.remark else ""
    click.echo(wrapped(f"{architecture.name} on {found.name}: {counted(scores[0].images, 'test image')}{remark}"))
    width = max(map(len, ["run", *names]))
    top5 = scores[0].top5 is not None
    heads = ["accuracy", "top-1 error", *(["top-5 error"] if top5 else []), f"{'loss':>7}"]
    click.echo(f"{'run':<{width}}  {'  '.join(heads)}")
    for name, found_score in zip(names, scores, strict=True):
        cells = [f"{cell:>{len(head)}}" for cell, head in zip(_cells(found_score), heads, strict=True)]
        click.echo(f"{name:<{width}}  {'  '.join(cells)}")


def _cells(score: Score) -> list[str]:
    top5 = [] if score.top5 is None else [f"{1 - score.top5:.2%}"]
    return [f"{score.accuracy:.2%}", f"{1 - score.accuracy:.2%}", *top5, f"{score.loss:.4f}"]


def _write_confusion(path: Path, answers: Answers, names: tuple[str, ...]) -> None:
    """A row for each class, a column for each that it was taken for."""
    from archdsl.files import write_whole
    from archdsl.train.errors import TrainError
    from archdsl.train.inference import class_name
    from archdsl.train.report import confusion_csv

    table = answers.confusion().tolist()
    try:
        write_whole(path, confusion_csv(table, [class_name(names, label) for label in range(len(table))]).encode())
    except OSError as error:
        raise TrainError(f"cannot write {path}: {error.strerror}") from None
