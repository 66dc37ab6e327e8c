"""Optimizers, schedules of the learning rate and losses: their options, types and ranges.

In: nothing. Out: a frozen class each, and the tables `OPTIMIZERS`, `SCHEDULES` and `LOSSES`. Doing what they say is
left to `archdsl.train`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from archdsl.elaborate.recipe_entries import BELOW_ONE, NOT_NEGATIVE, POSITIVE, SHARE, Entry, entry, option
from archdsl.elaborate.recipe_values import Flag, Milestones, Numbers, Rates, Real, Whole

__all__ = [
    "LOSSES",
    "OPTIMIZERS",
    "SCHEDULES",
    "Adagrad",
    "Adam",
    "AdamW",
    "Auxiliary",
    "BinaryCrossEntropy",
    "Constant",
    "Cosine",
    "Criterion",
    "CrossEntropy",
    "Exponential",
    "Linear",
    "Loss",
    "Mse",
    "Muon",
    "Optimizer",
    "Plateau",
    "Polynomial",
    "RmsProp",
    "Schedule",
    "Sgd",
    "Step",
    "Table",
    "Triangular",
]

# ---------------------------------------------------------------- optimizers

OPTIMIZERS: Final[dict[str, type[Entry]]] = {}


class Optimizer(Entry):
    """How weights follow gradients. `lr` is None where a table by epoch gives the learning rate."""

    lr: float | None
    weight_decay: float


@entry("sgd", OPTIMIZERS)
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


@entry("adam", OPTIMIZERS)
class Adam(Optimizer):
    """Adam (Kingma & Ba, 2015); `weight_decay` is an L2 penalty."""

    lr: float | None = option(POSITIVE, "learning rate", default=None)
    betas: tuple[float, float] = option(Numbers(2, BELOW_ONE), "decay of the two averages", default=(0.9, 0.999))
    eps: float = option(POSITIVE, "added to the denominator", default=1e-8)
    weight_decay: float = option(NOT_NEGATIVE, "L2 penalty on every weight", default=0.0)


@entry("adamw", OPTIMIZERS)
class AdamW(Optimizer):
    """Adam with decoupled weight decay (Loshchilov & Hutter, 2019)."""

    lr: float | None = option(POSITIVE, "learning rate", default=None)
    betas: tuple[float, float] = option(Numbers(2, BELOW_ONE), "decay of the two averages", default=(0.9, 0.999))
    eps: float = option(POSITIVE, "added to the denominator", default=1e-8)
    weight_decay: float = option(NOT_NEGATIVE, "share of a weight lost in a step of learning rate 1", default=0.01)


@entry("rmsprop", OPTIMIZERS)
class RmsProp(Optimizer):
    """RMSProp (Hinton, lecture 6e, 2012)."""

    lr: float | None = option(POSITIVE, "learning rate", default=None)
    alpha: float = option(BELOW_ONE, "decay of the average of squares", default=0.99)
    eps: float = option(POSITIVE, "added to the denominator", default=1e-8)
    momentum: float = option(BELOW_ONE, "how much of the last step is kept", default=0.0)
    weight_decay: float = option(NOT_NEGATIVE, "L2 penalty on every weight", default=0.0)


@entry("adagrad", OPTIMIZERS)
class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan & Singer, 2011)."""

    lr: float | None = option(POSITIVE, "learning rate", default=None)
    lr_decay: float = option(NOT_NEGATIVE, "how the learning rate falls with the steps", default=0.0)
    eps: float = option(POSITIVE, "added to the denominator", default=1e-10)
    weight_decay: float = option(NOT_NEGATIVE, "L2 penalty on every weight", default=0.0)


