"""What is constructed for an attribute, as a pattern with holes for the values that may differ between instances.

In: leaves, chains and instances of classes. Out: `Made`, whose pattern is equal for two modules that can be written as
one expression, and which writes itself once something stands in each hole. What stands there is left to `classes`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from archdsl.codegen.constructors import Call, Value, parse

__all__ = ["Hole", "Made", "Write", "of_class", "of_init", "sequential"]

Write = Callable[[Sequence[str]], str]
"""From the texts that fill the holes to the expression."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A value that may differ between instances: its argument's name, and the default where it may be left out."""

    name: str
    value: Value
    default: Value | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """An expression that makes a module. `elements` marks one that stands for several, `*[…]`."""

    pattern: Hashable
    holes: tuple[Hole, ...]
    write: Write


def of_init(init: str) -> Made:
    """A layer from its constructor expression."""
    call = parse(init)
    if call is None:
        return Made(("text", init), (), lambda texts: init)
    defaults = dict(call.optional)
    holes = tuple(Hole(name, value, defaults.get(name)) for name, value in zip(call.names, call.values, strict=True))
    return Made(("layer", call.pattern), holes, _writer(call))


def _writer(call: Call) -> Write:
    return lambda texts: call.text(texts)


def of_class(identity: int, name: Callable[[], str], holes: tuple[Hole, ...]) -> Made:
    """An instance of a class; `name` is asked for when it is written, the holes are the class's parameters."""

    def write(texts: Sequence[str]) -> str:
        parts = []
        for hole, text in zip(holes, texts, strict=True):
            if hole.default is None:
                parts.append(text)
            elif text != hole.default.text:
                parts.append(f"{hole.name}={text}")
        return f"{name()}({', '.join(parts)})"

    return Made(("class", identity), holes, write)


def sequential(parts: Sequence[Made]) -> Made:
    """An `nn.Sequential`; parts that are alike and follow each other become a comprehension."""
    elements: list[Made] = []
    start = 0
    while start < len(parts):
        run = _longest_run(parts, start)
        elements.append(_comprehension(parts[start : start + run]) if run > 1 else parts[start])
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

_Course = Literal["same", "steps", "ramp"]
"""How a value goes over a repeat: it stays, it grows by as much each time, or it rises from 0.0 to its last."""

_FEWEST: Final = 3
"""Iterations with values that grow, for which a comprehension reads better than a list."""


def _longest_run(parts: Sequence[Made], start: int) -> int:
    """How many parts from here on are one comprehension; 1 where the next differs."""
    first = parts[start]
    end = start + 1
    while end < len(parts) and parts[end].pattern == first.pattern:
        end += 1
    if end - start > 1 and _courses(parts[start:end]) is not None:
        return end - start
    same = start + 1
    while same < end and parts[same].holes == first.holes:
        same += 1
    return same - start


def _courses(parts: Sequence[Made]) -> tuple[_Course, ...] | None:
    """How each value goes over the parts; None where one follows no rule."""
    found: list[_Course] = []
    for index in range(len(parts[0].holes)):
        values = [part.holes[index].value for part in parts]
        if all(value == values[0] for value in values):
            found.append("same")
        elif len(parts) < _FEWEST:
            return None
        elif _grows(values):
            found.append("steps")
        elif _ramps(values):
            found.append("ramp")
        else:
            return None
    return tuple(found)


def _grows(values: Sequence[Value]) -> bool:
    numbers = [value.value for value in values if type(value.value) is int]
    if len(numbers) < len(values):
        return False
    return all(number == numbers[0] + (numbers[1] - numbers[0]) * i for i, number in enumerate(numbers))


def _ramps(values: Sequence[Value]) -> bool:
    numbers = [value.value for value in values if type(value.value) is float]
    if len(numbers) < len(values):
        return False
    return all(number == numbers[-1] * i / (len(numbers) - 1) for i, number in enumerate(numbers))


def _comprehension(parts: Sequence[Made]) -> Made:
    first = parts[0]
    courses = _courses(parts)
    assert courses is not None
    holes = [Hole("count", Value.of(len(parts)))]
    for index, course in enumerate(courses):
        hole = first.holes[index]
        if course == "ramp":
            holes.append(Hole(hole.name, parts[-1].holes[index].value))
            continue
        holes.append(hole)
        if course == "steps":
            step = int(str(parts[1].holes[index].value.value)) - int(str(hole.value.value))
            holes.append(Hole("step", Value.of(step)))

    def write(texts: Sequence[str]) -> str:
        count, *given = texts
        filled = []
        rest = iter(given)
        for course in courses:
            text = next(rest)
            if course == "steps":
                text = _stepped(text, next(rest))
            elif course == "ramp":
                last = str(int(count) - 1) if count.isdigit() else f"({count} - 1)"
                text = f"{text} * i / {last}"
            filled.append(text)
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
