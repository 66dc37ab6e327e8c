"""Layers that papers and printouts list, and networks do without: the softmax, a flattening, a pool that does nothing.

In: a row to which no layer of the network answers. Out: why that is no mistake, and what leaves the row, if it is none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from archdsl.ops.base import Shape
from archdsl.verify.compare import compare_size
from archdsl.verify.sheet import Row
from archdsl.verify.subject import Subject
from archdsl.verify.table import Size

__all__ = ["left_out"]


def left_out(row: Row, subject: Subject, symbols: Mapping[str, int]) -> tuple[str, Shape] | None:
    """The convention by which a network may lack the layer of a row, and what leaves the row then; None without one.

    `AdaptiveAvgPool2d` in torchvision's VGG changes nothing of a 7x7 image where it gives one.
    """
    kinds = {said.kind for said in row.said}
    if kinds == {"softmax"}:
        shape = row.after or subject.layers[-1].output
        return "the softmax is part of the loss: the network ends with its scores", shape
    if row.after is None:
        return None
    if kinds == {"flatten"}:
        return "a fully connected layer takes an image whole: nothing is left to flatten", (math.prod(row.after),)
    if kinds and all("adaptive" in said.text.lower() for said in row.said):
        sizes = [entry.value for entry in row.entries if entry.column.role == "output"]
        if all(isinstance(size, Size) and compare_size(size, row.after, symbols).true for size in sizes):
            return "an adaptive pool to the size that it gets changes nothing", row.after
    return None
