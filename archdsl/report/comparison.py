"""Networks side by side: a line each.

In: what was counted of each, and its published accuracy. Out: an aligned text, a Markdown table, or JSON. The picture
is left to `archdsl.draw.bubbles`.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from archdsl.analysis.figures import Figures, Published
from archdsl.ops.base import show_shape
from archdsl.report.markdown import escape_markdown, markdown_row
from archdsl.report.numbers import clean, cut, grouped, short, width

__all__ = ["Compared", "comparison_json", "comparison_markdown", "comparison_text"]

_MIB: Final = 1024 * 1024
_WIDTH: Final = 80
_SHORTEST_NAME: Final = 10


@dataclass(frozen=True, slots=True)
class Compared:
    """One network: what it is called, what was counted, and its accuracy as published, where its file states one."""

    name: str
    figures: Figures
    top1: Published | None = None


class _Column(NamedTuple):
    heading: str
    legend: str
    text: Callable[[Figures], str]
    exact: Callable[[Figures], str]


def _mib(value: int) -> str:
    scaled = value / _MIB
    if 0 < scaled < 0.005:
        return "<0.01"
    return f"{scaled:,.{2 if scaled < 99.995 else 1 if scaled < 999.95 else 0}f}"


def _field(figures: Figures) -> str:
    """One number where it is the same along all axes."""
    if figures.field is None:
        return "-"
    size = figures.field.size
    if size is None:
        return "all"
    return str(size[0]) if len(set(size)) == 1 else show_shape(size)


def _inputs(figures: Figures) -> str:
    return ", ".join(map(show_shape, dict.fromkeys(figures.inputs)))


_COLUMNS: Final = (
    _Column("params", "trainable values", lambda f: grouped(f.params), lambda f: grouped(f.params)),
    _Column(
        "MACs",
        "multiply-accumulates of convolutions and matrix products, one input",
        lambda f: short(f.macs),
        lambda f: grouped(f.macs),
    ),
    _Column(
        "weights", "MiB of params and running statistics, float32", lambda f: _mib(f.weights), lambda f: _mib(f.weights)
    ),
    _Column(
        "memory",
        "MiB of the outputs of all layers for one input, forward, float32",
        lambda f: _mib(f.activations),
        lambda f: _mib(f.activations),
    ),
    _Column("depth", "weight layers on the longest path", lambda f: grouped(f.depth), lambda f: grouped(f.depth)),
    _Column("RF", "receptive field of the last feature map, in positions of the input", _field, _field),
    _Column("layers", "ops of every kind", lambda f: grouped(f.layers), lambda f: grouped(f.layers)),
    _Column("input", "its size, channels last", _inputs, _inputs),
)


_TOP1: Final = "top-1"
_LAYERS: Final = "layers"
_WEIGHTS: Final = "weights"


def comparison_text(found: Sequence[Compared]) -> str:
    """A table for people, and what its columns count; at most 80 columns wide where the numbers allow it.

    ```
    network      top-1       params   MACs  weights  memory  depth   RF  input
    resnet50    76.130   25,557,032  4.09G    97.69   115.9     50  427  224x224x3
    ```

    The published accuracy takes the place of the number of layers, where any is known.
    """
    known = any(one.top1 for one in found)
    shown = [column for column in _COLUMNS if not (known and column.heading == _LAYERS)]
    cells = _cells(found, shown, known)
    gap = 2
    # The blanks between the columns give way first, then a figure that follows from another, then long names.
    if _wide(cells, gap) > _WIDTH:
        gap = 1
    if _wide(cells, gap) > _WIDTH:
        shown = [column for column in shown if column.heading != _WEIGHTS]
        cells = _cells(found, shown, known)
    widths = _widths(cells)
    excess = _wide(cells, gap) - _WIDTH
    if excess > 0:
        widths[0] = max(min(widths[0], _SHORTEST_NAME), widths[0] - excess)
        cells = [[cut(row[0], widths[0]), *row[1:]] for row in cells]
    lines = [(" " * gap).join(_padded(row, widths)).rstrip() for row in cells]
    lines.insert(1, "-" * max(map(width, lines)))
    lines.append(lines[1])
    wide = max(len(column.heading) for column in shown)
    legends = [(column.heading, column.legend) for column in shown]
    if known:
        legends.insert(0, (_TOP1, _LEGEND))
        legends[1:1] = [("", line) for line in _sources(found, _WIDTH - wide - 2)]
    lines += [f"{heading:{wide}}  {legend}" for heading, legend in legends]
    return "\n".join(lines) + "\n"


_LEGEND: Final = "published, not computed: % right of ImageNet's validation images"


def _top1(one: Compared) -> str:
    return one.top1.text if one.top1 else "-"


def _sources(found: Sequence[Compared], wide: int) -> list[str]:
    """`torchvision: resnet18, resnet50`, a line or more for each source."""
    by_source: dict[str, list[str]] = {}
    for one in found:
        if one.top1:
            by_source.setdefault(clean(one.top1.source), []).append(clean(one.name))
    lines = []
    for source, names in by_source.items():
        lines += textwrap.wrap(f"{source}: {', '.join(names)}", wide, subsequent_indent="  ", break_long_words=False)
    return lines


def _cells(found: Sequence[Compared], shown: Sequence[_Column], known: bool) -> list[list[str]]:
    heading = ["network", *([_TOP1] if known else []), *(column.heading for column in shown)]
    return [
        heading,
        *(
            [clean(one.name), *([_top1(one)] if known else []), *(column.text(one.figures) for column in shown)]
            for one in found
        ),
    ]


def _wide(cells: Sequence[Sequence[str]], gap: int) -> int:
    widths = _widths(cells)
    return sum(widths) + gap * (len(widths) - 1)


def _widths(cells: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(width, column)) for column in zip(*cells, strict=True)]


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Numbers to the right; names, and the sizes in the last column, to the left."""
    last = len(row) - 1
    return [
        cell + " " * (wide - width(cell)) if place in (0, last) else " " * (wide - width(cell)) + cell
        for place, (cell, wide) in enumerate(zip(row, widths, strict=True))
    ]


