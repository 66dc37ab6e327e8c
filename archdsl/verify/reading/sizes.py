"""Printed sizes: `55×55×96`, `96@55x55`, `(None, 112, 112, 64)`, `[-1, 96, 55, 55]`, `1x1xC`.

In: a cell's text. Out: its parts and where the channels are; or why it is none. A leading batch that could as well be
a channel count is left to `batches`, which looks at a whole column.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from archdsl.verify.reading.text import misread, plain
from archdsl.verify.table import Size

__all__ = ["NotASize", "size", "without_batch"]

_PARTS = 6
_LARGEST = 12
"""Digits of a part."""
_BATCH = frozenset({"none", "-1", "?", "n", "b", "batch", "batch_size", "bs"})
_PART = re.compile(r"\d+|[A-Za-z][A-Za-z0-9_]{0,15}|-1|\?")
_PREFIX = re.compile(r"(?:torch\.size|tensorshape|input|output|size|image)(?= ?[(\[\d:=]) ?[:=]? ?", re.I)
_SUFFIX = re.compile(r" ?(?:pixels?|px|images?|input|features?|feature maps?|maps?|units?|neurons?)$", re.I)
_RGB = re.compile(r" (?:rgb(?: images?)?|colou?r(?: images?)?)$", re.I)
_LONGEST = 120


class NotASize(ValueError):
    """Why a text is no size."""


def size(text: str) -> Size:
    """The size that a text prints.

    >>> size("96@55x55")
    Size(text='96@55x55', parts=(96, 55, 55), order='first')

    Raises `NotASize` with the reason.
    """
    said = plain(text).strip("*†‡§ ")
    if len(said) > _LONGEST:
        raise NotASize("it is too long for a size")
    coloured = _RGB.search(said)
    if coloured:
        said = said[: coloured.start()]
    said = _PREFIX.sub("", said, count=1)
    said = _SUFFIX.sub("", said, count=1)
    maps, at, rest = said.partition("@")
    parts = _parts(rest.strip() if at else said)
    if at:
        front = _parts(maps.strip())
        if len(front) != 1 or len(parts) > 3:
            raise NotASize("`@` stands between the channels and the size")
        return Size(text, (*front, *parts), "first")
    if len(parts) > 1 and str(parts[0]).lower() in _BATCH:
        parts = parts[1:]
    elif str(parts[0]).lower() in ("-1", "?", "none"):
        raise NotASize("it says no size")
    if any(str(part) in ("-1", "?") or str(part).lower() == "none" for part in parts):
        raise NotASize("a part of it is left open")
    if coloured and len(parts) == 2:
        parts = (*parts, 3)
    return Size(text, parts, _order(parts))


def without_batch(sizes: Sequence[Size]) -> list[Size]:
    """The sizes of a column, without a batch that is printed as a number: `[1, 64, 112, 112]` and `[1, 1000]`.

    It is one where every size is printed in brackets, all begin with the same number, and their lengths differ by
    the two axes that a classifier loses.
    """
    lengths = {len(one.parts) for one in sizes}
    firsts = {one.parts[0] for one in sizes}
    bracketed = all(plain(one.text)[:1] in "([" or plain(one.text).lower().startswith("torch") for one in sizes)
    printed = all(plain(one.text).count(",") == len(one.parts) - 1 for one in sizes)
    if not sizes or not bracketed or not printed or len(firsts) != 1 or lengths not in ({2, 4}, {2, 5}, {2, 3}, {4}):
        return list(sizes)
    return [Size(one.text, one.parts[1:], _order(one.parts[1:])) for one in sizes]


def _parts(text: str) -> tuple[int | str, ...]:
    opened = 0
    while text[:1] in ("(", "[", "{") and text[-1:] in (")", "]", "}") and opened < 3:
        text, opened = text[1:-1].strip().rstrip(","), opened + 1
    pieces = re.split(r" ?[×,*] ?", text) if opened or "," not in text else []
    if not pieces:
        raise NotASize("it is no size")
    if not opened and "," in text:
        raise NotASize("it is no size")
    found: list[int | str] = []
    for piece in pieces:
        piece, squared, power = piece.strip().partition("^")
        if (meant := misread(piece)) is not None:
            raise NotASize(f"`{piece[:20]}` has a letter among its digits: {meant}?")
        if not _PART.fullmatch(piece) or (squared and power.strip("{}") not in ("2", "3")):
            raise NotASize(f"`{piece[:20]}` is no part of a size" if piece else "it is no size")
        if piece.isdecimal() and len(piece) > _LARGEST:
            raise NotASize(f"a part of it has more than {_LARGEST} digits")
        found += [int(piece) if piece.isdecimal() else piece] * (int(power.strip("{}")) if squared else 1)
    if len(found) > _PARTS:
        raise NotASize(f"it has more than {_PARTS} parts")
    if not opened and not any(isinstance(part, int) for part in found):
        raise NotASize("it has no number")
    return tuple(found)


def _order(parts: tuple[int | str, ...]) -> Literal["first", "last", "open"]:
    """Where the channels are: at the end that differs from the others, which are equal."""
    if len(parts) not in (3, 4):
        return "open"
    first, *middle, last = parts
    if first == middle[-1] != last:
        return "last"
    if last == middle[0] != first:
        return "first"
    if isinstance(last, str) and not isinstance(first, str):
        return "last"
    if isinstance(first, str) and not isinstance(last, str):
        return "first"
    return "open"
