"""Every setting of a recipe in one place: its options, their types and ranges, what they mean.

In: nothing. Out: frozen types for what a recipe says and `SETTINGS`, the table by which `archdsl.elaborate.recipe` reads one.
A new optimizer or schedule is one class here. Doing what they say is left to `archdsl.train`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Final, TypeAlias, TypeVar, dataclass_transform

from archdsl.elaborate.recipe_values import Crop, CropKind, Flag, Kind, Milestones, Numbers, Rates, Real, Whole

__all__ = [
    "DATA",
    "DISTRIBUTIONS",
    "SETTINGS",
    "Augment",
    "Auxiliary",
    "Choice",
    "Clip",
    "Data",
    "DataForm",
    "Distribution",
    "EarlyStopping",
    "Entry",
    "Initial",
    "Loss",
    "LossForm",
    "Optimizer",
    "Option",
    "OptionsForm",
    "Penalty",
    "PerOp",
    "Scalar",
    "Schedule",
    "Setting",
]

POSITIVE: Final = Real(above=0)
NOT_NEGATIVE: Final = Real(least=0)
BELOW_ONE: Final = Real(least=0, below=1)
SHARE: Final = Real(least=0, most=1)


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its name, the kind of its value, what it means; `positional` ones may stand without their name."""

    name: str
    kind: Kind
    doc: str
    required: bool
    positional: bool = False


def option(
    kind: Kind, doc: str, *, default: Any = dataclasses.MISSING, positional: bool = False, kw_only: bool = True
) -> Any:
    """A field of an entry; without a default it must be written."""
    required = default is dataclasses.MISSING
    made = Option("", kind, doc, required, positional)
    return dataclasses.field(default=default, kw_only=kw_only, metadata={"option": made})


class Entry:
    """A word of a recipe with its options: an optimizer, a schedule, a loss, a distribution."""

    name: ClassVar[str] = ""
    options: ClassVar[Mapping[str, Option]] = MappingProxyType({})

    def problem(self) -> tuple[str, str] | None:
        """The option that does not go with the others and why, or None."""
        return None


E = TypeVar("E", bound=Entry)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(option,))
def entry(name: str, table: dict[str, type[Entry]] | None = None) -> Callable[[type[E]], type[E]]:
    """Make a class an entry of a table under a name; its fields made by `option` are its options."""

    def register(cls: type[E]) -> type[E]:
        made: Any = dataclass(frozen=True, kw_only=True)(cls)
        made.name = name
        made.options = MappingProxyType(
            {
                field.name: dataclasses.replace(field.metadata["option"], name=field.name)
                for field in dataclasses.fields(made)
            }
        )
        if table is not None:
            table[name] = made
        return made  # type: ignore[no-any-return]

    return register


# ---------------------------------------------------------------- optimizers

_optimizers: dict[str, type[Entry]] = {}


class Optimizer(Entry):
    """How weights follow gradients. `lr` is None where a table by epoch gives the learning rate."""

    lr: float | None
    weight_decay: float


@entry("sgd", _optimizers)
class Sgd(Optimizer):
    """Stochastic gradient descent, with momentum as Polyak (1964) or Nesterov (1983) have it."""

    lr: float | None = option(POSITIVE, "learning rate", default=None)
    momentum: float = option(BELOW_ONE, "how much of the last step is kept", default=0.0)
    nesterov: bool = option(Flag(), "look ahead before the gradient is taken", default=False)
    weight_decay: float = option(NOT_NEGATIVE, "L2 penalty on every weight", default=0.0)

    def problem(self) -> tuple[str, str] | None:
        if self.nesterov and self.momentum == 0:
            return "nesterov", "`nesterov` needs a momentum above 0"
        return None


@entry("adam", _optimizers)
class Adam(Optimizer):
    """Adam (Kingma & Ba, 2015); `weight_decay` is an L2 penalty."""

    lr: float | None = option(POSITIVE, "learning rate", default=None)
    betas: tuple[float, float] = option(Numbers(2, BELOW_ONE), "decay of the two averages", default=(0.9, 0.999))
    eps: float = option(POSITIVE, "added to the denominator", default=1e-8)
    weight_decay: float = option(NOT_NEGATIVE, "L2 penalty on every weight", default=0.0)


