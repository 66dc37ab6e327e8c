"""Every block that is constructed somewhere, with its body, and the order in which classes can be made of them.

In: the network as a `Block`. Out: `Instance` after `Instance` in the order of the text. Those of one title have one
level, so that they can become one class, unless blocks of that title stand in each other.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from archdsl.codegen.forward import Body, Result, body
from archdsl.codegen.modules import Hole, Made, of_class, of_init, sequential
from archdsl.codegen.naming import Scope, variable
from archdsl.codegen.ramps import Ramp
from archdsl.codegen.structure import Block, Chain, Flatten, Leaf, Module
from archdsl.graph import Graph

__all__ = ["Instance", "Known", "instances", "parameter_names", "pattern"]

Known = dict[int, tuple[int, Callable[[], str], tuple[Hole, ...]]]
"""For every block that has a class: the class's identity and name, and what this instance gives its parameters."""


@dataclass(eq=False)
class Instance:
    """A block with its body. `missing` are the attributes that its class has and it has not."""

    block: Block
    body: Body
    order: int
    level: int = 1
    made: list[Made] = field(default_factory=list)
    missing: frozenset[str] = frozenset()

    def make(self, known: Known, ramps: tuple[Ramp, ...]) -> None:
        """Find the constructor expressions, all blocks inside having their class."""
        self.made = [_make(layer.module, known, ramps) for layer in self.body.layers]


def parameter_names(block: Block, taken: frozenset[str]) -> list[str]:
    """What the tensors are called that enter a block."""
    if len(block.inputs) == 1:
        return ["x"]
    scope = Scope()
    plain = (f"x{number}" for number in range(1, len(block.inputs) + 1))
    return [scope.claim(variable(name, taken)) for name in block.tensors or plain]


def pattern(instance: Instance) -> Hashable:
    """What instances of one class have in common."""
    lines = tuple((line.text, line.training) for line in instance.body.lines)
    attributes = tuple(layer.attribute for layer in instance.body.layers)
    made = tuple(made.pattern for made in instance.made)
    block = instance.block
    return (block.title, block.network, instance.body.parameters, lines, instance.body.result, attributes, made)


def instances(
    graph: Graph, network: Block, parameters: Sequence[str], taken: frozenset[str], result: Result | None
) -> list[Instance]:
    """Every block that is constructed, the network first."""
    found: list[Instance] = []
    inside: list[list[Block]] = []
    pending = [network]
    while pending:
        block = pending.pop()
        own = block is network
        names = list(parameters) if own else parameter_names(block, taken)
        written = body(graph, block, names, taken, result if own else None)
        children = [child for layer in written.layers for child in _blocks(layer.module)]
        found.append(Instance(block, written, len(found)))
        inside.append(children)
        pending += reversed(children)
    _level(found, inside)
    return found


def _level(found: Sequence[Instance], inside: Sequence[Sequence[Block]]) -> None:
    """Give every instance a level above those of the blocks inside, and instances of one title the same."""
    place = {id(instance.block): instance.order for instance in found}
    children = [[place[id(block)] for block in blocks] for blocks in inside]
    nested = _nested(found, children)
    changed = True
    while changed:
        changed = False
        highest: dict[str, int] = {}
        for instance in reversed(found):
            least = 1 + max((found[child].level for child in children[instance.order]), default=0)
            instance.level = max(instance.level, least)
            title = instance.block.title
            highest[title] = max(highest.get(title, 1), instance.level)
        for instance in found:
            title = instance.block.title
            if title not in nested and not instance.block.network and instance.level < highest[title]:
                instance.level = highest[title]
                changed = True


def _nested(found: Sequence[Instance], children: Sequence[Sequence[int]]) -> set[str]:
    """The titles of blocks that stand in blocks of their own title, at any depth."""
    direct: dict[str, set[str]] = {}
    for instance in found:
        inner = {found[child].block.title for child in children[instance.order]}
        direct.setdefault(instance.block.title, set()).update(inner)
    nested: set[str] = set()
    for title in direct:
        reached: set[str] = set()
        pending = list(direct[title])
        while pending:
            other = pending.pop()
            if other not in reached:
                reached.add(other)
                pending += direct[other]
        if title in reached:
            nested.add(title)
    return nested


def _blocks(module: Module) -> list[Block]:
    if isinstance(module, Block):
        return [module]
    return [block for part in module.parts for block in _blocks(part)] if isinstance(module, Chain) else []


def _make(module: Module, known: Known, ramps: tuple[Ramp, ...]) -> Made:
    if isinstance(module, Leaf):
        assert module.torch.init is not None
        return of_init(module.torch.init, ramps)
    if isinstance(module, Flatten):
        return of_init("nn.Flatten()")
    if isinstance(module, Block):
        return of_class(*known[id(module)])
    return sequential([_make(part, known, ramps) for part in module.elements], ramps, repeated=module.repeated)
