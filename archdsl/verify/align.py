"""Which row of a table is which stretch of the network.

In: what rows say, and a `Subject`. Out: for every row its `Stretch`, or None. Rows and layers are both in order, so
this is an alignment: each row takes the stretch that fits it best, layers that no table lists are passed over for
nothing, and a row or a weight layer is left out only at a price. A row is matched even where it is wrong: nothing is
judged here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from archdsl.verify.figures import matches_size, square
from archdsl.verify.subject import Block, Layer, Stretch, Subject
from archdsl.verify.table import Entry, Group, Number, Said, Size

__all__ = ["Wanted", "align", "answers", "family", "flatten", "is_block_row", "meant", "pair", "same_kind", "wanted"]

_LEAST = 1.0
"""A row that fits less well than this is matched to nothing."""
_UNMATCHED_ROW = -3.0
_PASSED = {"pooling": -1.5, "convolution": -2.5, "linear": -2.5}
"""What it costs to pass over a layer, by its style; everything else is passed over for nothing."""
_MOST_WORK = 4_000_000
"""Rows times stretches that are looked at in full; beyond it only layers and blocks are."""

_POOLS = frozenset({"pool", "maxpool", "avgpool", "gap", "adaptive_avgpool", "adaptive_maxpool", "lppool", "subsample"})
_CONVOLUTIONS = frozenset({"conv", "dwconv", "sepconv", "deform_conv", "deconv"})


_Signature = tuple[str, tuple[int, ...] | None, int | str | None]
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


@dataclass(frozen=True, slots=True)
class Wanted:
    """A row, ready to be compared often: its layers, and the sizes and figures that it prints."""

    said: Sequence[Said]
    inputs: Sequence[Size]
    outputs: Sequence[Size]
    params: Sequence[Number]
    ops: Sequence[Number]
    depth: Sequence[Number]
    branches: bool


def wanted(said: Sequence[Said], entries: Sequence[Entry]) -> Wanted:
    """What a row, or one network's cell of it, says."""

    def of(role: str, kind: type) -> list[object]:
        return [entry.value for entry in entries if entry.column.role == role and isinstance(entry.value, kind)]

    return Wanted(
        said,
        inputs=[value for value in of("input", Size) if isinstance(value, Size)],
        outputs=[value for value in of("output", Size) if isinstance(value, Size)],
        params=[value for value in of("params", Number) if isinstance(value, Number)],
        ops=[value for value in of("ops", Number) if isinstance(value, Number)],
        depth=[value for value in of("depth", Number) if isinstance(value, Number)],
        branches=any(entry.column.role == "branch" for entry in entries),
    )


def align(rows: Sequence[Wanted], subject: Subject, symbols: Mapping[str, int]) -> list[Stretch | None]:
    """The stretch of each row, in order and without overlap.

    >>> align([Wanted([Said("conv", "conv")], [], [], [], [], [], False)], Subject(lenet5), {})
    [Stretch(start=1, stop=2, block=None)]
    """
    candidates = _candidates(subject, full=_work(rows, subject) <= _MOST_WORK)
    size = len(subject.layers)
    passing = [0.0] * (size + 1)
    for at, layer in enumerate(subject.layers):
        passing[at] = 0.0 if layer.training else _PASSED.get(layer.style, 0.0)
    best: list[float] = [0.0] * (size + 1)
    for at in range(size):
        best[at + 1] = best[at] + passing[at]
    taken: list[list[Stretch | None]] = []
    came: list[list[int]] = []
    for row in rows:
        following = [value + _UNMATCHED_ROW for value in best]
        stretch: list[Stretch | None] = [None] * (size + 1)
        source = list(range(size + 1))
        fit = _Fit(row, subject, symbols)
        for candidate in candidates:
            gain = fit.score(candidate)
            if gain is None:
                continue
            reached = best[candidate.start] + gain
            if reached > following[candidate.stop]:
                following[candidate.stop] = reached
                stretch[candidate.stop] = candidate
                source[candidate.stop] = candidate.start
        for at in range(size):
            if following[at] + passing[at] > following[at + 1]:
                following[at + 1] = following[at] + passing[at]
                stretch[at + 1], source[at + 1] = None, -1
        best = following
        taken.append(stretch)
        came.append(source)
    return _trace(taken, came, size)


def _trace(taken: list[list[Stretch | None]], came: list[list[int]], size: int) -> list[Stretch | None]:
    found: list[Stretch | None] = []
    at = size
    for stretch, source in zip(reversed(taken), reversed(came), strict=True):
        while source[at] == -1:  # a layer passed over
            at -= 1
        found.append(stretch[at])
        at = source[at]
    return found[::-1]