@entry("adamw", _optimizers)
class AdamW(Optimizer):
    """Adam with decoupled weight decay (Loshchilov & Hutter, 2019)."""

    lr: float | None = option(POSITIVE, "learning rate", default=None)
    betas: tuple[float, float] = option(Numbers(2, BELOW_ONE), "decay of the two averages", default=(0.9, 0.999))
    eps: float = option(POSITIVE, "added to the denominator", default=1e-8)
    weight_decay: float = option(NOT_NEGATIVE, "share of a weight lost in a step of learning rate 1", default=0.01)


@entry("rmsprop", _optimizers)
class RmsProp(Optimizer):
    """RMSProp (Hinton, lecture 6e, 2012)."""

    lr: float | None = option(POSITIVE, "learning rate", default=None)
    alpha: float = option(BELOW_ONE, "decay of the average of squares", default=0.99)
    eps: float = option(POSITIVE, "added to the denominator", default=1e-8)
    momentum: float = option(BELOW_ONE, "how much of the last step is kept", default=0.0)
    weight_decay: float = option(NOT_NEGATIVE, "L2 penalty on every weight", default=0.0)


@entry("adagrad", _optimizers)
class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan & Singer, 2011)."""

    lr: float | None = option(POSITIVE, "learning rate", default=None)
    lr_decay: float = option(NOT_NEGATIVE, "how the learning rate falls with the steps", default=0.0)
    eps: float = option(POSITIVE, "added to the denominator", default=1e-10)
    weight_decay: float = option(NOT_NEGATIVE, "L2 penalty on every weight", default=0.0)


@entry("muon", _optimizers)
class Muon(Optimizer):
    """Muon (Jordan et al., 2024): momentum, orthogonalised; convolution kernels are taken as matrices."""

    lr: float | None = option(POSITIVE, "learning rate", default=None)
    momentum: float = option(BELOW_ONE, "how much of the last step is kept", default=0.95)
    nesterov: bool = option(Flag(), "look ahead before the gradient is taken", default=True)
    weight_decay: float = option(NOT_NEGATIVE, "share of a weight lost in a step of learning rate 1", default=0.1)


# ---------------------------------------------------------------- schedules

_schedules: dict[str, type[Entry]] = {}


@entry("schedule")
class Schedule(Entry):
    """How the learning rate goes. For `warmup` epochs it rises linearly from 0 to what the schedule says."""

    warmup: float = option(NOT_NEGATIVE, "epochs in which the learning rate rises from 0", default=0.0)


_FINAL: Final = "learning rate at the end, as a share of the first"


@entry("constant", _schedules)
class Constant(Schedule):
    """The same throughout."""


@entry("step", _schedules)
class Step(Schedule):
    """Times `factor` after each of the epochs `at` (He et al., 2016)."""

    at: tuple[int, ...] = option(Milestones(), "after how many epochs it falls")
    factor: float = option(Real(above=0, below=1), "what it is multiplied by", default=0.1)


@entry("plateau", _schedules)
class Plateau(Schedule):
    """Times `factor` when the test loss has not fallen for `patience` epochs (AlexNet, VGG)."""

    factor: float = option(Real(above=0, below=1), "what it is multiplied by", default=0.1)
    patience: int = option(Whole(1), "epochs without a better loss", default=10)


@entry("cosine", _schedules)
class Cosine(Schedule):
    """Half a cosine down to `final` (Loshchilov & Hutter, 2017)."""

    final: float = option(SHARE, _FINAL, default=0.0)


@entry("linear", _schedules)
class Linear(Schedule):
    """A straight line down to `final`."""

    final: float = option(SHARE, _FINAL, default=0.0)


@entry("exponential", _schedules)
class Exponential(Schedule):
    """Times `factor` after every `every` epochs: `every=8 factor=0.96` is GoogLeNet's 4% every 8 epochs."""

    factor: float = option(Real(above=0, most=1), "what it is multiplied by")
    every: int = option(Whole(1), "epochs between two falls", default=1)


