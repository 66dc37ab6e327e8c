"""Borders: `pad`, `crop`; channels of zeros: `pad_channels`.

In: an image, a sequence or a volume, of `pad_channels` a vector as well. Out: the same values with more or fewer
positions or channels around them; nothing is learned.
"""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.ops.arguments import Extent, extent, keyword, number, positional, whole, word
from archdsl.ops.base import Costless, Example, Kept, OpError, Reach, Shape, Torch, show_shape, spatial, spread
from archdsl.ops.registry import register


@register
class Pad(Costless):
    """`pad size`: positions added around the border.

    `pad 1` turns 14x14x64 into 16x16x64; `pad 1x2` adds 1 row and 2 columns on each side; `pad [0, 1, 2, 3]` adds
    nothing above, 1 row below, 2 columns left and 3 right.

    - `size`: one number for every side; one for each axis; or two for each axis, before and after it. Below zero, that
      many are taken away: `pad [-1, 1, -1, 1]` moves a picture up and left by one, as NASNet does.
    - `mode`: what is added: `zero`; `constant`, which is `value`; `reflect`, the picture mirrored at its last pixel;
      `replicate`, the last pixel again; `circular`, the other end of the picture.
    - `value`: the constant.
    """

    name = "pad"
    style = "reshape"
    module_operations_a_value = 0
    examples = (
        Example("pad 1", ((14, 14, 8),), (16, 16, 8)),
        Example("pad 1x2", ((14, 14, 8),), (16, 18, 8)),
        Example("pad [0, 1, 2, 3]", ((14, 14, 8),), (15, 19, 8)),
        Example("pad 3 mode=reflect", ((4, 5, 8),), (10, 11, 8)),
        Example("pad [2, 0] mode=replicate", ((16, 8),), (18, 8)),
        Example("pad 2 mode=constant value=0.5", ((16, 8),), (20, 8)),
        Example("pad 1x0x2 mode=circular", ((2, 3, 4, 8),), (4, 3, 8, 8)),
        Example("pad [0, 1, 0, 1, 2, 0]", ((2, 3, 4, 8),), (3, 4, 6, 8)),
        Example("pad [-1, 1, -1, 1]", ((14, 14, 8),), (14, 14, 8)),
        Example("pad (-1)", ((16, 8),), (14, 8)),
        Example("pad 4 mode=reflect", ((4, 5, 8),), error="bad-argument"),
        Example(
            "pad [-1, 1] mode=circular",
            ((16, 8),),
            error="bad-argument",
            torch_accepts="it wraps the end that is left after the other is cut",
        ),
        Example("pad 5 mode=circular", ((4, 5, 8),), error="bad-argument"),
        Example("pad [1, 1, 1]", ((4, 5, 8),), error="rank-mismatch", torch="F.pad(x, (1, 1, 1))"),
        Example(
            "pad 1",
            ((10,),),
            error="rank-mismatch",
            torch_accepts="F.pad knows no channels, and would add some to a vector",
        ),
        Example(
            "pad 1 value=0.5",
            ((4, 5, 8),),
            error="bad-argument",
            torch_accepts="its mode is `constant` unless another is named; ours is `zero`, which has a value",
        ),
    )

    size: Extent = positional(extent(-(2**31)))
    mode: str = keyword(word("zero", "constant", "reflect", "replicate", "circular"), "zero")
    value: float | None = keyword(number(), None)

    def _sides(self, shape: Shape) -> tuple[tuple[int, int], ...]:
        sizes = spatial(shape, "pad")
        rank = len(sizes)
        if len(self.size) == 2 * rank:
            return tuple(zip(self.size[::2], self.size[1::2], strict=True))
        if len(self.size) not in (1, rank):
            raise OpError(
                "rank-mismatch",
                f"`pad` has {len(self.size)} numbers, and {show_shape(shape)} has {rank} spatial axes",
                hint="write one number for every side, one for each axis, or two for each axis, before and after it",
            )
        return tuple((side, side) for side in spread(self.size, rank, "padding"))

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        sides = self._sides(entering)
        if (self.mode == "constant") != (self.value is not None):
            lacks = "has no `value`" if self.value is None else f"has a value, and its mode is `{self.mode}`"
            raise OpError("bad-argument", f"`pad` {lacks}", hint="`mode=constant value=0.5`: the two go together")
        if self.mode not in ("zero", "constant") and any(side < 0 for pair in sides for side in pair):
            raise OpError(
                "bad-argument",
                f"`pad` below zero takes positions away, and its mode is `{self.mode}`",
                hint="only `zero` and `constant` go with it",
            )
        limit = {"reflect": 1, "circular": 0}.get(self.mode)
        for size, pair in zip(entering[:-1], sides, strict=True):
            if limit is not None and max(pair) > size - limit:
                raise OpError(
                    "bad-argument",
                    f"`pad` of {max(pair)} by `{self.mode}` is too wide for an axis of {size}",
                    hint=f"at most {size - limit} positions can be taken from the picture itself",
                )
        return (*(n + before + after for n, (before, after) in zip(entering[:-1], sides, strict=True)), entering[-1])

    def reach(self, *inputs: Shape) -> Reach:
        sides = self._sides(inputs[0])
        return Reach((1,) * len(sides), (1,) * len(sides), tuple(before for before, _ in sides))

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(inputs=self.mode in ("reflect", "replicate"))

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        sides = ", ".join(str(side) for pair in reversed(self._sides(inputs[0])) for side in pair)
        how = "" if self.mode in ("zero", "constant") else f', mode="{self.mode}"'
        how += f", value={self.value!r}" if self.value is not None else ""
        return Torch(None, f"F.pad({{0}}, ({sides}){how})", sequence="channels_first")


