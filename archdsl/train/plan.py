"""What a run will do, every setting decided.

In: the recipe of a file, or none, and what the command line says instead. Out: a `Plan`. Doing it is left to
`archdsl.train.loop`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from archdsl.diagnostics import Diagnostic, counted
from archdsl.elaborate.recipe import Recipe
from archdsl.elaborate.recipe_entries import Entry
from archdsl.elaborate.recipe_init import Initial, Penalty, Rate
from archdsl.elaborate.recipe_learning import (
    Adam,
    Auxiliary,
    Constant,
    Criterion,
    CrossEntropy,
    Optimizer,
    Schedule,
    Table,
)
from archdsl.elaborate.recipe_settings import Augment, Clip, Data, EarlyStopping, Lookahead
from archdsl.train.errors import TrainError

__all__ = ["Overrides", "Plan", "Weights", "as_record", "describe", "merged", "plan", "unreached"]


@dataclass(frozen=True, slots=True)
class Weights:
    """A file of weights to begin with, and its digest."""

    path: str
    sha256: str


@dataclass(frozen=True)
class Overrides:
    """What stands in place of the recipe's own; None leaves it. `recipe` is settings written as a file has them."""

    recipe: Recipe | None = None
    data: Data | None = None
    batch: int | None = None
    epochs: int | None = None
    seed: int | None = None
    lr: float | None = None
    on_nan: str | None = None
    weights: Weights | None = None
    freeze: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Everything that decides a run, beside the network, the data and the machine.

    `batch` is in images, `epochs` in passes over the training images, `accumulate` in batches a step; `on_nan` is
    `stop` or `skip`, for a step whose loss is not finite. Learning begins at `weights`; what a pattern of `freeze`
    names is held.
    """

    data: Data
    augment: Augment | None = None
    batch: int = 32
    epochs: int = 10
    seed: int = 0
    optimizer: Optimizer = Adam(lr=1e-3)  # noqa: RUF009 - frozen
    schedule: Schedule = Constant()  # noqa: RUF009 - frozen
    criterion: Criterion = CrossEntropy()  # noqa: RUF009 - frozen
    auxiliaries: tuple[Auxiliary, ...] = ()
    init: tuple[Initial, ...] = ()
    clip: Clip | None = None
    accumulate: int = 1
    ema: float | None = None
    lookahead: Lookahead | None = None
    l2: tuple[Penalty, ...] = ()
    rate: tuple[Rate, ...] = ()
    early_stopping: EarlyStopping | None = None
    on_nan: str = "stop"
    weights: Weights | None = None
    freeze: tuple[str, ...] = ()

    @property
    def step_images(self) -> int:
        """Images in a step: as many batches as are added up."""
        return self.batch * self.accumulate


def plan(recipe: Recipe | None, overrides: Overrides) -> Plan:
    """The plan that a recipe and the command line make together; defaults fill what neither says.

    Raises `TrainError` for what does not go together.
    """
    recipe = merged(recipe, overrides.recipe)
    if overrides.data is not None:
        recipe = dataclasses.replace(recipe, data=overrides.data)
    if recipe.data is None:
        raise TrainError("what is learnt from is said neither in the file nor on the command line", "--data digits")
    for name in ("data", "batch", "epochs", "seed"):
        if getattr(overrides, name) is not None and overrides.recipe is not None:
            _once(name, getattr(overrides.recipe, name))
    if overrides.lr is not None and overrides.recipe is not None and overrides.recipe.optimizer is not None:
        _once("lr", overrides.recipe.optimizer.lr)
    chosen: dict[str, Any] = {
        "augment": recipe.augment,
        "batch": overrides.batch or recipe.batch,
        "epochs": overrides.epochs or recipe.epochs,
        "seed": recipe.seed if overrides.seed is None else overrides.seed,
        "optimizer": recipe.optimizer,
        "schedule": recipe.schedule,
        "init": recipe.init,
        "clip": recipe.clip,
        "accumulate": recipe.accumulate,
        "ema": recipe.ema,
        "lookahead": recipe.lookahead,
        "l2": recipe.l2,
        "rate": recipe.rate,
        "early_stopping": recipe.early_stopping,
        "on_nan": overrides.on_nan,
        "weights": overrides.weights,
        "freeze": overrides.freeze,
    }
    if recipe.loss is not None:
        chosen |= {"criterion": recipe.loss.criterion, "auxiliaries": recipe.loss.auxiliaries}
    made = Plan(data=recipe.data, **{name: value for name, value in chosen.items() if value is not None})
    whole = isinstance(made.schedule, Table) and made.schedule.whole
    if overrides.lr is not None:
        if whole:
            raise TrainError(
                "the table of the recipe says the learning rate of every epoch, so --lr would change nothing",
                "--recipe 'schedule constant' stands in place of the table",
            )
        made = dataclasses.replace(made, optimizer=made.optimizer.replace(lr=overrides.lr))
    elif whole and made.optimizer.lr is not None and recipe.optimizer is not None:
        message = "the table says the learning rate of every epoch, and the optimizer's is never used"
        raise TrainError(message, "leave out one of them")
    elif not whole and made.optimizer.lr is None:
        raise TrainError(f"`{made.optimizer.name}` needs `lr`, the learning rate", "--lr 0.1")
    if made.schedule.warmup >= made.epochs:
        raise TrainError(f"the warm-up takes {made.schedule.warmup:g} epochs, and there are {made.epochs}")
    return made


def unreached(made: Plan, recipe: Recipe | None, written: Recipe | None = None) -> tuple[Diagnostic, ...]:
    """A warning where a schedule names epochs that the run has not; `recipe` is the file's, `written` stands before it.

    `schedule step at=[82, 123]` in a run of 10 epochs never falls.
    """
    late = [epoch for epoch in made.schedule.changes if epoch >= made.epochs]
    if not late:
        return ()
    said = next((given for given in (written, recipe) if given is not None and given.schedule is not None), None)
    named = f"epoch {late[0]}" if len(late) == 1 else f"epochs {', '.join(map(str, late[:-1]))} and {late[-1]}"
    message = f"the schedule changes after {named}, which this run of {counted(made.epochs, 'epoch')} does not reach"
    hint = f"--epochs {late[-1] + 1} or more reaches it; --recipe 'schedule …' stands in its place"
    place = said.place("schedule") if said is not None else None
    return (Diagnostic("unreached-schedule", message, place, hint=hint, severity="warning"),)


def _once(name: str, value: object) -> None:
    """Raise `TrainError` where an option and the settings of the command line both say something."""
    if value is not None:
        message = f"`{name}` is said twice, by --{name} and by other settings of the command line"
        raise TrainError(message, "leave out one of them")


def merged(recipe: Recipe | None, other: Recipe | None) -> Recipe:
    """A recipe with the settings of another in place of its own; `ema` and `lookahead` are in place of each other."""
    recipe, other = recipe or Recipe(), other or Recipe()
    if other.ema is not None or other.lookahead is not None:
        recipe = dataclasses.replace(recipe, ema=None, lookahead=None)
    given = {field.name: getattr(other, field.name) for field in dataclasses.fields(Recipe) if field.name != "places"}
    return dataclasses.replace(recipe, **{name: value for name, value in given.items() if value not in (None, ())})


def as_record(value: object) -> Any:
    """A plan, or any part of it, as what JSON can hold; an entry is led by its name."""
    if isinstance(value, Entry):
        return {"name": value.name, **{name: as_record(part) for name, part in value.values.items()}}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_record(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [as_record(part) for part in value]
    return value


def describe(entry: Entry) -> str:
    """An entry as a recipe would have it, with what differs from the defaults: `sgd lr=0.1 momentum=0.9`."""
    parts = [entry.name]
    for name, value in entry.values.items():
        if isinstance(entry, Table) and name == "rates":
            parts.append(f"{{{', '.join(f'{epoch}: {rate:g}' for epoch, rate in entry.rates)}}}")
        elif value != entry.options[name].default:
            parts.append(name if value is True else f"{name}={_text(value)}")
    return " ".join(parts)


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_text, value))}]"
    return str(value)
