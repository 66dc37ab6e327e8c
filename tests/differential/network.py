"""Random networks as a description: every part knows its text and how to run itself as PyTorch.

In: layers and parts. Out: texts in the language, and what PyTorch makes of them on the meta device. Drawing them is
left to `differential.draw`. Nothing of archdsl is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from differential.layer import Layer, Made, Shape, Values
from differential.pick import Number
from differential.purpose import OnPurpose, refuse_in_general
from differential.shapes import Merge

BATCH = 1009
"""A prime larger than any other size here, so that nothing fits the batch by accident."""

REFUSALS = (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError, AssertionError, ZeroDivisionError)
"""What PyTorch raises for what it does not take."""

Tensors = tuple[Tensor, ...]


class Refused(Exception):
    """PyTorch refuses a part, or the language does on purpose; `text` is the part."""

    def __init__(self, text: str, reason: Exception) -> None:
        super().__init__(f"{text}: {type(reason).__name__}: {reason}")
        self.text = text
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Record:
    """One layer that ran: the sizes that left it, its parameters' shapes, and whether another use owns them."""

    text: str
    outputs: tuple[Shape, ...]
    parameters: tuple[tuple[int, ...], ...]
    again: bool


def paper(x: Tensor) -> Shape:
    """A size in the order of papers, without the batch."""
    rest = x.shape[1:]
    return (*rest[1:], rest[0]) if len(rest) > 2 else tuple(rest)


def tensor(shape: Shape, *, ids: bool = False) -> Tensor:
    """A batch on the meta device."""
    size = (shape[-1], *shape[:-1]) if len(shape) > 2 else shape
    return torch.empty(BATCH, *size, device="meta", dtype=torch.long if ids else torch.float32)


