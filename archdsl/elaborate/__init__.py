"""Tree to checked graph.

In: a path or a text, a variant, settings, choices. Out: a `Network`, or none and the diagnostics why. Claims
(`expect`) are compared by `archdsl.analysis.claims`, which counts.
"""

from __future__ import annotations

import gc
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from archdsl.diagnostics import Collector, Source, Span, nearest
from archdsl.elaborate.builder import Builder, Built
from archdsl.elaborate.choices import Site, Unresolved, assign, sites
from archdsl.elaborate.claims import Claim, read_claims
from archdsl.elaborate.program import Program, Unit
from archdsl.elaborate.values import Stop
from archdsl.graph import Frame, Graph
from archdsl.ops.base import Shape
from archdsl.syntax import tree
from archdsl.syntax.layout import STATEMENT_WORDS
from archdsl.syntax.parser import parse

if TYPE_CHECKING:
    from archdsl.elaborate.recipe import Recipe

__all__ = ["Claim", "Network", "Request", "Site", "Unresolved", "Workspace"]


class Network(NamedTuple):
    """A network that is right, with what its file claims about it and how it says to train it."""

    graph: Graph
    claims: tuple[Claim, ...]
    recipe: Recipe | None
    choices: tuple[tuple[Site, int], ...]


class Request(NamedTuple):
    """Which network of a file: `variant` of the family, `settings` of its parameters (`classes=10`), `inputs` in
    place of the written ones (`{None: (64, 64, 3)}`, or by name), `choices` among what is open. `claims`: whether the
    sizes (`::`) and figures (`expect`) that the file states are compared.
    """

    variant: str | None = None
    settings: Mapping[str, str] | None = None
    inputs: Mapping[str | None, Shape] | None = None
    choices: Mapping[str, str] | None = None
    claims: bool = True

    @property
    def changes(self) -> bool:
        """Whether it asks for another network than the one written: then no claim of the file is about it."""
        return bool(self.settings or self.inputs)


class Workspace:
    """One file and what it uses, read once, elaborated as often as asked."""

    def __init__(self, unit: Unit | None, program: Program, found: Collector) -> None:
        self.unit = unit
        self.program = program
        self._read_failed = found.failed
        self.places: tuple[Site, ...] = sites(unit.file) if unit is not None else ()

    @classmethod
    def open(cls, path: str | Path, found: Collector) -> Workspace:
        """Read a file and everything it uses."""
        program = Program(found)
        with _uncollected():
            return cls(program.read(Path(path)), program, found)

    @classmethod
    def text(cls, text: str, found: Collector, name: str = "<text>", path: Path | None = None) -> Workspace:
        """The same for a text that is in no file, or that stands in place of the file at `path`."""
        program = Program(found)
        with _uncollected():
            return cls(program.read_text(text, name, path), program, found)

    @property
    def variants(self) -> tuple[str, ...]:
        """The names of the family's members."""
        return tuple(self.unit.variants) if self.unit is not None else ()

    @property
    def needs_variant(self) -> bool:
        """Whether the architecture has parameters without a default, so that only its variants are networks."""
        architecture = self.unit.architecture if self.unit is not None else None
        return architecture is not None and any(p.default is None for p in architecture.parameters)

    @property
    def is_library(self) -> bool:
        """Whether the file holds blocks and no network."""
        unit = self.unit
        return unit is not None and not (unit.architecture or unit.inputs or unit.chains or unit.outputs)

    def network(self, request: Request, found: Collector) -> Network | None:
        """The network that a request names; None after reporting why there is none. Raises `Unresolved` at an open
        choice that the request does not decide.
        """
        made = self.assigned(request, assign(self.places, request.choices or {}, found), found)
        return None if found.failed else made

    def assigned(self, request: Request, choices: Mapping[int, tuple[Site, int]], found: Collector) -> Network | None:
        """The same, with the choices as places and option numbers.

        A network whose file has mistakes in its claims or its recipe alone is made all the same, so that a check finds
        what else is wrong.
        """
        unit = self.unit
        if unit is None:
            return None
        if request.variant is not None and request.variant not in unit.variants:
            close = nearest(request.variant, unit.variants)
            known = ", ".join(unit.variants) or "none"
            found.error(
                "unknown-variant",
                f"{unit.file.source.path} has no variant `{request.variant}`",
                unit.architecture.span if unit.architecture else None,
                hint=f"did you mean `{close}`?" if close else f"its variants: {known}",
            )
            return None
        settings = _settings(request.settings or {}, found)
        builder = Builder(self.program, unit, found, choices)
        built: Built | None = None
        try:
            with suppress(Stop), _uncollected():
                stated = request.claims and not request.changes
                built = builder.build(request.variant, settings, request.inputs or {}, stated=stated)
        except RecursionError:
            found.error(
                "limit-depth",
                "the values and blocks of this file need each other too deeply",
                Span(unit.file.source, 0, 0),
                hint="look for a long row of `let`s or blocks, each of which needs the next",
            )
        right = built is not None and not found.failed and not self._read_failed
        claims = read_claims(unit, request.variant, found)
        if request.changes or not request.claims:
            claims = []  # they are about the network as it is written
        graph = _graph(unit, built, request.variant) if built is not None and right else None
        recipe = _recipe(unit, graph, found)
        if graph is None or not _reaches_all(unit, graph, found):
            return None
        resolved = [c.resolve(graph.nodes) for c in claims]
        return Network(graph, tuple(resolved), recipe, tuple(choices.values()))


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for garbage meanwhile: what is made here is all kept, and going through it again and again would make a
    layer of a large network cost more than one of a small network."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _graph(unit: Unit, built: Built, variant: str | None) -> Graph:
    architecture = unit.architecture
    return Graph(
        name=architecture.name.name if architecture else Path(unit.file.source.path).stem,
        title=architecture.title if architecture else "",
        variant=variant,
        nodes=tuple(built.nodes),
        outputs=tuple(built.outputs),
        source_text=unit.file.source.text,
        tensor_labels=built.tensor_labels,
    )