@entry("polynomial", _schedules)
class Polynomial(Schedule):
    """(1 - progress) to the `power`."""

    power: float = option(POSITIVE, "the exponent", default=1.0)
    final: float = option(SHARE, _FINAL, default=0.0)


@entry("table", _schedules)
class Table(Schedule):
    """The learning rate itself, from each of the epochs on: `table {1: 5e-4, 3: 2e-4}` (LeNet-5)."""

    rates: tuple[tuple[int, float], ...] = option(Rates(), "learning rate by epoch", positional=True)

    @property
    def whole(self) -> bool:
        """Whether it says the learning rate from the first epoch on."""
        return self.rates[0][0] == 1


@entry("triangular", _schedules)
class Triangular(Schedule):
    """Up in a straight line to the optimizer's learning rate at `peak` of the run, and down again (Smith, 2018)."""

    peak: float = option(Real(above=0, below=1), "where it is highest, as a share of the run", default=0.3)
    start: float = option(SHARE, "learning rate at the start, as a share of the highest", default=0.0)
    final: float = option(SHARE, "learning rate at the end, as a share of the highest", default=0.0)

    def problem(self) -> tuple[str, str] | None:
        if self.warmup:
            return "warmup", "a triangular schedule rises by itself, and takes no `warmup`"
        return None


# ---------------------------------------------------------------- losses

_losses: dict[str, type[Entry]] = {}


class Criterion(Entry):
    """What is made small."""


@entry("cross_entropy", _losses)
class CrossEntropy(Criterion):
    """Cross entropy with the labels, each smoothed by `label_smoothing` (Szegedy et al., 2016)."""

    label_smoothing: float = option(BELOW_ONE, "share of a label given to all classes alike", default=0.0)


@entry("binary_cross_entropy", _losses)
class BinaryCrossEntropy(Criterion):
    """One yes or no an output."""


@entry("mse", _losses)
class Mse(Criterion):
    """Mean of the squared differences."""


@dataclass(frozen=True, slots=True)
class Auxiliary:
    """`0.3 aux1`: another output of the network, whose loss counts `weight` times."""

    output: str
    weight: float


@dataclass(frozen=True, slots=True)
class Loss:
    """`cross_entropy label_smoothing=0.1 + 0.3 aux1`."""

    criterion: Criterion
    auxiliaries: tuple[Auxiliary, ...] = ()


# ---------------------------------------------------------------- initial weights

DISTRIBUTIONS: Final[dict[str, type[Entry]]] = {}


class Distribution(Entry):
    """Where the first weights are drawn from."""


@entry("he_normal", DISTRIBUTIONS)
class HeNormal(Distribution):
    """Normal with variance 2 / fan_in (He et al., 2015)."""


@entry("he_uniform", DISTRIBUTIONS)
class HeUniform(Distribution):
    """Uniform with variance 2 / fan_in."""


@entry("xavier_normal", DISTRIBUTIONS)
class XavierNormal(Distribution):
    """Normal with variance 2 / (fan_in + fan_out) (Glorot & Bengio, 2010)."""


@entry("xavier_uniform", DISTRIBUTIONS)
class XavierUniform(Distribution):
    """Uniform with variance 2 / (fan_in + fan_out)."""


@entry("lecun_normal", DISTRIBUTIONS)
class LecunNormal(Distribution):
    """Normal with variance 1 / fan_in (LeCun et al., 1998)."""


@entry("normal", DISTRIBUTIONS)
class Normal(Distribution):
    """`normal(0.01)`: normal with this standard deviation."""

    std: float = option(POSITIVE, "standard deviation", positional=True)
    mean: float = option(Real(), "mean", default=0.0)


@entry("truncated_normal", DISTRIBUTIONS)
class TruncatedNormal(Distribution):
    """`truncated_normal(0.02)`: normal, drawn again beyond two standard deviations."""

    std: float = option(POSITIVE, "standard deviation", positional=True)


