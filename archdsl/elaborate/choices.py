"""The search space of a file: its `choice`s and `one_of`s.

In: a parsed file. Out: every place where something is left open, with a name and its options, and the reading of an
assignment `name=option`. One place in the text is one choice, however often it is unrolled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from archdsl.diagnostics import Collector, Span, nearest
from archdsl.syntax import tree

__all__ = ["Site", "Unresolved", "assign", "sites"]

_OPEN: Final = ("choice", "one_of")
"""The words that leave something open."""


class Unresolved(Exception):
    """The elaboration met a choice that the assignment does not decide."""

    def __init__(self, unit: tree.Call | tree.Function) -> None:
        super().__init__()
        self.unit = unit


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """One `choice<a | b>` or `one_of(128, 256)`: its name, and the options as a user writes them."""

    name: str
    unit: tree.Call | tree.Function
    options: tuple[str, ...]

    @property
    def span(self) -> Span:
        return self.unit.span


def sites(file: tree.File) -> tuple[Site, ...]:
    """The open choices of a file in the order of the text.

    A choice is called by the label behind it or the `let` it stands in, `@width` or `let width = one_of(…)`; another is
    `choice1`, `choice2`, … as it stands in the file.
    """
    if not any(word in file.source.text for word in _OPEN):
        return ()
    found: list[Site] = []
    taken: set[str] = set()
    for unit, name in _walk(file.statements, None):
        if name is None or name in taken:
            name = f"choice{len(found) + 1}"
        taken.add(name)
        arguments = unit.arguments if isinstance(unit, tree.Function) else unit.angles or ()
        found.append(Site(name, unit, tuple(" ".join(a.value.span.text.split()) for a in arguments)))
    return tuple(found)


def _walk(node: object, name: str | None) -> Iterator[tuple[tree.Call | tree.Function, str | None]]:
    """Every open choice below a node, depth first, with the name that stands at it."""
    pending: list[tuple[object, str | None]] = [(node, name)]
    while pending:
        at, called = pending.pop()
        if isinstance(at, tuple):
            pending.extend((part, called) for part in reversed(at))
            continue
        if not isinstance(at, tree.Node):
            continue
        if isinstance(at, tree.Element):
            label = next((s.name for s in at.suffixes if isinstance(s, tree.Label)), None)
            called = label or called
        elif isinstance(at, tree.Let):
            called = at.name.name
        elif isinstance(at, tree.Block | tree.Conditional):
            called = None
        is_choice = isinstance(at, tree.Call) and at.name.name == _OPEN[0] and at.angles
        is_one_of = isinstance(at, tree.Function) and at.name.name == _OPEN[1] and at.arguments
        if is_choice or is_one_of:
            assert isinstance(at, tree.Call | tree.Function)
            yield at, called
            called = None
        fields = [getattr(at, field) for field in type(at).fields]
        pending.extend((part, called) for part in reversed(fields))


def assign(places: tuple[Site, ...], written: Mapping[str, str], found: Collector) -> dict[int, tuple[Site, int]]:
    """Read `--choose name=option`: an option as it is written in the file, its first word where no other starts with
    it, or `#1`, `#2`, … by its place.
    """
    by_name = {site.name: site for site in places}
    taken: dict[int, tuple[Site, int]] = {}
    for name, option in written.items():
        site = by_name.get(name)
        if site is None:
            close = nearest(name, by_name)
            known = ", ".join(by_name) or "none"
            found.error(
                "unknown-choice",
                f"there is no choice `{name}`",
                hint=f"did you mean `{close}`?" if close else f"the choices of this file: {known}",
            )
            continue
        index = _option(site, option)
        if index is None:
            shown = ", ".join(f"#{i + 1} {text}" for i, text in enumerate(site.options))
            found.error(
                "unknown-choice", f"`{name}` has no option `{option}`", site.span, hint=f"its options are {shown}"
            )
            continue
        taken[id(site.unit)] = (site, index)
    return taken


def _option(site: Site, written: str) -> int | None:
    text = " ".join(written.split())
    if text in site.options:
        return site.options.index(text)
    starts = [i for i, option in enumerate(site.options) if option.split()[0] == text]
    if len(starts) == 1:
        return starts[0]
    if text[:1] == "#" and text[1:].isdigit() and 1 <= int(text[1:]) <= len(site.options):
        return int(text[1:]) - 1
    return None
