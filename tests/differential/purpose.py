"""What the language refuses on purpose although PyTorch lets it pass.

In: nothing. Out: `OnPurpose`, which a layer of the oracle raises before it goes to PyTorch, and the reasons. Each is a
`torch_accepts` of the op's own examples, word for word, but for the general ones that belong to no op.
"""

from __future__ import annotations

from typing import Final


class OnPurpose(Exception):
    """Refused by the language, for the reason given."""


GENERAL: Final = {
    "count": "a layer of no filters, no units, no positions: PyTorch makes an empty tensor of it",
    "one tensor": "a merge of a single tensor merges nothing: PyTorch gives it back",
    "wrong size": "a size written behind `::` that is not the size there: PyTorch has no such claim",
}
"""Reasons that hold for all ops."""

REASONS: Final = {
    ("add", "axes"): "it lines axes up from the last, so that the batch of one meets the channels of the other",
    ("add_identity", "image"): "PyTorch adds the identity to the rows and columns of every channel",
    ("add_identity", "vector"): "PyTorch adds a row of nine to each row of the identity of nine",
    ("attention", "causal"): "PyTorch counts queries and keys from their first, whichever stand beside each other",
    ("attention", "vector"): "PyTorch reads (N, C) as one sequence of N positions without a batch",
    ("concat", "positions"): "along which axis of an image is not said",
    ("crop", "size"): "a slice that ends past the end is cut short without a word",
    ("crop", "vector"): "a slice knows no channels, and would remove some from a vector",
    ("drop_channel", "vector"): "Dropout1d takes (N, C) for one sequence without a batch, and drops whole examples",
    ("embed", "rank"): "PyTorch embeds ids in any arrangement",
    ("hardshrink", "negative"): "PyTorch takes it and shrinks nothing",
    ("lppool", "padding"): "PyTorch's layer takes no padding; the rule is that of the other pools",
    ("matmul", "image"): "PyTorch multiplies the rows and columns of every channel",
    ("pad", "value"): "its mode is `constant` unless another is named; ours is `zero`, which has a value",
    ("pad", "vector"): "F.pad knows no channels, and would add some to a vector",
    ("pixel_shuffle", "rank"): "it takes all but the last three axes for batches, and would mix slices of the volume",
    ("pixel_unshuffle", "rank"): (
        "it takes (N, C, L) for one picture without a batch, and would mix channels with positions"
    ),
    ("position", "vector"): "an addition to a vector, which has no positions",
    ("reshape", "axes"): "no layer of ours has four spatial axes",
    ("select", "vector"): "PyTorch picks a channel of a vector",
    ("select", "image"): "PyTorch picks a channel of an image",
    ("slice", "empty"): "PyTorch makes a tensor of no channels",
    ("softmax2d", "sequence"): "PyTorch reads (N, L, C) as one image without a batch and sums over the batch",
    ("softplus", "beta"): "PyTorch divides by beta and gives infinities",
    ("split", "unequal"): "chunk makes the last part smaller",
    ("split", "one"): "PyTorch makes one part, the tensor itself",
    ("window_attention", "shift"): (
        "a shift by a whole window moves nothing, and the mask would part what belongs together"
    ),
}
"""Reasons of one op each, with a word for the case."""


def refuse_when(wrong: bool, op: str, case: str) -> None:
    """Raise `OnPurpose` with the reason on the list."""
    if wrong:
        raise OnPurpose(REASONS[op, case])


def refuse_in_general(wrong: bool, case: str) -> None:
    if wrong:
        raise OnPurpose(GENERAL[case])
