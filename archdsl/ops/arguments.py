"""Arguments of ops: how each is written, read and shown.

In: evaluated values. Out: what an op's fields hold, and its text again. Which argument a word of the text is for is
left to `archdsl.elaborate`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple

__all__ = [
    "Arg",
    "Extent",
    "Reader",
    "Window",
    "boolean",
    "extent",
    "flag",
    "keyword",
    "number",
    "positional",
    "whole",
    "wholes",
    "window",
    "word",
]

Extent = tuple[int, ...]
"""A size along the spatial axes; one number stands for all of them: `(3,)` is 3x3 on images, 3x3x3 on volumes."""


@dataclass(frozen=True, slots=True)
class Window:
    """A kernel with the stride and padding that were written, `K[/S][+P]`; None where nothing was.

    >>> Window((11, 11), (4,))       # 11x11/4
    """

    kernel: Extent
    stride: Extent | None = None
    padding: Extent | None = None

    def __str__(self) -> str:
        text = "x".join(map(str, self.kernel))
        if self.stride is not None:
            text += "/" + "x".join(map(str, self.stride))
        if self.padding is not None:
            text += "+" + "x".join(map(str, self.padding))
        return text


Reader = Callable[[object], object]
"""Turns an evaluated value into what the op's field holds; raises ValueError that completes "`groups` …"."""


_REQUIRED: Final = object()


class Arg(NamedTuple):
    """How an argument is written: `window` (K[/S][+P]), `positional`, `keyword` or `flag`."""

    kind: Literal["window", "positional", "keyword", "flag"]
    read: Reader
    default: object = _REQUIRED
    show: str = ""
    excludes: tuple[str, ...] = ()
    pads: bool = False
    name: str = ""

    @property
    def required(self) -> bool:
        return self.default is _REQUIRED

    def named(self, name: str) -> Arg:
        return self._replace(name=name)

    def text(self, value: object) -> str:
        """A value of it as a text would have it."""
        return _show_list(value) if getattr(self.read, "listed", False) else _show_value(value)


def window(show: str = "K[/S][+P]", *, unit_stride: bool = False) -> Any:
    """An argument that holds the kernel, stride and padding as a `Window`.

    `unit_stride` says that a stride of 1 is what no stride means, so that `3x3/1+1` and `3x3+1` are the same.
    """
    return Arg("window", _read_unit_window if unit_stride else _read_window, show=show)


def positional(read: Reader, default: object = _REQUIRED) -> Any:
    """An argument written as a bare value, in the order of the class; `name=value` works as well."""
    return Arg("positional", read, default)


def keyword(read: Reader, default: object = _REQUIRED) -> Any:
    """An argument written `name=value`."""
    return Arg("keyword", read, default)


def flag(excludes: tuple[str, ...] = (), *, pads: bool = False) -> Any:
    """An argument that is False unless its bare name is written, which is short for `name=true`; `name=false` unsets
    what a `default` set. `excludes` names the flags that it cannot stand beside.

    One that `pads` says what the padding is, so it stands beside none that is written, `3x3+1`, either.
    """
    return Arg("flag", boolean, False, excludes=excludes, pads=pads)


def _read_window(value: object) -> Window:
    if isinstance(value, Window):
        return value
    return Window(_extent(value, 1))


def _read_unit_window(value: object) -> Window:
    read = _read_window(value)
    # `1x1` says how many axes there are as well: it is left out only where the kernel says so too.
    told = read.stride is not None and len(read.stride) in (1, len(read.kernel))
    plain = read.stride is not None and all(step == 1 for step in read.stride)
    return replace(read, stride=None) if told and plain else read


def boolean(value: object) -> bool:
    """`true` or `false`. Raises `ValueError` for anything else, as the other readers do."""
    if not isinstance(value, bool):
        raise ValueError("is true or false")
    return value


def whole(least: int = 1, most: int | None = None) -> Reader:
    """Reads a whole number; `32.0` is one, `31.5` is not and is never rounded."""

    def read(value: object) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, float):
            raise ValueError(f"must be a whole number, not {value:g}")
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError("must be a whole number")
        if value < least:
            raise ValueError(f"must be at least {least}, not {value}")
        if most is not None and value > most:
            raise ValueError(f"must be at most {most}, not {value}")
        return value

    return read


def number(least: float | None = None, most: float | None = None, *, above: float | None = None) -> Reader:
    """Reads a finite number within bounds: `least <= value <= most`, `above < value`."""

    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError("must be a number")
        if least is not None and value < least:
            raise ValueError(f"must be at least {least:g}, not {value:g}")
        if most is not None and value > most:
            raise ValueError(f"must be at most {most:g}, not {value:g}")
        if above is not None and value <= above:
            raise ValueError(f"must be above {above:g}, not {value:g}")
        return float(value)

    return read


def word(*choices: str) -> Reader:
    """Reads one of a few words, written bare or in quotes."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"is one of {', '.join(choices)}")
        return value

    read.words = choices  # type: ignore[attr-defined]  # the binder takes these bare, as in mode=bilinear
    return read


def extent(least: int = 1) -> Reader:
    """Reads one number for all spatial axes, or dims: `6`, `6x6`."""

    def read(value: object) -> Extent:
        return _extent(value, least)

    return read


def _extent(value: object, least: int) -> Extent:
    one = whole(least)
    if isinstance(value, tuple):
        return tuple(int(str(one(part))) for part in value)
    return (int(str(one(value))),)


def wholes(least: int = 0) -> Reader:
    """Reads a list of whole numbers: `[2, 0, 1]`."""
    one = whole(least)

    def read(value: object) -> tuple[int, ...]:
        if not isinstance(value, tuple) or not value:
            raise ValueError("is a list of whole numbers")
        return tuple(int(str(one(part))) for part in value)

    read.listed = True  # type: ignore[attr-defined]  # shown as a list, not as dims
    return read


def _show_value(value: object) -> str:
    """A value as a text would have it: negative numbers in brackets, words that are none in quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        # As short as may be, but never another number: 0.5 for 0.5, all digits of 2/3.
        shown = f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
        return shown if value >= 0 else f"({shown})"
    if isinstance(value, tuple):
        if len(value) > 1 and any(part < 0 for part in value):
            return f"[{', '.join(map(str, value))}]"
        return "x".join(map(str, value)) if value[0] >= 0 else f"({value[0]})"
    text = str(value)
    return text if isinstance(value, Window) or text.isidentifier() else f'"{text}"'


def _show_list(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_show_list, value)) + "]"
    return _show_value(value)
