"""A run that is done, or a file of weights: the network as it learned, and how it was given its images.

In: a run folder or a file, a checked graph. Out: a `Trained`, or `TrainError`. What is asked of it is left to
`archdsl.train.inference`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from archdsl.codegen.weights import load_weights
from archdsl.codegen.weights_file import CheckpointError
from archdsl.elaborate.recipe import Recipe
from archdsl.elaborate.recipe_learning import LOSSES, Criterion, CrossEntropy
from archdsl.elaborate.recipe_settings import Augment, Data
from archdsl.elaborate.recipe_values import Crop
from archdsl.graph import Graph
from archdsl.train.dataset import Prepare
from archdsl.train.errors import TrainError
from archdsl.train.folder import BEST, RECIPE, WEIGHTS
from archdsl.train.machine import Machine
from archdsl.train.objective import logits

__all__ = ["Setup", "Trained", "open_run"]


@dataclass(frozen=True)
class Setup:
    """How a network was given its images: what they were made of, what was done to them, what its outputs mean.

    `prepare` is None where no run says it; `names` are those of the classes, where they have any.
    """

    data: Data | None
    augment: Augment | None
    criterion: Criterion
    prepare: Prepare | None = None
    names: tuple[str, ...] = ()

    def differences(self, other: Setup) -> Iterator[str]:
        """Why the probabilities of two runs cannot be averaged."""
        if self.criterion != other.criterion:
            yield "their losses are others, so their outputs mean other things"
        if self.names and other.names and self.names != other.names:
            yield "they tell other classes apart"
        ours, theirs = (setup.augment or Augment() for setup in (self, other))
        scaled = (ours.resize, ours.resized_crop) != (theirs.resize, theirs.resized_crop)
        if self.prepare != other.prepare or scaled:
            yield "they were given their images in different ways"

    @staticmethod
    def of(recipe: Recipe | None) -> Setup:
        """What the recipe of a file says."""
        recipe = recipe or Recipe()
        criterion = recipe.loss.criterion if recipe.loss is not None else CrossEntropy()
        return Setup(recipe.data, recipe.augment, criterion)


@dataclass(frozen=True)
class Trained:
    """A module in the mode for tests, without what the loss does itself; `setup` is None for a file of weights."""

    path: Path
    module: nn.Module
    setup: Setup | None


def open_run(path: Path, graph: Graph, criterion: Criterion, machine: Machine, *, best: bool = False) -> Trained:
    """A run folder's last or best weights, or a file of weights. Raises `TrainError`, and `ArchError` for another's."""
    setup = None
    weights = path
    if path.is_dir():
        setup = _setup(path / RECIPE)
        criterion = setup.criterion
        weights = path / (BEST if best else WEIGHTS)
        if not weights.is_file():
            hint = "give --best for the best epoch so far" if (path / BEST).is_file() else "is it a run folder?"
            raise TrainError(f"{path} has no {weights.name}", hint)
    elif best:
        raise TrainError(f"{path} is one file of weights, and the best epoch is of a run folder", "leave out --best")
    try:
        made = load_weights(logits(graph, criterion), weights)
    except CheckpointError as error:
        raise TrainError(error.message, error.hint) from None
    return Trained(weights, made.to(machine.device).eval(), setup)


def _setup(path: Path) -> Setup:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        recipe, data = record["recipe"], record["data"]
        prepare = data["prepare"]
        names = data["classes"] if isinstance(data["classes"], list) else []
        return Setup(
            Data(**recipe["data"]),
            _augment(recipe["augment"]),
            _criterion(recipe["criterion"]),
            Prepare(
                prepare["pad"],
                tuple(prepare["mean"]),
                tuple(prepare["deviation"]),
                tuple(map(tuple, prepare["components"])),
            ),
            tuple(map(str, names)),
        )
    except OSError as error:
        raise TrainError(f"{path}: cannot be read: {error.strerror}", "a run folder has it") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainError(f"{path}: it is not what `archdsl train` writes: {error}") from None


def _augment(record: Mapping[str, Any] | None) -> Augment | None:
    if record is None:
        return None
    values = {name: value for name, value in record.items() if name != "name"}
    if values["crop"] is not None:
        height, width = values["crop"]["size"]
        values["crop"] = Crop((height, width), values["crop"]["padding"])
    return Augment(**values)


def _criterion(record: Mapping[str, Any]) -> Criterion:
    made = LOSSES[record["name"]](**{name: value for name, value in record.items() if name != "name"})
    assert isinstance(made, Criterion)
    return made
