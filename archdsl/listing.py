"""Every network of the zoo with its figures.

In: nothing. Out: the networks file by file, each counted when it is its turn, since all together take seconds.
"""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.analysis.figures import figures
from archdsl.diagnostics import ArchError, Collector
from archdsl.elaborate import Request, Workspace
from archdsl.graph import Graph
from archdsl.report.listing import Listed
from archdsl.zoo import Entry

__all__ = ["list_file"]


def list_file(entry: Entry) -> Iterator[Listed]:
    """The networks of one file, in the order of the text: its own, unless it needs a variant, and the variants.

    A variant that is the file's own network, layer for layer, stands for it. Raises `ArchError` where the file is
    wrong.
    """
    found = Collector()
    workspace = Workspace.open(entry.path, found)
    if workspace.unit is None:
        raise ArchError(found.sorted())
    names: dict[int, list[str]] = {}
    for name, variant in workspace.unit.variants.items():
        names.setdefault(id(variant), []).append(name)
    members = [(tuple(group), _graph(workspace, group[0])) for group in names.values()]
    if not (workspace.needs_variant and members):
        own = _graph(workspace, None)
        if not any(_same(own, graph) for _, graph in members):
            members.insert(0, ((entry.name,), own))
    for group, graph in members:
        yield Listed(group, entry.family, f"{entry.family}/{entry.path.name}", figures(graph))


def _graph(workspace: Workspace, variant: str | None) -> Graph:
    found = Collector()
    network = workspace.network(Request(variant), found)
    if network is None:
        raise ArchError(found.sorted())
    return network.graph


def _same(one: Graph, other: Graph) -> bool:
    """Whether two networks are equal, layer for layer."""
    return len(one) == len(other) and all(
        a.op == b.op and a.inputs == b.inputs and a.shapes == b.shapes
        for a, b in zip(one.nodes, other.nodes, strict=True)
    )
