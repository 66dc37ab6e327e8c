"""Rearrangements: `reshape`, `permute`, `slice`, `split`, `shuffle`, `select`.

In: one tensor. Out: its values, or some of them, in another size; nothing is computed. `flatten` is in `linear`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from archdsl.ops.arguments import Extent, extent, positional, whole, wholes
from archdsl.ops.base import (
    MOST_AXES,
    WHOLE,
    Costless,
    Example,
    Kept,
    OpError,
    Reach,
    Shape,
    Torch,
    channel_axis,
    show_shape,
    spatial,
)
from archdsl.ops.registry import register


class _Shaping(Costless):
    """What all of them share: no arithmetic, each position by itself."""

    style = "reshape"
    module_operations_a_value = 0

    def reach(self, *inputs: Shape) -> Reach | None:
        return None


@register
class Reshape(_Shaping):
    """`reshape size`: the same values in another size.

    `reshape 196x768` turns 14x14x768 into a sequence of 196 positions, position 14*i + j the pixel in row i and column
    j; `reshape 14x14x768` turns it back. The order is that of the written size, row by row with the channels last,
    whatever the layout in PyTorch; `flatten` and `fc` take an image in PyTorch's order instead, channel by channel.

    - `size`: dims without the batch, as many values as enter.

    Raises `bad-argument` where the numbers of values differ, `rank-mismatch` for more than three spatial axes.
    """

    name = "reshape"
    examples = (
        Example("reshape 196x768", ((14, 14, 768),), (196, 768)),
        Example("reshape 14x14x768", ((196, 768),), (14, 14, 768)),
        Example("reshape 7x7x128", ((6272,),), (7, 7, 128)),
        Example("reshape 6272", ((7, 7, 128),), (6272,)),
        Example("reshape 10x6", ((60,),), (10, 6)),
        Example("reshape 4x15", ((10, 6),), (4, 15)),
        Example("reshape 12x5x6", ((3, 4, 5, 6),), (12, 5, 6)),
        Example("reshape 3x4x5x6", ((60, 6),), (3, 4, 5, 6)),
        Example("reshape 196x768", ((14, 14, 512),), error="bad-argument"),
        Example(
            "reshape 2x2x2x2x4", ((64,),), error="rank-mismatch", torch_accepts="no layer of ours has four spatial axes"
        ),
    )

    size: Extent = positional(extent(1))

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        if len(self.size) > MOST_AXES:
            raise OpError(
                "rank-mismatch",
                f"`reshape` to {show_shape(self.size)}: a size has at most three spatial axes and the channels",
            )
        have, want = math.prod(entering), math.prod(self.size)
        if have != want:
            raise OpError(
                "bad-argument",
                f"`reshape` to {show_shape(self.size)} needs {want} values, and {show_shape(entering)} has {have}",
                hint="the products of the two sizes must be the same",
            )
        return self.size

    def reach(self, *inputs: Shape) -> Reach | None:
        # No step along each axis says how positions move between axes.
        return None if inputs[0][:-1] == self.size[:-1] else WHOLE

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        # Channels are first in memory, so that a vector of an image in the order of the text is a copy.
        return Kept(view=len(self.size) > 1 or len(inputs[0]) < 3, passes=True)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        (entering,) = inputs
        if entering[-1] == self.size[-1] and len(entering) >= 3 and len(self.size) == 2:
            return Torch(None, "{0}.flatten(2).mT")
        if entering[-1] == self.size[-1] and len(entering) == 2 and len(self.size) >= 3:
            return Torch(None, f"{{0}}.mT.unflatten(2, {self.size[:-1]})")
        return Torch(f"Reshape({', '.join(map(str, self.size))})", helpers=("Reshape",))


@register
class Permute(_Shaping):
    """`permute axes`: the axes in another order.

    `permute [1, 0]` turns 10x6 over, to 6x10; `permute [2, 0, 1]` turns 8x9x3 into 3x8x9, whose channels are the
    columns.

    - `axes`: for each axis of the result the axis it comes from, counted from 0 in the order of papers: on HxWxC the
      axes are 0, 1 and 2.

    Raises `bad-argument` where an axis is missing, doubled or not there.
    """

    name = "permute"
    examples = (
        Example("permute [1, 0]", ((10, 6),), (6, 10)),
        Example("permute [2, 0, 1]", ((8, 9, 3),), (3, 8, 9)),
        Example("permute [1, 0, 2]", ((8, 9, 3),), (9, 8, 3)),
        Example("permute [3, 1, 0, 2]", ((3, 4, 5, 6),), (6, 4, 3, 5)),
        Example("permute [0]", ((20,),), (20,)),
        Example("permute [1, 0]", ((8, 9, 3),), error="bad-argument", torch="torch.zeros(2, 3, 8, 9).permute(0, 2, 1)"),
        Example("permute [0, 0]", ((10, 6),), error="bad-argument", torch="torch.zeros(2, 10, 6).permute(0, 1, 1)"),
        Example("permute [0, 2]", ((10, 6),), error="bad-argument", torch="torch.zeros(2, 10, 6).permute(0, 1, 3)"),
    )

    axes: tuple[int, ...] = positional(wholes(0))

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        if sorted(self.axes) != list(range(len(entering))):
            raise OpError(
                "bad-argument",
                f"`permute` needs each axis of {show_shape(entering)} once: "
                f"{', '.join(map(str, range(len(entering))))}; it gets {', '.join(map(str, self.axes[:8]))}"
                + (", …" if len(self.axes) > 8 else ""),
                hint="axis 0 is the height of an image or the length of a sequence, the last axis the channels",
            )
        return tuple(entering[axis] for axis in self.axes)

    def reach(self, *inputs: Shape) -> Reach | None:
        return None if self.axes == tuple(range(len(inputs[0]))) else WHOLE

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(view=True, passes=True)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        rank = len(inputs[0])
        if rank == 2 and self.axes == (1, 0):
            return Torch(None, "{0}.mT")
        # Where each axis of the paper lies in PyTorch's tensor, (N, C, H, W) or (N, L, C).
        places = [*range(2, rank + 1), 1] if rank >= 3 else [*range(1, rank + 1)]
        order = [0] * rank
        for axis, source in enumerate(self.axes):
            order[places[axis] - 1] = places[source]
        return Torch(None, f"{{0}}.permute(0, {', '.join(map(str, order))})")


@register
class Slice(_Shaping):
    """`slice start stop`: some of the channels, one after the other.

    `slice 0 64` on 28x28x256 leaves 28x28x64: the channels 0 to 63.

    - `start`: the first channel that stays, counted from 0.
    - `stop`: the first behind them that does not.

    Raises `bad-argument` where they are not among the channels, `zero-size` where none stays.
    """

    name = "slice"
    examples = (
        Example("slice 0 64", ((28, 28, 256),), (28, 28, 64)),
        Example("slice 2 6", ((10, 6),), (10, 4)),
        Example("slice 1 2", ((3, 4, 5, 6),), (3, 4, 5, 1)),
        Example("slice start=5 stop=20", ((20,),), (15,)),
        Example("slice 10 21", ((20,),), error="bad-argument"),
        Example("slice 5 5", ((20,),), error="zero-size", torch_accepts="PyTorch makes a tensor of no channels"),
    )

    start: int = positional(whole(0))
    stop: int = positional(whole(0))

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        if self.stop > entering[-1]:
            raise OpError(
                "bad-argument",
                f"`slice {self.start} {self.stop}` reaches behind the last of {entering[-1]} channels",
                hint=f"stop is at most {entering[-1]}",
            )
        if self.start >= self.stop:
            raise OpError(
                "zero-size",
                f"`slice {self.start} {self.stop}` leaves no channel",
                hint="start must be below stop: the channel at stop is not among those that stay",
            )
        return (*entering[:-1], self.stop - self.start)

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(view=True)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        # `narrow` refuses channels that are not there, where a slice would be silent.
        length = self.stop - self.start
        return Torch(None, f"{{0}}.narrow({channel_axis(inputs[0])}, {self.start}, {length})")


def _parts(value: object) -> object:
    """Reads a number of parts, or the list of their channels; at least two of them."""
    if not isinstance(value, tuple):
        return whole(2, 10_000)(value)
    if len(value) < 2:
        raise ValueError("must be at least two parts")
    return wholes(1)(value)


@register
class Split(_Shaping):
    """`split parts`: the channels in several tensors, in order.

    `split 2 @a @b` on 28x28x116 gives a and b of 28x28x58: the channels 0 to 57 and 58 to 115. `split [32, 84]` gives
    28x28x32 and 28x28x84.

    - `parts`: how many equal parts, or the list of their channels.

    Raises `bad-groups` where equal parts do not divide the channels, `bad-argument` where a list does not add up to
    them.
    """

    name = "split"
    examples = (
        Example("split 2", ((28, 28, 116),), ((28, 28, 58), (28, 28, 58))),
        Example("split [32, 84]", ((28, 28, 116),), ((28, 28, 32), (28, 28, 84))),
        Example("split 3", ((10, 6),), ((10, 2), (10, 2), (10, 2))),
        Example("split 2", ((3, 4, 5, 6),), ((3, 4, 5, 3), (3, 4, 5, 3))),
        Example("split [5, 5, 10]", ((20,),), ((5,), (5,), (10,))),
        Example("split 3", ((20,),), error="bad-groups", torch_accepts="chunk makes the last part smaller"),
        Example("split [5, 5]", ((20,),), error="bad-argument"),
        Example("split 1", ((20,),), error="bad-argument", torch_accepts="PyTorch makes one part, the tensor itself"),
    )

    parts: int | tuple[int, ...] = positional(_parts)

    def shape(self, *inputs: Shape) -> tuple[Shape, ...]:
        (entering,) = inputs
        channels = entering[-1]
        if isinstance(self.parts, int):
            if channels % self.parts:
                raise OpError(
                    "bad-groups",
                    f"the {channels} channels that enter `split` do not divide into {self.parts} equal parts",
                    hint=f"the number of parts must divide {channels}, or write a list of their channels",
                )
            return ((*entering[:-1], channels // self.parts),) * self.parts
        if sum(self.parts) != channels:
            raise OpError(
                "bad-argument",
                f"the parts of `split` have {sum(self.parts)} channels together, and {channels} enter",
                hint="the list must add up to the channels",
            )
        return tuple((*entering[:-1], part) for part in self.parts)

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(view=True)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        dim = channel_axis(inputs[0])
        if isinstance(self.parts, int):
            return Torch(None, f"{{0}}.chunk({self.parts}, dim={dim})")
        return Torch(None, f"{{0}}.split([{', '.join(map(str, self.parts))}], dim={dim})")


@register
class Shuffle(_Shaping):
    """`shuffle groups`: the channels dealt out among groups, ShuffleNet's channel shuffle.

    `shuffle 2` on 28x28x116 keeps 28x28x116: the halves a0 … a57 and b0 … b57 become a0 b0 a1 b1 … a57 b57.

    - `groups`: equal groups of neighbouring channels that are interleaved.

    Raises `bad-groups` where they do not divide the channels, `rank-mismatch` for a vector.
    Zhang et al., "ShuffleNet", 2018.
    """

    name = "shuffle"
    module_operations_a_value = 1
    examples = (
        Example("shuffle 2", ((28, 28, 116),), (28, 28, 116)),
        Example("shuffle 3", ((10, 6),), (10, 6)),
        Example("shuffle groups=2", ((3, 4, 5, 6),), (3, 4, 5, 6)),
        Example("shuffle 4", ((8, 8, 6),), error="bad-groups"),
        Example("shuffle 2", ((20,),), error="rank-mismatch"),
    )

    groups: int = positional(whole(1))

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        spatial(entering, "shuffle")
        if entering[-1] % self.groups:
            raise OpError(
                "bad-groups",
                f"the {entering[-1]} channels that enter `shuffle` do not divide into {self.groups} groups",
                hint=f"groups must divide {entering[-1]}; {math.gcd(entering[-1], self.groups)} does",
            )
        return entering

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept()

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        return Torch(f"nn.ChannelShuffle({self.groups})", sequence="channels_first")


@register
class Select(_Shaping):
    """`select index`: one position of a sequence, as a vector.

    `select 0` on 197x768 leaves 768: the class token of ViT. `select (-1)` is the last position.

    - `index`: counted from 0, from the end where it is negative.

    Raises `rank-mismatch` for anything but a sequence, `bad-argument` for a position that is not there.
    """

    name = "select"
    examples = (
        Example("select 0", ((197, 768),), (768,)),
        Example("select (-1)", ((10, 6),), (6,)),
        Example("select 10", ((10, 6),), error="bad-argument"),
        Example("select 0", ((20,),), error="rank-mismatch", torch_accepts="PyTorch picks a channel of a vector"),
        Example("select 0", ((8, 8, 16),), error="rank-mismatch", torch_accepts="PyTorch picks a channel of an image"),
    )

    index: int = positional(whole(-(2**53)))

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        if len(entering) != 2:
            raise OpError(
                "rank-mismatch",
                f"`select` picks a position of a sequence, and gets {show_shape(entering)}",
                hint="`slice` takes some of the channels; `reshape` turns an image into a sequence",
            )
        if not -entering[0] <= self.index < entering[0]:
            raise OpError(
                "bad-argument",
                f"`select {self.index}` picks a position that is not there: the sequence has {entering[0]}",
                hint=f"positions are counted from 0 to {entering[0] - 1}",
            )
        return entering[1:]

    def reach(self, *inputs: Shape) -> Reach:
        # A vector has no positions left, so no step along an axis says which one it was.
        return WHOLE

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(view=True)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        return Torch(None, f"{{0}}[:, {self.index}]")
