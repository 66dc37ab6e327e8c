"""Every setting of a recipe in one place: its options, their types and ranges, what they mean.

In: nothing. Out: `SETTINGS`, the table by which a recipe is read, and the types of those settings that have no file of
their own. Doing what they say is left to `archdsl.train`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from archdsl.elaborate.recipe_entries import NOT_NEGATIVE, POSITIVE, SHARE, Entry, entry, option
from archdsl.elaborate.recipe_init import Initial, Penalty, Rate
from archdsl.elaborate.recipe_learning import LOSSES, OPTIMIZERS, SCHEDULES
from archdsl.elaborate.recipe_values import Crop, CropKind, Flag, Kind, Real, Whole

__all__ = [
    "DATA",
    "SETTINGS",
    "Augment",
    "Choice",
    "Clip",
    "Data",
    "DataForm",
    "EarlyStopping",
    "Form",
    "Lookahead",
    "LossForm",
    "OptionsForm",
    "PerOp",
    "Scalar",
    "Setting",
]

# ---------------------------------------------------------------- data and the rest


@dataclass(frozen=True, slots=True)
class Data:
    """`cifar10`, `"mnist:data/mnist"`: a kind of data, and where it lies if the recipe says so."""

    kind: str
    path: str | None = None


DATA: Final[Mapping[str, str]] = MappingProxyType(
    {
        "digits": "1,797 handwritten digits, 8x8, which need no file",
        "mnist": "handwritten digits, 28x28, as IDX files",
        "fashion_mnist": "clothes, 28x28, as IDX files",
        "cifar10": "photographs in 10 classes, 32x32x3",
        "cifar100": "photographs in 100 classes, 32x32x3",
        "imagenet": "photographs in 1,000 classes, a folder a class",
        "folder": "images, a folder a class",
        "npz": "arrays in a file of NumPy",
    }
)
"""The kinds of data."""


@entry("augment")
class Augment(Entry):
    """What is done to the images; `pad`, `resize` and `normalize` to all of them, the rest in training alone."""

    resize: int | None = option(Whole(1), "scale the shorter side to this, in pixels", default=None)
    pad: int | None = option(Whole(1), "zeros around every image, in pixels", default=None)
    crop: Crop | None = option(CropKind(), "cut this size at a random place, after padding", default=None)
    resized_crop: int | None = option(Whole(1), "cut 8% to 100% of the area, scale it to this", default=None)
    reflect: bool = option(Flag(), "pad with the image mirrored at its border, not with zeros", default=False)
    flip: bool = option(Flag(), "mirror half of them left to right", default=False)
    alternate: bool = option(Flag(), "mirror in every other epoch those that were not before", default=False)
    rotate: float | None = option(Real(above=0, most=180), "turn by up to this, in degrees", default=None)
    jitter: float | None = option(SHARE, "change brightness, contrast and saturation by up to this", default=None)
    lighting: float | None = option(POSITIVE, "add colour along the principal components (AlexNet: 0.1)", default=None)
    cutout: int | None = option(Whole(1), "blank a square of this side, in pixels", default=None)
    mixup: float | None = option(POSITIVE, "mix pairs, by Beta(a, a)", default=None)
    cutmix: float | None = option(POSITIVE, "paste a part of another image, by Beta(a, a)", default=None)
    normalize: bool = option(Flag(), "mean 0, deviation 1 in each channel, as the training images say", default=False)

    def problem(self) -> tuple[str, str] | None:
        if self.crop is not None and self.resized_crop is not None:
            return "resized_crop", "`crop` and `resized_crop` cannot stand together"
        if self.alternate and not self.flip:
            return "alternate", "`alternate` says when images are flipped: write flip alternate"
        if self.reflect and (self.crop is None or not self.crop.padding):
            return "reflect", "`reflect` says how images are padded before a crop: write crop=32+2 reflect"
        if self.mixup is not None and self.cutmix is not None:
            return "cutmix", "`mixup` and `cutmix` cannot stand together"
        return None


@entry("clip")
class Clip(Entry):
    """Bounds on the gradient."""

    norm: float | None = option(POSITIVE, "largest norm of all gradients together", default=None)
    value: float | None = option(POSITIVE, "largest absolute value of each", default=None)

    def problem(self) -> tuple[str, str] | None:
        if self.norm is not None and self.value is not None:
            return "value", "`norm` and `value` cannot stand together"
        return None


@entry("lookahead")
class Lookahead(Entry):
    """Slow weights that go part of the way to the learning ones every `k` steps (Zhang, Lucas, Hinton & Ba, 2019).

    Then the learning ones begin again there. The part is 1 - (1 - `alpha`) * progress ** `power`: `alpha` all along, or
    with a power less and less from 1 on, down to `alpha` at the end (Jordan, 2024).
    """

    k: int = option(Whole(1), "steps between two moves of the slow weights")
    alpha: float = option(Real(above=0, below=1), "how much of the way they go, at the end of the run")
    power: float = option(NOT_NEGATIVE, "how late it falls from 1 to `alpha`; 0: it is `alpha` all along", default=0.0)


@entry("early_stopping")
class EarlyStopping(Entry):
    """Stop when the test loss has not fallen for `patience` epochs."""

    patience: int = option(Whole(1), "epochs without a better loss")


# ---------------------------------------------------------------- the table of settings


class Scalar(NamedTuple):
    """One value: `batch 128`."""

    kind: Kind


class Choice(NamedTuple):
    """A word with its options: `optimizer sgd lr=0.1`; `what` is what the words are called."""

    what: str
    entries: Mapping[str, type[Entry]]


class OptionsForm(NamedTuple):
    """Options alone: `augment crop=32+4 flip`."""

    entry: type[Entry]


class LossForm(NamedTuple):
    """A criterion with its options, and weighted outputs."""

    criteria: Choice


class PerOp(NamedTuple):
    """A value for every op or group: `rate bias=2 bn=0`. Of a number the kind, else it is a distribution."""

    kind: Kind | None
    made: Callable[[str, Any], Initial | Penalty | Rate]


class DataForm:
    """A word of `DATA`, or `"kind:PATH"`."""


Form: TypeAlias = Scalar | Choice | OptionsForm | LossForm | PerOp | DataForm


class Setting(NamedTuple):
    """One setting: the form of its values, what it means, an example that is right."""

    name: str
    form: Form
    doc: str
    example: str


SETTINGS: Final[Mapping[str, Setting]] = MappingProxyType(
    {
        setting.name: setting
        for setting in (
            Setting("data", DataForm(), "what is learnt from", "data cifar10"),
            Setting("augment", OptionsForm(Augment), "what is done to the images", "augment crop=32+4 flip"),
            Setting("batch", Scalar(Whole(1)), "images in a step", "batch 128"),
            Setting("epochs", Scalar(Whole(1, 1_000_000)), "times that all images are seen", "epochs 164"),
            Setting("seed", Scalar(Whole(0, 2**53)), "what decides every random number", "seed 1"),
            Setting(
                "optimizer", Choice("optimizer", OPTIMIZERS), "how weights follow gradients", "optimizer sgd lr=0.1"
            ),
            Setting(
                "schedule", Choice("schedule", SCHEDULES), "how the learning rate goes", "schedule step at=[82, 123]"
            ),
            Setting(
                "loss",
                LossForm(Choice("loss", LOSSES)),
                "what is made small",
                "loss cross_entropy label_smoothing=0.1",
            ),
            Setting("init", PerOp(None, Initial), "the first weights", "init conv=he_normal fc=normal(0.01)"),
            Setting("l2", PerOp(NOT_NEGATIVE, Penalty), "L2 penalty on the weights of some ops", "l2 fc=5e-4"),
            Setting(
                "rate",
                PerOp(NOT_NEGATIVE, Rate),
                "what multiplies the learning rate of the weights of some ops; 0 holds them",
                "rate bias=2",
            ),
            Setting("clip", OptionsForm(Clip), "bounds on the gradient", "clip norm=1.0"),
            Setting("accumulate", Scalar(Whole(1)), "batches whose gradients are added up for a step", "accumulate 4"),
            Setting("ema", Scalar(Real(above=0, below=1)), "decay of the running average of the weights", "ema 0.999"),
            Setting(
                "lookahead",
                OptionsForm(Lookahead),
                "slow weights, which the others begin at again every few steps",
                "lookahead k=5 alpha=0.5",
            ),
            Setting(
                "early_stopping",
                OptionsForm(EarlyStopping),
                "when to stop before the end",
                "early_stopping patience=10",
            ),
        )
    }
)
"""What a recipe can say."""
