"""Numbers and sizes as a reader wants them.

In: ints. Out: short strings. Which number goes where is left to `columns.py`.
"""

from __future__ import annotations

import unicodedata
from fractions import Fraction

__all__ = ["binary", "clean", "cut", "fit", "grouped", "short", "stride_text", "width"]


def grouped(value: int) -> str:
    """
    >>> grouped(60192808)
    '60,192,808'
    """
    return f"{value:,}"


def short(value: int) -> str:
    """Four digits and a power of a thousand.

    >>> short(11513626624)
    '11.51G'
    """
    if value < 10_000:
        return f"{value:,}"
    scaled = float(value)
    for unit in ("", "K", "M", "G", "T", "P"):
        # 999.95 would be rounded to five digits.
        if scaled < 999.95 or unit == "P":
            break
        scaled /= 1000
    digits = 2 if scaled < 99.995 else 1
    return f"{scaled:,.{digits}f}{unit}"


def binary(value: int) -> str:
    """Bytes with a power of 1,024.

    >>> binary(240771232)
    '229.6 MiB'
    """
    scaled = float(value)
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if scaled < 1023.95 or unit == "PiB":
            break
        scaled /= 1024
    if unit == "bytes":
        return f"{value} bytes"
    digits = 2 if scaled < 9.995 else 1
    return f"{scaled:,.{digits}f} {unit}"


def stride_text(values: tuple[int | Fraction, ...]) -> str:
    """Numbers along the axes: `4x4`, `1/2x1/2`."""
    return "x".join(map(str, values))


def clean(text: str) -> str:
    """Text that stays in its place on a terminal: control and bidirectional characters as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if unicodedata.category(char)[0] not in "C" and unicodedata.category(char) not in ("Zl", "Zp")
        else f"\\u{ord(char):04x}"
        for char in text
    )  # fmt: skip


def width(text: str) -> int:
    """Columns of a terminal that a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def cut(text: str, wide: int, *, front: bool = False) -> str:
    """A text in so many columns at the most: of one too long the end gives way, or its `front`, as of the name of a
    layer, whose end says which it is.

    >>> cut("features.denseblock4.conv2", 12, front=True)
    '…lock4.conv2'
    """
    if width(text) <= wide:
        return text
    while width(text) > wide - 1:
        text = text[1:] if front else text[:-1]
    return f"…{text}" if front else f"{text}…"


def fit(text: str, wide: int, *, front: bool = False) -> str:
    """A text in so many columns, cut or filled up."""
    text = cut(clean(text), wide, front=front)
    return text + " " * (wide - width(text))
