"""Blocks that are alike but for one layer: one class, in which that layer may be `nn.Identity()`.

In: the instances of a level, grouped by pattern. Out: groups, among which those that equal another without one of its
layers have joined it; a residual block with a projection and one without are the case in point. Conditions are left to
`parameters`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from archdsl.codegen.forward import body
from archdsl.codegen.instances import Instance, parameter_names, pattern
from archdsl.codegen.structure import Block, Step
from archdsl.graph import Graph, Port

__all__ = ["merged"]

_MOST: Final = 24
"""Layers of a block that are tried as the one that is missing elsewhere."""


def merged(graph: Graph, groups: Mapping[Hashable, list[Instance]], taken: frozenset[str]) -> Iterator[list[Instance]]:
    """The groups, those with a layer missing joined to those that have it; an instance with all layers comes first."""
    left = dict(groups)
    titles = [group[0].block.title for group in groups.values()]
    for key, group in sorted(groups.items(), key=lambda item: -len(item[1][0].body.layers)):
        if key not in left or titles.count(group[0].block.title) < 2:
            continue
        for attribute, without in _reduced(graph, group[0], taken):
            other = pattern(without)
            if other in left and other != key and _same_faces(left[other][0], without):
                joining = left.pop(other)
                if any(instance.missing for instance in joining):
                    left[other] = joining
                    continue
                for instance in joining:
                    instance.missing = frozenset({attribute})
                group.extend(joining)
    for key, group in groups.items():
        if key in left:
            yield group


def _same_faces(one: Instance, other: Instance) -> bool:
    return one.block.face == other.block.face


def _reduced(graph: Graph, instance: Instance, taken: frozenset[str]) -> Iterator[tuple[str, Instance]]:
    """The instance without one of its layers, for each that passes one tensor on."""
    layers = instance.body.layers[:_MOST]
    for index, layer in enumerate(layers):
        users = [step for step in instance.block.steps if step.module is layer.module]
        if len(users) != 1 or not users[0].plain or users[0].use != "always":
            continue
        if (users[0].face.wants[0] is None) != (users[0].face.gives[0] is None):
            continue  # what enters is no sequence, and what leaves is one: it cannot take its place
        if any(step.owner == users[0].owner and step is not users[0] for step in instance.block.steps):
            continue
        block = _without(instance.block, users[0])
        written = body(graph, block, parameter_names(block, taken), taken)
        made = instance.made[:index] + instance.made[index + 1 :]
        yield layer.attribute, Instance(block, written, instance.order, instance.level, made)


def _without(block: Block, gone: Step) -> Block:
    """A block in which what enters a step takes the place of what leaves it."""
    entering, leaving = gone.inputs[0], gone.outputs[0]

    def other(ports: tuple[Port, ...]) -> tuple[Port, ...]:
        return tuple(entering if port == leaving else port for port in ports)

    steps = tuple(replace(step, inputs=other(step.inputs)) for step in block.steps if step is not gone)
    return replace(block, steps=steps, outputs=other(block.outputs))
