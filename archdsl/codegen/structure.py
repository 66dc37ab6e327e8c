"""Which layers stand together in the source: blocks become classes, repeats and chains `nn.Sequential`.

In: a checked graph, whose nodes know the frames that made them. Out: the network as a tree of `Block`, `Chain` and
`Leaf` with the tensors that pass between them. A frame that cannot be a module of its own (its nodes lie apart, or
share weights with others) is dissolved into the one around it. Names in Python and text are left to `forward` and
`classes`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from archdsl.codegen.layout import Face, body_face, join, leaf_face
from archdsl.codegen.sharing import aliases
from archdsl.codegen.tree import Place, Tree, Use, named
from archdsl.graph import Graph, Node, Port
from archdsl.ops.base import Torch

__all__ = ["Block", "Chain", "Flatten", "Leaf", "Module", "Step", "structure"]

_PLAIN: Final = "{m}({0})"
_FLATTENED: Final = ("{m}({0}.flatten(1))", "{0}.flatten(1)")
_INLINE: Final = 12
"""Layers of a repeat that are written one after another rather than an `nn.Sequential` for each turn."""


@dataclass(frozen=True, eq=False)
class Leaf:
    """One layer."""

    node: Node
    torch: Torch
    stateless: bool


@dataclass(frozen=True, eq=False)
class Flatten:
    """`nn.Flatten()` before a layer that takes an image whole, where no `forward` has room for `.flatten(1)`."""


@dataclass(frozen=True, eq=False)
class Chain:
    """Modules one after another, an `nn.Sequential`; `spread` where it is written into a chain around it.

    `repeated` marks the only turn of a repeat that other blocks of the name take more often.
    """

    parts: tuple[Module, ...]
    spread: bool = False
    repeated: bool = False

    @property
    def elements(self) -> list[Module]:
        """What the `nn.Sequential` holds, repeats among its parts written into it."""
        found: list[Module] = []
        for part in self.parts:
            found += part.elements if isinstance(part, Chain) and part.spread else (part,)
        return found


@dataclass(frozen=True, eq=False)
class Block:
    """One instance of a class to be: steps in order, the tensors that enter and that leave.

    `arguments` are the numbers that the text calls it with, `tensors` its names for the inputs, if it has any.
    """

    title: str
    steps: tuple[Step, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    face: Face
    network: bool = False
    arguments: tuple[tuple[str, int | float], ...] = ()
    tensors: tuple[str, ...] = ()


Module = Leaf | Flatten | Chain | Block


@dataclass(frozen=True, eq=False)
class Step:
    """A module used once, in its place in `forward`.

    `owner` is the key of the first node of the use that owns the weights, equal for all uses of a shared module. `use`
    is when it runs: always, in training only, or never, since nothing reads its result. `last` is the key of its last
    node.
    """

    module: Module
    name: str
    label: str | None
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    owner: int
    use: Use
    face: Face
    last: int

    @property
    def plain(self) -> bool:
        """Whether it is the call of a module on one tensor and nothing else."""
        if self.use == "never" or len(self.inputs) != 1 or len(self.outputs) != 1:
            return False
        return not isinstance(self.module, Leaf) or (
            self.module.torch.init is not None and self.module.torch.call == _PLAIN
        )

    @property
    def elements(self) -> tuple[Module, ...]:
        """What stands for it in an `nn.Sequential`; nothing where that cannot be."""
        if self.plain:
            return (self.module,)
        module = self.module
        if isinstance(module, Leaf) and self.use != "never" and module.torch.call in _FLATTENED:
            return (Flatten(), module) if module.torch.init is not None else (Flatten(),)
        return ()


def structure(graph: Graph, *, flat: bool = False) -> Block:
    """The whole network as one block; `flat` dissolves every frame into it."""
    return _Builder(graph, flat=flat).network()


class _Builder:
    def __init__(self, graph: Graph, *, flat: bool) -> None:
        self._graph = graph
        self._tree = Tree(graph)
        if flat:
            self._tree.dissolve_all()
        self._aliases = aliases(graph, self._tree)
        self._repeated = _repeated(self._tree)

    def network(self) -> Block:
        steps = tuple(self._steps(self._tree.root))
        inputs = tuple(Port(node.key) for node in self._graph.inputs)
        outputs = tuple(output.port for output in self._graph.outputs)
        return Block(self._graph.own_name, steps, inputs, outputs, self._face(steps, inputs, outputs), network=True)

    def _steps(self, place: Place) -> list[Step]:
        """What a place holds, dissolved places replaced by what they hold."""
        found: list[Step] = []
        for group, prefix in _grouped(place):
            first = group[0]
            if isinstance(first, Node):
                found.append(self._leaf(first, prefix + self._tree.part(first)))
            elif first.frame.kind == "repeat":
                places = [entry for entry in group if isinstance(entry, Place)]
                found += self._repeat(places, prefix + first.part)
            else:
                found.append(self._block(first, prefix + first.part))
        return found

    def _leaf(self, node: Node, name: str) -> Step:
        assert node.op is not None
        torch = node.op.torch(node.input_shapes, node.shapes)
        leaf = Leaf(node, torch, not node.op.weights(*node.input_shapes))
        outputs = tuple(Port(node.key, index) for index in range(len(node.shapes)))
        face = leaf_face(torch.sequence, node.input_shapes, node.shapes)
        owner = self._tree.owner(node)
        return Step(leaf, name, node.label, node.inputs, outputs, owner, self._tree.use(node), face, node.key)

    def _block(self, place: Place, name: str, held: list[Step] | None = None) -> Step:
        """A block as a step of its class; one that only holds a layer, or blocks in a row, is that under its name.

        `held` are the steps in it where they are known.
        """
        steps = self._row(place) or held or self._steps(place)
        steps = [replace(step, use="always") if step.use == "training" else step for step in steps]
        label = place.frame.label
        if len(steps) == 1 and (place.frame.kind == "repeat" or _only_blocks(steps[0].module)):
            (step,) = steps
            owner = self._owner(place, step.owner)
            return replace(step, name=name, label=label or step.label, owner=owner, use=self._tree.place_use(place))
        inputs, outputs = self._tree.face(place)
        face = self._face(steps, inputs, outputs)
        names = named(place)
        tensors = tuple(names[port] for port in inputs) if all(port in names for port in inputs) else ()
        block = Block(place.title, tuple(steps), inputs, outputs, face, False, place.frame.arguments, tensors)
        owner = self._owner(place, place.nodes[0].key)
        return Step(block, name, label, inputs, outputs, owner, self._tree.place_use(place), face, place.nodes[-1].key)

    def _row(self, place: Place) -> list[Step]:
        """The layers of a block that is a repeat of a few layers, written out in a row; else nothing."""
        nodes = [node for turn in place.children for node in (turn.children if isinstance(turn, Place) else [])]
        turns = {
            (turn.frame.kind, turn.frame.site, turn.dissolved) for turn in place.children if isinstance(turn, Place)
        }
        shared = any(turn in self._aliases or turn.pinned for turn in place.children if isinstance(turn, Place))
        if place.frame.kind != "block" or len(turns) != 1 or shared or len(nodes) > _INLINE:
            return []
        layers = [node for node in nodes if isinstance(node, Node)]
        if len(layers) < len(place.nodes) or ("repeat", False) not in {(kind, gone) for kind, _, gone in turns}:
            return []
        counts, numbers = Counter(node.kind for node in layers), Counter[str]()
        found = []
        for node in layers:
            numbers[node.kind] += 1
            name = node.kind if counts[node.kind] == 1 else f"{node.kind}{numbers[node.kind]}"
            found.append(self._leaf(node, node.label or name))
        return found

    def _repeat(self, places: Sequence[Place], name: str) -> list[Step]:
        """A repeat as one `nn.Sequential` where each iteration feeds the next and nothing else, else step by step."""
        steps = [self._iteration(place, f"{name}_{place.frame.index}") for place in places]
        if len(steps) == 1:
            (step,) = steps
            if places[0] in self._repeated and step.elements == (step.module,) and isinstance(step.module, Block):
                step = replace(step, module=Chain((step.module,), repeated=True))
            return [replace(step, name=name)]
        if any(place in self._aliases or place.pinned for place in places):
            return steps
        chain = self._chain(steps, name, spread=True)
        return steps if chain is None else [replace(chain, label=places[0].frame.label)]

    def _iteration(self, place: Place, name: str) -> Step:
        """One pass of a repeat as one step."""
        steps = self._steps(place)
        chain = self._chain(steps, name) if len(steps) > 1 else None
        return (
            self._block(place, name, steps) if chain is None else replace(chain, owner=self._owner(place, chain.owner))
        )

    def _chain(self, steps: Sequence[Step], name: str, *, spread: bool = False) -> Step | None:
        """Steps as one `nn.Sequential`, where each feeds the next and nothing else, or None."""
        face = join(step.face for step in steps) if all(step.elements for step in steps) else None
        if face is None or len({step.owner for step in steps}) < len(steps) or len({step.use for step in steps}) > 1:
            return None
        for before, after in pairwise(steps):
            if after.inputs != before.outputs or self._tree.last_reader(before.outputs[0]) > after.last:
                return None
        chain = _row(steps) if spread else Chain(tuple(part for step in steps for part in step.elements))
        first, last = steps[0], steps[-1]
        return Step(chain, name, last.label, first.inputs, last.outputs, first.owner, first.use, face, last.last)

    def _owner(self, place: Place, otherwise: int) -> int:
        owner = self._aliases.get(place)
        return otherwise if owner is None else owner.nodes[0].key

    def _face(self, steps: Sequence[Step], inputs: tuple[Port, ...], outputs: tuple[Port, ...]) -> Face:
        running = [step for step in steps if step.use != "never"]
        sequences = [port for port in (*inputs, *outputs) if len(self._graph.shape(port)) == 2]
        return body_face(running, inputs, outputs, sequences)


def _grouped(place: Place) -> Iterator[tuple[list[Place | Node], str]]:
    """What a place holds, iterations of one repeat together, with what dissolved places put before the names."""
    pending: list[tuple[Place | Node, str]] = [(child, "") for child in reversed(place.children)]
    while pending:
        child, prefix = pending.pop()
        if isinstance(child, Node):
            yield [child], prefix
        elif child.dissolved:
            inner = prefix
            if not child.nameless:
                inner += f"{child.part}_" + (f"{child.frame.index}_" if child.frame.kind == "repeat" else "")
            pending += [(entry, inner) for entry in reversed(child.children)]
        elif child.frame.kind == "repeat":
            group: list[Place | Node] = [child]
            while pending and _same_repeat(child, pending[-1][0]) and pending[-1][1] == prefix:
                group.append(pending.pop()[0])
            yield group, prefix
        else:
            yield [child], prefix


def _repeated(tree: Tree) -> set[Place]:
    """The only turns of repeats that have several in another block of the same name."""
    repeats = [place for place in tree.root.inner() if place.frame.kind == "repeat"]
    turns = [place for place in repeats if place.parent is not None and place.parent.frame.kind == "block"]
    several = {_kin(place) for place in turns if place.frame.count > 1}
    return {place for place in turns if place.frame.count == 1 and _kin(place) in several}


def _kin(place: Place) -> tuple[str, str]:
    """Equal for the same repeat of blocks of one name."""
    return (place.parent.title if place.parent is not None else "", place.part)


def _same_repeat(first: Place, other: Place | Node) -> bool:
    return (
        isinstance(other, Place)
        and not other.dissolved
        and other.frame.kind == "repeat"
        and other.parent is first.parent
        and other.frame.site == first.frame.site
    )


def _row(steps: Sequence[Step]) -> Chain:
    """The turns of a repeat; short ones that hold nothing but layers are written out in one row."""
    turns = [Chain(step.elements) if len(step.elements) > 1 else step.elements[0] for step in steps]
    layers = [part for turn in turns for part in (turn.elements if isinstance(turn, Chain) else [turn])]
    written_out = len(layers) <= _INLINE and all(isinstance(layer, Leaf | Flatten) for layer in layers)
    return Chain(tuple(layers if written_out else turns), spread=True)


def _only_blocks(module: Module) -> bool:
    return not isinstance(module, Chain) or all(isinstance(part, Block) for part in module.elements)