class World:
    """One run of a network."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self._shared: dict[str, list[Made]] = {}
        self._making: list[Made] | None = None
        self._using: Iterator[Made] | None = None

    def layer(self, text: str, build: Callable[..., Made], env: Env, tensors: Tensors) -> Tensors:
        """Make a layer, or take the one that a shared instance made at its first use, and run it."""
        again = self._using is not None
        try:
            with torch.device("meta"):
                made = build(Values(env.numbers()), *tensors)
                if self._using is not None:
                    first = next(self._using)
                    made = first if first.modules else made
                leaving = made.call(*tensors)
        except (*REFUSALS, OnPurpose) as reason:
            raise Refused(text, reason) from None
        if self._making is not None:
            self._making.append(made)
        found = (leaving,) if isinstance(leaving, Tensor) else tuple(leaving)
        assert all(x.shape[:1] == (BATCH,) for x in found), f"`{text}` lost the batch of {[x.shape for x in tensors]}"
        if any(0 in x.shape for x in found):
            raise Refused(text, RuntimeError("an empty tensor"))
        parameters = sorted(tuple(p.shape) for module in made.modules for p in module.parameters())
        self.records.append(Record(text, tuple(map(paper, found)), tuple(parameters), again))
        return found

    def shared(self, name: str, chain: Chain, env: Env, tensors: Tensors) -> Tensors:
        """One instance, however often it is used."""
        if name in self._shared:
            self._using = iter(self._shared[name])
            try:
                return chain.run(self, env, tensors)
            finally:
                self._using = None
        self._making = []
        try:
            leaving = chain.run(self, env, tensors)
            self._shared[name] = self._making
            return leaving
        finally:
            self._making = None


class _Numbers(dict[str, int]):
    """Names and their numbers; `in.h` of a tensor without rows is refused, as `x.shape[2]` is."""

    def __missing__(self, name: str) -> int:
        raise Refused(name, IndexError("a size without that axis"))


@dataclass(slots=True)
class Env:
    """The names of a file, of an instance of a block, or of a turn of a loop."""

    entering: Tensors
    names: Mapping[str, int] = field(default_factory=dict)
    chains: Mapping[str, tuple[Chain, Env]] = field(default_factory=dict)
    labels: dict[str, Tensor] = field(default_factory=dict)
    parent: Env | None = None

    def numbers(self) -> dict[str, int]:
        """What expressions may use."""
        found = _Numbers(self.parent.numbers() if self.parent is not None else {})
        if self.parent is None and len(self.entering) == 1:
            shape = paper(self.entering[0])
            found["in.c"] = shape[-1]
            if len(shape) >= 3:
                found |= {"in.w": shape[-2], "in.h": shape[-3]}
        found.update(self.names)
        return found

    def label(self, name: str) -> Tensor:
        if name in self.labels:
            return self.labels[name]
        if self.parent is None:
            raise Refused(f"@{name}", NameError("a label in the branch of a condition that was not taken"))
        return self.parent.label(name)

    def visible(self) -> list[str]:
        """The labels that any layer may read; ids are for the embedding that stands behind them."""
        own = [name for name, x in self.labels.items() if x.is_floating_point()]
        return [*own, *(self.parent.visible() if self.parent is not None else ())]

    def chain(self, name: str) -> tuple[Chain, Env]:
        if name in self.chains:
            return self.chains[name]
        assert self.parent is not None, name
        return self.parent.chain(name)


class Part(Protocol):
    """An element of a chain."""

    @property
    def text(self) -> str: ...

    def run(self, world: World, env: Env, tensors: Tensors) -> Tensors: ...


@dataclass(frozen=True, slots=True)
class Chain:
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        return " -> ".join(part.text for part in self.parts) or "id"

    def run(self, world: World, env: Env, tensors: Tensors) -> Tensors:
        for part in self.parts:
            tensors = part.run(world, env, tensors)
        return tensors


# ---------------------------------------------------------------- parts


@dataclass(frozen=True, slots=True)
class One:
    """A layer."""

    layer: Layer

    @property
    def text(self) -> str:
        return self.layer.text

    def run(self, world: World, env: Env, tensors: Tensors) -> Tensors:
        return world.layer(self.text, self.layer.build, env, tensors)


@dataclass(frozen=True, slots=True)
class First:
    text: str = "first"

    def run(self, world: World, env: Env, tensors: Tensors) -> Tensors:
        return tensors[:1]


@dataclass(frozen=True, slots=True)
class From:
    """`@a`, or `(@a, @b)`, where a chain starts."""

    labels: tuple[str, ...]

    @property
    def text(self) -> str:
        names = ", ".join(f"@{label}" for label in self.labels)
        return names if len(self.labels) == 1 else f"({names})"

    def run(self, world: World, env: Env, tensors: Tensors) -> Tensors:
        return tuple(env.label(label) for label in self.labels)


@dataclass(frozen=True, slots=True)
class Named:
    """A part with labels behind it, and the size that is claimed there."""

    part: Part
    labels: tuple[str, ...]
    claim: Shape | None = None

    @property
    def text(self) -> str:
        claim = f" :: {'x'.join(map(str, self.claim))}" if self.claim else ""
        return self.part.text + "".join(f" @{label}" for label in self.labels) + claim

    def run(self, world: World, env: Env, tensors: Tensors) -> Tensors:
        leaving = self.part.run(world, env, tensors)
        env.labels.update(zip(self.labels, leaving, strict=True) if self.labels else ())
        if self.claim is not None:
            try:
                refuse_in_general(tuple(map(paper, leaving)) != (self.claim,), "wrong size")
            except OnPurpose as reason:
                raise Refused("::", reason) from None
        return leaving


@dataclass(frozen=True, slots=True)
class Branches:
    """`add<a | b>`, or `add` behind several tensors where there are no branches."""

    merge: Merge
    branches: tuple[Chain, ...]

    @property
    def text(self) -> str:
        inside = f"<{' | '.join(branch.text for branch in self.branches)}>" if self.branches else ""
        return self.merge.name + inside + self.merge.options

    def run(self, world: World, env: Env, tensors: Tensors) -> Tensors:
        if self.branches:
            found: list[Tensor] = []
            for branch in self.branches:
                found += branch.run(world, env, tensors)
            if len(found) != len(self.branches):
                raise Refused(self.text, TypeError("a branch of several tensors"))
            tensors = tuple(found)
        return world.layer(self.text, self.merge.build, env, tensors)


@dataclass(frozen=True, slots=True)
class Residual:
    """`residual<body>`, `residual<body | shortcut>`."""

    body: Chain
    shortcut: Chain | None
    merge: Merge

    @property
    def text(self) -> str:
        return f"residual<{self.body.text}{f' | {self.shortcut.text}' if self.shortcut else ''}>"

    def run(self, world: World, env: Env, tensors: Tensors) -> Tensors:
        left = self.body.run(world, env, tensors)
        right = self.shortcut.run(world, env, tensors) if self.shortcut else tensors
        if len(left) != 1 or len(right) != 1:
            raise Refused(self.text, TypeError("a branch of several tensors"))
        return world.layer(self.text, self.merge.build, env, left + right)


@dataclass(frozen=True, slots=True)
class Group:
    chain: Chain

    @property
    def text(self) -> str:
        return f"({self.chain.text})"

    def run(self, world: World, env: Env, tensors: Tensors) -> Tensors:
        return self.chain.run(world, env, tensors)


@dataclass(frozen=True, slots=True)
class Repeated:
    """`part x3`, `part x(i in 3)`, `part x((w, s) in [(8, 1)])`: `turns` are the names in each turn."""

    part: Part
    times: str
    turns: Callable[[Mapping[str, int]], list[dict[str, int]]]

    @property
    def text(self) -> str:
        return f"{self.part.text} {self.times}"

    def run(self, world: World, env: Env, tensors: Tensors) -> Tensors:
        for names in self.turns(env.numbers()):
            tensors = self.part.run(world, Env(env.entering, names, parent=env), tensors)
        return tensors


@dataclass(frozen=True, slots=True)
class Choice:
    """`(if condition then a else b)`."""

    condition: str
    holds: Callable[[Mapping[str, int]], bool]
    then: Chain
    otherwise: Chain

    @property
    def text(self) -> str:
        return f"(if {self.condition} then {self.then.text} else {self.otherwise.text})"

    def run(self, world: World, env: Env, tensors: Tensors) -> Tensors:
        return (self.then if self.holds(env.numbers()) else self.otherwise).run(world, env, tensors)


@dataclass(frozen=True, slots=True)
class Block:
    """`block name<parameters> = body`, or with named tensors `block name<parameters>(a, b) { body }`."""

    name: str
    numbers: tuple[str, ...]
    default: int | None
    """Of the last number."""
    chain: str | None
    """The parameter that is a chain, the last one."""
    tensors: tuple[str, ...]
    body: Chain

    @property
    def text(self) -> str:
        names = list(self.numbers)
        if self.default is not None:
            names[-1] += f"={self.default}"
        names += [f"{self.chain}=relu"] if self.chain else []
        head = f"block {self.name}" + (f"<{', '.join(names)}>" if names else "")
        return (
            f"{head}({', '.join(self.tensors)}) {{ {self.body.text} }}"
            if self.tensors
            else f"{head} = {self.body.text}"
        )

    def enter(self, values: Mapping[str, int], argument: tuple[Chain, Env] | None, tensors: Tensors) -> Env:
        """An instance. Raises `TypeError` for another number of tensors than are named."""
        chains = {self.chain: argument} if self.chain and argument else {}
        if not self.tensors:
            return Env(tensors, values, chains)
        if len(self.tensors) != len(tensors):
            raise TypeError("another number of tensors than the block names")
        return Env(tensors, values, chains, dict(zip(self.tensors, tensors, strict=True)))


@dataclass(frozen=True, slots=True)
class Use:
    """`name<8, 2, conv 1x1 8>`; `given` are the numbers in order, `argument` the chain."""

    block: Block
    given: tuple[Number, ...]
    argument: Chain | None

    @property
    def text(self) -> str:
        inside = [number.text for number in self.given]
        if self.argument is not None:
            name = f"{self.block.chain}=" if len(self.given) < len(self.block.numbers) else ""
            inside.append(name + self.argument.text)
        return self.block.name + (f"<{', '.join(inside)}>" if inside else "")

    def run(self, world: World, env: Env, tensors: Tensors) -> Tensors:
        numbers = env.numbers()
        values = {name: number.of(numbers) for name, number in zip(self.block.numbers, self.given, strict=False)}
        if self.block.default is not None:
            values.setdefault(self.block.numbers[-1], self.block.default)
        try:
            inner = self.block.enter(values, (self.argument, env) if self.argument else None, tensors)
        except TypeError as reason:
            raise Refused(self.text, reason) from None
        return self.block.body.run(world, inner, tensors)


@dataclass(frozen=True, slots=True)
class Argument:
    """The chain that a block was given; `relu` where it was given none."""

    name: str
    default: Layer

    @property
    def text(self) -> str:
        return self.name

    def run(self, world: World, env: Env, tensors: Tensors) -> Tensors:
        try:
            chain, home = env.chain(self.name)
        except AssertionError:
            return world.layer("relu", self.default.build, env, tensors)
        return chain.run(world, home, tensors)


@dataclass(frozen=True, slots=True)
class Shared:
    """`share name = chain`, used."""

    name: str
    chain: Chain

    @property
    def text(self) -> str:
        return self.name

    def run(self, world: World, env: Env, tensors: Tensors) -> Tensors:
        return world.shared(self.name, self.chain, Env(()), tensors)


# ---------------------------------------------------------------- the whole


@dataclass(frozen=True, slots=True)
class Input:
    name: str | None
    shape: Shape
    ids: bool = False

    @property
    def text(self) -> str:
        return f"input {f'{self.name} ' if self.name else ''}{'x'.join(map(str, self.shape))}"


@dataclass(frozen=True, slots=True)
class Aside:
    """`output name = chain`."""

    name: str
    training: bool
    chain: Chain

    @property
    def text(self) -> str:
        return f"output {self.name}{' training' if self.training else ''} = {self.chain.text}"


@dataclass(frozen=True, slots=True)
class Ran:
    """What PyTorch made of a network: its layers in order and its outputs, or what it refused."""

    records: tuple[Record, ...]
    outputs: tuple[Shape, ...]
    refused: Refused | None = None

    @property
    def parameters(self) -> int:
        """Of the whole network, shared ones once."""
        import math

        return sum(math.prod(p) for record in self.records if not record.again for p in record.parameters)


@dataclass(frozen=True, slots=True)
class Network:
    numbers: Mapping[str, int]
    """The parameters of the architecture, with their defaults."""
    inputs: tuple[Input, ...]
    blocks: tuple[Block, ...]
    shares: tuple[Shared, ...]
    chains: tuple[Chain, ...]
    asides: tuple[Aside, ...]

    @property
    def text(self) -> str:
        parameters = ", ".join(f"{name}={value}" for name, value in self.numbers.items())
        lines = [f"arch net<{parameters}>"] if self.numbers else []
        lines += [entry.text for entry in (*self.inputs, *self.blocks)]
        lines += [f"share {share.name} = {share.chain.text}" for share in self.shares]
        lines += [entry.text for entry in (*self.chains, *self.asides)]
        return "\n".join(lines) + "\n"

    def start(self) -> Env:
        """The names at the top of the file."""
        entering = tuple(tensor(entry.shape, ids=entry.ids) for entry in self.inputs)
        named = {entry.name: x for entry, x in zip(self.inputs, entering, strict=True) if entry.name}
        return Env(entering, self.numbers, labels=named)

    def run(self) -> Ran:
        """The network as PyTorch, layer by layer."""
        world, env = World(), self.start()
        try:
            tensors: Tensors = env.entering
            for chain in self.chains:
                tensors = chain.run(world, env, env.entering)
            outputs = list(tensors)
            for aside in self.asides:
                found = aside.chain.run(world, env, ())
                if len(found) != 1:
                    raise Refused("output", TypeError("an output is one tensor"))
                outputs += found
        except Refused as refused:
            return Ran(tuple(world.records), (), refused)
        return Ran(tuple(world.records), tuple(map(paper, outputs)))