@entry("muon", OPTIMIZERS)
class Muon(Optimizer):
    """Muon (Jordan et al., 2024): momentum, orthogonalised; convolution kernels are taken as matrices."""

    lr: float | None = option(POSITIVE, "learning rate", default=None)
    momentum: float = option(BELOW_ONE, "how much of the last step is kept", default=0.95)
    nesterov: bool = option(Flag(), "look ahead before the gradient is taken", default=True)
    weight_decay: float = option(NOT_NEGATIVE, "share of a weight lost in a step of learning rate 1", default=0.1)


# ---------------------------------------------------------------- schedules

SCHEDULES: Final[dict[str, type[Entry]]] = {}


@entry("schedule")
class Schedule(Entry):
    """How the learning rate goes. For `warmup` epochs it rises linearly from 0 to what the schedule says."""

    warmup: float = option(NOT_NEGATIVE, "epochs in which the learning rate rises from 0", default=0.0)

    @property
    def changes(self) -> tuple[int, ...]:
        """After how many epochs it changes, where it names them."""
        return ()


_FINAL: Final = "learning rate at the end, as a share of the first"


@entry("constant", SCHEDULES)
class Constant(Schedule):
    """The same throughout."""


@entry("step", SCHEDULES)
class Step(Schedule):
    """Times `factor` after each of the epochs `at` (He et al., 2016)."""

    at: tuple[int, ...] = option(Milestones(), "after how many epochs it falls")
    factor: float = option(Real(above=0, below=1), "what it is multiplied by", default=0.1)

    @property
    def changes(self) -> tuple[int, ...]:
        return self.at


@entry("plateau", SCHEDULES)
class Plateau(Schedule):
    """Times `factor` when the test loss has not fallen for `patience` epochs (AlexNet, VGG)."""

    factor: float = option(Real(above=0, below=1), "what it is multiplied by", default=0.1)
    patience: int = option(Whole(1), "epochs without a better loss", default=10)


@entry("cosine", SCHEDULES)
class Cosine(Schedule):
    """Half a cosine down to `final` (Loshchilov & Hutter, 2017)."""

    final: float = option(SHARE, _FINAL, default=0.0)


@entry("linear", SCHEDULES)
class Linear(Schedule):
    """A straight line down to `final`."""

    final: float = option(SHARE, _FINAL, default=0.0)


@entry("exponential", SCHEDULES)
class Exponential(Schedule):
    """Times `factor` after every `every` epochs: `every=8 factor=0.96` is GoogLeNet's 4% every 8 epochs."""

    factor: float = option(Real(above=0, most=1), "what it is multiplied by")
    every: int = option(Whole(1), "epochs between two falls", default=1)


@entry("polynomial", SCHEDULES)
class Polynomial(Schedule):
    """(1 - progress) to the `power`."""

    power: float = option(POSITIVE, "the exponent", default=1.0)
    final: float = option(SHARE, _FINAL, default=0.0)


@entry("table", SCHEDULES)
class Table(Schedule):
    """The learning rate itself, from each of the epochs on: `table {1: 5e-4, 3: 2e-4}` (LeNet-5)."""

    rates: tuple[tuple[int, float], ...] = option(Rates(), "learning rate by epoch", positional=True)

    @property
    def whole(self) -> bool:
        """Whether it says the learning rate from the first epoch on."""
        return self.rates[0][0] == 1

    @property
    def changes(self) -> tuple[int, ...]:
        return tuple(first - 1 for first, _ in self.rates if first > 1)


@entry("triangular", SCHEDULES)
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

LOSSES: Final[dict[str, type[Entry]]] = {}


class Criterion(Entry):
    """What is made small."""


@entry("cross_entropy", LOSSES)
class CrossEntropy(Criterion):
    """Cross entropy with the labels, each smoothed by `label_smoothing` (Szegedy et al., 2016)."""

    label_smoothing: float = option(BELOW_ONE, "share of a label given to all classes alike", default=0.0)


@entry("binary_cross_entropy", LOSSES)
class BinaryCrossEntropy(Criterion):
    """One yes or no an output."""


@entry("mse", LOSSES)
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
