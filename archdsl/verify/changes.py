"""The smallest changes that make one row of a table true, each tried.

In: what a row says, the size that enters and the one that should leave. Out: `Change`s, smallest first, every one of
them elaborated as a network of one row. Which cell is to blame is left to who asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from archdsl.graph import Graph
from archdsl.ops.base import Shape, show_shape
from archdsl.verify.content import Content, channels
from archdsl.verify.figures import matches_size, square
from archdsl.verify.fitting import Elaborate, leaving, one_row
from archdsl.verify.phrase import Style, Unwritable, phrases
from archdsl.verify.table import Group, Said, Size

__all__ = ["Change", "Miss", "changes"]

_SIDES = 8
"""How far an input's side is moved."""
_USUAL_POOL = 3
"""A pool with a larger kernel than this is a whole other pool misprinted, if it is one."""

Miss = Callable[[Graph], Fraction]
"""By how much a network's count is above what a cell prints; zero where it prints so."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a row, as a table would print it: `input 227x227x3`, `maxpool f=2; s=2`, `padding 2`.

    - `what` is changed: the size that enters, or the row's arguments.
    - `phrase`: the changed row as `.arch` text, on `input`.
    - `size`: how large the change is; only the order means anything.
    - `about`: which of `kernel`, `stride`, `padding` and `filters` of a layer it changes.
    """

    text: str
    what: Literal["input", "arguments"]
    phrase: str
    input: Shape
    size: float
    about: frozenset[str] = frozenset()


def changes(
    row: Content, input: Shape, elaborate: Elaborate, *, style: Style, keep_input: bool, miss: Miss | None = None
) -> list[Change]:
    """What makes the row's output of `input`, smallest change first.

    >>> row = Content((conv_11_4_96,), output=size_55x55x96)
    >>> [one.text for one in changes(row, (224, 224, 3), elaborate, style=Style(), keep_input=False)][:2]
    ['input 227x227x3', 'padding 2']

    - `input`: (H, W, C); `keep_input`: that it is certain.
    - `style`: what the table leaves out in every row.
    - `miss`: a count that has to come out as well, a row's parameters: then widths inside are changed too. It alone
      has to, where the row prints no output.
    """
    search = _Search(row, input, style, elaborate, miss)
    found: dict[str, Change] = {}
    for proposal in sorted(_proposals(row, input, style, keep_input=keep_input), key=lambda one: one.size):
        change = search.tried(proposal)
        if change is not None:
            found.setdefault(change.phrase + show_shape(change.input), change)
    if miss is not None:
        for change in search.inner_widths():
            found.setdefault(change.phrase + show_shape(change.input), change)
    ordered = sorted(found.values(), key=lambda one: one.size)
    nearest = next((one for one in ordered if one.what == "input"), None)
    padded = any(one.text.startswith("padding ") and one.text[8:].isdigit() for one in ordered)
    return [
        one
        for one in ordered
        if (one.what != "input" or one is nearest) and not (padded and one.text == "padding same")
    ]


@dataclass(frozen=True, slots=True)
class _Proposal:
    text: str
    size: float
    row: Content
    input: Shape
    ceil: bool = False
    about: frozenset[str] = frozenset()