@register
class PadChannels(Costless):
    """`pad_channels n`: n channels of zeros behind those that there are.

    `pad_channels 16` turns 16x16x16 into 16x16x32: the shortcut of ResNet's CIFAR nets, where the channels grow and
    nothing is learned (option A).

    - `n`: how many are added; 0 adds none.

    He, Zhang, Ren & Sun, "Deep residual learning for image recognition", 2015.
    """

    name = "pad_channels"
    style = "reshape"
    module_operations_a_value = 0
    examples = (
        Example("pad_channels 16", ((16, 16, 16),), (16, 16, 32)),
        Example("pad_channels 3", ((10, 6),), (10, 9)),
        Example("pad_channels 2", ((2, 3, 4, 8),), (2, 3, 4, 10)),
        Example("pad_channels 5", ((20,),), (25,)),
        Example("pad_channels 0", ((8, 8, 4),), (8, 8, 4)),
    )

    n: int = positional(whole(0))

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        return (*entering[:-1], entering[-1] + self.n)

    def reach(self, *inputs: Shape) -> Reach | None:
        return None

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept()

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        return Torch(f"PadChannels({self.n})", helpers=("PadChannels",))


@register
class Crop(Costless):
    """`crop HxW`: the middle of the picture.

    `crop 56x56` turns 64x64x512 into 56x56x512, without 4 rows and columns on every side (the skips of U-Net). Where an
    odd number goes, the one more goes at the end.

    - `size`: the positions that stay; one number stands for all axes. At most as many as there are.

    Ronneberger et al., "U-Net", 2015.
    """

    name = "crop"
    style = "reshape"
    module_operations_a_value = 0
    examples = (
        Example("crop 56x56", ((64, 64, 8),), (56, 56, 8)),
        Example("crop 5", ((8, 6, 3),), (5, 5, 3)),
        Example("crop 7", ((16, 8),), (7, 8)),
        Example("crop 1x3x4", ((2, 3, 6, 8),), (1, 3, 4, 8)),
        Example("crop 2x2", ((16, 8),), error="rank-mismatch", torch="x[:, :, 0:2, 0:2]"),
        Example(
            "crop 65",
            ((64, 64, 8),),
            error="bad-argument",
            torch_accepts="a slice that ends past the end is cut short without a word",
        ),
        Example(
            "crop 3",
            ((10,),),
            error="rank-mismatch",
            torch_accepts="a slice knows no channels, and would remove some from a vector",
        ),
    )

    size: Extent = positional(extent(1))

    def _wanted(self, shape: Shape) -> Extent:
        return spread(self.size, len(spatial(shape, "crop")), "size")

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        wanted = self._wanted(entering)
        if any(want > size for want, size in zip(wanted, entering[:-1], strict=True)):
            raise OpError(
                "bad-argument",
                f"`crop` to {show_shape(wanted)} is more than there is: {show_shape(entering)}",
                hint="`pad` makes a picture larger, `upsample` stretches it",
            )
        return (*wanted, entering[-1])

    def _starts(self, shape: Shape) -> tuple[int, ...]:
        return tuple((size - want) // 2 for size, want in zip(shape[:-1], self._wanted(shape), strict=True))

    def reach(self, *inputs: Shape) -> Reach:
        starts = self._starts(inputs[0])
        return Reach((1,) * len(starts), (1,) * len(starts), tuple(-start for start in starts))

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(view=True)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        wanted = self._wanted(inputs[0])
        size = wanted[0] if len(set(wanted)) == 1 else wanted
        return Torch(f"Crop({size})", helpers=("Crop",), sequence="channels_first")
