"""`default`s that no layer takes, or that stand below an `arch` line which they seem to be meant for.

In: a parsed file. Out: a warning for each argument of a `default` below which, in its file or its body, every such op
says it itself, or none stands; and for each that some layer takes, and a layer in the `arch` line above it does not.
Looks at the text alone and elaborates nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from typing import NamedTuple

from archdsl.diagnostics import Collector, Note, Span
from archdsl.elaborate.op_binder import default_of, takes
from archdsl.elaborate.program import Unit
from archdsl.ops import registry
from archdsl.ops.base import Op
from archdsl.syntax import tree

__all__ = ["idle_defaults"]


class _Layer(NamedTuple):
    """What stands in a chain under a name: with operands, or bare."""

    span: Span
    call: tree.Call | None


class _Said(NamedTuple):
    """An operand of a `default`, and where its reach ends."""

    default: tree.Default
    operand: tree.Operand
    end: int

    def reaches(self, at: Span) -> bool:
        return self.default.span.start < at.start and at.end <= self.end


def idle_defaults(unit: Unit, found: Collector, *, library: bool) -> None:
    """Warn about every argument of a `default` that nothing takes; of a library, others may hand ops to its blocks."""
    nodes = list(tree.walk(unit.file.statements))
    kinds: dict[str, type[Op]] = {}
    for name in dict.fromkeys(node.name.name for node in nodes if isinstance(node, tree.Default)):
        kind = registry.lookup(name) or registry.lookup_plugin(name)
        if kind is not None:
            kinds[name] = kind
    if not kinds:
        return
    bare = _bare_values(nodes)
    layers = _layers([node for node in nodes if id(node) not in bare])
    values = _values(nodes)
    own: dict[str, list[_Layer]] = {}
    handed: dict[str, list[_Layer]] = {}
    for name, kind in kinds.items():
        complete = not any(arg.required for arg in kind.arguments.values())
        own[name] = [layer for layer in layers[name] if layer.call is not None or complete]
        # Where the op itself is a value, layers under the name of a value may be that op.
        given = library or name in bare.values() or len(own[name]) < len(layers[name])
        handed[name] = [layer for value in values for layer in layers[value]] if given else []
    errors = sorted(
        d.span.start for d in found if d.severity == "error" and d.span and d.span.source is unit.file.source
    )
    untaken = _untaken(nodes, kinds, {name: [*own[name], *handed[name]] for name in kinds})
    for said in untaken:
        span = said.default.span
        wrong = bisect_left(errors, span.start) < bisect_left(errors, span.end)
        if found.full:
            return
        if not wrong:
            _warn(said, [layer.span for layer in own[said.default.name.name]], unit, found)
    if unit.architecture is not None:
        _warn_of_head(unit, unit.architecture, kinds, {id(said.operand) for said in untaken}, found)


def _untaken(
    nodes: Sequence[tree.Node], kinds: Mapping[str, type[Op]], layers: Mapping[str, Sequence[_Layer]]
) -> list[_Said]:
    """What `default`s say and no layer takes, found in one pass through the text."""
    events: list[tuple[int, int, tree.Node | tuple[str, _Layer] | None]] = []
    last = 0
    for node in nodes:
        last = max(last, node.span.end)
        if isinstance(node, tree.Default) and node.name.name in kinds:
            events.append((node.span.start, 2, node))
        elif isinstance(node, tree.Block) and isinstance(node.body, tuple):
            events += [(node.span.end, 0, None), (node.span.start, 1, node)]
    events += [(layer.span.start, 3, (name, layer)) for name, own in layers.items() for layer in own]
    events.sort(key=lambda event: event[:2])
    # Of the file and of each body around: what holds there for an op by argument, what was said last at the end.
    bodies: list[dict[str, dict[str, tree.Operand]]] = [{}]
    ends = [last]
    said: list[_Said] = []
    taken: set[int] = set()
    for _, _, event in events:
        if event is None:
            bodies.pop()
            ends.pop()
        elif isinstance(event, tree.Block):
            bodies.append({})
            ends.append(event.span.end)
        elif isinstance(event, tree.Default):
            name = event.name.name
            held = dict(_held(bodies, name))
            for operand in event.operands:
                arg = default_of(kinds[name], operand)
                if arg is not None:
                    held.pop(arg.name, None)
                    held[arg.name] = operand
                    said.append(_Said(event, operand, ends[-1]))
            bodies[-1][name] = held
        elif isinstance(event, tuple):
            name, layer = event
            held = _held(bodies, name)
            taken.update(id(one) for one in takes(kinds[name], layer.call, reversed(held.values())))
    return [one for one in said if id(one.operand) not in taken]


def _held(bodies: Sequence[dict[str, dict[str, tree.Operand]]], name: str) -> dict[str, tree.Operand]:
    return next((body[name] for body in reversed(bodies) if name in body), {})


def _layers(nodes: Sequence[tree.Node]) -> defaultdict[str, list[_Layer]]:
    found: defaultdict[str, list[_Layer]] = defaultdict(list)
    for element in nodes:
        at = element.unit if isinstance(element, tree.Element) else None
        if isinstance(at, tree.Call):
            found[at.name.name].append(_Layer(at.span, at))
        elif isinstance(at, tree.Name):
            found[at.name].append(_Layer(at.span, None))
    return found


def _bare_values(nodes: Sequence[tree.Node]) -> dict[int, str]:
    """The names that stand as values, by the identity of their elements: of an op, they are no layers yet."""
    chains: list[tree.Chain] = []
    for node in nodes:
        if isinstance(node, tree.Parameter) and node.default is not None:
            chains.append(node.default)
        elif isinstance(node, tree.Let):
            chains.append(node.value)
        elif isinstance(node, tree.Items) and not node.parenthesised:
            chains += node.items
    return {id(chain.elements[0]): chain.plain.name for chain in chains if isinstance(chain.plain, tree.Name)}


def _values(nodes: Sequence[tree.Node]) -> set[str]:
    """The names of parameters, `let`s and repeats, which may stand for an op."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, tree.Parameter):
            found.add(node.name)
        elif isinstance(node, tree.Let):
            found.add(node.name.name)
        elif isinstance(node, tree.Repeat):
            found.update(name.name for name in node.names)
    return found


