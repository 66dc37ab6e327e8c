"""Every mistake of a file in one run.

In: a path and what of it to look at. Out: diagnostics of the text, of each variant's network, of its claims, and what
is never used.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archdsl import limits
from archdsl.analysis.claims import check_claims
from archdsl.diagnostics import Collector, Diagnostic, Note
from archdsl.elaborate import Request, Workspace
from archdsl.elaborate.lint import lint
from archdsl.elaborate.resolve import resolve
from archdsl.space import covering

__all__ = ["Checked", "check_file", "check_workspace"]


@dataclass(frozen=True)
class Checked:
    """What a check found, how many networks (variants) it looked at and claims it compared.

    `published` figures, accuracies, are those that no check can compare.
    """

    diagnostics: tuple[Diagnostic, ...]
    networks: int
    claims: int
    published: int = 0

    @property
    def failed(self) -> bool:
        return any(d.severity == "error" for d in self.diagnostics)


def check_file(path: str | Path, request: Request) -> Checked:
    """Check a file: the variant of the request, or the network itself and all its variants."""
    found = Collector()
    return check_workspace(Workspace.open(path, found), request, found)


def check_workspace(workspace: Workspace, request: Request, found: Collector) -> Checked:
    """The same for a file that has been read; `found` holds what reading it found."""
    unit = workspace.unit
    networks = claims = published = layers = 0
    if unit is not None and not workspace.is_library:
        whose = _Whose()
        variants: list[str | None] = [request.variant]
        if request.variant is None:
            own = [] if workspace.needs_variant and workspace.variants else [None]
            variants = [*own, *workspace.variants]
        for variant in variants:
            wanted = request._replace(variant=variant)
            for choices in covering(workspace, wanted, found):
                if layers > limits.CHECKED:
                    place = unit.architecture.span if unit.architecture else None
                    found.error(
                        "limit-nodes",
                        f"the networks of this file have more than {limits.CHECKED:,} layers together",
                        place,
                        hint="check them one by one: file.arch:variant",
                    )
                    break
                own_found = Collector()
                network = workspace.assigned(wanted, choices, own_found)
                layers += max(1000, len(network.graph) if network is not None else limits.NODES // 10)
                if network is not None:
                    networks += 1
                    reported = sum(claim.published for claim in network.claims)
                    published += reported
                    claims += len(network.claims) - reported
                    check_claims(network.graph, network.claims, own_found)
                whose.add(variant, own_found)
        whose.report(found, family=request.variant is None)
    if unit is not None:
        resolve(unit, workspace.program, found)
        if not unit.file.broken:
            lint(unit, found)
    return Checked(found.sorted(), networks, claims, published)


class _Whose:
    """Which variants a mistake is in: it is told once, and where it is not in all of them, with their names."""

    def __init__(self) -> None:
        self._found: dict[object, tuple[Diagnostic, list[str | None]]] = {}
        self._variants: list[str | None] = []

    def add(self, variant: str | None, found: Collector) -> None:
        if variant not in self._variants:
            self._variants.append(variant)
        for diagnostic in found:
            place = (diagnostic.id, diagnostic.span or diagnostic.message)
            _, names = self._found.setdefault(place, (diagnostic, []))
            if variant not in names:
                names.append(variant)

    def report(self, found: Collector, *, family: bool) -> None:
        """Give every mistake to `found`; `family`: these were all the networks of the file."""
        for diagnostic, own in self._found.values():
            if diagnostic.id == "idle-setting" and family:
                if len(own) < len(self._variants):
                    continue  # some other network of the file has such weights
                diagnostic = diagnostic._replace(id="unknown-setting", severity="error", notes=())
            names = [name for name in own if name is not None]
            some = names and len(own) < len(self._variants)
            named = ", ".join(f"`{name}`" for name in names[:3]) + (" and others" if len(names) > 3 else "")
            notes = (*diagnostic.notes, Note(f"in the variant {named}")) if some else diagnostic.notes
            found.add(diagnostic._replace(notes=notes))
