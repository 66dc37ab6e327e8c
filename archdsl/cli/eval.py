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
from archdsl.cli.training import errors_shown, written_settings

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
    from archdsl.train.data import load, parse_data
    from archdsl.train.errors import TrainError
    from archdsl.train.feed import Feed
    from archdsl.train.inference import answers, score
    from archdsl.train.machine import Machine, choose_device, computing
    from archdsl.train.objective import class_count
    from archdsl.train.plan import Plan, merged
    from archdsl.train.trained import Setup, open_run

    graph = architecture.graph
    with errors_shown():
        machine = Machine(choose_device(device), precision)
        asked = Setup.of(merged(architecture.recipe, written_settings(written, graph.outputs)))
        opened = [open_run(path, graph, asked.criterion, machine, best=best) for path in runs]
        setups = [run.setup for run in opened if run.setup is not None]
        setup = setups[0] if setups else asked
        if any((other.prepare, other.criterion) != (setup.prepare, setup.criterion) for other in setups):
            raise TrainError("the runs were given their images in different ways, and cannot be averaged")
        if setups and written:
            raise TrainError("a run folder says how its images were prepared, so --recipe would change nothing")
        where = parse_data(data) if data is not None else setup.data
        if where is None:
            raise TrainError("what is tested on is not said", "--data digits")
        classes = class_count(setup.criterion, graph.shape(graph.outputs[0].port)[-1])
        found = load(where, graph.inputs[0].shape, classes, setup.augment)
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
    click.echo(f"{architecture.name} on {found.name}: {scores[0].images:,} test images")
    width = max(map(len, names))
    for name, found_score in zip(names, scores, strict=True):
        click.echo(f"{name:<{width}}  {_shown(found_score)}")


def _shown(score: Score) -> str:
    top5 = "" if score.top5 is None else f"  top-5 error {1 - score.top5:7.2%}"
    return f"accuracy {score.accuracy:7.2%}  top-1 error {1 - score.accuracy:7.2%}{top5}  loss {score.loss:.4f}"


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
