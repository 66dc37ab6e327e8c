"""Vision transformers in stages: `window_attention`, `patch_merge`.

In: images HxWxC. Out: the same size, or fewer positions with more channels. Attention of sequences is in `attention`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from archdsl.ops.arguments import Extent, boolean, extent, keyword, number, positional, whole
from archdsl.ops.base import (
    FLOAT,
    WHOLE,
    Costless,
    Example,
    Kept,
    Op,
    OpError,
    Reach,
    Shape,
    Torch,
    Weight,
    show_shape,
    spread,
)
from archdsl.ops.registry import register


@register
class WindowAttention(Op):
    """`window_attention heads window=M [shift=S]`: multi-head self-attention of each position to its window.

    `window_attention 3 window=7` on 56x56x96 keeps 56x56x96: 8x8 windows of 7x7 positions, 3 heads of 32 channels (the
    W-MSA of Swin). The projections take 4*3136*96*96 multiply-accumulates, the products 2*49*3136*96. A trained bias
    for each head and relative position, (2*7-1)*(2*7-1)*3 values, is added to the logits. `shift=3` moves the windows
    3 positions down and right (SW-MSA): what is left at one edge shares windows with what is left at the other, and
    the two do not see each other.

    - `heads`: they divide C.
    - `window`: its height and width. An image that it does not divide is filled up with zeros at the bottom and at the
      right, which is counted, and cut again.
    - `shift`: less than the window. Along an axis that one window covers there is none.
    - `dropout`: the probability with which a share is dropped while training.
    - `bias`: whether the projections have one.

    Positions that do not see each other have 100 taken from their logit, as in the authors' code. The receptive field
    that is shown holds the window wherever a position lies in it. The work is scaling, softmax and the biases.

    Raises `bad-groups` where the heads do not divide the channels, `bad-argument` for a shift of a window or more,
    `rank-mismatch` for anything but an image. Liu et al., "Swin Transformer: Hierarchical Vision Transformer using
    Shifted Windows", 2021.
    """

    name = "window_attention"
    style = "attention"
    weighted = True
    examples = (
        Example("window_attention 3 window=7", ((14, 14, 96),), (14, 14, 96)),
        Example("window_attention 3 window=7 shift=3", ((14, 14, 96),), (14, 14, 96)),
        Example("window_attention 2 window=4 shift=2 bias=false", ((10, 13, 6),), (10, 13, 6)),
        Example("window_attention heads=2 window=3x5 shift=1x0 dropout=0.1", ((6, 5, 8),), (6, 5, 8)),
        Example("window_attention 4 window=7 shift=3", ((7, 7, 64),), (7, 7, 64)),
        Example(
            "window_attention 5 window=7",
            ((14, 14, 96),),
            error="bad-groups",
            torch="WindowAttention(96, 5, (7, 7))(torch.zeros(2, 96, 14, 14))",
        ),
        Example(
            "window_attention 3 window=7 shift=7",
            ((14, 14, 96),),
            error="bad-argument",
            torch_accepts="a shift by a whole window moves nothing, and the mask would part what belongs together",
        ),
        Example("window_attention 3 window=7", ((196, 96),), error="rank-mismatch"),
        Example(
            "window_attention 3 window=2x7x7",
            ((14, 14, 96),),
            error="rank-mismatch",
            torch="WindowAttention(96, 3, (2, 7, 7))(torch.zeros(2, 96, 14, 14))",
        ),
    )

    heads: int = positional(whole(1))
    window: Extent = keyword(extent(1))
    shift: Extent = keyword(extent(0), (0,))
    dropout: float = keyword(number(0.0, 1.0), 0.0)
    bias: bool = keyword(boolean, True)

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        if len(entering) != 3:
            raise OpError(
                "rank-mismatch",
                f"`window_attention` needs an image, and gets {show_shape(entering)}",
                hint="`reshape` turns a sequence of (H*W)xC into an image of HxWxC; `attention` takes sequences",
            )
        channels = entering[-1]
        for size, shift in zip(self._window, self._shift, strict=True):
            if shift >= size:
                raise OpError(
                    "bad-argument",
                    f"the shift of `window_attention` is {shift}, and the window has {size}",
                    hint=f"the paper shifts by half of a window, {size // 2}",
                )
        if channels % self.heads:
            raise OpError(
                "bad-groups",
                f"the {channels} channels that enter `window_attention` do not divide among {self.heads} heads",
                hint=f"heads must divide {channels}; {math.gcd(channels, self.heads)} does",
            )
        return entering

    @property
    def _window(self) -> Extent:
        return spread(self.window, 2, "window")

    @property
    def _shift(self) -> Extent:
        return spread(self.shift, 2, "shift")

    def _grid(self, entering: Shape) -> tuple[int, int]:
        """How many windows stand below and beside each other."""
        rows, columns = (-(-size // window) for size, window in zip(entering, self._window, strict=False))
        return rows, columns

    def _shifts(self, entering: Shape) -> bool:
        """Whether windows hold what came from opposite edges."""
        return any(shift and count > 1 for shift, count in zip(self._shift, self._grid(entering), strict=True))

    def _positions(self, entering: Shape) -> int:
        """With those that were filled up."""
        return math.prod(self._grid(entering)) * math.prod(self._window)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        channels = inputs[0][-1]
        found = [
            Weight("relative_position_bias", (math.prod(2 * size - 1 for size in self._window), self.heads)),
            Weight("qkv.weight", (3 * channels, channels)),
            Weight("qkv.bias", (3 * channels,)),
            Weight("proj.weight", (channels, channels)),
            Weight("proj.bias", (channels,)),
        ]
        return tuple(weight for weight in found if self.bias or not weight.name.endswith(".bias"))

    def macs(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        positions, channels = self._positions(inputs[0]), inputs[0][-1]
        return 4 * positions * channels * channels + 2 * positions * math.prod(self._window) * channels

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        # A share: its scaling, the bias and the 5 operations of the softmax, less the two that n numbers save in
        # largest and sum; of shifted windows what is taken where positions do not belong together.
        positions, channels = self._positions(inputs[0]), inputs[0][-1]
        shares = self.heads * positions * math.prod(self._window)
        biases = 4 * positions * channels if self.bias else 0
        return (8 if self._shifts(inputs[0]) else 7) * shares - 2 * self.heads * positions + biases

    def reach(self, *inputs: Shape) -> Reach:
        if self._grid(inputs[0]) == (1, 1):
            return WHOLE
        window = self._window
        return Reach(tuple(2 * size - 1 for size in window), (1, 1), tuple(size - 1 for size in window))

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        # The windows as rows, scaled queries and keys, the values, what is read, and the shares; with dropout what is
        # left of them, and its mask.
        positions, channels = self._positions(inputs[0]), inputs[0][-1]
        shares = self.heads * positions * math.prod(self._window) * (3 if self.dropout else 1)
        return Kept(more=FLOAT * (5 * positions * channels + shares))

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        parts = [str(inputs[0][-1]), str(self.heads), str(self._window)]
        if any(self._shift):
            parts.append(f"shift={self._shift}")
        if self.dropout:
            parts.append(f"dropout={self.dropout!r}")
        if not self.bias:
            parts.append("bias=False")
        return Torch(f"WindowAttention({', '.join(parts)})", helpers=("WindowAttention",))


@register
class PatchMerge(Costless):
    """`patch_merge r`: the channels of each r x r neighbouring patches side by side, as Swin's patch merging has them.

    `patch_merge 2` turns 56x56x96 into 28x28x384: 96 channels of the upper left patch, then those of the lower left,
    the upper right and the lower right one, column by column; `pixel_unshuffle` has the patches of each channel
    together instead. The paper's patch merging is `patch_merge 2 -> ln -> conv 1x1 192 bias=false`.

    - `factor`: r, on both axes. An image that it does not divide is filled up with zeros at the bottom and at the
      right: 7x7 becomes 4x4.

    Raises `rank-mismatch` for anything but an image. Liu et al., "Swin Transformer: Hierarchical Vision Transformer
    using Shifted Windows", 2021.
    """

    name = "patch_merge"
    style = "reshape"
    examples = (
        Example("patch_merge 2", ((56, 56, 96),), (28, 28, 384)),
        Example("patch_merge 2", ((7, 9, 6),), (4, 5, 24)),
        Example("patch_merge factor=3", ((6, 9, 2),), (2, 3, 18)),
        Example("patch_merge 2", ((16,),), error="rank-mismatch"),
        Example("patch_merge 2", ((16, 8),), error="rank-mismatch"),
    )

    factor: int = positional(whole(1))

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        if len(entering) != 3:
            raise OpError("rank-mismatch", f"`patch_merge` needs an image, and gets {show_shape(entering)}")
        height, width, channels = entering
        return (-(-height // self.factor), -(-width // self.factor), channels * self.factor**2)

    def reach(self, *inputs: Shape) -> Reach:
        return Reach((self.factor, self.factor), (self.factor, self.factor), (0, 0))

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept()

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        return Torch(f"PatchMerge({self.factor})", helpers=("PatchMerge",))
