"""A cell of a column whose meaning is known, read.

In: a text and its column. Out: what it says, as `Printed`; or why it says nothing of the kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from archdsl import limits
from archdsl.verify.reading.numbers import COUNTED, NotANumber, figure
from archdsl.verify.reading.partial import Partial, window
from archdsl.verify.reading.phrases import NoLayers, layers
from archdsl.verify.reading.sizes import NotASize, size
from archdsl.verify.reading.text import NOTHING, plain
from archdsl.verify.table import Column, Number, Printed, Said, Size

__all__ = ["NotUnderstood", "counted", "is_nothing", "printed"]

_TEXTS = frozenset({"index", "note", "model", "measured", "unknown"})
_SIDES = frozenset({"kernel", "stride", "padding"})


class NotUnderstood(ValueError):
    """Why a cell does not say what its column is about."""


def is_nothing(text: str) -> bool:
    """Whether a cell prints nothing: it is empty or holds a dash."""
    return len(text) < 8 and plain(text).lower() in NOTHING


def printed(text: str, column: Column, symbols: Mapping[str, int], kind: str | None = None) -> Printed:
    """What a cell says. `kind` is what the row calls its layer. Raises `NotUnderstood` with the reason."""
    role = column.role
    if role in _TEXTS:
        return text
    try:
        if role in ("layer", "network"):
            return layers(text, symbols)
        if role == "arguments":
            return _arguments(text, column, symbols, kind)
        if role in _SIDES:
            return (_sides(text, role),)
        if role in ("input", "output"):
            return Size(text, (plain(text),)) if _is_letter(text) and plain(text) in symbols else size(text)
        if role in ("filters", "groups", "repeat") and _is_letter(text):
            return _letter(text, role, symbols)
        if role in ("filters", "groups", "repeat"):
            said = text.strip(" ×xX*") if role == "repeat" else text
            return _times(replace(counted(said, column.power, ""), text=text), role)
        return counted(text, column.power, role if role in COUNTED else "")
    except (NotANumber, NotASize, NoLayers) as reason:
        raise NotUnderstood(str(reason)) from None


def counted(text: str, power: int, about: str) -> Number:
    """A figure, in the thousands that its header says. Raises `NotANumber`, also where cell and header disagree."""
    found = figure(text, memory=about == "memory")
    number = found.number
    if found.counted and about and found.counted != about:
        raise NotANumber(f"it counts {_WHAT[found.counted]}, and its column {_WHAT[about]}")
    if not power:
        return number
    if number.power and number.power != power:
        raise NotANumber(f"it has a unit of its own, {'_KMGT'[number.power]}, and its header says {'_KMGT'[power]}")
    if "^" in plain(text):
        raise NotANumber(f"it has a power of ten of its own, and its header says {'_KMGT'[power]}")
    return Number(number.text, number.digits, number.last, power, number.about)


_WHAT = {
    "params": "parameters",
    "ops": "operations",
    "depth": "layers",
    "memory": "bytes",
    "connections": "connections",
}


def _arguments(text: str, column: Column, symbols: Mapping[str, int], kind: str | None) -> Printed:
    if column.detail and column.detail != "filter shape":
        return (Said(text, kind, extra=((column.detail, text),)),)
    said = layers(text, symbols, kind)
    if column.detail == "filter shape" and len(said) == 1 and isinstance(said[0], Said):
        return (_shape(said[0]),)
    return said


def _shape(said: Said) -> Said:
    """A shape of weights: `3×3×32 dw` is a 3x3 window over 32 channels, `1024×1000` the matrix of an fc."""
    sides = said.kernel
    if said.kind == "fc" and sides is not None and len(sides) == 2 and said.filters is None:
        return Said(said.text, said.kind, said.label, filters=sides[1], extra=(*said.extra, ("in", str(sides[0]))))
    if said.kind == "dwconv" and sides is not None and len(sides) == 3 and said.filters is None:
        return Said(said.text, said.kind, said.label, sides[:2], said.stride, filters=sides[2], extra=said.extra)
    return said


def _sides(text: str, role: str) -> Said:
    said = plain(text)
    partial = Partial()
    if role == "padding" and said.lower() in ("same", "valid"):
        return Said(text, same=said.lower() == "same", padding=None if said.lower() == "same" else (0,))
    numbers = window(said)
    if numbers is None and role == "kernel" and (whole := _window_with_more(text)) is not None:
        return whole
    if numbers is None:
        raise NotASize(f"it is no {role}")
    partial.touch(0, len(text))
    setattr(partial, role, numbers)
    return partial.said(text, None)


def _window_with_more(text: str) -> Said | None:
    """A window and how it moves, `5×5, stride 2` or `2×2/2`, and nothing else."""
    try:
        found = layers(text, {})
    except NoLayers:
        return None
    one = found[0] if len(found) == 1 else None
    if not isinstance(one, Said) or one.kernel is None or (one.stride is None and one.padding is None):
        return None
    return one if one.kind is None and one.label is None and one.filters is None and not one.extra else None


def _is_letter(text: str) -> bool:
    return len(text) < 8 and len(plain(text)) == 1 and plain(text).isalpha()


def _letter(text: str, role: str, symbols: Mapping[str, int]) -> Printed:
    """A letter in place of a number: of filters it stands for itself, of repeats it must have a value."""
    letter = plain(text)
    if role == "filters":
        return (Said(text, filters=letter),)
    if letter not in symbols:
        raise NotANumber(f"`{letter}` is no number; `let: {letter}=…` gives it one")
    return _times(figure(str(symbols[letter])).number, role)


def _times(number: Number, role: str) -> Number:
    """A number of things, which is whole; of repeats, one that a row can have."""
    value = number.digits * 1000**number.power
    if value != value.to_integral_value():
        raise NotANumber("it is no whole number")
    if role == "repeat" and not 1 <= value <= limits.ROW_LAYERS:
        raise NotANumber(f"it is no number of repeats between 1 and {limits.ROW_LAYERS:,}")
    return number
