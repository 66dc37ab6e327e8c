"""Whose weights are whose: the tensors of another implementation's checkpoint, laid on those of a network.

In: names and shapes on both sides, each in its order. Out: a tensor for every one of ours, or what does not fit.
Laying modules in one piece is left to `matching_tree`, files and values to `weights`.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from archdsl.codegen.matching_tree import lay
from archdsl.codegen.paths import layer_paths
from archdsl.graph import Graph, Node, Port
from archdsl.ops.base import Weight, torch_shape

__all__ = ["Match", "Mismatch", "Pair", "Slot", "Tensor", "match", "slots"]

_ROLES: Final = ("bias", "running_mean", "running_var")
_MOST_PAIRS: Final = 200_000


@dataclass(frozen=True, slots=True)
class Tensor:
    """An entry of a state dict."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """A tensor of the network, by its name in the state dict of the compiled module.

    `node` is the key of its layer. `head` layers are the last before an output, `training` ones are there in training
    only. A `counter` is bookkeeping that no weight depends on. `window` is the shape that the matrix of a layer that
    takes an image whole has as a convolution over all of it, 4096x512x7x7 for 4096x25088.
    """

    name: str
    shape: tuple[int, ...]
    node: int
    head: bool = False
    training: bool = False
    counter: bool = False
    window: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """What of the checkpoint stands for a tensor of the network; None, or another shape, where that begins anew.

    `rivals` counts the other tensors of the checkpoint of the same kind and shape: with none, nothing else could stand
    there.
    """

    theirs: Tensor | None
    ours: Slot
    rivals: int

    @property
    def fits(self) -> bool:
        """Whether the values can be taken; axes of one element do not count."""
        return self.theirs is not None and _alike(self.theirs.shape, self.ours)


@dataclass(frozen=True, slots=True)
class Match:
    """A pair for every tensor of the network but its counters, in the order of the text.

    `alike` are parts of one of their modules that could change places: their order alone says which is which.
    `tied` are modules of theirs that could be laid in another way just as well; the whole has the name "".
    `alphabetical` says that the checkpoint's order is that of the names, as in a safetensors file, and not the one in
    which its modules were made; then names that count, `conv1` and `conv2`, are in their order. `named` says that the
    checkpoint has the network's own names, which alone told what is whose.
    """

    pairs: tuple[Pair, ...]
    alike: tuple[tuple[str, ...], ...]
    tied: tuple[str, ...]
    alphabetical: bool
    named: bool = False


@dataclass(frozen=True, slots=True)
class Mismatch:
    """What does not fit: tensors that stand in the same place, and those of one side alone."""

    rows: tuple[tuple[Tensor | None, Slot | None], ...]


def slots(graph: Graph) -> tuple[Slot, ...]:
    """The tensors of a network in the order of its layers.

    `conv 3x3 8` gives `conv.weight` 8x3x3x3 and `conv.bias` 8, both of the head.
    """
    lasting = graph.reaching([output.port.node for output in graph.outputs if not output.training])
    heads = _heads(graph)
    return tuple(
        Slot(
            f"{path}.{weight.name}" if path else weight.name,
            weight.shape,
            key,
            key in heads,
            key not in lasting,
            weight.kind == "counter",
            _window(graph.nodes[key], weight),
        )
        for key, path in layer_paths(graph).items()
        if graph.nodes[key].shared is None
        for weight in graph.op_of(key).weights(*graph.nodes[key].input_shapes)
    )


def _window(node: Node, weight: Weight) -> tuple[int, ...]:
    (shape, *_) = node.input_shapes
    whole = node.kind == "fc" and len(shape) > 2 and len(weight.shape) == 2
    return (weight.shape[0], *torch_shape(shape)) if whole else ()


def _heads(graph: Graph) -> frozenset[int]:
    """The layers with weights that an output reaches before any other, norms on the way included."""
    found: set[int] = set()
    seen: set[Port] = set()
    pending = [output.port for output in graph.outputs]
    while pending:
        port = pending.pop()
        node = graph.nodes[port.node]
        if port in seen or node.op is None:
            continue
        seen.add(port)
        weighted = bool(node.op.weights(*node.input_shapes))
        if weighted:
            found.add(node.key if node.shared is None else node.shared)
        if not weighted or node.op.style == "normalization":
            pending += node.inputs
    return frozenset(found)


def match(theirs: Sequence[Tensor], ours: Sequence[Slot]) -> Match | Mismatch:
    """Lay a checkpoint on a network: by kind and shape, its modules in one piece, equal ones in order.

    >>> match([Tensor("0.weight", (8, 3, 3, 3))], [Slot("conv.weight", (8, 3, 3, 3), 1)]).pairs[0].theirs.name
    '0.weight'

    All of the checkpoint must be used and all of the network found. But a head may have another number of outputs, and
    what is there in training only may be missing as a whole. A checkpoint that has our names is laid by them.
    """
    own = _own(theirs, [slot for slot in ours if not slot.counter])
    if own is not None:
        return own
    by_name = [tensor.name for tensor in theirs] == sorted(tensor.name for tensor in theirs)
    if by_name:
        theirs = _counted_order(theirs)
    wanted = [slot for slot in ours if not slot.counter]
    lasting = [slot for slot in wanted if not slot.training]
    for chosen in [wanted, lasting] if len(lasting) < len(wanted) else [wanted]:
        for kinds, others in (_kinds(theirs, chosen), _kinds_but_heads(theirs, chosen)):
            laid = lay([tensor.name for tensor in theirs], kinds, others, by_name=by_name)
            if laid is None:
                continue
            count = Counter(kinds)
            found = {
                slot.name: Pair(theirs[index], slot, count[kinds[index]] - 1)
                for slot, index in zip(chosen, laid.order, strict=True)
            }
            if all(pair.fits or pair.ours.head for pair in found.values()):
                pairs = tuple(found.get(slot.name, Pair(None, slot, 0)) for slot in wanted)
                return Match(pairs, laid.alike, laid.tied, by_name)
    return Mismatch(_rows(theirs, wanted))


def _own(theirs: Sequence[Tensor], wanted: Sequence[Slot]) -> Match | None:
    """The match by names, where all that they have in common fits and nothing but what training needs is missing."""
    held = {tensor.name: tensor for tensor in theirs}
    needed = {slot.name for slot in wanted if not slot.training}
    if not needed <= held.keys() <= {slot.name for slot in wanted}:
        return None
    pairs = tuple(Pair(held.get(slot.name), slot, 0) for slot in wanted)
    whole = held.keys() == needed or len(held) == len(wanted)
    fits = all(pair.fits or pair.ours.head for pair in pairs if pair.theirs is not None)
    return Match(pairs, (), (), False, named=True) if whole and fits else None


def _counted_order(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Tensors that stand by the alphabet, `bn1 … conv1 … layer10 … layer2`, by their numbers; a norm behind the
    convolution of the same number."""
    shapes: defaultdict[str, list[int]] = defaultdict(list)
    for tensor in tensors:
        shapes[tensor.name.rpartition(".")[0]].append(len(_bare(tensor.shape)))
    numbered: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for module, sizes in shapes.items():
        if max(sizes) > 1:
            numbered[module.rpartition(".")[0], _number(module)].append(module)

    def place(tensor: Tensor) -> tuple[object, ...]:
        module, _, last = tensor.name.rpartition(".")
        owners = numbered.get((module.rpartition(".")[0], _number(module)), [])
        norm = max(shapes[module]) <= 1 and len(owners) == 1 and bool(_number(module))
        words = [_natural(word) for word in (owners[0] if norm else module).split(".")]
        return (words, norm, _role(tensor.name) == "bias", _natural(last))

    return sorted(tensors, key=place)


