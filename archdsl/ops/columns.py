"""Columns of a network of which one at a time is trained alone: `pick_column`, `column_mean`.

In: any tensor, of which only the number of examples matters; the draw and the branches. Out: the draw, a vector with a
value for each column; the mean of the branches that run. Local drop-path without a draw is left to `mean`.
"""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.ops.arguments import keyword, number, positional, whole
from archdsl.ops.base import FLOAT, NOTHING, Costless, Example, Kept, OpError, Reach, Shape, Torch, show_shape
from archdsl.ops.broadcasting import Mean
from archdsl.ops.registry import register


@register
class PickColumn(Costless):
    """`pick_column n [p=0.5]`: which of n columns runs, drawn anew for each batch: FractalNet's global drop-path.

    `pick_column 3` on 32x32x3 gives 3: while training, for half of the batches one 1 among zeros, the same for all
    examples; for the other half, and afterwards, ones. Every `column_mean` of the network takes the same draw, so that
    one column runs from the input to the output.

    - `n`: how many columns there are.
    - `p`: the probability that one of them runs alone.

    Larsson, Maire & Shakhnarovich, "FractalNet", 2017: global drop-path, in half of the batches.
    """

    name = "pick_column"
    style = "dropout"
    examples = (
        Example("pick_column 3", ((32, 32, 3),), (3,)),
        Example("pick_column 4 p=1", ((10, 6),), (4,)),
        Example("pick_column 2 p=0", ((20,),), (2,)),
        Example("pick_column 3 p=1.5", ((20,),), error="bad-argument", torch="PickColumn(3, 1.5)"),
        Example("pick_column 0", ((20,),), error="bad-argument", torch="PickColumn(0, 0.5)"),
    )

    n: int = positional(whole())
    p: float = keyword(number(0, 1), 0.5)

    def shape(self, *inputs: Shape) -> Shape:
        return (self.n,)

    def reach(self, *inputs: Shape) -> Reach:
        return NOTHING

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept()

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        return Torch(f"PickColumn({self.n}, {self.p!r})", helpers=("PickColumn",), sequence="any")


@register
class ColumnMean(Mean):
    """`column_mean [drop=0]`: the mean of the branches that run, after a draw of `pick_column`.

    `(@pick, @a, @b) -> column_mean drop=0.15` with a draw of 3 and two branches of 32x32x64 gives 32x32x64. The
    branches are the last columns of the draw: where one of them runs alone, its branch is the result, else the
    mean is that of `mean drop=0.15`, in which each example drops branches for itself. After training it is the
    plain mean of all.

    - `drop`: the probability with which a branch is dropped where no column runs alone, below 1.

    Raises `shape-mismatch` where the branches differ in size or the draw is of fewer columns than there are branches,
    `rank-mismatch` for a draw that is no vector, `arity` for fewer than three tensors. The work is that of evaluation.
    Larsson, Maire & Shakhnarovich, "FractalNet", 2017.
    """

    name = "column_mean"
    examples = (
        Example("column_mean drop=0.15", ((3,), (32, 32, 64), (32, 32, 64)), (32, 32, 64)),
        Example("column_mean", ((3,), (10, 6), (10, 6), (10, 6)), (10, 6)),
        Example("column_mean drop=0.5", ((2,), (20,), (20,)), (20,)),
        Example(
            "column_mean",
            ((1,), (20,), (20,)),
            error="shape-mismatch",
            torch_accepts="it takes the one column of the draw for both branches",
        ),
        Example(
            "column_mean",
            ((3,), (8, 8, 16), (4, 4, 16)),
            error="shape-mismatch",
            torch="ColumnMean(0.0)(torch.ones(2, 3), torch.zeros(2, 16, 8, 8), torch.zeros(2, 16, 4, 4))",
        ),
        Example(
            "column_mean",
            ((8, 8, 3), (8, 8, 16), (8, 8, 16)),
            error="rank-mismatch",
            torch_accepts="it reads the last columns of whatever it gets",
        ),
        Example("column_mean drop=1", ((3,), (20,), (20,)), error="bad-argument", torch="ColumnMean(1.0)"),
    )

    def shape(self, *inputs: Shape) -> Shape:
        if len(inputs) < 3:
            raise OpError(
                "arity",
                f"`column_mean` takes a draw and two branches or more, and gets {len(inputs)}",
                hint="pick_column 3 @pick … (@pick, @a, @b) -> column_mean",
            )
        draw, *branches = inputs
        if len(draw) != 1:
            raise OpError(
                "rank-mismatch",
                f"the first tensor of `column_mean` is a draw of `pick_column`, and this is {show_shape(draw)}",
                hint="pick_column 3 @pick … (@pick, @a, @b) -> column_mean",
                branch=0,
            )
        if draw[0] < len(branches):
            raise OpError(
                "shape-mismatch",
                f"`column_mean` joins {len(branches)} branches, and the draw is of {draw[0]} columns",
                hint=f"write pick_column {len(branches)}",
                branch=0,
            )
        for index, branch in enumerate(branches, 1):
            if branch != branches[0]:
                raise OpError(
                    "shape-mismatch",
                    f"the branches of `column_mean` do not agree: {show_shape(branches[0])} and {show_shape(branch)}",
                    hint="all columns have one size",
                    branch=index,
                )
        return branches[0]

    def work(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> int:
        return super().work(inputs[1:], outputs)

    def keeps(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Kept:
        return Kept(more=FLOAT * (len(inputs) - 1))

    def torch(self, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> Torch:
        return Torch(f"ColumnMean({self.drop!r})", "{m}({all})", ("ColumnMean",), "any")
