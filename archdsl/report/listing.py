"""The list of the zoo: a heading for every file, a line for every network.

In: names and figures. Out: lines of at most 80 columns whose columns are the same in all files, so that each can be
shown as soon as it is known; or records for a program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from archdsl.analysis.figures import Figures
from archdsl.ops.base import show_shape
from archdsl.report.numbers import clean, grouped, short, width

__all__ = ["LEGEND", "Listed", "columns", "heading", "line", "record"]

_WIDTH: Final = 80
_NAMES: Final = 28
LEGEND: Final = (
    "params: trainable values; MACs: multiply-accumulates for one input; depth:",
    "weight layers on the longest path. Heads for training only are not counted.",
    "A command that takes a network takes `zoo:NAME`; `archdsl zoo NAME` prints it.",
)


@dataclass(frozen=True, slots=True)
class Listed:
    """One network of the zoo: the names that its file gives it, and its figures."""

    names: tuple[str, ...]
    family: str
    file: str
    figures: Figures


def columns() -> str:
    """The line above all.

    >>> columns()
    '  network                            params     MACs  depth  input'
    """
    return f"  {'network':{_NAMES}}  {'params':>11}  {'MACs':>7}  {'depth':>5}  input"


def heading(title: str, paper: str) -> str:
    """The line above the networks of one file: its place in the zoo, and the paper."""
    text = clean(f"{title}  {paper}".rstrip())
    return text if width(text) <= _WIDTH else text[: _WIDTH - 1] + "…"


def line(listed: Listed) -> str:
    """One network."""
    figures = listed.figures
    names = ", ".join(listed.names)
    entering = ", ".join(map(show_shape, _distinct(figures.inputs)))
    return (
        f"  {names:{_NAMES}}  {grouped(figures.params):>11}  {short(figures.macs):>7}  {figures.depth:>5}  {entering}"
    )


def _distinct(shapes: Sequence[tuple[int, ...]]) -> tuple[tuple[int, ...], ...]:
    """Towers that share their weights take inputs of one size."""
    return tuple(dict.fromkeys(shapes))


def record(listed: Listed) -> dict[str, object]:
    """The same for a program."""
    figures = listed.figures
    return {
        "name": listed.names[0],
        "aliases": list(listed.names[1:]),
        "family": listed.family,
        "file": listed.file,
        "paper": figures.title,
        "inputs": [show_shape(shape) for shape in figures.inputs],
        "outputs": [show_shape(shape) for shape in figures.outputs],
        "params": figures.params,
        "buffers": figures.buffers,
        "macs": figures.macs,
        "depth": figures.depth,
        "layers": figures.layers,
    }