class _Search:
    """Proposals for one row, tried."""

    def __init__(self, row: Content, input: Shape, style: Style, elaborate: Elaborate, miss: Miss | None) -> None:
        self._row = row
        self._input = input
        self._style = style
        self._elaborate = elaborate
        self._miss = miss

    def tried(self, proposal: _Proposal) -> Change | None:
        """The change, if it makes the row true."""
        # Without an output to reach, a row is written in the one plain way: nothing else is changed beside.
        plain = replace(proposal.row, output=None)
        try:
            phrase = next(phrases(_complete(plain, self._row.output), self._style, proposal.input))
        except Unwritable:
            return None
        if proposal.ceil:
            phrase = replace(phrase, text=f"{phrase.text} ceil")
        graph = self._elaborate(one_row(phrase, proposal.input, self._style))
        if graph is None or not self._fits(graph):
            return None
        what: Literal["input", "arguments"] = "input" if proposal.input != self._input else "arguments"
        return Change(proposal.text, what, phrase.text, proposal.input, proposal.size, proposal.about)

    def _fits(self, graph: Graph) -> bool:
        output = self._row.output
        if output is not None and not matches_size(output, leaving(graph), self._style.letters):
            return False
        return self._miss is None or self._miss(graph) == 0

    def inner_widths(self) -> Iterator[Change]:
        """Widths of branches that the output does not show: a count is linear in each, so that two trials give it."""
        assert self._miss is not None
        for name, width in self._row.widths.items():
            at = self._missed(name, width)
            beside = self._missed(name, width + 1)
            if at is None or beside is None or at == beside:
                continue
            wanted = round(width - at / (beside - at))
            if wanted < 1 or wanted == width:
                continue
            for near in (wanted, wanted - 1, wanted + 1):
                change = self.tried(self._with_width(name, near)) if near > 0 else None
                if change is not None:
                    yield change
                    break

    def _with_width(self, name: str, width: int) -> _Proposal:
        mine = self._row.widths[name]
        row = replace(self._row, widths={**self._row.widths, name: width})
        size = 2 + abs(width - mine) / max(mine, 1)
        return _Proposal(f"{name} {width}", size, row, self._input)

    def _missed(self, name: str, width: int) -> Fraction | None:
        proposal = self._with_width(name, width)
        try:
            phrase = next(phrases(_complete(proposal.row, self._row.output), self._style, self._input))
        except Unwritable:
            return None
        graph = self._elaborate(one_row(phrase, self._input, self._style))
        assert self._miss is not None
        return self._miss(graph) if graph is not None else None


def _complete(row: Content, output: Size | None) -> Content:
    """The row without its output, the channels of which stay where no layer prints its own."""
    wanted = channels(output) if output is not None else None
    last = row.said[-1] if row.said else None
    printed = any("reduce" not in name for name in row.widths)
    if wanted is None or not isinstance(last, Said) or last.filters is not None or printed:
        return replace(row, output=None)
    if last.kind in ("conv", "deconv", "fc", "sepconv"):
        return replace(row, output=None, said=(*row.said[:-1], replace(last, filters=wanted)))
    return replace(row, output=None)


# ---------------------------------------------------------------- proposals


def _proposals(row: Content, input: Shape, style: Style, *, keep_input: bool) -> Iterator[_Proposal]:
    if not keep_input and len(input) > 1:
        for side in sorted(set(input[:-1]) if len(set(input[:-1])) > 1 else ()):
            shape = (*(side for _ in input[:-1]), input[-1])
            yield _Proposal(f"input {show_shape(shape)}", 1.0, replace(row, said=tuple(map(_bare, row.said))), shape)
        for step in range(1, _SIDES + 1):
            for side in (step, -step):
                moved = tuple(part + side for part in input[:-1])
                if min(moved) > 0:
                    shape = (*moved, input[-1])
                    words = f"input {show_shape(shape)}"
                    yield _Proposal(words, 1 + step / 10, replace(row, said=tuple(map(_bare, row.said))), shape)
                    yield _Proposal(words, 1.3 + step / 10, row, shape)
    for at, item in enumerate(row.said):
        if isinstance(item, Said):
            for words, size, changed, ceil in _of_layer(item, row.output, last=at == len(row.said) - 1):
                said = (*row.said[:at], changed, *row.said[at + 1 :])
                text = words or _printed(changed)
                rounded = ceil and at == len(row.said) - 1
                yield _Proposal(text, size, replace(row, said=said), input, rounded, _difference(item, changed))
    yield from _of_widths(row, input, style)


def _difference(one: Said, other: Said) -> frozenset[str]:
    names = ("kernel", "stride", "padding", "filters")
    # Padding that nobody prints is filled in, not changed.
    return frozenset(
        name
        for name in names
        if getattr(one, name) != getattr(other, name) and not (name == "padding" and one.padding is None)
    )


