"""What merges share, and those along an axis: `concat`, and the matrices' own: `matmul`, `add_identity`.

In: several tensors, or one matrix. Out: one. Merges element by element are in `broadcasting`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from archdsl.ops.arguments import keyword, word
from archdsl.ops.base import WHOLE, Example, Kept, Op, OpError, Reach, Shape, Torch, channel_axis, show_shape
from archdsl.ops.registry import register

_POOLS = {"mean": "gap", "max": "gmp"}
"""What those who give a merge one tensor may look for."""


class Merge(Op):
    """What all merges but `matmul` share: several tensors enter, position by position, no matrix products."""

    arity: ClassVar[int | None] = None
    style = "merge"
    module_operations_a_value = 0

    def macs(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return 0

    def reach(self, *inputs: Shape) -> Reach | None:
        return None

    def _check_several(self, inputs: Sequence[Shape]) -> None:
        if len(inputs) != self.arity if self.arity is not None else len(inputs) < 2:
            wanted = "two tensors or more" if self.arity is None else f"{self.arity} tensors"
            raise OpError(
                "arity",
                f"`{self.name}` takes {wanted}, and gets {len(inputs)}",
                hint=f"write {self.name}<{' | '.join('…' * (self.arity or 2))}>, `id` for a branch that does nothing"
                + (f"; of the positions of one tensor it is `{_POOLS[self.name]}`" if self.name in _POOLS else ""),
            )


@register
class Concat(Merge):
    """`concat<a | b | …> [axis=channels]`: the branches side by side.

    `concat<conv 1x1 64 | conv 3x3+1 128>` on 28x28x192 gives 28x28x192: 64 + 128 channels at the same 28x28 positions.
    `concat axis=positions` of 1x768 and 196x768 gives 197x768.

    - `axis`: `channels`, where the positions must agree, or `positions` of sequences, where the channels must.

    Raises `shape-mismatch` where they do not, `rank-mismatch` for positions of anything but sequences, `arity` for
    fewer than two tensors.
    """

    name = "concat"
    examples = (
        Example("concat", ((28, 28, 64), (28, 28, 128), (28, 28, 32)), (28, 28, 224)),
        Example("concat", ((10, 6), (10, 2)), (10, 8)),
        Example("concat", ((3, 4, 5, 6), (3, 4, 5, 6)), (3, 4, 5, 12)),
        Example("concat", ((20,), (5,)), (25,)),
        Example("concat axis=positions", ((1, 768), (196, 768)), (197, 768)),
        Example("concat", ((28, 28, 64), (14, 14, 64)), error="shape-mismatch"),
        Example("concat", ((28, 28, 64), (64,)), error="shape-mismatch"),
        Example("concat axis=positions", ((10, 6), (10, 5)), error="shape-mismatch"),
        Example(
            "concat axis=positions",
            ((8, 8, 16), (8, 8, 16)),
            error="rank-mismatch",
            torch_accepts="along which axis of an image is not said",
        ),
    )

    axis: str = keyword(word("channels", "positions"), "channels")

    def shape(self, *inputs: Shape) -> Shape:
        self._check_several(inputs)
        first = inputs[0]
        positions = self.axis == "positions"
        for index, shape in enumerate(inputs):
            if positions and len(shape) != 2:
                raise OpError(
                    "rank-mismatch",
                    f"`concat axis=positions` joins sequences, and gets {show_shape(shape)}",
                    hint="reshape an image to LxC first; a vector of C is a sequence after `reshape 1xC`",
                    branch=index,
                )
            if positions and shape[-1] != first[-1]:
                raise OpError(
                    "shape-mismatch",
                    f"the branches of `concat` do not agree: {show_shape(first)} and {show_shape(shape)}",
                    hint="the channels must be the same where positions are joined",
                    branch=index,
                )
            if not positions and shape[:-1] != first[:-1]:
                raise OpError(
                    "shape-mismatch",
                    f"the branches of `concat` do not agree: {show_shape(first)} and {show_shape(shape)}",
                    hint="all but the channels must be the same",
                    branch=index,
                )
        if positions:
            return (sum(shape[0] for shape in inputs), first[-1])
        return (*first[:-1], sum(shape[-1] for shape in inputs))

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return 0

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(passes=True)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        dim = channel_axis(inputs[0]) if self.axis == "channels" else 1
        return Torch(None, f"torch.cat(({{all}}), dim={dim})")

    def reach(self, *inputs: Shape) -> Reach | None:
        # Joined along the positions, no step maps a position of the result to one of the branches.
        return WHOLE if self.axis == "positions" else None


@register
class Matmul(Op):
    """`matmul<a | b>`: the matrix product of two sequences.

    `matmul<@weights | @values>` of 196x196 and 196x64 gives 196x64, with 196*196*64 multiply-accumulates.

    Raises `rank-mismatch` for anything but sequences, `shape-mismatch` where the channels of the first are not as many
    as the positions of the second, `arity` for other than two tensors.
    """

    name = "matmul"
    arity = 2
    style = "merge"
    examples = (
        Example("matmul", ((196, 196), (196, 64)), (196, 64)),
        Example("matmul", ((10, 6), (6, 3)), (10, 3)),
        Example("matmul", ((10, 6), (10, 6)), error="shape-mismatch"),
        Example(
            "matmul",
            ((4, 4, 8), (4, 4, 8)),
            error="rank-mismatch",
            torch_accepts="PyTorch multiplies the rows and columns of every channel",
        ),
        Example("matmul", ((10, 6), (6,)), error="rank-mismatch", torch="torch.zeros(2, 10, 6) @ torch.zeros(2, 6)"),
    )

    def shape(self, *inputs: Shape) -> Shape:
        if len(inputs) != 2:
            raise OpError("arity", f"`matmul` takes 2 tensors, and gets {len(inputs)}", hint="write matmul<a | b>")
        for index, shape in enumerate(inputs):
            if len(shape) != 2:
                raise OpError(
                    "rank-mismatch",
                    f"`matmul` multiplies sequences, and gets {show_shape(shape)}",
                    hint="reshape it to positions x channels first",
                    branch=index,
                )
        (rows, inner), (outer, columns) = inputs
        if inner != outer:
            raise OpError(
                "shape-mismatch",
                f"the branches of `matmul` do not agree: {rows}x{inner} and {outer}x{columns}",
                hint=f"the second needs {inner} positions; `permute [1, 0]` turns a sequence over",
                branch=1,
            )
        return (rows, columns)

    def macs(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        (rows, inner), (_, columns) = inputs
        return rows * inner * columns

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return 0

    def reach(self, *inputs: Shape) -> Reach:
        return WHOLE

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(inputs=True)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        return Torch(None, "{0} @ {1}")


@register
class AddIdentity(Op):
    """`add_identity`: the identity matrix, which is not trained, added to a square one.

    `add_identity` on 3x3 keeps 3x3: one is added to the three values of its diagonal. PointNet's transforms are
    `fc 9 -> reshape 3x3 -> add_identity`, so that they begin close to the one that does nothing.

    Raises `rank-mismatch` for anything but a matrix of positions x channels, `shape-mismatch` for one that is not
    square.

    Qi, Su, Mo & Guibas, "PointNet: deep learning on point sets for 3D classification and segmentation", 2017,
    section 4.2.
    """

    name = "add_identity"
    style = "merge"
    module_operations_a_value = 0
    examples = (
        Example("add_identity", ((3, 3),), (3, 3)),
        Example("add_identity", ((64, 64),), (64, 64)),
        Example("add_identity", ((3, 4),), error="shape-mismatch", torch="torch.zeros(2, 3, 4) + torch.eye(3)"),
        Example(
            "add_identity",
            ((9,),),
            error="rank-mismatch",
            torch_accepts="PyTorch adds a row of nine to each row of the identity of nine",
        ),
        Example(
            "add_identity",
            ((4, 4, 8),),
            error="rank-mismatch",
            torch_accepts="PyTorch adds the identity to the rows and columns of every channel",
        ),
    )

    def shape(self, *inputs: Shape) -> Shape:
        (entering,) = inputs
        if len(entering) != 2:
            raise OpError(
                "rank-mismatch",
                f"`add_identity` takes a square matrix, and gets {show_shape(entering)}",
                hint="reshape it to rows x columns first: fc 9 -> reshape 3x3",
            )
        if entering[0] != entering[1]:
            raise OpError(
                "shape-mismatch",
                f"`add_identity` takes a square matrix, and gets {show_shape(entering)}",
                hint="the identity has as many rows as columns",
            )
        return entering

    def macs(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return 0

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return math.prod(inputs[0])

    def reach(self, *inputs: Shape) -> Reach | None:
        return None

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(passes=True)

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        return Torch(None, f"{{0}} + torch.eye({inputs[0][0]}, dtype={{0}}.dtype, device={{0}}.device)")
