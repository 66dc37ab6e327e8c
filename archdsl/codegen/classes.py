"""One class for all blocks that are alike, with a constructor argument for each value in which they differ.

In: the network as a `Block`. Out: `Class` after `Class`, each after those that it uses, the network last. Two blocks
are alike where their `forward` is the same text and their layers differ in plain values only, or where one lacks a
layer that the other has (`optional`). Text is put together in `source`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from archdsl.codegen.constructors import Value
from archdsl.codegen.forward import Line, Result
from archdsl.codegen.instances import Instance, Known, instances, pattern
from archdsl.codegen.modules import Hole
from archdsl.codegen.naming import Scope, class_name
from archdsl.codegen.optional import merged
from archdsl.codegen.parameters import Parameter, fit
from archdsl.codegen.ramps import ramps
from archdsl.codegen.structure import Block
from archdsl.graph import Graph, Port

__all__ = ["Class", "Construction", "classes"]


class Construction(NamedTuple):
    """A line of the constructor, `self.attribute = text`; under a condition, if there is one, else `nn.Identity()`."""

    attribute: str
    text: str
    condition: str = ""


@dataclass(eq=False)
class Class:
    """A class of the file; `name` is known when all classes are."""

    instances: list[Instance]
    name: str = ""
    parameters: tuple[Parameter, ...] = ()
    texts: tuple[str, ...] = ()
    conditions: tuple[tuple[str, str], ...] = ()

    @property
    def first(self) -> Instance:
        """The instance whose text the class has."""
        return self.instances[0]

    @property
    def lines(self) -> tuple[Line, ...]:
        """`forward`, with the sizes on which all instances agree."""
        bodies = [instance.body.lines for instance in self.instances]
        whole = all(not instance.missing for instance in self.instances)
        found = []
        for index, line in enumerate(self.first.body.lines):
            agreed = whole and all(lines[index].comment == line.comment for lines in bodies)
            found.append(line if agreed else Line(line.text, "", line.training))
        return tuple(found)

    @property
    def constructions(self) -> Iterator[Construction]:
        """The lines of the constructor."""
        conditions = dict(self.conditions)
        at = 0
        for layer, made in zip(self.first.body.layers, self.first.made, strict=True):
            count = len(made.holes)
            text = made.write(self.texts[at : at + count])
            yield Construction(layer.attribute, text, conditions.get(layer.attribute, ""))
            at += count


def classes(
    graph: Graph, network: Block, name: str, parameters: Sequence[str], taken: frozenset[str], result: Result | None
) -> list[Class]:
    """The classes of a file; `taken` are the names that others in it have, `parameters` the network's inputs."""
    levels: dict[int, list[Instance]] = {}
    for instance in instances(graph, network, parameters, taken, result):
        levels.setdefault(instance.level, []).append(instance)
    known: Known = {}
    rising = ramps(graph)
    found: list[Class] = []
    for _, level in sorted(levels.items()):
        groups: dict[Hashable, list[Instance]] = {}
        for instance in level:
            instance.make(known, rising)
            groups.setdefault(pattern(instance), []).append(instance)
        found += [_class(graph, group, known) for group in merged(graph, groups, taken)]
    scope = Scope({*taken, name})
    for entry in sorted(found, key=lambda entry: min(instance.order for instance in entry.instances)):
        wish = class_name(entry.first.block.title)
        wish = f"{wish}Block" if wish == name else wish
        entry.name = name if entry.first.block is network else scope.claim(wish, "")
    return found


def _class(graph: Graph, group: list[Instance], known: Known) -> Class:
    found = Class(group)
    entering = tuple(Value.of(_channels(graph, instance.block.inputs)) for instance in group)
    leaving = tuple(Value.of(_channels(graph, instance.block.outputs)) for instance in group)
    tensors = group[0].block.tensors
    inputs = {
        tuple(Value.of(_channels(graph, instance.block.inputs[index:])) for instance in group): f"{tensor}_channels"
        for index, tensor in reversed(list(enumerate(tensors)))
    }
    fitted = fit(group, entering, leaving, inputs if len(tensors) > 1 else {})
    found.parameters, found.texts, found.conditions = fitted.parameters, fitted.texts, fitted.conditions
    for position, instance in enumerate(group):
        holes = tuple(
            Hole(parameter.name, values[position], parameter.default, parameter.kind)
            for parameter, values in zip(fitted.parameters, fitted.given, strict=True)
        )
        known[id(instance.block)] = (id(found), lambda: found.name, holes)
    return found


def _channels(graph: Graph, ports: Sequence[Port]) -> int:
    return graph.shape(ports[0])[-1] if ports and graph.shape(ports[0]) else 0