@entry("uniform", DISTRIBUTIONS)
class Uniform(Distribution):
    """`uniform(0.05)`: uniform from -limit to limit."""

    limit: float = option(POSITIVE, "the largest weight", positional=True)


@entry("constant", DISTRIBUTIONS)
class Filled(Distribution):
    """`constant(0.1)`: every weight the same."""

    value: float = option(Real(), "the weight", positional=True)


@entry("zeros", DISTRIBUTIONS)
class Zeros(Distribution):
    """Every weight 0."""


@entry("ones", DISTRIBUTIONS)
class Ones(Distribution):
    """Every weight 1."""


@entry("orthogonal", DISTRIBUTIONS)
class Orthogonal(Distribution):
    """Rows at right angles (Saxe et al., 2014), times `gain`."""

    gain: float = option(POSITIVE, "multiplies them", default=1.0, positional=True)


@dataclass(frozen=True, slots=True)
class Initial:
    """`conv=he_normal`: the distribution of the weights of every `conv`; `bias` is that of every bias."""

    op: str
    distribution: Distribution


@dataclass(frozen=True, slots=True)
class Penalty:
    """`fc=5e-4`: the L2 penalty on the weights of every `fc`."""

    op: str
    strength: float


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
    """What is done to the images; all but `pad`, `resize` and `normalize` is done to those that are trained on, alone."""

    resize: int | None = option(Whole(1), "scale the shorter side to this, in pixels", default=None)
    pad: int | None = option(Whole(1), "zeros around every image, in pixels", default=None)
    crop: Crop | None = option(CropKind(), "cut this size at a random place, after padding", default=None)
    resized_crop: int | None = option(Whole(1), "cut 8% to 100% of the area, scale it to this", default=None)
    flip: bool = option(Flag(), "mirror half of them left to right", default=False)
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


@entry("early_stopping")
class EarlyStopping(Entry):
    """Stop when the test loss has not fallen for `patience` epochs."""

    patience: int = option(Whole(1), "epochs without a better loss")


# ---------------------------------------------------------------- the table of settings


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value: `batch 128`."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class Choice:
    """A word with its options: `optimizer sgd lr=0.1`; `what` is what the words are called."""

    what: str
    entries: Mapping[str, type[Entry]]


@dataclass(frozen=True, slots=True)
class OptionsForm:
    """Options alone: `augment crop=32+4 flip`."""

    entry: type[Entry]


@dataclass(frozen=True, slots=True)
class LossForm:
    """A criterion with its options, and weighted outputs."""

    criteria: Choice


@dataclass(frozen=True, slots=True)
class PerOp:
    """A value for every op: `conv=he_normal fc=normal(0.01)`; of a number the kind, else a distribution."""

    kind: Kind | None


@dataclass(frozen=True, slots=True)
class DataForm:
    """A word of `DATA`, or `"kind:PATH"`."""


Form: TypeAlias = Scalar | Choice | OptionsForm | LossForm | PerOp | DataForm


@dataclass(frozen=True, slots=True)
class Setting:
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
                "optimizer", Choice("optimizer", _optimizers), "how weights follow gradients", "optimizer sgd lr=0.1"
            ),
            Setting(
                "schedule", Choice("schedule", _schedules), "how the learning rate goes", "schedule step at=[82, 123]"
            ),
            Setting(
                "loss",
                LossForm(Choice("loss", _losses)),
                "what is made small",
                "loss cross_entropy label_smoothing=0.1",
            ),
            Setting("init", PerOp(None), "the first weights", "init conv=he_normal fc=normal(0.01)"),
            Setting("l2", PerOp(NOT_NEGATIVE), "L2 penalty on the weights of some ops", "l2 fc=5e-4"),
            Setting("clip", OptionsForm(Clip), "bounds on the gradient", "clip norm=1.0"),
            Setting("accumulate", Scalar(Whole(1)), "batches whose gradients are added up for a step", "accumulate 4"),
            Setting("ema", Scalar(Real(above=0, below=1)), "decay of the running average of the weights", "ema 0.999"),
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
