"""What is constructed for an attribute, as a pattern with holes for the values that may differ between instances.

In: leaves, chains and instances of classes. Out: `Made`, whose pattern is equal for two modules that can be written as
one expression, and which writes itself once something stands in each hole. What stands there is left to `classes`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Final, Literal, NamedTuple

from archdsl.codegen.constructors import Call, Value, parse, shortened
from archdsl.codegen.ramps import Ramp, place, written

__all__ = ["Hole", "Made", "Write", "of_class", "of_init", "sequential"]

_CHANNELS: Final = frozenset(
    {
        "channels",
        "in_channels",
        "out_channels",
        "num_features",
        "num_channels",
        "in_features",
        "out_features",
        "normalized_shape",
        "groups",
    }
)
"""Arguments of layers that count channels."""

_BY_POSITION: Final = frozenset({"channels", "kernel_size"})
"""What is given to the classes of blocks without a name, as to PyTorch's layers."""

Write = Callable[[Sequence[str]], str]
"""From the texts that fill the holes to the expression."""


class Hole(NamedTuple):
    """A value that may differ between instances: its argument's name, and the default where it may be left out.

    `kind` is what it counts: `channels`, else its name in PyTorch's layer. Only values of one kind are the same value.
    """

    name: str
    value: Value
    default: Value | None = None
    kind: str = ""


class Made(NamedTuple):
    """An expression that makes a module. `elements` marks one that stands for several, `*[…]`."""

    pattern: Hashable
    holes: tuple[Hole, ...]
    write: Write


def of_init(init: str, ramps: tuple[Ramp, ...] = ()) -> Made:
    """A layer from its constructor expression."""
    call = parse(init)
    if call is None:
        return Made(("text", init), (), lambda texts: init)
    defaults = dict(call.optional)
    holes = tuple(
        Hole(name, written(value, ramps), defaults.get(name), "channels" if name in _CHANNELS else name)
        for name, value in zip(call.names, call.values, strict=True)
    )
    return Made(("layer", call.pattern), holes, _writer(call))


def _writer(call: Call) -> Write:
    return lambda texts: call.text(texts)


def of_class(identity: int, name: Callable[[], str], holes: tuple[Hole, ...]) -> Made:
    """An instance of a class; `name` is asked for when it is written, the holes are the class's parameters."""

    def write(texts: Sequence[str]) -> str:
        plain = [hole.default is None and hole.kind in _BY_POSITION for hole in holes]
        first = plain.index(False) if False in plain else len(holes)
        options = [
            (hole.name, text, hole.default.text if hole.default is not None else "")
            for hole, text in zip(holes[first:], texts[first:], strict=True)
        ]
        return f"{name()}({', '.join([*texts[:first], *shortened(options)])})"

    return Made(("class", identity), holes, write)


def sequential(parts: Sequence[Made], ramps: tuple[Ramp, ...] = (), *, repeated: bool = False) -> Made:
    """An `nn.Sequential`; parts that are alike and follow each other become a comprehension.

    So does a single one that is `repeated`, elsewhere more often.
    """
    elements: list[Made] = []
    start = 0
    while start < len(parts):
        run = _longest_run(parts, start, ramps)
        several = run > 1 or repeated
        elements.append(_comprehension(parts[start : start + run], ramps) if several else parts[start])
        start += run
    writes = [element.write for element in elements]
    counts = [len(element.holes) for element in elements]

    def write(texts: Sequence[str]) -> str:
        written, at = [], 0
        for count, each in zip(counts, writes, strict=True):
            written.append(each(texts[at : at + count]))
            at += count
        return f"nn.Sequential({', '.join(written)})"

    holes = tuple(hole for element in elements for hole in element.holes)
    return Made(("sequential", tuple(element.pattern for element in elements)), holes, write)


# ---------------------------------------------------------------- repeats

_Course = Literal["same", "steps"] | Ramp
"""How a value goes over a repeat: it stays, it grows by as much each time, or it goes along a ramp of the network."""

_FEWEST: Final = 3
"""Iterations with values that grow, for which a comprehension reads better than a list."""


def _longest_run(parts: Sequence[Made], start: int, ramps: tuple[Ramp, ...]) -> int:
    """How many parts from here on are one comprehension; 1 where the next differs."""
    first = parts[start]
    end = start + 1
    while end < len(parts) and parts[end].pattern == first.pattern:
        end += 1
    if end - start > 1 and _courses(parts[start:end], ramps) is not None:
        return end - start
    same = start + 1
    while same < end and parts[same].holes == first.holes:
        same += 1
    return same - start


def _courses(parts: Sequence[Made], ramps: tuple[Ramp, ...]) -> tuple[_Course, ...] | None:
    """How each value goes over the parts; None where one follows no rule."""
    found: list[_Course] = []
    for index in range(len(parts[0].holes)):
        values = [part.holes[index].value for part in parts]
        ramp = place(values, ramps)
        if ramp is not None:
            found.append(ramp)
        elif all(value == values[0] for value in values):
            found.append("same")
        elif len(parts) >= _FEWEST and _grows(values):
            found.append("steps")
        else:
            return None
    return tuple(found)


def _grows(values: Sequence[Value]) -> bool:
    numbers = [value.value for value in values if type(value.value) is int]
    if len(numbers) < len(values):
        return False
    return all(number == numbers[0] + (numbers[1] - numbers[0]) * i for i, number in enumerate(numbers))


def _comprehension(parts: Sequence[Made], ramps: tuple[Ramp, ...]) -> Made:
    first = parts[0]
    courses = _courses(parts, ramps)
    assert courses is not None
    holes = [Hole("count", Value.of(len(parts)), kind="count")]
    for index, course in enumerate(courses):
        hole = first.holes[index]
        if isinstance(course, Ramp):
            holes.append(Hole("first", Value.of(course.index(hole.value.value)), kind="first"))
            continue
        holes.append(hole)
        if course == "steps":
            step = int(str(parts[1].holes[index].value.value)) - int(str(hole.value.value))
            holes.append(Hole("step", Value.of(step), kind="step"))

    def write(texts: Sequence[str]) -> str:
        count, *given = texts
        filled = []
        rest = iter(given)
        for course in courses:
            text = next(rest)
            if course == "steps":
                text = _stepped(text, next(rest))
            elif isinstance(course, Ramp):
                index = text if count == "1" else "i" if text == "0" else f"({text} + i)"
                text = f"{course.peak} * {index} / {course.steps}"
            filled.append(text)
        if count == "1":
            return first.write(filled)
        index = "i" if any(course != "same" for course in courses) else "_"
        return f"*[{first.write(filled)} for {index} in range({count})]"

    return Made(("repeat", first.pattern, courses), tuple(holes), write)


def _stepped(start: str, step: str) -> str:
    """`start + step * i`, as one would write it."""
    if step.startswith("-"):
        rise = "i" if step == "-1" else f"{step[1:]} * i"
        return f"{start} - {rise}"
    rise = "i" if step == "1" else f"{step} * i"
    return rise if start == "0" else f"{start} + {rise}"
