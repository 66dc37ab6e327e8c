"""The columns that a summary can have, and what each of them counts.

In: a `Row`. Out: its cell as an exact value; how a cell is drawn is left to the forms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from archdsl.analysis.rows import Row
from archdsl.ops.base import show_shape
from archdsl.report.numbers import stride_text

__all__ = ["COLUMNS", "DEFAULT", "Column", "choose_columns", "iteration_text", "output_text"]


class Column(NamedTuple):
    """A column: `key` in `--columns`, its heading, what it counts, and a row's cell (None where there is no answer)."""

    key: str
    heading: str
    legend: str
    kind: Literal["text", "number", "bytes", "axes"]
    cell: Callable[[Row], str | int | None]


def output_text(row: Row) -> str:
    """The sizes that leave, `28x28x32`, several separated by commas."""
    return ", ".join(map(show_shape, row.outputs))


def iteration_text(row: Row) -> str:
    """Which iterations of its repeat a row stands for: `x7`, `1 of 8`, or nothing."""
    if row.iteration is None or row.iterations == 1:
        return ""
    if row.times > 1:
        return f"x{row.times}"
    return f"{row.iteration + 1} of {row.iterations}"


def _op(row: Row) -> str:
    marks = [row.op, iteration_text(row)] if row.times > 1 or row.kind == "repeat" else [row.op]
    return " ".join(filter(None, marks))


def _field(row: Row) -> str | None:
    if row.field.whole:
        return "all"
    return None if row.field.size is None else stride_text(row.field.size)


def _stride(row: Row) -> str | None:
    return None if row.field.stride is None else stride_text(row.field.stride)


def _padding(row: Row) -> str | None:
    return None if row.field.padding is None else stride_text(row.field.padding)


_ALL = (
    Column("name", "name", "the layer's name, indented under the block that holds it", "text", lambda row: row.name),
    Column("path", "path", "the full name, as in the state dict", "text", lambda row: row.path),
    Column("block", "block", "the full name of the block that holds the layer", "text", lambda row: row.block),
    Column("op", "op", "the op or block with its arguments; x3: alike three times over", "text", _op),
    Column("output", "output", "size that leaves, H x W x C, one image", "text", output_text),
    Column(
        "params", "params", "trainable values; weights used again are counted once", "number", lambda row: row.params
    ),
    Column("buffers", "buffers", "values kept but not trained (running statistics)", "number", lambda row: row.buffers),
    Column(
        "macs",
        "MACs",
        "multiply-accumulates of convolutions, matrix products; bias not counted",
        "number",
        lambda row: row.macs,
    ),
    Column("flops", "FLOPs", "2 x MACs", "number", lambda row: 2 * row.macs),
    Column(
        "work",
        "other ops",
        "other arithmetic: bias, normalisation, pooling, activation, merging",
        "number",
        lambda row: row.work,
    ),
    Column(
        "connections",
        "connections",
        "inputs and biases read by units with trained weights, as LeNet's paper counts",
        "number",
        lambda row: row.connections,
    ),
    Column(
        "memory",
        "memory",
        "activations: the layer's outputs, one image, float32",
        "bytes",
        lambda row: row.activation_bytes,
    ),
    Column(
        "rf",
        "RF",
        "receptive field, input positions a side; all: the whole input",
        "axes",
        _field,
    ),
    Column(
        "stride",
        "stride",
        "input positions from one output to the next; 1/2: upsampled",
        "axes",
        _stride,
    ),
    Column("padding", "offset", "how far the first receptive field begins before the input", "axes", _padding),
    Column("layers", "layers", "ops in it", "number", lambda row: row.layers),
)

COLUMNS: Final[Mapping[str, Column]] = MappingProxyType({column.key: column for column in _ALL})
"""Every column by its key."""

DEFAULT: Final = ("name", "op", "output", "params", "macs", "memory", "rf", "stride")
"""What a summary shows unless asked."""


def choose_columns(keys: Sequence[str]) -> tuple[Column, ...]:
    """The columns of these keys, in this order.

    Raises `ValueError`, which names the nearest known key, for one that is not known or is there twice.
    """
    for place, key in enumerate(keys):
        if key not in COLUMNS:
            from archdsl.diagnostics import nearest

            close = nearest(key, COLUMNS)
            raise ValueError(
                f"there is no column `{key}`" + (f"; is it `{close}`?" if close else f": {', '.join(COLUMNS)}")
            )
        if key in keys[:place]:
            raise ValueError(f"the column `{key}` is there twice")
    return tuple(COLUMNS[key] for key in keys)
