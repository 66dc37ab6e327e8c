"""Finer and coarser grids of positions: `upsample`, `pixel_shuffle`, `pixel_unshuffle`.

In: an image, of `upsample` a sequence or a volume as well. Out: its values, repeated, interpolated or rearranged, at
more or fewer positions; nothing is learned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from archdsl.ops.arguments import Extent, boolean, extent, keyword, positional, whole, word
from archdsl.ops.base import Costless, Example, Kept, OpError, Reach, Shape, Torch, show_shape, spatial, spread
from archdsl.ops.geometry import show_extent
from archdsl.ops.registry import register

_NEIGHBOURS: Final = {"nearest": 1, "nearest-exact": 1, "linear": 2, "bilinear": 2, "trilinear": 2, "bicubic": 4}
_RANK: Final = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2}


@register
class Upsample(Costless):
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
    style = "reshape"
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
class PixelShuffle(Costless):
    """`pixel_shuffle r`: each r*r channels become r x r pixels of one.

    `pixel_shuffle 2` turns 32x32x256 into 64x64x64. Images only.

    - `factor`: r, on both axes; its square divides the channels.

    Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural
    network", 2016.
    """

    name = "pixel_shuffle"
    style = "reshape"
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
class PixelUnshuffle(Costless):
    """`pixel_unshuffle r`: each r x r pixels become r*r channels of one (space to depth).

    `pixel_unshuffle 2` turns 64x64x3 into 32x32x12. Images only.

    - `factor`: r, on both axes; it divides the height and the width.
    """

    name = "pixel_unshuffle"
    style = "reshape"
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
