"""Rules about the sizes of tensors.

In: nothing. Out: `RULES`.
"""

from __future__ import annotations

from archdsl.rules.rule import Rule

__all__ = ["RULES"]

RULES = (
    Rule(
        "shape-mismatch",
        "error",
        "The tensors that meet in a merge do not have sizes that go together.",
        "The caret stands at the layer that made them differ. Sizes broadcast as in PyTorch, a vector of C over HxWxC.",
        "input 56x56x64\nresidual<conv 3x3/2+1 128 -> bn>\n",
        "input 56x56x64\nresidual<conv 3x3/2+1 128 -> bn | conv 1x1/2 128 -> bn>\n",
    ),
    Rule(
        "rank-mismatch",
        "error",
        "A layer or size wants another number of axes than there are.",
        "HxWxC is an image, LxC a sequence, DxHxWxC a volume, C a vector; a vector has no positions to slide over.",
        "input 32x32x3\ngap -> maxpool 2\n",
        "input 32x32x3\nmaxpool 2 -> gap\n",
    ),
    Rule(
        "kernel-too-large",
        "error",
        "A kernel does not fit into its input once.",
        "The layers before it have shrunk the image further than the paper's do, or the padding is missing.",
        "input 4x4x3\nconv 7x7 64\n",
        "input 4x4x3\nconv 7x7+3 64\n",
    ),
    Rule(
        "zero-size",
        "error",
        "A layer would leave nothing: a size of zero or less.",
        "The input is too small for the layers, or a crop takes all of it.",
        "input 4x4x3\ndeconv 1x1+2 8\n",
        "input 4x4x3\ndeconv 1x1+1 8\n",
    ),
    Rule(
        "channels-first",
        "warning",
        "An input's size begins with the channels of an image, as PyTorch has it.",
        "Sizes are HxWxC here: 3x224x224 would be three rows of 224 positions with 224 channels.",
        "input 3x224x224\nconv 1x1 8\n",
        "input 224x224x3\nconv 1x1 8\n",
    ),
    Rule(
        "wrong-size",
        "error",
        "A size that is asserted with `::` is not the one that was computed.",
        "Either the size or a layer before it was copied wrongly. The check goes on from the size that is written.",
        "input 227x227x3\nconv 11x11/4 96 :: 56x56x96\n",
        "input 227x227x3\nconv 11x11/4 96 :: 55x55x96\n",
    ),
    Rule(
        "arity",
        "error",
        "The number of tensors is not the one that a layer, block, label list or output takes.",
        "None is dropped and none made up. `first` and labels pick from several.",
        "input 32x32x4\nsplit 2 -> relu\n",
        "input 32x32x4\nsplit 2 -> first -> relu\n",
    ),
    Rule(
        "share-mismatch",
        "error",
        "A shared instance is used on sizes that would give it other weights or other layers.",
        "`share` makes one set of weights; each use reads the same. A `block` makes new ones at each use.",
        "input left 8x8x1\ninput right 8x8x3\nshare tower = conv 3x3+1 4\nconcat<@left -> tower | @right -> tower>\n",
        "input left 8x8x1\ninput right 8x8x3\nblock tower = conv 3x3+1 4\nconcat<@left -> tower | @right -> tower>\n",
    ),
)
