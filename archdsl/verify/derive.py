"""The arithmetic behind a number, in one line, as a reader would do it on paper.

In: layers of a subject. Out: `7*7*3*64 + 64 = 9,472`. Nothing is compared here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from archdsl.ops.base import show_shape
from archdsl.verify.subject import Layer, Stretch, Subject
from archdsl.verify.table import Entry, Said, Size

__all__ = ["as_printed", "of_ops", "of_output", "of_params"]

_TERMS = 8


def of_params(subject: Subject, stretch: Stretch | None, value: int, *, biases: bool) -> str:
    """The weights, layer by layer.

    >>> of_params(subject, conv1, 34_944, biases=True)
    '11*11*3*96 + 96 = 34,944'
    """
    layers = _weighted(subject, stretch)
    terms = [_weights(layer) for layer in layers]
    extra = sum(layer.parts.biases for layer in layers) if biases else 0
    return _sum([*terms, *([f"{extra:,}"] if extra else [])], value) if terms else f"{value:,}"


def of_ops(subject: Subject, stretch: Stretch | None, value: int) -> str:
    """Weights times positions, layer by layer; layers at one size share the factor.

    >>> of_ops(subject, conv1, 105_415_200)
    '(11*11*3*96) * 55*55 = 105,415,200'
    """
    grouped: dict[tuple[int, ...], list[str]] = {}
    for layer in _weighted(subject, stretch):
        grouped.setdefault(layer.output[:-1], []).append(_weights(layer))
    if not grouped:
        return f"{value:,}"
    terms = [
        f"({_shown(terms)}){'' if not extent else ' * ' + '*'.join(map(str, extent))}"
        for extent, terms in grouped.items()
    ]
    return _sum(terms, value)


def of_output(subject: Subject, stretch: Stretch) -> str:
    """Where the size comes from: the window's arithmetic, or the channels that are joined.

    >>> of_output(subject, conv1)
    'conv1: (227 - 11)/4 + 1 = 55'
    """
    kept = [layer for layer in subject.layers[stretch.start : stretch.stop] if not layer.training]
    for layer in reversed(kept):
        if len(layer.node.inputs) > 1 and layer.kind == "concat":
            widths = [shape[-1] for shape in layer.node.input_shapes]
            return f"{layer.name}: {' + '.join(map(str, widths))} = {sum(widths)}"
        if layer.kernel is not None and len(layer.input) > 1:
            return f"{layer.name}: {window(layer)}"
        if layer.kind == "fc":
            return f"{layer.name}: {layer.node.call}"
    return f"{kept[-1].name if kept else 'the network'}: {show_shape(subject.output(stretch))}"


def window(layer: Layer) -> str:
    """`(n + 2p - k)/s + 1` of the axis that tables print first."""
    assert layer.kernel is not None
    assert layer.stride is not None
    assert layer.padding is not None
    size, kernel, step = layer.input[0], layer.kernel[0], layer.stride[0]
    padding = layer.padding[0]
    steps = Fraction(size + 2 * padding - kernel, step) + 1
    left = layer.output[0]
    padded = f" + {2 * padding}" if padding else ""
    tail = "" if steps == left else f", made {left}"
    return f"({size}{padded} - {kernel})/{step} + 1 = {_decimal(steps)}{tail}"


def as_printed(said: Said, entries: Sequence[Entry]) -> str:
    """The window's arithmetic with the row's own numbers, where these do not give the size that it prints.

    >>> as_printed(Said("f=7; s=1", kernel=(7,), stride=(1,)), entries_of_a_row_from_14x14_to_7x7)
    'as printed, (14 - 7)/1 + 1 = 8, not 7'
    """
    sizes = {
        entry.column.role: entry.value.parts[0]
        for entry in entries
        if isinstance(entry.value, Size) and len(entry.value.parts) > 1 and entry.value.order != "first"
    }
    before, after = sizes.get("input"), sizes.get("output")
    if said.kernel is None or not isinstance(before, int) or not isinstance(after, int):
        return ""
    kernel, step = said.kernel[0], said.stride[0] if said.stride else 1
    padding = said.padding[0] if said.padding else 0
    if step < 1:
        return ""
    steps = Fraction(before + 2 * padding - kernel, step) + 1
    if steps == after:
        return ""
    padded = f" + {2 * padding}" if padding else ""
    return f"as printed, ({before}{padded} - {kernel})/{step} + 1 = {_decimal(steps)}, not {after}"


def _decimal(value: Fraction) -> str:
    return str(value) if value.denominator == 1 else f"{float(value):.4g}"


def _weighted(subject: Subject, stretch: Stretch | None) -> Sequence[Layer]:
    whole = Stretch(0, len(subject.layers))
    return [layer for layer in subject.weighted(stretch or whole) if layer.parts.weights]


def _weights(layer: Layer) -> str:
    op = layer.node.op
    groups = getattr(op, "groups", 1) if layer.style == "convolution" else 1
    entering = layer.input[-1]
    if layer.kernel is not None:
        product = math.prod(layer.kernel) * entering * layer.output[-1]
        factors = [*map(str, layer.kernel), str(entering) if groups == 1 else f"{entering}/{groups}"]
        factors.append(str(layer.output[-1]))
        if product == layer.parts.weights * groups:
            return "*".join(part for part in factors if part != "1") or "1"
    elif layer.style == "linear":
        features = layer.parts.weights // layer.output[-1]
        if features * layer.output[-1] == layer.parts.weights:
            shown = show_shape(layer.input).replace("x", "*") if math.prod(layer.input) == features else str(features)
            return f"{shown}*{layer.output[-1]}"
    return f"{layer.parts.weights:,}"


def _shown(terms: Sequence[str]) -> str:
    if len(terms) <= _TERMS:
        return " + ".join(terms)
    return " + ".join([*terms[: _TERMS - 1], "…"])


def _sum(terms: Sequence[str], value: int) -> str:
    return f"{_shown(terms)} = {value:,}"
