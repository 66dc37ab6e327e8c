"""Transformers: `attention`, `scale`.

In: sequences LxC, where `scale` takes images, volumes and vectors as well. Out: the same. What they begin with is in
`embedding`, attention within windows of an image in `windows`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from archdsl.ops.arguments import boolean, flag, keyword, number, positional, whole
from archdsl.ops.base import (
    FLOAT,
    WHOLE,
    Example,
    Kept,
    Op,
    OpError,
    Reach,
    Shape,
    Torch,
    Weight,
    show_shape,
)
from archdsl.ops.registry import register


@register
class Attention(Op):
    """`attention heads [causal]`: multi-head attention, of a sequence to itself or of `attention<q | k | v> heads=…`.

    `attention 12` on 197x768 keeps 197x768: 12 heads of 64 channels. The projections take 4*197*768*768
    multiply-accumulates, the products of queries with keys and of shares with values 2*197*197*768.

    With three tensors, queries LxC, keys MxK and values MxV give LxC.

    - `heads`: they divide C.
    - `dropout`: the probability with which a share is dropped while training.
    - `bias`: whether the projections have one.
    - `causal`: each position sees itself and those before it, as in GPT; for a sequence that attends to itself.

    The MACs are what PyTorch's FlopCounterMode counts, halved, where it sees the attention (on the CPU it counts none
    for the fused kernel); it counts what `causal` hides as well, although fused kernels leave out about half of it. The
    work is scaling, softmax and the biases.

    Raises `bad-groups` where the heads do not divide the channels, `shape-mismatch` where keys and values have
    different lengths, `rank-mismatch` for anything but sequences, `arity` for two tensors or more than three,
    `bad-argument` for three that are `causal`. Vaswani et al., "Attention Is All You Need", 2017.
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
        Example("attention 4 causal", ((10, 64),), (10, 64)),
        Example("attention 2 causal bias=false dropout=0.1", ((10, 6),), (10, 6)),
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
        Example(
            "attention 4 causal",
            ((10, 64), (7, 64), (7, 64)),
            error="bad-argument",
            torch_accepts="PyTorch counts queries and keys from their first, whichever stand beside each other",
        ),
    )

    heads: int = positional(whole(1))
    dropout: float = keyword(number(0.0, 1.0), 0.0)
    bias: bool = keyword(boolean, True)
    causal: bool = flag()

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
        if self.causal and len(inputs) > 1:
            raise OpError(
                "bad-argument",
                "`causal` is for a sequence that attends to itself, and `attention` gets queries, keys and values",
                hint=f"write attention {self.heads} causal behind the one sequence",
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
        projected = channels * (length + 2 * others)
        if self.causal:
            # The same with the sequence as it is; without the fused kernel the weights, dropped ones, and their mask.
            shares = self.heads * length * (3 * length if self.dropout else 1)
            return Kept(inputs=True, more=FLOAT * (projected + length * channels + shares))
        values = sum(map(math.prod, inputs)) + projected + length * channels + self.heads * length
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
        if self.causal:
            return Torch(f"CausalAttention({', '.join(parts)})", helpers=("CausalAttention",))
        options = ", ".join([*parts, "batch_first=True"])
        if len(inputs) == 1:
            return Torch(f"SelfAttention({options})", helpers=("SelfAttention",))
        return Torch(f"nn.MultiheadAttention({options})", "{m}({0}, {1}, {2}, need_weights=False)[0]")


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
