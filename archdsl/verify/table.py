"""A table as it is printed, and what its columns and cells were understood to say.

In: what the readers of `archdsl.verify.reading` find in a document. Out: frozen values, still without any network:
whether they are true is left to `judge.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from archdsl.diagnostics import Source

__all__ = [
    "Cell",
    "Column",
    "Directives",
    "Entry",
    "Group",
    "Line",
    "Number",
    "Printed",
    "Reading",
    "Role",
    "Row",
    "Said",
    "Size",
    "Table",
    "Unit",
]

# ---------------------------------------------------------------- as printed


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its text without markup, spaces folded, and the line of the document it stands in.

    `spread` marks the places that a merged cell covers beyond its first; they repeat its text.
    """

    text: str
    line: int
    spread: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A row below the header, with as many cells as the header has."""

    cells: tuple[Cell, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Directives:
    """What the lines at the head of a document say to this program; in every format they stand in comments.

    ```
    # archdsl network: alexnet.arch:alexnet_wei
    # archdsl columns: params=#Params, output=Output size
    # archdsl let: C=1000
    ```

    `network` is a path beside the document with `:variant`, or `zoo:NAME`. `columns` gives roles by header:
    `{"#Params": "params"}`, or by the column's number from 1. `symbols` are values of letters used in cells.
    """

    network: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    symbols: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a document: `number` counts the tables of the document from 1, `notes` is the prose around them.

    `source` is the document, for messages that point into it.
    """

    path: str
    number: int
    caption: str
    headers: tuple[Cell, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    directives: Directives
    source: Source | None = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The document, with the table's number where it holds several: `vgg_configurations.md#2`."""
        return f"{self.path}#{self.number}" if self.number > 1 else self.path


# ---------------------------------------------------------------- as understood

Role = Literal[
    "index",  # the table's own number of the row
    "layer",  # what the row is: `conv`, `inception (3a)`, `conv2_x`
    "arguments",  # `f=11; s=4; d=96`, `7x7/2`, `3x3, 64, stride 2`
    "kernel",
    "stride",
    "padding",
    "filters",
    "groups",
    "repeat",  # how often the row is applied
    "input",
    "output",
    "depth",  # weight layers of the row
    "params",
    "ops",  # multiply-adds, MACs, FLOPs
    "memory",
    "connections",
    "branch",  # filters of one convolution inside the block: `#3x3 reduce`; `detail` says of which
    "network",  # the column is a network of its own: `A-LRN`, `50-layer`
    "model",  # each row is a network of its own, in a table of results
    "measured",  # found by training or with a watch, which nothing here does: listed, never compared
    "note",  # said outright to be prose: never compared
    "unknown",  # listed, never compared
]


@dataclass(frozen=True, slots=True)
class Column:
    """What a column is about.

    - `detail`: for `branch` the convolution (`3x3 reduce`, `1x1`, `pool proj`), for `network` the printed name.
    - `power`: thousands that the header says the numbers are in: 0 as they are, 1 K, 2 M, 3 G. The numbers of its
      entries have it already.
    - `why`: how it was understood: `header`, `values` or `said`.
    """

    header: str
    role: Role
    detail: str = ""
    power: int = 0
    why: Literal["header", "values", "said", ""] = ""


@dataclass(frozen=True, slots=True)
class Number:
    """A printed figure: `159K` is digits 159, last 1, power 1; `3.8×10^9` is digits 3.8E9, last 0.1E9, power 0.

    `power` counts thousands (K, M, G), which may be 1000 or 1024 each; a written power of ten is in `digits` and
    `last`. `last` is the value of one unit of the last printed digit. `about` marks `~` and `≈`.
    """

    text: str
    digits: Decimal
    last: Decimal
    power: int = 0
    about: bool = False


@dataclass(frozen=True, slots=True)
class Size:
    """A printed size; letters stand for themselves: `1x1xC` is (1, 1, "C").

    `order` says where the channels are: `last` (55x55x96), `first` (96@55x55, (None, 96, 55, 55)), or `open` where the
    text does not tell. The batch of Keras' and torchinfo's tables (None, -1) has been taken off.
    """

    text: str
    parts: tuple[int | str, ...]
    order: Literal["first", "last", "open"] = "open"


@dataclass(frozen=True, slots=True)
class Said:
    """One layer, as far as the table says: None and empty for what is not printed.

    - `kind`: the language's word for it (`conv`, `maxpool`, `avgpool`, `gap`, `fc`, `relu`, `lrn`, `bn`, `dropout`,
      `softmax`, …), or for a block its printed name in lower case (`inception`, `fire`, `bottleneck`); None if unknown.
    - `label`: a name of its own: `3a`, `conv2_x`, `fc6`.
    - `filters`: output channels; a letter where it prints one.
    - `same`: padding `same` is said in words.
    - `kernel`, `stride`, `padding` have one number where one is printed for all axes: `conv3-64` is (3,), `3x3` is
      (3, 3); a window printed with channels keeps them: `3x3x64` is (3, 3, 64).
    - `rate`: of a dropout, as a fraction: `dropout (40%)` is 0.4.
    - `extra`: everything else that is said as name and text, `(("k", "2"), ("n", "5"))`.
    """

    text: str
    kind: str | None = None
    label: str | None = None
    kernel: tuple[int, ...] | None = None
    stride: tuple[int, ...] | None = None
    padding: tuple[int, ...] | None = None
    filters: int | str | None = None
    groups: int | None = None
    same: bool = False
    rate: Decimal | None = None
    extra: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """`[3x3, 64; 3x3, 64] x2`: layers in order, so many times."""

    items: tuple[Said | Group, ...]
    times: int = 1


Printed = Number | Size | tuple["Said | Group", ...] | str
"""What a cell says: a figure, a size, layers, or (index, note, unknown) a text.

Layers are also what kernels, strides and paddings are: `7x7` is `(Said(kernel=(7, 7)),)`, and a letter in place of a
number of filters.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A cell that says something, understood; `problem` is why it could not be (then `value` is its text)."""

    cell: Cell
    column: Column
    value: Printed
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Unit:
    """Rows that are applied in turn, and all of it so many times: `8×` beside `1×1`, `3×3` and `Residual`.

    `number` counts the units of a table from 1.
    """

    number: int
    times: int


@dataclass(frozen=True, slots=True)
class Line:
    """A row, understood.

    - `number`: the row as the table counts it: its index column, else 1, 2, … below the header.
    - `said`: the layers of the row, from all its columns but those of role `network`, whose entries have their own.
    - `quantity`: for a row that gives figures for a whole network (`FLOPs`, `Total params`, `16 weight layers`): which.
      Its cells of role `network` are numbers; in any other column (a row `Total`) the column's role says which.
    - `unit`: the unit that the row is one of; its `said` has the unit's repeats.
    """

    number: str
    row: Row
    entries: tuple[Entry, ...]
    said: tuple[Said | Group, ...]
    quantity: Literal["params", "ops", "depth", "memory", "connections", ""] = ""
    unit: Unit | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A table, understood as far as it can be without a network. `symbols` are its letters: C is 1000."""

    table: Table
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    symbols: Mapping[str, int]