def _warn_of_head(
    unit: Unit, head: tree.Architecture, kinds: Mapping[str, type[Op]], idle: Set[int], found: Collector
) -> None:
    """Warn where a layer of the `arch` line would take a `default` of the file, had that stood above it."""
    nodes = list(tree.walk(head.parameters))
    bare = _bare_values(nodes)
    layers = _layers([node for node in nodes if id(node) not in bare])
    done: set[tuple[str, str]] = set()
    for default in unit.defaults:
        name = default.name.name
        for operand in default.operands if name in kinds else ():
            arg = default_of(kinds[name], operand)
            if arg is None or (name, arg.name) in done:
                continue
            done.add((name, arg.name))
            if default.span.start < head.span.start or id(operand) in idle or found.full:
                continue
            layer = next((each for each in layers[name] if takes(kinds[name], each.call, [operand])), None)
            if layer is not None:
                what = operand.span.text
                found.warning(
                    "unused-default",
                    f"the default `{what}` does not reach a `{name}` in the `arch` line above it",
                    operand.span,
                    notes=[Note("this one", layer.span)],
                    hint="a `default` is for the lines below it: move it above `arch`, or write there what holds",
                )


def _warn(said: _Said, calls: Sequence[Span], unit: Unit, found: Collector) -> None:
    name, what = said.default.name.name, said.operand.span.text
    below = next((span for span in calls if said.reaches(span)), None)
    if below is not None:
        message = f"no `{name}` takes the default `{what}`"
        notes = [Note("here something else is written, or another `default` goes before", below)]
        hint = f"remove `{what}`, or what stands in its place"
    elif calls:
        message = f"no `{name}` stands below the default `{what}`, in its file or body"
        missed = ([span for span in calls if span.start < said.default.span.start] or calls)[-1]
        notes = [Note("this one it does not reach", missed)]
        head = unit.architecture.span if unit.architecture is not None else said.default.span
        in_head = head.start <= missed.start < head.end
        where = "above `arch`" if in_head else "up"
        hint = f"a `default` is for the lines below it: move it {where}, or remove it"
    else:
        message = f"there is no `{name}` here for the default `{what}`"
        notes = []
        hint = "a `default` is for the lines of its own text, and not for blocks that stand elsewhere: remove it"
    found.warning("unused-default", message, said.operand.span, notes=notes, hint=hint)