def _work(rows: Sequence[Wanted], subject: Subject) -> int:
    return len(rows) * sum(len(stops) for stops in subject.siblings.values())


def _candidates(subject: Subject, full: bool) -> list[Stretch]:
    blocks: dict[tuple[int, int], Block] = {}
    for block in subject.blocks:
        known = blocks.get((block.start, block.stop))
        words = block.words | known.words if known is not None else block.words
        blocks[block.start, block.stop] = Block(block.start, block.stop, words)
    found: dict[tuple[int, int], Stretch] = {place: Stretch(*place, block) for place, block in blocks.items()}
    for at in range(len(subject.layers)):
        found.setdefault((at, at + 1), Stretch(at, at + 1))
    if full:
        for start, stops in subject.siblings.items():
            for stop in stops:
                found.setdefault((start, stop), Stretch(start, stop))
    return list(found.values())


class _Fit:
    """How well stretches fit one row."""

    def __init__(self, row: Wanted, subject: Subject, symbols: Mapping[str, int]) -> None:
        self._row = row
        self._subject = subject
        self._symbols = symbols
        keys = sum(1 for said in row.said if _lists(said))
        self._keys = keys
        self._params = [_ranges(number) for number in row.params]
        self._ops = [_ranges(number) for number in row.ops]
        self._counted: dict[int, tuple[int, Counter[_Signature]]] = {}
        self._families = Counter(family(said.kind) for said in row.said if said.kind is not None)
        self._signatures = Counter(
            (family(said.kind), square(said.kernel) if said.kernel else None, said.filters)
            for said in row.said
            if said.kind is not None
        )
        self._composite = not row.said or any(said.kind is None or _is_block(said) for said in row.said)
        before = [0]
        for layer in subject.layers:
            before.append(before[-1] + (layer.key and not layer.training))
        self._before = before

    def score(self, stretch: Stretch) -> float | None:
        """None for one that is out of the question."""
        row = self._row
        inside = self._before[stretch.stop] - self._before[stretch.start]
        if not self._composite:
            if len(row.said) == 1 and not row.branches and not row.depth:
                if inside > 1 or (self._keys and not inside):
                    return None
            elif not self._keys <= 3 * inside <= 6 * self._keys + 9:
                return None
        points = self._kinds(stretch)
        if points is None:
            return None
        points += self._sizes(stretch)
        if row.params or row.ops or row.depth:
            points += self._figures(stretch)
        return points - 0.01 * (stretch.stop - stretch.start)

    def _kinds(self, stretch: Stretch) -> float | None:
        said = self._row.said
        if not said:
            return 0.0
        if len(said) == 1 or is_block_row(said):
            return self._single(said[0], stretch)
        return self._several(said, stretch)

    def _single(self, said: Said, stretch: Stretch) -> float | None:
        layers = self._subject.layers
        points = 0.0
        if said.label is not None and self._labelled(said.label.lower(), stretch):
            points += 4
        if stretch.block is not None and said.kind is not None and said.kind in stretch.block.words:
            return points + 6
        inner = [layer for layer in layers[stretch.start : stretch.stop] if not layer.training]
        keys = [layer for layer in inner if layer.key]
        if said.kind is None:
            return points if stretch.block is not None or len(inner) == 1 else points - 1
        if _is_block(said):
            if stretch.block is None or not keys:
                return None
            if isinstance(said.filters, int):
                points += 2 if said.filters == self._subject.output(stretch)[-1] else -2
            return points - 1
        fitting = [layer for layer in inner if answers(said, layer)]
        if not fitting:
            return None
        main = fitting[-1]
        others = [layer for layer in keys if layer is not main]
        points += 5 + _closeness(said, main) - (0 if len(inner) == 1 else 0.5)
        if others and not (self._row.depth or self._row.branches):
            return None
        return points - 0.5 * len(others)

    def _labelled(self, label: str, stretch: Stretch) -> bool:
        if stretch.block is not None and any(_same_label(label, word) for word in stretch.block.words):
            return True
        own = self._subject.layers[stretch.start].node.label
        return stretch.stop - stretch.start == 1 and own is not None and _same_label(label, own.lower())

    def _several(self, said: Sequence[Said], stretch: Stretch) -> float | None:
        """Layers said one after another, counted: which is which is for the judge, who looks at one stretch alone."""
        found = self._signatures_of(stretch)
        exact = self._signatures & found
        kinds: Counter[str] = Counter()
        for (kind, _, _), times in found.items():
            kinds[kind] += times
        alike = self._families & kinds
        if not alike:
            return None
        # In shares of the row: a repeat that is printed wrong must not make the row reach into its neighbours.
        whole, keys = len(said), max(1, self._keys)
        listed = sum(alike[name] for name in _KEYS)
        extra = sum(kinds[name] for name in _KEYS) - listed
        foreign = sum(times for one, times in found.items() if one[0] in _KEYS and one not in self._signatures)
        points = 8 * alike.total() / whole + 8 * exact.total() / whole - 4 * (self._keys - listed) / keys
        return points - 6 * min(1.0, foreign / keys) - min(1.0, extra / keys) - (kinds["pool"] > self._families["pool"])

    def _signatures_of(self, stretch: Stretch) -> Counter[_Signature]:
        """What a stretch is made of, counted; a longer one is made from the one that it begins with."""
        known = self._counted.get(stretch.start)
        if known is None or known[0] > stretch.stop:
            known = (stretch.start, Counter())
        upto, counts = known
        counts = counts.copy()
        for layer in self._subject.layers[upto : stretch.stop]:
            if not layer.training:
                counts[_signature(layer)] += 1
        self._counted[stretch.start] = (stretch.stop, counts)
        return counts

    def _sizes(self, stretch: Stretch) -> float:
        points = 0.0
        for size in self._row.outputs:
            points += 4 if matches_size(size, self._subject.output(stretch), self._symbols) else -1.5
        for size in self._row.inputs:
            points += 2 if matches_size(size, self._subject.input(stretch), self._symbols) else -1
        return points

    def _figures(self, stretch: Stretch) -> float:
        parts = self._subject.parts(stretch)
        points = 0.0
        trained = parts.weights + parts.biases + parts.norms
        for ranges in self._params:
            if any(low <= value <= high for value in (trained, parts.weights) for low, high in ranges):
                points += 2
            elif not trained and ranges[0][0] > 0:
                points -= 2
        for ranges in self._ops:
            if any(low <= value <= high for value in (parts.macs, 2 * parts.macs) for low, high in ranges):
                points += 2
        for number in self._row.depth:
            points += 1 if number.digits == self._subject.depth(stretch) else -1
        return points


