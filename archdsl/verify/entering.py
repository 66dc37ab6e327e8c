"""The size that enters a table's network: printed, said around the table, or deduced from its first row.

In: a `Reading` and its rows. Out: a shape, channels last, or an error at the row that should tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from archdsl.diagnostics import ArchError, Diagnostic
from archdsl.ops.base import Shape, show_shape
from archdsl.verify.content import Content, layers
from archdsl.verify.figures import square
from archdsl.verify.fitting import Trials, fit, shape_of
from archdsl.verify.phrase import Style, Unwritable, phrases
from archdsl.verify.reading.places import cell_span
from archdsl.verify.table import Column, Line, Reading
from archdsl.verify.units import windows

__all__ = ["entering", "trouble"]

_SPOKEN = re.compile(r"\binputs?\b[^\d.;]{0,24}?(\d{1,5}) ?[x×*] ?(\d{1,5})(?: ?[x×*] ?(\d{1,4}))?", re.IGNORECASE)
_RGB = 3


def entering(
    reading: Reading, rows: Sequence[tuple[Line, Content]], style: Style, trials: Trials, given: Shape | None
) -> tuple[Shape, str]:
    """The input's size, and a sentence where the table does not print it. Raises `ArchError` where nothing tells it."""
    if given is not None:
        return given, ""
    letters = dict(style.letters)
    line, first = rows[0]
    printed = first.output if first.is_only("input") else first.input
    if first.is_only("input") and printed is None:
        printed = first.input
    if printed is not None:
        shape = shape_of(printed, letters)
        if shape is not None:
            return shape, ""
        said = next((one.filters for one in layers(first.said) if first.is_only("input")), None)
        whole = shape_of(printed, letters, like=(said if isinstance(said, int) else _RGB,))
        if whole is not None:
            return whole, "" if said is not None else "an input of 3 channels"
    spoken = next((match for note in reading.table.notes if (match := _SPOKEN.search(note))), None)
    if spoken is not None:
        height, width, channels = spoken.groups()
        why = "" if channels else "an input of 3 channels"
        return (int(height), int(width), int(channels or _RGB)), why
    try:
        for shape in _deduced(first, letters):
            if fit(first, style, shape, trials).reached:
                return shape, f"the input is {show_shape(shape)}, which gives the first row's size"
        next(phrases(first, style, (1, 1, _RGB)))
    except Unwritable as why:
        raise ArchError([trouble(reading, line, why.message, why.hint)]) from None
    raise ArchError([trouble(reading, line, "the table does not say how large the input is", "--input 224x224x3")])


def _deduced(first: Content, letters: dict[str, int]) -> Iterator[Shape]:
    """Inputs that would give the first row's output: with half padding, and with none."""
    leaves = shape_of(first.output, letters, like=(1,)) if first.output is not None else None
    one = next(layers(first.said), None)
    if leaves is None or one is None or len(leaves) < 2:
        return
    if one.kernel is None:
        yield from _by_counts(first, leaves)
        return
    sides = one.kernel[: len(leaves) - 1]
    channels = one.kernel[-1] if len(one.kernel) == len(leaves) else _RGB
    step = square(one.stride)[0] if one.stride else 1
    yield (*(side * step for side in leaves[:-1]), channels)
    kernel = (sides * len(leaves))[: len(leaves) - 1]
    yield (*((side - 1) * step + k for side, k in zip(leaves[:-1], kernel, strict=True)), channels)


def _by_counts(first: Content, leaves: Shape) -> Iterator[Shape]:
    """The same for a convolution without a kernel, of three channels or one, by its parameters."""
    if first.params is None:
        return
    for channels in (_RGB, 1):
        for side, _ in windows(first.params, channels, leaves[-1], len(leaves) - 1):
            for size in (side // 2 * 2, 0):
                yield (*(extent + side - 1 - size for extent in leaves[:-1]), channels)


def trouble(reading: Reading, line: Line, message: str, hint: str, column: Column | None = None) -> Diagnostic:
    """A mistake at the cell that a row's layers stand in."""
    entry = next((e for e in line.entries if e.column == column or (column is None and e.column.role == "layer")), None)
    cell = entry.cell if entry is not None else line.row.cells[0]
    whose = f", column `{column.header}`" if column is not None else ""
    source = reading.table.source
    place = cell_span(source, cell.line, cell.text) if source is not None else None
    return Diagnostic("import-row", f"row {line.number}{whose}: {message}", place, hint=hint)
