"""What transformers begin with: `embed`, `token`, `position`.

In: ids, or sequences, where `position` takes images and volumes as well. Out: sequences, or the logits of ids.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from archdsl.ops.arguments import positional, whole
from archdsl.ops.base import (
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
    spatial,
    torch_shape,
)
from archdsl.ops.registry import register


@register
class Embed(Op):
    """`embed vocab dim`: a learned vector for every id; of a sequence of such vectors, the logit of every id.

    `embed 30522 768` turns 128 ids into 128x768 and trains 30522*768 values. The input holds whole numbers from 0 to
    `vocab` - 1. On 128x768 the same matrix is read the other way, without a bias: 128x30522. So the head of a language
    model that is tied to its embedding is a second use of it: `share words = embed 30522 768`, `words -> … -> words`.

    - `vocab`: how many ids there are.
    - `dim`: channels of a vector.

    Raises `rank-mismatch` for anything but a vector of ids or a sequence, `bad-argument` for a sequence of other
    channels than `dim`. Press & Wolf, "Using the Output Embedding to Improve Language Models", 2017.
    """

    name = "embed"
    style = "embedding"
    examples = (
        Example("embed 30522 768", ((128,),), (128, 768)),
        Example("embed 100 6", ((10,),), (10, 6)),
        Example("embed 100 6", ((10, 6),), (10, 100)),
        Example("embed 100 6", ((10, 5),), error="bad-argument"),
        Example(
            "embed 100 6", ((8, 8, 6),), error="rank-mismatch", torch_accepts="PyTorch embeds ids in any arrangement"
        ),
    )

    vocab: int = positional(whole(1))
    dim: int = positional(whole(1))

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        if len(entering) > 2:
            raise OpError(
                "rank-mismatch",
                f"`embed` takes a vector of ids, or a sequence of {self.dim} channels, and gets {show_shape(entering)}",
                hint="ids are embedded from a vector of them: input 128",
            )
        if len(entering) == 1:
            return (entering[0], self.dim)
        if entering[1] != self.dim:
            takes = f"ids, or a sequence of {self.dim} channels for their logits"
            raise OpError(
                "bad-argument",
                f"`{self.call()}` takes {takes}, and gets {show_shape(entering)}",
                hint="ids are embedded from a vector of them: input 128",
            )
        return (entering[0], self.vocab)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        return (Weight("weight", (self.vocab, self.dim)),)

    def macs(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return math.prod(inputs[0]) * self.vocab if len(inputs[0]) == 2 else 0

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return 0

    def reach(self, *inputs: Shape) -> Reach | None:
        return None

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(inputs=True)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        call = "F.linear({0}, {m}.weight)" if len(inputs[0]) == 2 else "{m}({0})"
        return Torch(f"nn.Embedding({self.vocab}, {self.dim})", call)


@register
class Token(Costless):
    """`token [count=1]`: learned positions before the first of a sequence.

    `token` turns 196x768 into 197x768 and trains 768 values, ViT's class token; `select 0` picks it out again. DeiT's
    class and distillation tokens are `token 2`.

    - `count`: how many.

    Raises `rank-mismatch` for anything but a sequence. Devlin et al., "BERT", 2019.
    """

    name = "token"
    style = "embedding"
    examples = (
        Example("token", ((196, 768),), (197, 768)),
        Example("token 2", ((10, 6),), (12, 6)),
        Example("token", ((20,),), error="rank-mismatch", torch="Token(20)(torch.zeros(2, 20))"),
        Example("token", ((8, 8, 16),), error="rank-mismatch", torch="Token(16)(torch.zeros(2, 16, 8, 8))"),
    )

    count: int = positional(whole(1), 1)

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        if len(entering) != 2:
            raise OpError(
                "rank-mismatch",
                f"`token` goes before a sequence, and gets {show_shape(entering)}",
                hint="`reshape` turns an image of HxWxC into a sequence of (H*W)xC",
            )
        return (entering[0] + self.count, entering[1])

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        return (Weight("weight", (1, self.count, inputs[0][-1])),)

    def reach(self, *inputs: Shape) -> Reach | None:
        return None

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(passes=True)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        count = f", count={self.count}" if self.count != 1 else ""
        return Torch(f"Token({inputs[0][-1]}{count})", helpers=("Token",))


@register
class Position(Op):
    """`position`: a learned value for every channel of every position, added.

    `position` on 197x768 keeps 197x768 and trains 197*768 values; it takes images and volumes as well.

    Raises `rank-mismatch` for a vector, which has no positions. Dosovitskiy et al., "An Image is Worth 16x16 Words",
    2021.
    """

    name = "position"
    style = "embedding"
    examples = (
        Example("position", ((197, 768),), (197, 768)),
        Example("position", ((8, 9, 16),), (8, 9, 16)),
        Example("position", ((3, 4, 5, 6),), (3, 4, 5, 6)),
        Example(
            "position", ((20,),), error="rank-mismatch", torch_accepts="an addition to a vector, which has no positions"
        ),
    )

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        spatial(entering, "position")
        return entering

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        return (Weight("weight", (1, *torch_shape(inputs[0]))),)

    def macs(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return 0

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return math.prod(inputs[0])

    def reach(self, *inputs: Shape) -> Reach | None:
        return None

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(passes=True)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        sizes = ", ".join(map(str, torch_shape(inputs[0])))
        return Torch(f"PositionEmbedding({sizes})", helpers=("PositionEmbedding",))
