"""Files with networks, each read once, each of its networks made once; and which of them a printed name means.

In: a `Target`. Out: `Family` and its `Member`s, ready to be compared. Which one fits a table is left to
`archdsl.verifying`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from archdsl.api import unresolved
from archdsl.diagnostics import Collector, Span
from archdsl.elaborate import Request, Unresolved, Workspace
from archdsl.gathering import Target
from archdsl.graph import Graph
from archdsl.verify.called import called, called_in_results
from archdsl.verify.sheet import Case
from archdsl.verify.subject import Subject
from archdsl.verify.suggest import Editor
from archdsl.verify.table import Column, Line

__all__ = ["Family", "Member", "members_called", "members_in_results"]


class Family:
    """One file with networks, each made once."""

    def __init__(self, target: Target, request: Request, found: Collector) -> None:
        self.path = target.path
        self._request = request
        self._found = found
        self._made: dict[str | None, Subject | None] = {}
        inner = Collector()
        self.workspace = Workspace.open(target.path, inner)
        self.broken = inner.failed or self.workspace.unit is None or self.workspace.is_library
        if not inner.failed and self.workspace.is_library:
            inner.error(
                "nothing-to-verify", f"{target.path} holds blocks and no network", hint="name a file with an `input`"
            )
        for diagnostic in inner:
            if diagnostic.severity == "error":
                found.add(diagnostic if diagnostic.span else diagnostic._replace(span=target.span))

    @property
    def name(self) -> str:
        """Of the file's own network."""
        unit = self.workspace.unit
        return unit.architecture.name.name if unit is not None and unit.architecture else self.path.stem

    def members(self, variant: str | None) -> list[Member]:
        """All networks of the file, its own first, or the variant alone; under each of their names."""
        variants = self.workspace.unit.variants if self.workspace.unit is not None else {}
        if variant is not None:
            same = variants.get(variant)
            names = [name for name, one in variants.items() if one is same and name != variant]
            return [Member(self, variant, (variant, *names))]
        own = [] if self.workspace.needs_variant and variants else [Member(self, None, (self.name,))]
        grouped: dict[int, list[str]] = {}
        for name, one in variants.items():
            grouped.setdefault(id(one), []).append(name)
        return [*own, *(Member(self, names[0], tuple(names)) for names in grouped.values())]

    def subject(self, variant: str | None, span: Span | None = None) -> Subject | None:
        """A network, ready to be compared; None after reporting why there is none."""
        if variant not in self._made:
            graph = self._graph(self.workspace, variant, self._found, span)
            self._made[variant] = Subject(graph) if graph is not None else None
        return self._made[variant]

    def _graph(self, workspace: Workspace, variant: str | None, found: Collector, span: Span | None) -> Graph | None:
        """A network whose file states wrong sizes (`::`) is compared all the same, after reporting them."""
        inner = Collector()
        network = None
        try:
            network = workspace.network(self._request._replace(variant=variant), inner)
            if network is None and {one.id for one in inner if one.severity == "error"} == {"wrong-size"}:
                network = workspace.network(self._request._replace(variant=variant, claims=False), Collector())
        except Unresolved as left:
            inner.add(unresolved(workspace, left))
        for diagnostic in inner:
            if diagnostic.severity == "error":
                found.add(diagnostic if diagnostic.span else diagnostic._replace(span=span))
        return network.graph if network is not None else None

    def rebuilt(self, text: str, variant: str | None) -> Subject | None:
        """A network of a changed text in the place of the file's; None where it makes none."""
        inner = Collector()
        workspace = Workspace.text(text, inner, str(self.path), self.path)
        graph = self._graph(workspace, variant, Collector(), None)
        return Subject(graph) if graph is not None else None


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A network of a family under its names; `variant` is None for the file's own.

    `column` is its own of a table that has a column a network, `line` of a table of results.
    """

    family: Family
    variant: str | None
    names: tuple[str, ...]
    column: Column | None = None
    line: Line | None = None

    def called(self, name: str) -> Member:
        """The same under the one of its names that a paper uses."""
        return self if self.variant is None or name == self.variant else replace(self, variant=name)

    def case(self) -> Case | None:
        """What a table is compared with; None after reporting why there is none."""
        subject = self.family.subject(self.variant)
        return Case(subject, self.column, self.line) if subject is not None else None

    @property
    def editor(self) -> Editor:
        """The text that it is made from, and how a changed one is."""
        unit = self.family.workspace.unit
        return Editor(unit.file.source.text if unit is not None else "", self._changed)

    def _changed(self, text: str) -> Case | None:
        subject = self.family.rebuilt(text, self.variant)
        return Case(subject, self.column, self.line) if subject is not None else None


def members_in_results(name: str, members: Sequence[Member]) -> list[Member]:
    """The networks that the name of a row of results may mean, each once, those that are called most like it first."""
    far: dict[Member, int] = {}
    for member in members:
        found = [distance for own in member.names if (distance := called_in_results(name, own)) is not None]
        if found:
            far[member] = min(found)
    return sorted(far, key=lambda member: far[member])


def members_called(name: str, members: Sequence[Member], named: bool) -> list[Member]:
    """The networks that a printed name may mean, each once; under that one of their names, unless one was named."""
    owners = {name: member for member in reversed(members) for name in member.names}
    found: dict[int, Member] = {}
    for known in called(name, [name for member in members for name in member.names]):
        found.setdefault(id(owners[known]), owners[known] if named else owners[known].called(known))
    return list(found.values())
