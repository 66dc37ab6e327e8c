"""The `train { … }` block, read: how a file says that its network is trained.

In: the lines of the block and the outputs of the network. Out: a `Recipe`, or None and every mistake. What can be said
is the table of `archdsl.elaborate.recipe_settings`; whether a program can do it is left to that program.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archdsl.diagnostics import Collector, Span
from archdsl.graph import Output
from archdsl.syntax import tree

if TYPE_CHECKING:
    from archdsl.elaborate.recipe_init import Initial, Penalty
    from archdsl.elaborate.recipe_learning import Loss, Optimizer, Schedule
    from archdsl.elaborate.recipe_settings import Augment, Clip, Data, EarlyStopping

__all__ = ["Place", "Recipe", "read_recipe"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a setting was written."""

    setting: str
    span: Span


@dataclass(frozen=True)
class Recipe:
    """`train { batch 128  optimizer sgd lr=0.1 }`: one field a setting, None or empty where the file says nothing.

    `batch` is in images, `epochs` in passes over them, `accumulate` in batches; `ema` is the decay in a step.
    """

    data: Data | None = None
    augment: Augment | None = None
    batch: int | None = None
    epochs: int | None = None
    seed: int | None = None
    optimizer: Optimizer | None = None
    schedule: Schedule | None = None
    loss: Loss | None = None
    init: tuple[Initial, ...] = ()
    l2: tuple[Penalty, ...] = ()
    clip: Clip | None = None
    accumulate: int | None = None
    ema: float | None = None
    early_stopping: EarlyStopping | None = None
    places: tuple[Place, ...] = field(default=(), repr=False, compare=False)

    def place(self, setting: str) -> Span | None:
        """Where a setting was written, or None where it was not."""
        return next((place.span for place in self.places if place.setting == setting), None)


def read_recipe(train: tree.Train | None, outputs: list[Output] | None, found: Collector) -> Recipe | None:
    """The recipe of a file; None where there is none, or after reporting what is wrong with it.

    `outputs` are those of the network, or None where the network is wrong, so that names of outputs are not checked.
    Mistakes are `unknown-setting`, `bad-recipe` and `doubled-setting`.
    """
    if train is None:
        return None
    from archdsl.elaborate.recipe_reader import RecipeReader

    return RecipeReader(outputs, found).read(train)
