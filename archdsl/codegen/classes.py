"""One class for all blocks that are alike, with a constructor argument for each value in which they differ.

In: the network as a `Block`. Out: `Class` after `Class`, each after those that it uses, the network last. Two blocks are alike
where their `forward` is the same text and their layers differ in plain values only. Text is put together in `source`.
"""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterator, Sequence
from dataclasses import dataclass, field

from archdsl.codegen.constructors import Value
from archdsl.codegen.forward import Body, Line, Result, body
from archdsl.codegen.modules import Hole, Made, of_class, of_init, sequential
from archdsl.codegen.naming import Scope, class_name
from archdsl.codegen.parameters import Parameter, fit
from archdsl.codegen.structure import Block, Chain, Leaf, Module
from archdsl.graph import Graph
from archdsl.ops.base import Shape

__all__ = ["Class", "Layers", "classes"]


@dataclass(frozen=True, slots=True)
class Layers:
    """A line of the constructor: `self.attribute = text`."""

    attribute: str
    text: str


@dataclass(eq=False)
class Class:
    """A class of the file. `name` and `layers` are known when all classes are."""

    title: str
    body: Body
    instances: list[_Instance]
    order: int
    name: str = ""
    parameters: tuple[Parameter, ...] = ()
    texts: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[Line, ...]:
        """`forward`, with the sizes on which all instances agree."""
        bodies = [instance.body.lines for instance in self.instances]
        found = []
        for index, line in enumerate(self.body.lines):
            agreed = all(lines[index].comment == line.comment for lines in bodies)
            found.append(line if agreed else Line(line.text, "", line.training))
        return tuple(found)

    @property
    def layers(self) -> Iterator[Layers]:
        """The lines of the constructor."""
        at = 0
        for layer, made in zip(self.body.layers, self.instances[0].made, strict=True):
            count = len(made.holes)
            yield Layers(layer.attribute, made.write(self.texts[at : at + count]))
            at += count


@dataclass(eq=False)
class _Instance:
    block: Block
    body: Body
    order: int
    height: int = 1
    made: list[Made] = field(default_factory=list)

    @property
    def holes(self) -> list[Hole]:
        return [hole for made in self.made for hole in made.holes]

    @property
    def owners(self) -> list[str]:
        """For each hole, the attribute that it belongs to."""
        pairs = zip(self.body.layers, self.made, strict=True)
        return [layer.attribute for layer, made in pairs for _ in made.holes]


def classes(
    graph: Graph, network: Block, name: str, parameters: Sequence[str], taken: Container[str], result: Result | None
) -> list[Class]:
    """The classes of a file; `taken` are the names that others in it have, `parameters` the network's inputs."""
    instances = _instances(graph, network, parameters, taken, result)
    made: dict[int, tuple[Class, tuple[Hole, ...]]] = {}
    found: list[Class] = []
    highest = max(instance.height for instance in instances)
    levels: list[list[_Instance]] = [[] for _ in range(highest + 1)]
    for instance in instances:
        levels[instance.height].append(instance)
    for level in levels:
        groups: dict[Hashable, list[_Instance]] = {}
        for instance in level:
            instance.made = [_make(layer.module, made) for layer in instance.body.layers]
            groups.setdefault(_pattern(instance), []).append(instance)
        for group in groups.values():
            found.append(_class(graph, group, len(found), made))
    scope = Scope([*_names(taken), name])
    for entry in sorted(found, key=lambda entry: entry.order):
        entry.name = name if entry.instances[0].block is network else scope.claim(class_name(entry.title), "")
    return found


def _names(taken: Container[str]) -> list[str]:
    return list(taken) if isinstance(taken, set | frozenset) else []


def _instances(
    graph: Graph, network: Block, parameters: Sequence[str], taken: Container[str], result: Result | None
) -> list[_Instance]:
    """Every block that is constructed, in the order of the text, with its height above those without blocks."""
    found: list[_Instance] = []
    inner: dict[int, list[int]] = {}
    known: dict[int, int] = {}
    pending = [network]
    while pending:
        block = pending.pop()
        if block is network:
            written = body(graph, block, parameters, taken, result)
        else:
            count = len(block.inputs)
            names = ["x"] if count == 1 else [f"x{number}" for number in range(1, count + 1)]
            written = body(graph, block, names, taken)
        instance = _Instance(block, written, len(found))
        known[id(block)] = instance.order
        found.append(instance)
        children = [child for layer in written.layers for child in _blocks(layer.module)]
        inner[instance.order] = [id(child) for child in children]
        pending += reversed(children)
    for instance in reversed(found):
        heights = [found[known[child]].height for child in inner[instance.order]]
        instance.height = 1 + max(heights, default=0)
    return found


def _blocks(module: Module) -> list[Block]:
    if isinstance(module, Block):
        return [module]
    return [block for part in module.parts for block in _blocks(part)] if isinstance(module, Chain) else []


def _make(module: Module, made: dict[int, tuple[Class, tuple[Hole, ...]]]) -> Made:
    if isinstance(module, Leaf):
        assert module.torch.init is not None
        return of_init(module.torch.init)
    if isinstance(module, Block):
        found, holes = made[id(module)]
        return of_class(id(found), lambda: found.name, holes)
    parts: list[Made] = []
    for part in module.parts:
        inside = part.parts if isinstance(part, Chain) and part.spread else (part,)
        parts += [_make(entry, made) for entry in inside]
    return sequential(parts)


def _pattern(instance: _Instance) -> Hashable:
    lines = tuple((line.text, line.training) for line in instance.body.lines)
    layers = tuple(
        (layer.attribute, made.pattern) for layer, made in zip(instance.body.layers, instance.made, strict=True)
    )
    return (instance.block.title, instance.body.parameters, lines, instance.body.result, layers, instance.block.network)


def _class(
    graph: Graph, group: list[_Instance], number: int, made: dict[int, tuple[Class, tuple[Hole, ...]]]
) -> Class:
    first = group[0]
    found = Class(first.block.title, first.body, group, first.order)
    columns = [tuple(values) for values in zip(*([hole.value for hole in i.holes] for i in group), strict=True)]
    entering = tuple(Value.of(_channels(graph, i.block.inputs)) for i in group)
    leaving = tuple(Value.of(_channels(graph, i.block.outputs)) for i in group)
    found.parameters, found.texts, given = fit(first.holes, first.owners, columns, entering, leaving)
    for position, instance in enumerate(group):
        holes = tuple(
            Hole(parameter.name, values[position], parameter.default)
            for parameter, values in zip(found.parameters, given, strict=True)
        )
        made[id(instance.block)] = (found, holes)
    return found


def _channels(graph: Graph, ports: Sequence[object]) -> int:
    shapes: list[Shape] = [graph.shape(port) for port in ports]  # type: ignore[arg-type]
    return shapes[0][-1] if shapes and shapes[0] else 0