def _ranges(number: Number) -> list[tuple[float, float]]:
    """Everything that could print as a number, thousands being 1000 or 1024."""
    digits, last = float(number.digits), float(number.last)
    bases = (1000, 1024) if number.power else (1000,)
    return [((digits - last) * base**number.power, (digits + last) * base**number.power) for base in bases]


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
                value = max(value, below[j + 1] + 3 + _closeness(one, layers[j]))
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


_KEYS = ("conv", "fc", "pool")


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


def _signature(layer: Layer) -> _Signature:
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
    """Whether a layer may be the one that is said; a 1x1 convolution of a vector is a fully connected layer."""
    dense = said.kind == "conv" and said.kernel is not None and set(said.kernel) == {1}
    return same_kind(said.kind, layer) or (dense and layer.style == "linear" and len(layer.input) == 1)


def _lists(said: Said) -> bool:
    """Whether it is one of the layers that every table lists."""
    return said.kind in _CONVOLUTIONS or said.kind in _POOLS or said.kind == "fc"


def is_block_row(said: Sequence[Said]) -> bool:
    """Whether a row names blocks and no layer: `bottleneck`, so often."""
    return bool(said) and all(_is_block(one) for one in said)


def _is_block(said: Said) -> bool:
    from archdsl.ops.registry import lookup

    return said.kind is not None and said.kind not in ("pool", "input", "softmax") and lookup(said.kind) is None


def _same_label(label: str, word: str) -> bool:
    """`3a` is `i3a` and `inception3a`; `conv2_x` is `conv2`."""
    return word == label or (len(label) > 1 and (word.endswith(label) or (label.endswith(word) and len(word) > 1)))


def _closeness(said: Said, layer: Layer) -> float:
    """How much of what is said fits: a tie between layers of one kind is broken by it."""
    points = 0.0
    if said.kernel is not None and layer.kernel is not None:
        points += 1 if square(said.kernel) == square(layer.kernel) else -1
    if isinstance(said.filters, int):
        points += 1 if said.filters == layer.output[-1] else -1
    if said.stride is not None and layer.stride is not None:
        points += 0.5 if square(said.stride) == square(layer.stride) else -0.5
    return points
