"""The networks of `specs/`, for the tests that go through all of them.

In: the folder. Out: every network as a file and a variant, and how to get its graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from archdsl.diagnostics import Collector, render_text
from archdsl.elaborate import Claim, Network, Request, Workspace
from archdsl.graph import Graph
from archdsl.ops.base import Shape
from archdsl.ops.embedding import Embed
from archdsl.resources import specs_path

__all__ = ["Entry", "entries", "files", "graph", "vocabulary"]


@dataclass(frozen=True)
class Entry:
    """One network: a file, and one of its variants, or None for the file's own defaults."""

    path: Path
    variant: str | None

    def __str__(self) -> str:
        return f"{self.path.stem}:{self.variant}" if self.variant else self.path.stem

    @property
    def name(self) -> str:
        """What people call it."""
        return self.variant or self.path.stem

    def graph(self, inputs: dict[str | None, Shape] | None = None) -> Graph:
        """The checked graph, for other input sizes where some are given."""
        return self._network(inputs).graph

    def claims(self) -> tuple[Claim, ...]:
        """What its file claims of it."""
        return self._network(None).claims

    def _network(self, inputs: dict[str | None, Shape] | None) -> Network:
        found = Collector()
        network = _workspace(self.path).network(Request(variant=self.variant, inputs=inputs), found)
        assert network is not None, render_text(found.sorted()) or f"{self.path} cannot be read"
        return network


@cache
def _workspace(path: Path) -> Workspace:
    return Workspace.open(path, Collector())


def files() -> list[Path]:
    """Every `.arch` file."""
    return sorted(specs_path().glob("*/*.arch"))


@cache
def entries() -> tuple[Entry, ...]:
    """Every network: the file's own, unless it needs a variant, and its variants, each under its first name."""
    made = []
    for path in files():
        workspace = _workspace(path)
        if workspace.is_library or workspace.unit is None:
            continue
        if not (workspace.needs_variant and workspace.variants):
            made.append(Entry(path, None))
        first_names = {id(variant): name for name, variant in reversed(workspace.unit.variants.items())}
        made += [Entry(path, name) for name in reversed(first_names.values())]
    return tuple(made)


def graph(name: str) -> Graph:
    """The network of that name: `graph("resnet50")`."""
    return next(entry for entry in entries() if entry.name == name).graph()


def vocabulary(graph: Graph) -> int | None:
    """How many ids there are, for a network that takes ids; None for one that takes pictures or sounds."""
    tables = (node.op for node in graph.layers if len(node.input_shapes[0]) == 1)
    return next((op.vocab for op in tables if isinstance(op, Embed)), None)
