"""The `train { … }` block, read: how a file says that its network is trained.

In: the lines of the block and the network. Out: a `Recipe`, or None and every mistake. What can be said
is the table of `archdsl.elaborate.recipe_settings`; whether a program can do it is left to that program.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from archdsl.diagnostics import Collector, Source, Span
from archdsl.graph import Graph
from archdsl.syntax import tree

if TYPE_CHECKING:
    from archdsl.elaborate.recipe_init import Initial, Penalty, Rate
    from archdsl.elaborate.recipe_learning import Loss, Optimizer, Schedule
    from archdsl.elaborate.recipe_settings import Augment, Clip, Data, EarlyStopping, Lookahead

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
    lookahead: Lookahead | None = None
    early_stopping: EarlyStopping | None = None
    places: tuple[Place, ...] = field(default=(), repr=False, compare=False)

    def place(self, setting: str) -> Span | None:
        """Where a setting was written, or None where it was not."""
        return next((place.span for place in self.places if place.setting == setting), None)


def read_recipe(
    train: tree.Train | None,
    graph: Graph | None,
    found: Collector,
    *,
    alone: bool = False,
    of_family: bool = False,
    conditional: frozenset[str] = frozenset(),
) -> Recipe | None:
    """The recipe of a file; None where there is none, or after reporting what is wrong with it.

    `graph` is None where the network is wrong, so that names of its outputs and of its weights are not checked. With
    `alone` the rest of the recipe is said elsewhere, the learning rate of an optimizer too. `of_family`: the recipe is
    that of several networks, of which this one may lack some weights; what is said of them is left out of its recipe,
    as is what a loss says of a `conditional` output that this network has not.
    Mistakes are `unknown-setting`, `bad-recipe` and `doubled-setting`, a warning `idle-setting`.
    """
    if train is None:
        return None
    from archdsl.elaborate.recipe_reader import RecipeReader

    return RecipeReader(graph, found, alone=alone, of_family=of_family, conditional=conditional).read(train)


def read_settings(text: str, graph: Graph | None, found: Collector) -> Recipe | None:
    """Settings that stand alone, as the inside of `train { … }`: `optimizer adam lr=1e-3  batch 64`.

    None after reporting what is wrong with them.
    """
    return _Alone("--recipe", text, "train { ", "\n}", "the settings of a recipe", "optimizer adam lr=1e-3").read(
        graph, found
    )


def read_init(text: str, graph: Graph | None, found: Collector) -> tuple[Initial, ...]:
    """The `init` line of a recipe that stands alone, `conv=he_normal fc=normal(0.01)`; a distribution alone is that of
    every `weight`, `he_normal`.

    Empty after reporting what is wrong with it.
    """
    from archdsl.elaborate.recipe_init import WEIGHT

    word = "" if "=" in text.partition("(")[0] else f"{WEIGHT}="
    before, example = f"train {{ init {word}", "conv=he_normal fc=normal(0.01)"
    alone = _Alone("init", text.strip(), before, " }", "the `init` of a recipe", example)
    recipe = alone.read(graph, found)
    if recipe is None:
        return ()
    if recipe != Recipe(init=recipe.init):
        alone.refuse(found)
        return ()
    return recipe.init


class _Alone(NamedTuple):
    """A part of `train { … }` that stands alone: read with the words around it, and shown without them."""

    name: str
    text: str
    before: str
    after: str
    what: str
    example: str

    def read(self, graph: Graph | None, found: Collector) -> Recipe | None:
        """None after reporting what is wrong with it."""
        from archdsl.syntax.parser import parse

        inside = Collector()
        file = parse(Source(self.name, self.before + self.text + self.after), inside)
        trains = [statement for statement in file.statements if isinstance(statement, tree.Train)]
        alone = len(trains) == 1 and len(file.statements) == 1
        recipe = read_recipe(trains[0], graph, inside, alone=True) if alone and not inside.failed else None
        shown = Source(self.name, self.text)
        for each in inside.sorted():
            notes = tuple(note._replace(span=self._shown(shown, note.span)) for note in each.notes)
            found.add(each._replace(span=self._shown(shown, each.span), notes=notes))
        if not alone and not inside.failed:
            self.refuse(found)
        if recipe is None:
            return None
        places = ((place.setting, self._shown(shown, place.span)) for place in recipe.places)
        return replace(recipe, places=tuple(Place(setting, span) for setting, span in places if span is not None))

    def refuse(self, found: Collector) -> None:
        """Report that there is more in the text than it should hold."""
        span = Span(Source(self.name, self.text), 0, len(self.text))
        found.error("bad-recipe", f"this is more than {self.what}", span, hint=self.example)

    def _shown(self, source: Source, span: Span | None) -> Span | None:
        if span is None:
            return None
        start, end = (min(max(at - len(self.before), 0), len(self.text)) for at in (span.start, span.end))
        return Span(source, start, end)
