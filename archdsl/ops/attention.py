"""Transformers: `attention`, `token`, `position`, `scale`, `embed`.

In: sequences LxC, where `position` and `scale` take images and volumes as well. Out: sequences; `embed` makes one of
ids.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from archdsl.ops.arguments import boolean, keyword, number, positional, whole
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
    spatial,
    torch_shape,
)
from archdsl.ops.registry import register


@register
class Attention(Op):
    """`attention heads`: multi-head attention, of a sequence to itself or of `attention<q | k | v> heads=…`.

    `attention 12` on 197x768 keeps 197x768: 12 heads of 64 channels. The projections take 4*197*768*768
    multiply-accumulates, the products of queries with keys and of shares with values 2*197*197*768.

    With three tensors, queries LxC, keys MxK and values MxV give LxC.

    - `heads`: they divide C.
    - `dropout`: the probability with which a share is dropped while training.
    - `bias`: whether the projections have one.

    The MACs are what PyTorch's FlopCounterMode counts, halved, where it sees the attention (on the CPU it counts none
    for the fused kernel). The work is scaling, softmax and the biases.

    Raises `bad-groups` where the heads do not divide the channels, `shape-mismatch` where keys and values have
    different lengths, `rank-mismatch` for anything but sequences, `arity` for two tensors or more than three.
    Vaswani et al., "Attention Is All You Need", 2017.
    """

    name = "attention"
    arity = None
    style = "attention"
    weighted = True
    examples = (
        Example("attention 12", ((197, 768),), (197, 768)),
        Example("attention 2 bias=false dropout=0.1", ((10, 6),), (10, 6)),
        Example("attention heads=8", ((10, 64), (7, 64), (7, 64)), (10, 64)),
        Example("attention 4", ((10, 64), (7, 32), (7, 16)), (10, 64)),
        Example("attention 5", ((10, 64),), error="bad-groups", torch="nn.MultiheadAttention(64, 5)"),
        Example(
            "attention 4",
            ((10, 64), (7, 64), (6, 64)),
            error="shape-mismatch",
            torch="nn.MultiheadAttention(64, 4, batch_first=True)"
            "(torch.zeros(2, 10, 64), torch.zeros(2, 7, 64), torch.zeros(2, 6, 64))",
        ),
        Example(
            "attention 4",
            ((8, 8, 64),),
            error="rank-mismatch",
            torch="SelfAttention(64, 4, batch_first=True)(torch.zeros(2, 64, 8, 8))",
        ),
        Example(
            "attention 4",
            ((64,),),
            error="rank-mismatch",
            torch_accepts="PyTorch reads (N, C) as one sequence of N positions without a batch",
        ),
    )

    heads: int = positional(whole(1))
    dropout: float = keyword(number(0.0, 1.0), 0.0)
    bias: bool = keyword(boolean, True)

    def shape(self, *inputs: Shape) -> Shape:
        if len(inputs) not in (1, 3):
            raise OpError(
                "arity",
                f"`attention` takes one tensor or three, and gets {len(inputs)}",
                hint="write attention<queries | keys | values> heads=…",
            )
        for index, shape in enumerate(inputs):
            if len(shape) != 2:
                raise OpError(
                    "rank-mismatch",
                    f"`attention` takes sequences, and gets {show_shape(shape)}",
                    hint="`reshape` turns an image of HxWxC into a sequence of (H*W)xC",
                    branch=index if len(inputs) > 1 else None,
                )
        queries, keys, values = self._three(inputs)
        if keys[0] != values[0]:
            raise OpError(
                "shape-mismatch",
                f"the keys and values of `attention` do not agree: {show_shape(keys)} and {show_shape(values)}",
                hint="each key needs its value: they have the same length",
                branch=2,
            )
        if queries[1] % self.heads:
            raise OpError(
                "bad-groups",
                f"the {queries[1]} channels that enter `attention` do not divide among {self.heads} heads",
                hint=f"heads must divide {queries[1]}; {math.gcd(queries[1], self.heads)} does",
            )
        return queries

    @staticmethod
    def _three(inputs: Sequence[Shape]) -> tuple[Shape, Shape, Shape]:
        """Queries, keys, values."""
        return (inputs[0], inputs[0], inputs[0]) if len(inputs) == 1 else (inputs[0], inputs[1], inputs[2])

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        (_, c), (_, k), (_, v) = self._three(inputs)
        if c == k == v:
            projections: tuple[Weight, ...] = (Weight("in_proj_weight", (3 * c, c)),)
        else:
            projections = (
                Weight("q_proj_weight", (c, c)),
                Weight("k_proj_weight", (c, k)),
                Weight("v_proj_weight", (c, v)),
            )
        out = Weight("out_proj.weight", (c, c))
        if not self.bias:
            return (*projections, out)
        return (*projections, Weight("in_proj_bias", (3 * c,)), out, Weight("out_proj.bias", (c,)))

    def macs(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        (length, c), (others, k), (_, v) = self._three(inputs)
        return 2 * length * c * c + others * c * (k + v) + 2 * length * others * c

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        # A share: its scaling and the 5 operations of the softmax, less the two that n numbers save in largest and sum.
        (length, c), (others, _), _ = self._three(inputs)
        shares = self.heads * length * others
        biases = 2 * length * c + 2 * others * c if self.bias else 0
        return 6 * shares - 2 * self.heads * length + biases

    def reach(self, *inputs: Shape) -> Reach:
        return WHOLE

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        query, key, _ = self._three(inputs)
        length, others, channels = query[0], key[0], query[1]
        # The tensors as rows, their projections, what is read; one logarithm of a sum for each query and head.
        entering = sum(map(math.prod, inputs))
        projected = channels * (length + 2 * others)
        values = entering + projected + length * channels + self.heads * length
        if self.dropout:
            # No fused kernel: the scaled queries and keys, and the weights before and after dropout with its mask.
            values += channels * (length + others) + self.heads * length * (3 * others - 1)
        return Kept(more=FLOAT * values)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        (_, c), (_, k), (_, v) = self._three(inputs)
        parts = [str(c), str(self.heads)]
        if self.dropout:
            parts.append(f"dropout={self.dropout!r}")
        if not self.bias:
            parts.append("bias=False")
        if not c == k == v:
            parts.append(f"kdim={k}, vdim={v}")
        options = ", ".join([*parts, "batch_first=True"])
        if len(inputs) == 1:
            return Torch(f"SelfAttention({options})", helpers=("SelfAttention",))
        return Torch(f"nn.MultiheadAttention({options})", "{m}({0}, {1}, {2}, need_weights=False)[0]")


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


@register
class Scale(Op):
    """`scale`: a learned gain for each channel.

    `scale init=1e-6` on 56x56x96 keeps 56x56x96 and trains 96 gains: the LayerScale of CaiT and ConvNeXt. `scale init=0
    scalar=true` trains one, the gate of ReZero and SkipInit.

    - `init`: the gains at the start.
    - `scalar`: one gain for all channels.

    Touvron et al., "Going deeper with Image Transformers", 2021.
    """

    name = "scale"
    style = "normalization"
    examples = (
        Example("scale init=1e-6", ((56, 56, 96),), (56, 56, 96)),
        Example("scale init=0 scalar=true", ((8, 8, 16),), (8, 8, 16)),
        Example("scale", ((10, 6),), (10, 6)),
        Example("scale init=20", ((3, 4, 5, 6),), (3, 4, 5, 6)),
        Example("scale", ((20,),), (20,)),
    )

    init: float = keyword(number(), 1.0)
    scalar: bool = keyword(boolean, False)

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        return entering

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        return (Weight("weight", (1 if self.scalar else inputs[0][-1],)),)

    def macs(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return 0

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return math.prod(inputs[0])

    def reach(self, *inputs: Shape) -> Reach | None:
        return None

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(inputs=True)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        (entering,) = inputs
        parts = [str(1 if self.scalar else entering[-1])]
        if self.init != 1.0:
            parts.append(f"init={self.init!r}")
        if len(entering) >= 3 and not self.scalar:
            parts.append(f"positions={len(entering) - 1}")
        return Torch(
            f"Scale({', '.join(parts)})", helpers=("Scale",), sequence="any" if self.scalar else "channels_last"
        )


@register
class Embed(Costless):
    """`embed vocab dim`: a learned vector for every id.

    `embed 30522 768` turns 128 ids into 128x768 and trains 30522*768 values. The input holds whole numbers from 0 to
    `vocab` - 1.

    - `vocab`: how many ids there are.
    - `dim`: channels that leave.

    Raises `rank-mismatch` for anything but a vector of ids.
    """

    name = "embed"
    style = "embedding"
    examples = (
        Example("embed 30522 768", ((128,),), (128, 768)),
        Example("embed 100 6", ((10,),), (10, 6)),
        Example(
            "embed 100 6", ((10, 6),), error="rank-mismatch", torch_accepts="PyTorch embeds ids in any arrangement"
        ),
    )

    vocab: int = positional(whole(1))
    dim: int = positional(whole(1))

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        if len(entering) != 1:
            raise OpError(
                "rank-mismatch",
                f"`embed` takes a vector of ids, and gets {show_shape(entering)}",
                hint="write the input as its number of ids: input 128",
            )
        return (entering[0], self.dim)

    def weights(self, *inputs: Shape) -> tuple[Weight, ...]:
        return (Weight("weight", (self.vocab, self.dim)),)

    def reach(self, *inputs: Shape) -> Reach | None:
        return None

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(inputs=True)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        return Torch(f"nn.Embedding({self.vocab}, {self.dim})")
