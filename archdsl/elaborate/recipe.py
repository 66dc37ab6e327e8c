"""The `train { … }` block, read: how a file says that its network is trained.

In: the lines of the block and the outputs of the network. Out: a `Recipe`, or None and every mistake. What can be said
is the table of `archdsl.elaborate.recipe_settings`; whether a program can do it is left to that program.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archdsl.diagnostics import Collector, Source, Span
from archdsl.graph import Output
from archdsl.syntax import tree

if TYPE_CHECKING:
    from archdsl.elaborate.recipe_init import Initial, Penalty, Rate
    from archdsl.elaborate.recipe_learning import Loss, Optimizer, Schedule
    from archdsl.elaborate.recipe_settings import Augment, Clip, Data, EarlyStopping

__all__ = ["Place", "Recipe", "read_init", "read_recipe", "read_settings"]


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
    rate: tuple[Rate, ...] = ()
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


def read_settings(text: str, outputs: list[Output] | None, found: Collector) -> Recipe | None:
    """Settings that stand alone, as the inside of `train { … }`: `optimizer adam lr=1e-3  batch 64`.

    None after reporting what is wrong with them.
    """
    from archdsl.syntax.parser import parse

    file = parse(Source("recipe", f"train {{ {text}\n}}"), found)
    trains = [statement for statement in file.statements if isinstance(statement, tree.Train)]
    if found.failed:
        return None
    if len(trains) != 1 or len(file.statements) != 1:
        span = Span(file.source, 0, len(file.source.text))
        found.error("bad-recipe", "this is more than the settings of a recipe", span, hint="optimizer adam lr=1e-3")
        return None
    return read_recipe(trains[0], outputs, found)


def read_init(text: str, found: Collector) -> tuple[Initial, ...]:
    """The `init` line of a recipe that stands alone, `conv=he_normal fc=normal(0.01)`; a distribution alone is that of
    every `weight`, `he_normal`.

    Empty after reporting what is wrong with it.
    """
    from archdsl.elaborate.recipe_init import WEIGHT
    from archdsl.syntax.parser import parse

    line = text.strip()
    line = line if "=" in line.partition("(")[0] else f"{WEIGHT}={line}"
    file = parse(Source("init", f"train {{ init {line} }}"), found)
    trains = [statement for statement in file.statements if isinstance(statement, tree.Train)]
    recipe = read_recipe(trains[0], None, found) if trains and not found.failed else None
    if recipe is not None and recipe == Recipe(init=recipe.init) and len(file.statements) == 1:
        return recipe.init
    if not found.failed:
        span = Span(file.source, 0, len(file.source.text))
        hint = "conv=he_normal fc=normal(0.01)"
        found.error("bad-recipe", "this is more than the `init` of a recipe", span, hint=hint)
    return ()