def _recipe(unit: Unit, graph: Graph | None, found: Collector) -> Recipe | None:
    if unit.train is None:
        return None
    from archdsl.elaborate.recipe import read_recipe

    try:
        conditional = frozenset(output.name.name for output in unit.outputs if output.condition is not None)
        return read_recipe(unit.train, graph, found, of_family=bool(unit.variants), conditional=conditional)
    except Stop:  # a limit, which has been reported
        return None


def _settings(written: Mapping[str, str], found: Collector) -> dict[str, tree.Chain]:
    """The values of `--set name=value`, read as the language reads them."""
    made: dict[str, tree.Chain] = {}
    for name, text in written.items():
        shown = name if name.isidentifier() and name not in STATEMENT_WORDS else "value"
        source = Source("--set", f"let {shown} = {text}")
        problems = Collector()
        statements = parse(source, problems).statements
        statement = statements[0] if len(statements) == 1 else None
        if len(problems) or not isinstance(statement, tree.Let):
            found.error("bad-argument", f"`{text}` is not a value", hint=f"write --set {name}=10, or a list in quotes")
            continue
        made[name] = statement.value
    return made


def _reaches_all(unit: Unit, graph: Graph, found: Collector) -> bool:
    """Whether every layer leads to an output, and every input is read: nothing is dropped in silence."""
    reached = {output.port.node for output in graph.outputs}
    for node in reversed(graph.nodes):
        if node.key in reached:
            reached.update(port.node for port in node.inputs)
    told: set[object] = set()
    used: set[tuple[int, int]] = set()
    starts = [statement.span.start for statement in unit.file.statements]
    for node in graph.nodes:
        if node.key in reached:
            continue
        if node.op is None:
            told.add(node.key)
            found.error(
                "unused-input",
                f"the input `{node.label or 'input'}` is never read",
                node.span,
                hint=f"start a chain at it: @{node.label} -> …" if node.label else "the first chain must start at it",
            )
            continue
        statement = _statement_of(unit, starts, node.span)
        if statement in told:
            continue
        told.add(statement)
        used = used or {(id(n.span.source), n.span.start) for n in graph.nodes if n.key in reached}
        turn = _last_turn(node.frame) if (id(node.span.source), node.span.start) in used else None
        if turn is None:
            message = f"`{node.call}` leads to no output"
            hint = "a file's output is its last chain; label this one and use it, or remove it"
            if any(output.condition is not None for output in unit.outputs):
                hint += "; what only some networks have stands in that output: output aux = @a -> fc 10 if deep"
        else:
            message = f"`{node.call}` leads to no output from the last of {turn.count} turns of `{turn.name}`"
            hint = (
                "the other turns need it; leave it out of the last one, whose number a loop can give: "
                f"(if i == {turn.count - 1} then @{_entering(node.frame)} else …) @y in a repeat x(i in {turn.count})"
            )
        found.error("unreachable-chain", message, node.span, hint=hint)
    return not told


def _last_turn(frame: Frame | None) -> Frame | None:
    """The innermost repeat around a layer in whose last turn it stands."""
    while frame is not None and (frame.kind != "repeat" or frame.count == 1 or frame.index != frame.count - 1):
        frame = frame.parent
    return frame


def _entering(frame: Frame) -> str:
    """The label of what enters the block in which a layer stands."""
    return next((each.tensors[0][0] for each in reversed(frame.path()) if each.tensors), "in")


def _statement_of(unit: Unit, starts: Sequence[int], span: Span) -> object:
    """The statement of the file in which something stands; `starts` are where they begin, in order."""
    place = bisect_right(starts, span.start) - 1
    if span.source is unit.file.source and place >= 0 and span.start < unit.file.statements[place].span.end:
        return id(unit.file.statements[place])
    return (id(span.source), span.start)
