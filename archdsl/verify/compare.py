"""One thing that a cell says against one thing of the network.

In: what is printed, and the layer or stretch it is about. Out: `Fact`s: true, true by a convention, or false, with what
the network has. Counting a table's parameters and operations is left to `conventions.py`, the verdict to `judge.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from archdsl.ops.base import Shape, show_shape
from archdsl.verify.figures import matches_size, square
from archdsl.verify.kinds import answers, same_kind
from archdsl.verify.subject import Layer, Stretch, Subject
from archdsl.verify.table import Said, Size
from archdsl.verify.units import RESPONSE, branch_words

__all__ = ["Fact", "branch_filters", "compare_said", "compare_size"]


@dataclass(frozen=True, slots=True)
class Fact:
    """`what` was compared, whether it is true, what the network has, and the convention that was needed."""

    what: str
    true: bool
    computed: str
    convention: str = ""
    explanation: str = ""


def compare_said(said: Said, layer: Layer, symbols: Mapping[str, int]) -> Iterator[Fact]:
    """What is said of a layer, one fact after another; what a layer of its kind does not have yields nothing.

    `f=6` of a fully connected layer on 6x6x256 is true: it is a convolution whose kernel is its whole input.
    """
    if said.kind is not None:
        whole = "all" if said.kind == "fc" else "a vector"
        dense = f"a {show_shape(layer.kernel or (1, 1))} convolution of {whole} is a fully connected layer"
        true = answers(said, layer)
        yield Fact("kind", true, layer.kind, dense if true and not same_kind(said.kind, layer) else "")
    if said.kernel is not None and (kernel := _kernel(layer)) is not None:
        yield Fact("kernel", _same_extent(said.kernel, kernel), show_shape(kernel))
    if said.stride is not None and (stride := _stride(layer)) is not None:
        yield Fact("stride", _same_extent(said.stride, stride), show_shape(square(stride)))
    if said.padding is not None and layer.padding is not None:
        yield Fact("padding", _same_extent(said.padding, layer.padding), show_shape(square(layer.padding)))
    if said.same and layer.kernel is not None and layer.stride is not None:
        kept = all(
            out == -(-size // step)
            for out, size, step in zip(layer.output[:-1], layer.input[:-1], layer.stride, strict=True)
        )
        yield Fact("padding", kept, "same" if kept else show_shape(square(layer.padding or (0,))))
    filters = symbols.get(said.filters, said.filters) if isinstance(said.filters, str) else said.filters
    if isinstance(filters, int) and layer.style in ("convolution", "linear"):
        yield Fact("filters", filters == layer.output[-1], str(layer.output[-1]))
    entering = dict(said.extra).get("in", "")
    if entering.isdigit() and layer.style in ("convolution", "linear"):
        mine = layer.input[-1] if layer.style == "convolution" else math.prod(layer.input)
        yield Fact("input channels", int(entering) == mine, str(mine))
    op = layer.node.op
    if said.groups is not None and layer.style == "convolution":
        groups = getattr(op, "groups", 1)
        yield Fact("groups", groups == said.groups, str(groups))
    if said.rate is not None and layer.style == "dropout":
        rate = getattr(op, "p", None)
        yield Fact("rate", rate is not None and abs(float(said.rate) - rate) < 1e-9, f"{rate:g}" if rate else "none")
    if layer.kind == "lrn":
        yield from _response(said, layer)


def _response(said: Said, layer: Layer) -> Iterator[Fact]:
    """Local response normalisation: papers do not divide alpha by the number of channels, PyTorch and Caffe do."""
    op = layer.node.op
    for name, text in said.extra:
        field = RESPONSE.get(name.lower())
        if field is None:
            continue
        mine = float(getattr(op, field))
        try:
            printed = float(text)
        except ValueError:
            continue
        size = getattr(op, "size", 1)
        if field == "alpha" and not _near(printed, mine) and _near(printed * size, mine):
            yield Fact("alpha", True, f"{mine:g}", f"alpha is not divided by n: {printed:g} * {size} = {mine:g} here")
        else:
            yield Fact(field, _near(printed, mine), f"{mine:g}")


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= 1e-9 * max(abs(one), abs(other))


def _kernel(layer: Layer) -> tuple[int, ...] | None:
    if layer.kernel is not None:
        return square(layer.kernel)
    if layer.style == "linear":
        return square(layer.input[:-1]) if len(layer.input) > 1 else (1,)
    return square(layer.input[:-1]) if layer.style == "pooling" and len(layer.input) > 1 else None


def _stride(layer: Layer) -> tuple[int, ...] | None:
    return layer.stride if layer.stride is not None else (1,) if layer.style in ("linear", "pooling") else None


def _same_extent(printed: tuple[int, ...], mine: tuple[int, ...]) -> bool:
    return square(printed) == square(mine)


def compare_size(size: Size, shape: Shape, symbols: Mapping[str, int], explanation: str = "") -> Fact:
    """A printed size against the network's."""
    order = matches_size(size, shape, symbols)
    shown = show_shape((1,) * (len(size.parts) - 1) + shape if len(shape) == 1 else shape)
    if order is None:
        return Fact("size", False, shown, explanation=explanation)
    return Fact("size", True, shown, "channels first" if order == "first" and size.order == "open" else "")


def branch_filters(subject: Subject, stretch: Stretch, branch: str) -> list[int]:
    """The filters of the convolution that a column inside a block is about; several, or none, if it is not clear.

    - `3x3 reduce`: the 1x1 convolution whose only readers are 3x3 ones; `1x1 squeeze`: the one that feeds the others;
      `pool proj`: the 1x1 behind a pool; `1x1`: one that neither reads a pool nor feeds a convolution in the block;
      `3x3 expand`, `5x5`: the convolution with that kernel.
    """
    words = branch_words(branch)
    kernel = next((word for word in words if word[:1].isdigit() and "x" in word), "")
    extent = square(tuple(int(part) for part in kernel.split("x") if part.isdigit())) if kernel else (1,)
    inside = range(stretch.start, stretch.stop)
    found = []
    for at in inside:
        layer = subject.layers[at]
        if layer.training or layer.style != "convolution" or layer.kernel is None:
            continue
        own = square(layer.kernel)
        fed = [subject.layers[key] for key in subject.feeds(at) if key in inside]
        kernels = {square(reader.kernel) for reader in fed if reader.kernel is not None}
        behind_pool = subject.layers[subject.reads(at)].style == "pooling" and subject.reads(at) in inside
        if "reduce" in words:
            fits = own == (1,) and extent in kernels
        elif "squeeze" in words:
            fits = own == extent and bool(fed)
        elif "pool" in words or "proj" in words:
            fits = own == (1,) and behind_pool
        elif extent == (1,):
            fits = own == (1,) and not fed and not behind_pool
        else:
            fits = own == extent
        if fits:
            found.append(layer.output[-1])
    return found
