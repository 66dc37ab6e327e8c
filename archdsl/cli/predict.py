"""`archdsl predict`: what a trained network sees in images.

In: the file of a command line, a run folder or a file of weights, images. Out: the likeliest classes of each, or JSON.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archdsl.cli.common import target_options
from archdsl.cli.training import errors_shown, refuse_windows, said

if TYPE_CHECKING:
    from archdsl.api import Architecture

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  archdsl predict lenet5.arch runs/lenet5 seven.png
  archdsl predict resnet.arch:resnet18 runs/birds *.jpg --top 3 --flip
"""
_AT_ONCE = 32


@click.command("predict", epilog=_EXAMPLES)
@target_options
@click.argument("run", metavar="RUN", type=click.Path(exists=True, path_type=Path))
@click.argument(
    "images", metavar="IMAGE...", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--top", type=click.IntRange(min=1), default=5, show_default=True, metavar="N", help="Classes shown.")
@click.option("--best", is_flag=True, help="The weights of the best epoch, not of the last.")
@click.option("--flip", is_flag=True, help="The mean over each image and its mirror.")
@click.option("--device", default="auto", show_default=True, metavar="NAME", help="auto, cpu, cuda, cuda:1.")
@click.option("--json", "as_json", is_flag=True, help="For programs: the classes and probabilities of each image.")
def command(
    architecture: Architecture,
    run: Path,
    images: tuple[Path, ...],
    top: int,
    best: bool,
    flip: bool,
    device: str,
    as_json: bool,
) -> None:
    """The likeliest classes of images, with their probabilities.

    RUN is a run folder, which says how its images were scaled and normalised, or a file of weights.
    """
    refuse_windows()
    from archdsl.elaborate.recipe_learning import Mse
    from archdsl.train.dataset import Prepare
    from archdsl.train.errors import TrainError
    from archdsl.train.inference import class_name, prepared_images, probabilities
    from archdsl.train.machine import Machine, choose_device, computing
    from archdsl.train.objective import output_count
    from archdsl.train.trained import Setup, open_run

    graph = architecture.graph
    rows: list[tuple[Path, list[tuple[str, float]]]] = []
    with errors_shown():
        output_count(graph)
        machine = Machine(choose_device(device))
        asked = Setup.of(architecture.recipe)
        opened = open_run(run, graph, asked.criterion, machine, best=best)
        setup = opened.setup or asked
        if setup.prepare is None and setup.augment is not None and setup.augment.normalize:
            raise TrainError("how the images were normalised is said by the run folder alone", "give the folder as RUN")
        size = graph.inputs[0].shape
        if len(size) != 3:
            raise TrainError("the network takes no images")
        prepare = setup.prepare or Prepare((setup.augment.pad or 0) if setup.augment is not None else 0)
        for start in range(0, len(images), _AT_ONCE):
            paths = images[start : start + _AT_ONCE]
            batch = prepared_images(paths, size, setup.augment, prepare, _warn).to(machine.device)
            with computing(machine, graph, len(batch)):
                found = probabilities([opened.module], batch, setup.criterion, machine, flip=flip)
            values, labels = found.topk(min(top, found.shape[1]), dim=1)
            for path, likely, numbers in zip(paths, values.tolist(), labels.tolist(), strict=True):
                rows.append((path, [(class_name(setup.names, n), p) for n, p in zip(numbers, likely, strict=True)]))
    # What a network gives that learned by the squared error may be less than 0.
    what = "output" if isinstance(setup.criterion, Mse) else "probability"
    if as_json:
        listed = [
            {"image": str(path), "classes": [{"class": name, what: share} for name, share in found]}
            for path, found in rows
        ]
        click.echo(json.dumps(listed, indent=2))
        return
    for path, likely_classes in rows:
        click.echo(str(path))
        width = max(len(name) for name, _ in likely_classes)
        for name, share in likely_classes:
            click.echo(f"  {name:<{width}}  {share:{'7.2%' if what == 'probability' else '7.4f'}}")


def _warn(text: str) -> None:
    said(f"warning: {text}")
