"""Where the first weights are drawn from, and penalties on them: what is said of one kind of op at a time.

In: nothing. Out: a frozen class a distribution, and the table `DISTRIBUTIONS`. Drawing is left to
`archdsl.codegen.initialise`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from archdsl.elaborate.recipe_entries import POSITIVE, Entry, entry, option
from archdsl.elaborate.recipe_values import Real

__all__ = [
    "BIAS",
    "DISTRIBUTIONS",
    "FIRST",
    "GROUPS",
    "NORM_BIAS",
    "RESIDUAL_GAMMA",
    "SCALED",
    "WEIGHT",
    "Dirac",
    "Distribution",
    "Filled",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Initial",
    "LecunNormal",
    "LecunUniform",
    "Normal",
    "Ones",
    "Orthogonal",
    "Penalty",
    "Rate",
    "TruncatedNormal",
    "Uniform",
    "Whiten",
    "XavierNormal",
    "XavierUniform",
    "Zeros",
]

# ---------------------------------------------------------------- initial weights

DISTRIBUTIONS: Final[dict[str, type[Entry]]] = {}

FIRST: Final = "first"
WEIGHT: Final = "weight"
BIAS: Final = "bias"
NORM_BIAS: Final = "norm_bias"
RESIDUAL_GAMMA: Final = "residual_gamma"
GROUPS: Final = (FIRST, WEIGHT, BIAS, NORM_BIAS, RESIDUAL_GAMMA)
"""What stands beside the ops: the matrices of the layers that no other weights are before; the matrices of all
convolutions, linear layers and attentions; every bias; those of the norms; the gain of the norm that ends the longest
branch of a sum, which zeros make begin as its shortcut alone (Goyal et al., 2017)."""


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


@entry("glorot_normal", DISTRIBUTIONS)
class GlorotNormal(XavierNormal):
    """`xavier_normal` by the author's last name."""


@entry("xavier_uniform", DISTRIBUTIONS)
class XavierUniform(Distribution):
    """Uniform with variance 2 / (fan_in + fan_out)."""


@entry("glorot_uniform", DISTRIBUTIONS)
class GlorotUniform(XavierUniform):
    """`xavier_uniform` by the author's last name."""


@entry("lecun_normal", DISTRIBUTIONS)
class LecunNormal(Distribution):
    """Normal with variance 1 / fan_in (LeCun et al., 1998)."""


@entry("lecun_uniform", DISTRIBUTIONS)
class LecunUniform(Distribution):
    """Uniform with variance 1 / fan_in."""


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


@entry("dirac", DISTRIBUTIONS)
class Dirac(Distribution):
    """The first filters hand one map on each, and the rest are PyTorch's own (Zagoruyko & Komodakis, 2017)."""


@entry("whiten", DISTRIBUTIONS)
class Whiten(Distribution):
    """The principal components of the training images' patches, scaled to variance 1, and held (Page, 2018).

    A convolution takes them from patches of its kernel's size, strongest first. With twice as many filters as a patch
    has values, the second half are the negatives of the first (Jordan, 2024).
    """

    eps: float = option(POSITIVE, "added to the variances", default=5e-4, positional=True)


SCALED: Final = (
    HeNormal,
    HeUniform,
    XavierNormal,
    XavierUniform,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    Dirac,
)
"""Those that are scaled by what enters and leaves a matrix, so that they are for no others."""


@dataclass(frozen=True, slots=True)
class Initial:
    """`conv=he_normal`: the distribution of the weights of every `conv`; `op` may be one of `GROUPS` as well."""

    op: str
    distribution: Distribution


@dataclass(frozen=True, slots=True)
class Penalty:
    """`fc=5e-4`: the L2 penalty on the weights of every `fc`; `op` may be one of `GROUPS` as well."""

    op: str
    strength: float


@dataclass(frozen=True, slots=True)
class Rate:
    """`bias=2`: what the learning rate is multiplied by for every bias; 0 holds them. `op` may be one of `GROUPS`."""

    op: str
    factor: float
