"""Random networks from draws: most of them right, since every part is drawn for the size that PyTorch says is there.

In: Hypothesis' draws. Out: `Network`s. A network ends where PyTorch first refuses, so about a third of them are wrong
in one place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from torch import nn

from differential.layer import Draw, Layer, Made, Shape
from differential.network import (
    Argument,
    Aside,
    Block,
    Branches,
    Chain,
    Choice,
    Env,
    First,
    From,
    Group,
    Input,
    Named,
    Network,
    One,
    Part,
    Refused,
    Repeated,
    Residual,
    Shared,
    Tensors,
    Use,
    World,
    paper,
)
from differential.pick import Number, Pick
from differential.points import ACTIVATIONS, DENSE, DROPS, NORMS, TRANSFORMERS, embed
from differential.shapes import ARRANGEMENT, MERGES, POSITIONS, TURNED, split, to_shape
from differential.windows import WINDOWS, conv, gap, to_channels, to_size, to_vector

_ANYWHERE: tuple[Draw, ...] = (*DENSE, *NORMS, *ACTIVATIONS, *DROPS, *ARRANGEMENT, *TRANSFORMERS)
_SPATIAL: tuple[Draw, ...] = (*WINDOWS, *POSITIONS)
EVERY: tuple[Draw, ...] = (*_ANYWHERE, *_SPATIAL, split, embed)
"""Every layer that is drawn."""

_RELU = Layer("relu", lambda value, x: Made(nn.ReLU()))
_NEEDS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("attention", "token", "select"), (2,)),
    **dict.fromkeys(("deform_conv", "patch_merge", "pixel_shuffle", "pixel_unshuffle", "softmax2d"), (3,)),
    "window_attention": (3,),
    **dict.fromkeys(("shuffle", "drop_channel", "instance_norm", "lrn", "position"), (2, 3, 4)),
}
"""Layers that take some ranks only, which for the others are drawn now and then."""


def _families(axes: int) -> tuple[tuple[Draw, ...], ...]:
    """Layers that take a rank, by family."""
    found: list[tuple[Draw, ...]] = [DENSE, NORMS, ACTIVATIONS, DROPS, ARRANGEMENT, TRANSFORMERS]
    if axes > 1:
        found += [WINDOWS, WINDOWS, WINDOWS, POSITIONS, (conv,)]
    return tuple(tuple(draw for draw in family if axes in _NEEDS.get(draw.__name__, (axes,))) for family in found)


_BY_RANK = {axes: _families(axes) for axes in range(1, 5)}

Grown = tuple[Chain, Tensors | None]
"""A chain and what leaves it; None where something in it is refused."""


class _Drawing:
    def __init__(self, pick: Pick) -> None:
        self._pick = pick
        self._world = World()
        self._count = 0
        self._blocks: list[Block] = []
        self._shares: list[Shared] = []
        self._plain = 0
        """Above 0 inside of a shared instance, where the same layers must come out at every use."""

    # ------------------------------------------------------------ the whole

    def network(self) -> Network:
        pick = self._pick
        numbers = {"p": pick.whole(1, 6)} if pick.chance(20) else {}
        inputs = self._inputs()
        network = Network(numbers, inputs, (), (), (), ())
        env = network.start()
        chains: list[Chain] = []
        ends: list[str] = []
        right = True
        for entry in inputs if len(inputs) > 1 else ():
            assert entry.name is not None
            start: list[Part] = [From((entry.name,))]
            if entry.ids or (len(entry.shape) > 1 and pick.chance(8)):
                start.append(One(self._layer(embed, env, entry.shape)))
            grown, tensors = self._chain(env, start, (), pick.whole(0, 3), 2)
            right = tensors is not None
            if tensors is not None:
                end = self._name("z")
                grown, tensors = self._close(grown, env, tensors, end)
                ends.append(end)
            chains.append(grown)
            if not right:
                break
        if right:
            opening: list[Part] = [] if len(inputs) == 1 else [self._together(env, ends)]
            grown, tensors = self._chain(env, opening, env.entering, pick.whole(1, 7), 3)
            chains.append(grown)
            right = tensors is not None
        asides: list[Aside] = []
        labels = env.visible()
        while right and labels and pick.chance(15):
            grown, tensors = self._chain(env, [From((pick.one(labels),))], (), pick.whole(1, 3), 1)
            if tensors is not None and len(tensors) > 1:
                grown = Chain((*grown.parts, First()))
            asides.append(Aside(self._name("aux"), pick.chance(30), grown))
            right = tensors is not None
        return Network(numbers, inputs, tuple(self._blocks), tuple(self._shares), tuple(chains), tuple(asides))

    def _inputs(self) -> tuple[Input, ...]:
        pick = self._pick
        if pick.chance(75):
            return (Input(self._name("in") if pick.chance(10) else None, self._size()),)
        shape = self._size()
        inputs = [Input(self._name("in"), shape if pick.chance(70) else self._size()) for _ in range(pick.whole(2, 3))]
        if pick.chance(40):
            inputs[-1] = Input(inputs[-1].name, (pick.whole(1, 9),), ids=True)
        return tuple(inputs)

    def _size(self) -> Shape:
        pick = self._pick
        axes = pick.one((2, 2, 2, 2, 1, 1, 3, 0))
        most = 6 if axes == 3 else 12
        low = 4 if pick.chance(85) else 1
        square = pick.whole(low, most)
        positions = [square if pick.chance(70) else pick.whole(low, most) for _ in range(axes)]
        return (*positions, pick.one((4, 3, 8, 6, 1, 2, 12, 16, 5)))

    def _together(self, env: Env, ends: list[str]) -> Part:
        """All inputs in one tensor, or in several."""
        pick = self._pick
        tensors = tuple(env.label(end) for end in ends)
        if pick.chance(30):
            return Group(Chain((From(tuple(ends)), self._of_several(tensors, whole=True))))
        branches = [self._fitted(env, (From((end,)),), x, tensors[0]) for end, x in zip(ends, tensors, strict=True)]
        shapes = tuple(paper(x) for x in tensors)
        return Branches(MERGES["concat" if pick.chance(50) else "add"](pick, shapes), tuple(branches))

    def _fitted(self, env: Env, start: tuple[Part, ...], x: Any, target: Any) -> Chain:
        return Chain((*start, *_fit(paper(x), paper(target))))

    def _close(self, chain: Chain, env: Env, tensors: Tensors, label: str) -> Grown:
        """A chain that ends in one tensor with a label."""
        parts = list(chain.parts)
        if len(tensors) > 1:
            parts.append(First())
        last = parts[-1]
        if isinstance(last, Named | From):
            last = One(_RELU)
            parts.append(last)
        parts[-1] = Named(last, (label,))
        return self._run(Chain(tuple(parts)), env, env.entering)

    # ------------------------------------------------------------ chains

    def _name(self, stem: str) -> str:
        self._count += 1
        return f"{stem}{self._count}"

    def _run(self, chain: Chain, env: Env, tensors: Tensors) -> Grown:
        try:
            return chain, chain.run(self._world, env, tensors)
        except Refused:
            return chain, None

    def _layer(self, draw: Draw, env: Env, shape: Shape) -> Layer:
        self._pick.names = {} if self._plain else env.numbers()
        return draw(self._pick, shape)

    def _number(self, env: Env, value: int) -> Number:
        self._pick.names = {} if self._plain else env.numbers()
        return self._pick.number(value)

    def _chain(self, env: Env, start: list[Part], tensors: Tensors, length: int, depth: int) -> Grown:
        """A chain of some length behind `start`."""
        parts = list(start)
        chain, leaving = self._run(Chain(tuple(parts)), env, tensors)
        while leaving is not None and len(parts) < length + len(start):
            part = self._part(env, leaving, depth)
            try:
                leaving = part.run(self._world, env, leaving)
            except Refused:
                leaving = None
            if leaving is not None and self._pick.chance(12):
                part, leaving = self._mark(part, env, leaving)
            parts.append(part)
            chain = Chain(tuple(parts))
        return chain, leaving

    def _mark(self, part: Part, env: Env, leaving: Tensors) -> tuple[Part, Tensors | None]:
        """Labels, a claim about the size, or both."""
        pick = self._pick
        labels: tuple[str, ...] = ()
        if not self._plain and pick.chance(70):
            labels = tuple(self._name("l") for _ in leaving)
            env.labels.update(zip(labels, leaving, strict=True))
        claim: Shape | None = None
        if len(leaving) == 1 and pick.chance(40 if labels else 100):
            claim = paper(leaving[0])
            if pick.chance(4):
                claim = (*claim[:-1], claim[-1] + 1)
                return Named(part, labels, claim), None
        return Named(part, labels, claim), leaving

    def _part(self, env: Env, tensors: Tensors, depth: int) -> Part:
        pick = self._pick
        if len(tensors) > 1 and pick.chance(95):
            return self._of_several(tensors)
        shape = paper(tensors[0])
        if depth > 0 and pick.chance(38):
            makers: tuple[Callable[[Env, Tensors, Shape, int], Part], ...] = (
                self._merged,
                self._merged,
                self._residual,
                self._repeated,
                self._used,
                self._chosen,
                self._shared,
                self._grouped,
            )
            return pick.one(makers)(env, tensors, shape, depth - 1)
        if pick.chance(5):
            return One(self._layer(pick.one((*_ANYWHERE, *_SPATIAL)), env, shape))
        if pick.chance(4):
            return One(self._layer(split, env, shape))
        return One(self._layer(pick.one(pick.one(_BY_RANK[min(4, len(shape))])), env, shape))

    def _of_several(self, tensors: Tensors, *, whole: bool = False) -> Part:
        """What takes all of them; `first` unless nothing may be dropped."""
        pick = self._pick
        shapes = tuple(paper(x) for x in tensors)
        if not whole and pick.chance(25):
            return First()
        names = ["concat", "add", "mul", "mean", "max"]
        names += {2: ["sub", "matmul"], 3: ["lerp", "attention"]}.get(len(tensors), [])
        name = pick.one(names) if pick.chance(95) else pick.one(list(MERGES))
        return Branches(MERGES[name](pick, shapes), ())

    # ------------------------------------------------------------ structures

    def _branch(self, env: Env, tensors: Tensors, depth: int, *, other: bool) -> tuple[Chain, Tensors | None]:
        """A branch; one beside the first may start at a label instead of what enters."""
        pick = self._pick
        labels = env.visible() if other else []
        start: list[Part] = [From((pick.one(labels),))] if labels and not self._plain and pick.chance(25) else []
        return self._chain(env, start, tensors, pick.whole(0 if start else 1, 3), depth)

    def _merged(self, env: Env, tensors: Tensors, shape: Shape, depth: int) -> Part:
        pick = self._pick
        names = ["add", "concat", "concat", "mul", "mean", "max", "sub", "lerp", "add"]
        names += ["matmul", "attention"] if len(shape) == 2 or pick.chance(3) else []
        name = pick.one(names)
        count = {"sub": 2, "lerp": 3, "matmul": 2, "attention": 3}.get(name) or pick.whole(2, 4)
        count = count if pick.chance(97) else pick.whole(1, 4)
        branches: list[Chain] = []
        found: list[Shape] = []
        for index in range(count):
            if index and pick.chance(25):
                chain, leaving = Chain(()), tensors
            elif name == "mul" and index and len(shape) > 1 and pick.chance(30):
                chain, leaving = self._gate(tensors)
            else:
                chain, leaving = self._branch(env, tensors, depth, other=index > 0)
            if leaving is not None and len(leaving) == 1 and found and pick.chance(94):
                extra = _fit(paper(leaving[0]), found[0], only=name if name in ("concat", "mul") else "")
                if name == "matmul":
                    extra = (*extra, One(TURNED))
                chain, leaving = self._run(Chain((*chain.parts, *extra)), env, tensors)
            branches.append(chain)
            if leaving is None or len(leaving) != 1:
                break
            found.append(paper(leaving[0]))
        return Branches(MERGES[name](pick, tuple(found) or (shape,)), tuple(branches))

    def _gate(self, tensors: Tensors) -> tuple[Chain, Tensors]:
        """`gap`, a vector that broadcasts over the positions."""
        part = One(gap(self._pick, paper(tensors[0])))
        return Chain((part,)), part.run(self._world, Env(()), tensors)

    def _residual(self, env: Env, tensors: Tensors, shape: Shape, depth: int) -> Part:
        pick = self._pick
        merge = MERGES["add"](pick, (shape,))
        body, leaving = self._chain(env, [], tensors, pick.whole(1, 3), depth)
        if leaving is None or len(leaving) != 1:
            return Residual(body, None, merge)
        have = paper(leaving[0])
        if have == shape or pick.chance(6):
            return Residual(body, None, merge)
        if pick.chance(50):
            return Residual(Chain((*body.parts, *_fit(have, shape))), None, merge)
        return Residual(body, Chain(_fit(shape, have)), merge)

    def _grouped(self, env: Env, tensors: Tensors, shape: Shape, depth: int) -> Part:
        chain, _ = self._chain(env, [], tensors, self._pick.whole(1, 3), depth)
        return Group(chain)

    def _repeated(self, env: Env, tensors: Tensors, shape: Shape, depth: int) -> Part:
        pick = self._pick
        how = pick.one(("count", "count", "each", "list", "pairs")) if not self._plain else "count"
        times = pick.whole(1, 3) if pick.chance(92) else 0
        values = [(pick.whole(1, 8), pick.whole(1, 3)) for _ in range(times)]
        i, w = self._name("i"), self._name("w")
        names: dict[str, int] = {}
        if how == "each":
            names = {i: 0}
        elif how in ("list", "pairs") and values:
            names = {w: values[0][0]} | ({i: values[0][1]} if how == "pairs" else {})
        turn = Env(env.entering, names, parent=env)
        if pick.chance(25):
            part = self._part(turn, tensors, 0)
            body: Part = part if isinstance(part, One) else Group(Chain((part,)))
        else:
            body = Group(self._chain(turn, [], tensors, pick.whole(1, 3), depth)[0])
        if how == "count":
            number = self._number(env, times)
            if number.text.isdigit():
                return Repeated(body, f"x{times}", lambda _: [{}] * times)
            return Repeated(body, f"x{number.text}", _count_turns(number))
        if how == "each":
            return Repeated(body, f"x({i} in {times})", lambda _: [{i: turn} for turn in range(times)])
        if how == "list":
            return Repeated(body, f"x({w} in {[v for v, _ in values]})", lambda _: [{w: v} for v, _ in values])
        pairs = ", ".join(f"({v}, {s})" for v, s in values)
        return Repeated(body, f"x(({w}, {i}) in [{pairs}])", lambda _: [{w: v, i: s} for v, s in values])

    def _chosen(self, env: Env, tensors: Tensors, shape: Shape, depth: int) -> Part:
        pick = self._pick
        numbers = {} if self._plain else env.numbers()
        if not numbers:
            return self._grouped(env, tensors, shape, depth)
        name = pick.one(list(numbers))
        bound = numbers[name] + pick.whole(-1, 1)
        sign, holds = pick.one(_COMPARISONS)
        then, _ = self._chain(env, [], tensors, pick.whole(0, 2), depth)
        otherwise, _ = self._chain(env, [], tensors, pick.whole(0, 2), depth)
        condition = f"{name} {sign} {bound}" if sign != "<" else f"({name} < {bound})"
        return Choice(condition, lambda held: holds(held[name], bound), then, otherwise)

    def _used(self, env: Env, tensors: Tensors, shape: Shape, depth: int) -> Part:
        """A block, new or known."""
        pick = self._pick
        if self._plain:
            return self._grouped(env, tensors, shape, depth)
        if self._blocks and pick.chance(60):
            block = pick.one(self._blocks)
            given = [self._number(env, pick.whole(1, 8)) for _ in block.numbers]
            if block.default is not None and pick.chance(50):
                given.pop()
            argument = None
            if block.chain and pick.chance(60):
                argument = self._argument(env, tensors, depth)
            return Use(block, tuple(given), argument)
        numbers = tuple(self._name("w") for _ in range(pick.whole(0, 2)))
        default = pick.whole(1, 4) if numbers and pick.chance(40) else None
        given = [self._number(env, pick.whole(1, 8)) for _ in numbers]
        held = env.numbers()
        values = {name: number.of(held) for name, number in zip(numbers, given, strict=True)}
        if default is not None and pick.chance(50):
            given.pop()
            values[numbers[-1]] = default
        chain = self._name("body") if pick.chance(30) else None
        argument = self._argument(env, tensors, depth) if chain and pick.chance(60) else None
        named = tuple(self._name("t") for _ in tensors) if pick.chance(20) else ()
        block = Block(self._name("b"), numbers, default, chain, named, Chain(()))
        inner = block.enter(values, (argument, env) if argument else None, tensors)
        start: list[Part] = [From(named)] if named else []
        start += [Argument(chain, _RELU)] if chain else []
        body, _ = self._chain(inner, start, tensors, pick.whole(1, 3), min(depth, 1))
        block = Block(block.name, numbers, default, chain, named, body)
        self._blocks.append(block)
        return Use(block, tuple(given), argument)

    def _argument(self, env: Env, tensors: Tensors, depth: int) -> Chain:
        self._plain += 1  # it may run several times in the scope of its caller, so it has no labels
        chain, _ = self._chain(env, [], tensors, self._pick.whole(1, 2), 0)
        self._plain -= 1
        return chain

    def _shared(self, env: Env, tensors: Tensors, shape: Shape, depth: int) -> Part:
        pick = self._pick
        if self._plain:
            return self._grouped(env, tensors, shape, depth)
        if self._shares and pick.chance(65):
            return pick.one(self._shares)
        self._plain += 1
        chain, _ = self._chain(Env(tensors), [], tensors, pick.whole(1, 3), min(depth, 1))
        self._plain -= 1
        self._shares.append(Shared(self._name("t"), chain))
        return self._shares[-1]


def _count_turns(number: Number) -> Callable[[Any], list[dict[str, int]]]:
    return lambda names: [{}] * _least(number.of(names))


def _least(count: int) -> int:
    if count < 0:
        raise Refused("x(…)", ValueError("a negative number of repeats"))
    return count


_COMPARISONS: tuple[tuple[str, Callable[[int, int], bool]], ...] = (
    ("==", lambda a, b: a == b),
    ("!=", lambda a, b: a != b),
    (">=", lambda a, b: a >= b),
    ("<", lambda a, b: a < b),
)


def _fit(have: Shape, want: Shape, *, only: str = "") -> tuple[Part, ...]:
    """Layers that turn one size into another: an adaptive pool for the positions, 1x1 filters for the channels.

    `concat` does not ask for the channels, and `mul` takes a vector as well.
    """
    parts: list[Part] = []
    if only == "mul" and len(have) == 1 and have[-1] == want[-1]:
        return ()
    if len(have) != len(want):
        parts = [One(to_vector(have))] if len(have) > 1 else []
        have = have[-1:]
        if len(want) > 1:
            have = (*(1,) * (len(want) - 1), have[-1])
            parts.append(One(to_shape(have)))
    if have[:-1] != want[:-1]:
        parts.append(One(to_size(want[:-1])))
    if only != "concat" and have[-1] != want[-1]:
        parts.append(One(to_channels(want[-1], len(want) - 1)))
    return tuple(parts)


@st.composite
def networks(draw: Callable[[st.SearchStrategy[Any]], Any]) -> Network:
    """Random networks, right and wrong."""
    return _Drawing(Pick(draw)).network()
