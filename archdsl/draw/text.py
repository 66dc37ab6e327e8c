"""Calls, sizes and counts as a picture prints them.

In: text as the language has it, and numbers. Out: the same, short, as a paper has it. Escaping is left to whoever
writes a format.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from archdsl.ops.base import Shape

__all__ = ["quantity", "ranged", "size", "sizes", "typeset"]

_NUMBER: Final = re.compile(r"(?<![\w.])(\d+\.\d+|\d+)(?![\w.])")


def typeset(call: str) -> str:
    """A call as a paper prints it.

    >>> typeset("conv 3x3+1 64")
    'conv 3×3+1 64'
    """
    return re.sub(r"(?<=\d)x(?=\d)", "×", call)


def size(shape: Shape) -> str:
    """
    >>> size((56, 56, 256))
    '56×56×256'
    """
    return "×".join(map(str, shape))


def sizes(shapes: Sequence[Shape]) -> str:
    """The size of a tensor in all iterations of a folded box: `56×56×64…256` where its channels grow."""
    first, last = shapes[0], shapes[-1]
    return size(first) if first == last else f"{size(first)}…{last[-1]}"


def quantity(value: int) -> str:
    """Three digits that count.

    >>> quantity(61706), quantity(1_234_567)
    ('61.7K', '1.23M')
    """
    for unit, letter in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "K")):
        if value * 10_000 >= unit * 9_995:  # 999,999 is 1M, not 1e+03K
            return f"{value / unit:.3g}{letter}"
    return str(value)


def ranged(first: str, last: str) -> str:
    """One call for all iterations of a repeat, with the numbers in which they differ from the first to the last.

    >>> ranged("drop_path 0.0125", "drop_path 0.175")
    'drop_path 0.0125…0.175'

    Where they differ in more than numbers, the first stands for all.
    """
    mine, its = _NUMBER.split(first), _NUMBER.split(last)
    if mine[::2] != its[::2]:
        mine = its = _NUMBER.split(first)
    return "".join(_short(a) if a == b else f"{_short(a)}…{_short(b)}" for a, b in zip(mine, its, strict=True))


def _short(number: str) -> str:
    """A decimal in three digits, and nothing else."""
    return f"{float(number):.3g}" if "." in number and len(number) > 6 and _NUMBER.fullmatch(number) else number