def _number(name: str) -> str:
    return name[len(name.rstrip("0123456789")) :]


def _natural(word: str) -> list[tuple[int, str]]:
    """What sorts `layer2` before `layer10`: numbers without their zeros in front, by their length first."""
    parts = re.split(r"([0-9]+)", word)
    return [(len(part.lstrip("0")), part.lstrip("0")) if odd % 2 else (0, part) for odd, part in enumerate(parts)]


def _bare(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def _role(name: str) -> str:
    """What a tensor is in its layer: all but biases and statistics are weights, whatever they are called.

    Swin's authors call a bias for each relative position `relative_position_bias_table`.
    """
    last = name.rpartition(".")[2].removesuffix("_table")
    return next((role for role in _ROLES if last.endswith(role)), "weight")


def _alike(shape: tuple[int, ...], slot: Slot) -> bool:
    return _bare(shape) == _bare(slot.shape) or shape == slot.window


def _kind(tensor: Tensor | Slot) -> tuple[str, tuple[int, ...]]:
    return (_role(tensor.name), _bare(tensor.shape))


def _flattened(theirs: Sequence[Tensor], ours: Sequence[Slot]) -> list[Tensor]:
    """Convolutions over a whole image as the matrices that they are."""
    flat = {slot.window: slot.shape for slot in ours if slot.window}
    return [Tensor(tensor.name, flat.get(tensor.shape, tensor.shape)) for tensor in theirs]


def _kinds(theirs: Sequence[Tensor], ours: Sequence[Slot]) -> tuple[list[Hashable], list[Hashable]]:
    return [_kind(tensor) for tensor in _flattened(theirs, ours)], [_kind(slot) for slot in ours]


def _kinds_but_heads(theirs: Sequence[Tensor], ours: Sequence[Slot]) -> tuple[list[Hashable], list[Hashable]]:
    """The same, where the number of outputs of layers that read what a head reads is left open."""
    rest = {slot.shape[1:] for slot in ours if slot.head and len(slot.shape) > 1}

    def opened(tensors: Sequence[Tensor] | Sequence[Slot]) -> list[Hashable]:
        sizes = {tensor.shape[0] for tensor in tensors if len(tensor.shape) > 1 and tensor.shape[1:] in rest}
        found: list[Hashable] = []
        for tensor in tensors:
            role, shape = _kind(tensor)
            if len(tensor.shape) > 1 and tensor.shape[1:] in rest:
                found.append((role, "any", tensor.shape[1:]))
            elif len(tensor.shape) == 1 and role != "weight" and tensor.shape[0] in sizes:
                found.append((role, "any"))
            else:
                found.append((role, shape))
        return found

    return opened(_flattened(theirs, ours)), opened(ours)


def _rows(theirs: Sequence[Tensor], ours: Sequence[Slot]) -> tuple[tuple[Tensor | None, Slot | None], ...]:
    """What is left after all that is equal in the same place, or moved, is taken away."""
    kinds, others = _kinds(theirs, ours)
    many = sum(n * m for n, m in ((n, Counter(others)[kind]) for kind, n in Counter(kinds).items())) > _MOST_PAIRS
    gaps = [
        (list(range(a, b)), list(range(c, d)))
        for tag, a, b, c, d in SequenceMatcher(None, kinds, others, autojunk=many).get_opcodes()
        if tag != "equal"
    ]
    moved = Counter(kinds[i] for left, _ in gaps for i in left) & Counter(others[j] for _, right in gaps for j in right)
    spent = moved.copy()
    rows: list[tuple[Tensor | None, Slot | None]] = []
    for left, right in gaps:
        one = [theirs[i] for i in left if not _spend(moved, kinds[i])]
        other = [ours[j] for j in right if not _spend(spent, others[j])]
        rows += _paired(one, other)
    return tuple(rows)


def _spend(store: Counter[Hashable], kind: Hashable) -> bool:
    there = store[kind] > 0
    store[kind] -= there
    return there


def _paired(theirs: Sequence[Tensor], ours: Sequence[Slot]) -> list[tuple[Tensor | None, Slot | None]]:
    """Tensors of one role and as many axes in order; then those of theirs that are left."""
    queues: defaultdict[Hashable, deque[Tensor]] = defaultdict(deque)
    for tensor in theirs:
        queues[_role(tensor.name), len(tensor.shape)].append(tensor)
    rows: list[tuple[Tensor | None, Slot | None]] = []
    for slot in ours:
        queue = queues[_role(slot.name), len(slot.shape)]
        rows.append((queue.popleft() if queue else None, slot))
    left = {tensor.name for queue in queues.values() for tensor in queue}
    return rows + [(tensor, None) for tensor in theirs if tensor.name in left]
