"""One row of a table as a network of its own: the way to write it that gives the size it prints.

In: what a row says and the size that enters. Out: `Fitted`, with the checked graph. Elaborating is injected, since this
room knows nothing of the language's own passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from archdsl.graph import Graph
from archdsl.ops.base import Shape, show_shape
from archdsl.verify.content import Content
from archdsl.verify.figures import matches_size
from archdsl.verify.phrase import Phrase, Style, phrases
from archdsl.verify.table import Size

__all__ = ["Elaborate", "Fitted", "Trials", "fit", "leaving", "one_row", "shape_of", "ways"]

Elaborate = Callable[[str], Graph | None]
"""An `.arch` text to its checked graph; None where it has mistakes."""


_MOST_TRIALS: Final = 8_000


class Trials:
    """Texts elaborated once each, and not more than so many of them.

    A table of five thousand rows, each of them wrong, is no reason to try for an hour: beyond them a text is taken to
    make no network, and `spent` says so.
    """

    def __init__(self, elaborate: Elaborate) -> None:
        self._elaborate = elaborate
        self._left = _MOST_TRIALS
        self._known: dict[str, Graph | None] = {}

    @property
    def spent(self) -> bool:
        return self._left <= 0

    def __call__(self, text: str) -> Graph | None:
        if text not in self._known:
            if self.spent:
                return None
            self._left -= 1
            self._known[text] = self._elaborate(text)
        return self._known[text]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A row, written. `reached` is whether it gives the printed size, or none is printed; `graph` is None where it
    makes no network at all.
    """

    phrase: Phrase
    graph: Graph | None
    reached: bool


def fit(row: Content, style: Style, entering: Shape, elaborate: Elaborate) -> Fitted:
    """The likeliest way to write a row that gives its printed output; else the likeliest that makes a network.

    >>> fit(row_of_7x7_2, Style(), (224, 224, 3), elaborate).phrase.text      # 112x112x64
    'conv 7x7/2+3 64'

    Raises `Unwritable`.
    """
    tried: list[Fitted] = []
    for found in ways(row, style, entering, elaborate):
        if found.reached:
            return found
        tried.append(found)
    return next((one for one in tried if one.graph is not None), tried[0])


def ways(row: Content, style: Style, entering: Shape, elaborate: Elaborate) -> Iterator[Fitted]:
    """All ways to write a row, the likeliest first; at least one. Raises `Unwritable`."""
    for phrase in phrases(row, style, entering):
        graph = elaborate(one_row(phrase, entering, style))
        reached = graph is not None and (
            row.output is None or matches_size(row.output, leaving(graph), style.letters) is not None
        )
        yield Fitted(phrase, graph, reached)


def one_row(phrase: Phrase, entering: Shape, style: Style) -> str:
    """The text of a network of one row."""
    letters = ", ".join(f"{name}={value}" for name, value in style.letters.items()) if style.named else ""
    head = [f"arch row<{letters}>"] if letters else []
    return "\n".join([*head, f"input {show_shape(entering)}", *phrase.blocks, phrase.text, ""])


def leaving(graph: Graph) -> Shape:
    """The size that leaves a network.

    >>> leaving(alexnet)
    (1000,)
    """
    return graph.shape(graph.outputs[0].port)


def shape_of(size: Size, known: Mapping[str, int] | None = None, like: Shape = ()) -> Shape | None:
    """A printed size as a shape, channels last; None where it does not print all of it.

    `55x55x96`, `96@55x55`, `1x1xC` are whole; `55x55` is not, unless `like` has its channels.
    """
    letters = known or {}
    parts = [letters.get(part) if isinstance(part, str) else part for part in size.parts]
    whole = [part for part in parts if part is not None]
    if len(whole) != len(parts) or any(part < 1 for part in whole):
        return None
    if size.order == "first":
        whole = [*whole[1:], whole[0]]
    elif len(whole) == 2 and size.order == "open":
        return (*whole, like[-1]) if like else None
    return tuple(whole)
