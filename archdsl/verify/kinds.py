"""Descriptions and layers: which description may be which layer, and which of several it is.

In: what is `Said`, and `Layer`s. Out: kinds that tables keep apart, and pairs in order. Stretches of a network are left
to `align.py`, whether the rest of a description is true to `compare.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from archdsl.verify.figures import square
from archdsl.verify.subject import Layer
from archdsl.verify.table import Group, Said

__all__ = [
    "KEYS",
    "Signature",
    "answers",
    "closeness",
    "family",
    "flatten",
    "is_block",
    "is_block_row",
    "listed",
    "meant",
    "pair",
    "same_kind",
    "signature",
    "spine",
]

_POOLS = frozenset({"pool", "maxpool", "avgpool", "gap", "adaptive_avgpool", "adaptive_maxpool", "lppool", "subsample"})
_CONVOLUTIONS = frozenset({"conv", "dwconv", "sepconv", "deform_conv", "deconv"})


Signature = tuple[str, tuple[int, ...] | None, int | str | None]
"""What a layer and a description of it are counted by: family, kernel, filters."""


def flatten(items: Sequence[Said | Group], most: int = 2000) -> list[Said]:
    """The layers that are said, repeats written out.

    >>> [said.text for said in flatten((Group((Said("3x3, 64"), Said("3x3, 64")), times=2),))]
    ['3x3, 64', '3x3, 64', '3x3, 64', '3x3, 64']
    """
    found: list[Said] = []
    for item in items:
        if isinstance(item, Said):
            found.append(item)
        else:
            found += (flatten(item.items, most) * item.times)[:most]
        if len(found) >= most:
            break
    return found[:most]


def meant(said: Said) -> Said:
    """A window with filters and no other word is a convolution: `3x3, 64`.

    >>> meant(Said("3x3, 64", kernel=(3, 3), filters=64)).kind
    'conv'
    """
    if said.kind is None and said.kernel is not None and said.filters is not None:
        return replace(said, kind="conv")
    if said.kind == "output":
        return replace(said, kind=None)  # the last layer, by what it does and not by what it is
    return said


def pair(said: Sequence[Said], layers: Sequence[Layer]) -> Iterator[tuple[Said, Layer | None]]:
    """Each layer that is said with the layer of the network that it is, both in order; None where there is none.

    The longest common subsequence by kind, kernels and filters first: a projection beside a residual block is left out,
    since the block's own layers fit better.
    """
    width = len(layers) + 1
    table = [[0.0] * width for _ in range(len(said) + 1)]
    for i in range(len(said) - 1, -1, -1):
        row, below = table[i], table[i + 1]
        one = said[i]
        for j in range(width - 2, -1, -1):
            value = max(below[j], row[j + 1])
            if same_kind(one.kind, layers[j]):
                value = max(value, below[j + 1] + 3 + closeness(one, layers[j]))
            row[j] = value
    j = 0
    for i, one in enumerate(said):
        while j < len(layers) and table[i][j] == table[i][j + 1]:
            j += 1
        if j < len(layers) and same_kind(one.kind, layers[j]) and table[i][j] > table[i + 1][j]:
            yield one, layers[j]
            j += 1
        else:
            yield one, None


KEYS = ("conv", "fc", "pool")


def family(kind: str, layer: Layer | None = None) -> str:
    """Kinds that tables do not keep apart: `conv`, `pool`, `fc`; any other kind is its own.

    >>> family("gap"), family("dwconv"), family("relu")
    ('pool', 'conv', 'relu')
    """
    if layer is not None and layer.style in ("convolution", "pooling", "linear"):
        return {"convolution": "conv", "pooling": "pool", "linear": "fc"}[layer.style]
    if kind in _CONVOLUTIONS:
        return "conv"
    return "pool" if kind in _POOLS else kind


def signature(layer: Layer) -> Signature:
    """The family, kernel and channels by which a table tells layers apart; a pool's channels say nothing."""
    known = family(layer.kind, layer)
    if known == "pool":
        return (known, square(layer.kernel) if layer.kernel else None, None)
    return (known, square(layer.kernel) if layer.kernel else None, layer.output[-1])


def same_kind(kind: str | None, layer: Layer) -> bool:
    """Whether a layer is of the kind that is said: a pool over everything is `avgpool` as well as `gap`."""
    if kind is None or kind == layer.kind:
        return kind is not None
    if kind in _CONVOLUTIONS:
        return layer.style == "convolution"
    if kind in ("avgpool", "gap"):
        return layer.kind in ("gap", "avgpool", "adaptive_avgpool", "subsample")
    if kind == "pool":
        return layer.style == "pooling"
    return kind == "fc" and layer.style == "linear"


def answers(said: Said, layer: Layer) -> bool:
    """Whether a layer may be the one that is said; a 1x1 convolution of a vector is a fully connected layer, as is one
    of all that enters.
    """
    dense = said.kind == "conv" and said.kernel is not None and set(said.kernel) == {1}
    if same_kind(said.kind, layer) or (dense and layer.style == "linear" and len(layer.input) == 1):
        return True
    return said.kind == "fc" and layer.style == "convolution" and layer.kernel == layer.input[:-1]


def listed(said: Said) -> bool:
    """Whether it is one of the layers that every table lists."""
    return said.kind in _CONVOLUTIONS or said.kind in _POOLS or said.kind == "fc"


def is_block_row(said: Sequence[Said]) -> bool:
    """Whether a row names blocks and no layer: `bottleneck`, so often."""
    return bool(said) and all(is_block(one) for one in said)


def is_block(said: Said) -> bool:
    """Whether its word is no op of the language: `inception`, `fire`."""
    from archdsl.ops.registry import lookup

    return said.kind is not None and said.kind not in ("pool", "input", "softmax") and lookup(said.kind) is None


def closeness(said: Said, layer: Layer) -> float:
    """How much of what is said fits: a tie between layers of one kind is broken by it."""
    points = 0.0
    if said.kernel is not None and layer.kernel is not None:
        points += 1 if square(said.kernel) == square(layer.kernel) else -1
    if isinstance(said.filters, int):
        points += 1 if said.filters == layer.output[-1] else -1
    if said.stride is not None and layer.stride is not None:
        points += 0.5 if square(said.stride) == square(layer.stride) else -0.5
    return points


def spine(layers: Sequence[Layer], taken: set[int]) -> list[Layer]:
    """Of the layers that no description took (by `id`), those that are not a projection beside a residual block."""
    left = [layer for layer in layers if id(layer) not in taken and layer.weighted]
    return [layer for layer in left if layer.style != "convolution" or set(layer.kernel or ()) != {1}]
