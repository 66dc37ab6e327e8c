"""Positions added, removed or rearranged: `pad`, `crop`, `upsample`, `pixel_shuffle`; channels added: `pad_channels`.

In: an image, a sequence or a volume. Out: the same values at more, fewer or other positions; nothing is learned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from archdsl.ops.base import (
    Example,
    Extent,
    Kept,
    Op,
    OpError,
    Reach,
    Shape,
    Torch,
    boolean,
    extent,
    keyword,
    number,
    positional,
    show_shape,
    spatial,
    spread,
    whole,
    word,
)
from archdsl.ops.geometry import show_extent
from archdsl.ops.registry import register


class _Spatial(Op):
    """What all of them share: they multiply no weights and, unless they say otherwise, compute nothing."""

    style = "reshape"

    def macs(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return 0

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return 0


@register
class Pad(_Spatial):
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
class PadChannels(_Spatial):
    """`pad_channels n`: n channels of zeros behind those that there are.

    `pad_channels 16` turns 16x16x16 into 16x16x32: the shortcut of ResNet's CIFAR nets, where the channels grow and
    nothing is learned (option A).

    - `n`: how many are added; 0 adds none.

    He, Zhang, Ren & Sun, "Deep residual learning for image recognition", 2015.
    """

    name = "pad_channels"
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
class Crop(_Spatial):
    """`crop HxW`: the middle of the picture.

    `crop 56x56` turns 64x64x512 into 56x56x512, without 4 rows and columns on every side (the skips of U-Net). Where an
    odd number goes, the one more goes at the end.

    - `size`: the positions that stay; one number stands for all axes. At most as many as there are.

    Ronneberger et al., "U-Net", 2015.
    """

    name = "crop"
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


_NEIGHBOURS: Final = {"nearest": 1, "nearest-exact": 1, "linear": 2, "bilinear": 2, "trilinear": 2, "bicubic": 4}
_RANK: Final = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2}


@register
class Upsample(_Spatial):
    """`upsample scale`: more positions by interpolation.

    `upsample 2` turns 13x13x256 into 26x26x256, every value twice on each axis. `upsample size=65x65 mode=bilinear`
    gives 65x65x256 whatever the input is.

    - `scale`: positions that leave for each that enters; one number stands for all axes.
    - `size`: the positions that leave, instead of `scale`.
    - `mode`: `nearest`; `linear` on sequences, `bilinear` on images, `trilinear` on volumes; `bicubic` on images;
      `"nearest-exact"`, which does not share the rounding of `nearest`.
    - `align_corners`: whether the corner pixels of both pictures lie on each other (true) or the corners of these
      pixels do; not for the nearest ones.
    """

    name = "upsample"
    examples = (
        Example("upsample 2", ((13, 13, 8),), (26, 26, 8)),
        Example("upsample 2x3", ((13, 13, 8),), (26, 39, 8)),
        Example("upsample 2 mode=bilinear align_corners=true", ((13, 13, 8),), (26, 26, 8)),
        Example("upsample size=65x33 mode=bicubic", ((13, 13, 8),), (65, 33, 8)),
        Example("upsample 4 mode=linear", ((10, 8),), (40, 8)),
        Example("upsample 3", ((10, 8),), (30, 8)),
        Example("upsample 1x2x2 mode=trilinear", ((2, 3, 4, 8),), (2, 6, 8, 8)),
        Example('upsample 2 mode="nearest-exact"', ((2, 3, 4, 8),), (4, 6, 8, 8)),
        Example("upsample 2 mode=linear", ((13, 13, 8),), error="rank-mismatch"),
        Example("upsample 2 mode=bicubic", ((10, 8),), error="rank-mismatch"),
        Example("upsample 2 align_corners=true", ((13, 13, 8),), error="bad-argument"),
        Example("upsample", ((13, 13, 8),), error="bad-argument"),
        Example("upsample 2 size=26x26", ((13, 13, 8),), error="doubled-argument"),
        Example("upsample 2x2", ((10, 8),), error="rank-mismatch", torch="nn.Upsample(scale_factor=(2, 2))(x)"),
        Example("upsample 2", ((10,),), error="rank-mismatch", torch="nn.Upsample(scale_factor=2)(x)"),
    )

    scale: Extent | None = positional(extent(1), None)
    size: Extent | None = keyword(extent(1), None)
    mode: str = keyword(word(*_NEIGHBOURS), "nearest")
    align_corners: bool = keyword(boolean, False)

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        sizes = spatial(entering, "upsample")
        wanted = self._wanted(sizes)
        if len(sizes) != _RANK.get(self.mode, len(sizes)):
            fit = next((mode for mode, rank in _RANK.items() if rank == len(sizes)), "nearest")
            raise OpError(
                "rank-mismatch",
                f"`upsample` by `{self.mode}` is for {_RANK[self.mode]} spatial axes, and {show_shape(entering)} has "
                f"{len(sizes)}",
                hint=f"write `mode={fit}`",
            )
        if self.align_corners and self.mode not in _RANK:
            raise OpError(
                "bad-argument",
                f"`align_corners` says nothing about `{self.mode}`, which takes values as they are",
                hint="leave it out, or interpolate with `mode=bilinear`",
            )
        return (*wanted, entering[-1])

    def _wanted(self, sizes: Shape) -> Shape:
        if self.scale is not None and self.size is not None:
            raise OpError("doubled-argument", "`upsample` has a scale and a size", hint="keep one of them")
        if self.size is not None:
            return spread(self.size, len(sizes), "size")
        if self.scale is None:
            raise OpError("bad-argument", "`upsample` has neither a scale nor a size", hint="`upsample 2` doubles")
        return tuple(n * scale for n, scale in zip(sizes, spread(self.scale, len(sizes), "scale"), strict=True))

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        taps: int = _NEIGHBOURS[self.mode] ** (len(inputs[0]) - 1)
        # n neighbours: n products and n - 1 sums; the nearest is only copied.
        return (2 * taps - 1) * math.prod(outputs[0]) if taps > 1 else 0

    def reach(self, *inputs: Shape) -> Reach:
        sizes = inputs[0][:-1]
        taps = _NEIGHBOURS[self.mode]
        steps = tuple(Fraction(n, o) for n, o in zip(sizes, self._wanted(sizes), strict=True))
        return Reach((taps,) * len(sizes), steps, (taps // 2,) * len(sizes))

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept()

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        rank = len(inputs[0]) - 1
        parts = []
        if self.size is not None:
            parts.append(f"size={show_extent(spread(self.size, rank, 'size'))}")
        if self.scale is not None:
            parts.append(f"scale_factor={show_extent(spread(self.scale, rank, 'scale'))}")
        parts += [f'mode="{self.mode}"'] if self.mode != "nearest" else []
        parts += ["align_corners=True"] if self.align_corners else []
        return Torch(f"nn.Upsample({', '.join(parts)})", sequence="channels_first")


def _image(op: str, shape: Shape) -> None:
    if len(shape) != 3:
        raise OpError("rank-mismatch", f"`{op}` needs an image, and gets {show_shape(shape)}")


@register
class PixelShuffle(_Spatial):
    """`pixel_shuffle r`: each r*r channels become r x r pixels of one.

    `pixel_shuffle 2` turns 32x32x256 into 64x64x64. Images only.

    - `factor`: r, on both axes; its square divides the channels.

    Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural
    network", 2016.
    """

    name = "pixel_shuffle"
    module_operations_a_value = 1
    examples = (
        Example("pixel_shuffle 2", ((32, 32, 256),), (64, 64, 64)),
        Example("pixel_shuffle 3", ((5, 7, 27),), (15, 21, 3)),
        Example("pixel_shuffle 3", ((5, 7, 12),), error="bad-argument"),
        Example("pixel_shuffle 2", ((16,),), error="rank-mismatch"),
        Example(
            "pixel_shuffle 2",
            ((4, 3, 3, 8),),
            error="rank-mismatch",
            torch_accepts="it takes all but the last three axes for batches, and would mix slices of the volume",
        ),
    )

    factor: int = positional(whole(1))

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        _image("pixel_shuffle", entering)
        height, width, channels = entering
        if channels % self.factor**2:
            raise OpError(
                "bad-argument",
                f"{channels} channels do not divide into squares of {self.factor}x{self.factor} pixels",
                hint=f"give the layer before it a multiple of {self.factor**2} filters",
            )
        return (height * self.factor, width * self.factor, channels // self.factor**2)

    def reach(self, *inputs: Shape) -> Reach:
        return Reach((1, 1), (Fraction(1, self.factor), Fraction(1, self.factor)), (0, 0))

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept()

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        return Torch(f"nn.PixelShuffle({self.factor})", sequence="channels_first")


@register
class PixelUnshuffle(_Spatial):
    """`pixel_unshuffle r`: each r x r pixels become r*r channels of one (space to depth).

    `pixel_unshuffle 2` turns 64x64x3 into 32x32x12. Images only.

    - `factor`: r, on both axes; it divides the height and the width.
    """

    name = "pixel_unshuffle"
    examples = (
        Example("pixel_unshuffle 2", ((64, 64, 3),), (32, 32, 12)),
        Example("pixel_unshuffle 3", ((6, 9, 2),), (2, 3, 18)),
        Example("pixel_unshuffle 2", ((64, 63, 3),), error="bad-argument"),
        Example("pixel_unshuffle 2", ((16,),), error="rank-mismatch"),
        Example(
            "pixel_unshuffle 2",
            ((16, 8),),
            error="rank-mismatch",
            torch_accepts="it takes (N, C, L) for one picture without a batch, and would mix channels with positions",
        ),
    )

    factor: int = positional(whole(1))

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        _image("pixel_unshuffle", entering)
        height, width, channels = entering
        if height % self.factor or width % self.factor:
            raise OpError(
                "bad-argument",
                f"{height}x{width} does not divide into squares of {self.factor}x{self.factor} pixels",
                hint="`pad` or `crop` it to a multiple first",
            )
        return (height // self.factor, width // self.factor, channels * self.factor**2)

    def reach(self, *inputs: Shape) -> Reach:
        return Reach((self.factor, self.factor), (self.factor, self.factor), (0, 0))

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept()

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        return Torch(f"nn.PixelUnshuffle({self.factor})", sequence="channels_first")
