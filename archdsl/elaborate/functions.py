"""The functions of the language's expressions: `min`, `sum`, `floor`, `range`, `round_to` and others.

In: values. Out: a value, or `Refused` with the reason; reporting it where it stands is left to the evaluator.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from archdsl import limits
from archdsl.elaborate.values import Value, describe, show

__all__ = ["FORMS", "FUNCTIONS", "Refused"]


class Refused(Exception):
    """Why a function does not take its arguments; completes "`min` …"."""

    id = "bad-argument"


class _TooLong(Refused):
    """A list longer than any may be."""

    id = "limit-list"


def _numbers(values: tuple[Value, ...]) -> list[int | float]:
    flat = values[0] if len(values) == 1 and isinstance(values[0], tuple) else values
    out: list[int | float] = []
    for value in flat:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Refused(f"takes numbers, and this is {describe(value)}: {show(value)}")
        out.append(value)
    return out


def _some(values: tuple[Value, ...]) -> list[int | float]:
    found = _numbers(values)
    if not found:
        raise Refused("needs at least one number")
    return found


def _one(values: tuple[Value, ...]) -> int | float:
    if len(values) != 1 or isinstance(values[0], tuple):
        raise Refused("takes one number")
    return _numbers(values)[0]


def _wholes(values: tuple[Value, ...], least: int, most: int) -> list[int]:
    if not least <= len(values) <= most:
        raise Refused(f"takes {least} to {most} numbers")
    out = []
    for value in _numbers((values,)):
        if value != int(value):
            raise Refused(f"takes whole numbers, not {value:g}")
        out.append(int(value))
    return out


def _range(*values: Value) -> Value:
    made = range(*_wholes(values, 1, 2))
    if len(made) > limits.LIST_LENGTH:
        raise _TooLong(f"would make {len(made):,} elements; {limits.LIST_LENGTH:,} are allowed")
    return tuple(made)


def _len(*values: Value) -> Value:
    if len(values) != 1 or not isinstance(values[0], tuple):
        raise Refused("takes one list")
    return len(values[0])


def _round_to(*values: Value) -> Value:
    """The nearest multiple of n, never more than a tenth below x: the rule of MobileNet and EfficientNet."""
    if len(values) != 2:
        raise Refused("takes a number and a step: round_to(x, 8)")
    x, step = _numbers(values)
    if step != int(step) or step < 1:
        raise Refused("takes a step that is a whole number above zero")
    nearest_multiple = max(int(step), int(x + step / 2) // int(step) * int(step))
    return nearest_multiple + int(step) if nearest_multiple < 0.9 * x else nearest_multiple


FUNCTIONS: dict[str, Callable[..., Value]] = {
    "min": lambda *v: min(_some(v)),
    "max": lambda *v: max(_some(v)),
    "sum": lambda *v: sum(_numbers(v)),
    "round": lambda *v: math.floor(_one(v) + 0.5),
    "ceil": lambda *v: math.ceil(_one(v)),
    "floor": lambda *v: math.floor(_one(v)),
    "int": lambda *v: int(_one(v)),
    "len": _len,
    "range": _range,
    "round_to": _round_to,
}
"""The functions of the language. `round` takes halves up, `int` cuts towards zero."""

FORMS = {
    "min": "min(a, b)",
    "max": "max(a, b)",
    "sum": "sum([a, b])",
    "round": "round(x)",
    "ceil": "ceil(x)",
    "floor": "floor(x)",
    "int": "int(x)",
    "len": "len(xs)",
    "range": "range(n), range(first, last)",
    "round_to": "round_to(x, 8)",
}
"""How each function is called, for a hint."""