def _of_layer(said: Said, output: Size | None, *, last: bool) -> Iterator[tuple[str, float, Said, bool]]:
    """The change in words (empty for the layer itself), its size, the changed layer, and whether it rounds up."""
    pool = said.kind in ("maxpool", "avgpool", "pool")
    if not pool and said.kind not in ("conv", "dwconv", "deconv", "sepconv"):
        yield from _of_filters(said, output, last=last)
        return
    kernel = square(said.kernel) if said.kernel else None
    stride = square(said.stride) if said.stride else None
    padding = square(said.padding)[0] if said.padding else 0
    bare = _unpadded(said)
    for value in range(4):
        if value != padding or said.same:
            size = 1.2 + abs(value - padding) / 10 if said.padding is None else 1.1 + abs(value - padding) / 10
            yield f"padding {value}", size, replace(said, padding=(value,), same=False), False
    if not said.same:
        yield "padding same", 1.6, replace(said, padding=None, same=True), False
    if pool:
        yield "rounded up (ceil)", 1.55, bare, True
    steps = [value for value in range(1, 5) if stride is None or (value,) != stride]
    for value in steps:
        size = 2 + abs(value - (stride[0] if stride else 1)) / 10
        yield "", size, replace(bare, stride=(value,)), False
        if said.padding is None and kernel is not None and kernel[0] % 2:
            words = _printed(replace(said, stride=(value,)))
            yield words, size + 0.05, replace(said, stride=(value,), padding=(kernel[0] // 2,)), False
    if kernel is None:
        return
    if pool and (kernel, stride) != ((2,), (2,)):
        # Most pools of the world halve with 2x2, the others overlap with 3x3.
        yield "", 1.05 if kernel[0] > _USUAL_POOL else 2.3, replace(bare, kernel=(2,), stride=(2,)), False
        yield "", 1.9, replace(bare, kernel=(3,), stride=(2,)), False
    for value in (1, 2, 3, 4, 5, 6, 7, 8, 9, 11):
        if (value,) != kernel:
            odd = 0.0 if value % 2 else 0.5
            size = 2.5 + odd + abs(value - kernel[0]) / 10
            yield "", size, replace(bare, kernel=(value,)), False
            if value % 2 and not pool and said.padding is None:
                yield "", size + 0.2, replace(bare, kernel=(value,), padding=(value // 2,)), False
    yield from _of_filters(said, output, last=last)


def _of_filters(said: Said, output: Size | None, *, last: bool) -> Iterator[tuple[str, float, Said, bool]]:
    wanted = channels(output) if output is not None else None
    if last and said.filters is not None and wanted is not None and wanted != said.filters:
        yield "", 1.1, replace(said, filters=wanted), False
        if said.kind != "fc":
            yield "", 1.1, replace(_unpadded(said), filters=wanted), False


def _bare(item: Said | Group) -> Said | Group:
    return _unpadded(item) if isinstance(item, Said) else item


def _unpadded(said: Said) -> Said:
    """A window whose padding is not printed, with none."""
    if said.same or said.padding is not None or said.kernel is None or said.kind == "fc":
        return said
    return replace(said, padding=(0,))


def _of_widths(row: Content, input: Shape, style: Style) -> Iterator[_Proposal]:
    """One branch wider or narrower by what the output's channels are off."""
    ends = {name: width for name, width in row.widths.items() if "reduce" not in name and "squeeze" not in name}
    last = channels(row.output) if row.output is not None else None
    wanted = style.letters.get(last) if isinstance(last, str) else last
    if wanted is None:
        return
    off = wanted - sum(ends.values())
    for name, width in ends.items():
        if off and width + off > 0:
            widths = {**row.widths, name: width + off}
            size = 1.1 + abs(off) / max(1, width)
            yield _Proposal(f"{name} {width + off}", size, replace(row, widths=widths), input)


def _printed(said: Said) -> str:
    """A layer in the words of its table: `maxpool f=2; s=2` where it writes so, else `maxpool 2x2/2`."""
    kernel = said.kernel or ()
    stride = square(said.stride)[0] if said.stride else 1
    padding = square(said.padding)[0] if said.padding else 0
    if "=" in said.text:
        parts = [f"f={show_shape(square(kernel))}"] if kernel else []
        parts += [f"p={padding}"] if padding else []
        parts += [f"s={stride}"] if said.stride else []
        parts += [f"d={said.filters}"] if said.filters is not None else []
        return f"{said.kind} {'; '.join(parts)}"
    window = show_shape(kernel * 2 if len(kernel) == 1 else kernel) if kernel else ""
    window += f"/{stride}" if said.stride and window else ""
    window += f", padding {padding}" if padding else ""
    tail = f" {said.filters}" if said.filters is not None else ""
    return f"{said.kind} {window}{tail}".replace("  ", " ")