def comparison_markdown(found: Sequence[Compared]) -> str:
    """A table for a README, with every digit."""
    units = {"weights": "weights (MiB)", "memory": "memory (MiB)"}
    known = any(one.top1 for one in found)
    headings = [*(["top-1 (%)"] if known else []), *(units.get(column.heading, column.heading) for column in _COLUMNS)]
    lines = [
        markdown_row(["network", *headings]),
        markdown_row([":---", *("---:" for _ in headings[:-1]), ":---"]),
    ]
    lines += [
        markdown_row(
            [
                escape_markdown(one.name),
                *([escape_markdown(_top1(one))] if known else []),
                *(escape_markdown(column.exact(one.figures)) for column in _COLUMNS),
            ]
        )
        for one in found
    ]
    legends = [f"- {column.heading}: {column.legend}" for column in _COLUMNS]
    if known:
        told = "; ".join(escape_markdown(line) for line in _sources(found, 10_000))
        legends.insert(0, f"- {_TOP1}: {_LEGEND} ({told})")
    return "\n".join([*lines, "", *legends]) + "\n"


def comparison_json(found: Sequence[Compared]) -> str:
    """`{"networks": [{"name", "params", …}]}`; bytes are in the keys that say so.

    `published_top1` is null, or `{"percent", "written", "source"}`, which was not computed.
    """
    return json.dumps({"networks": [_record(one) for one in found]}, indent=2, ensure_ascii=False)


def _record(one: Compared) -> dict[str, object]:
    figures, top1 = one.figures, one.top1
    return {
        "name": one.name,
        "architecture": figures.family,
        "variant": figures.variant,
        "title": figures.title,
        "inputs": [show_shape(shape) for shape in figures.inputs],
        "outputs": [show_shape(shape) for shape in figures.outputs],
        "params": figures.params,
        "buffers": figures.buffers,
        "macs": figures.macs,
        "flops": figures.flops,
        "weights_bytes": figures.weights,
        "activations_bytes": figures.activations,
        "peak_bytes": figures.peak,
        "depth": figures.depth,
        "receptive_field": _field_record(figures),
        "layers": figures.layers,
        "published_top1": {"percent": top1.value, "written": top1.text, "source": top1.source} if top1 else None,
    }


def _field_record(figures: Figures) -> list[int] | str | None:
    """Positions along each axis; `all` for the whole input, null without feature maps."""
    if figures.field is None:
        return None
    return list(figures.field.size) if figures.field.size is not None else "all"
