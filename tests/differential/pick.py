"""Small draws from Hypothesis, and numbers that a text may write as expressions.

In: Hypothesis' `draw`. Out: whole numbers, members of a list, chances, `Number`s. Everything shrinks towards its
first option.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number as it is written, and what it is where `w`, `i` or `in.c` have these values."""

    text: str
    of: Callable[[Mapping[str, int]], int]


Numbers = tuple[Number, ...]


def literal(value: int) -> Number:
    return Number(str(value), lambda _: value)


@cache
def _integers(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high)


class Pick:
    """Draws; `names` are the values that expressions may use at this place."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._draw = draw
        self.names: Mapping[str, int] = {}

    def whole(self, low: int, high: int) -> int:
        if high <= low:
            return low
        drawn: int = self._draw(_integers(low, high))
        return drawn

    def one(self, options: Sequence[T]) -> T:
        return options[self.whole(0, len(options) - 1)]

    def chance(self, percent: int) -> bool:
        return self.whole(0, 99) >= 100 - percent

    def divisor(self, number: int, most: int = 8) -> int:
        """A number up to `most` that divides another."""
        return self.one([d for d in range(1, most + 1) if number % d == 0])

    def number(self, value: int) -> Number:
        """A value, written as a literal or as an expression that has this value here and perhaps another elsewhere."""
        if not self.names or not self.chance(25):
            return literal(value)
        name = self.one(list(self.names))
        held = self.names[name]
        if held and value % held == 0 and value // held > 1 and self.chance(50):
            factor = value // held
            return Number(f"({factor}*{name})", lambda names: factor * names[name])
        if value and held // value > 1 and held // (held // value) == value and self.chance(50):
            part = held // value
            return Number(f"({name} // {part})", lambda names: names[name] // part)
        more = value - held
        if not more:
            return Number(f"({name})", lambda names: names[name])
        return Number(f"({name} {'+' if more > 0 else '-'} {abs(more)})", lambda names: names[name] + more)

    def extent(self, rank: int, low: int, high: int) -> Numbers:
        """One number for all axes, or one for each; now and then one too many or too few."""
        if self.chance(70):
            return (self.number(self.whole(low, high)),)
        count = max(2, rank + (self.one((-1, 1)) if self.chance(6) else 0))
        return tuple(self.number(self.whole(low, high)) for _ in range(count))


def show(numbers: Numbers) -> str:
    """`3`, `3x5`, `[(w), 1]`."""
    if all(number.text.isdigit() for number in numbers):
        return "x".join(number.text for number in numbers)
    return numbers[0].text if len(numbers) == 1 else f"[{', '.join(number.text for number in numbers)}]"
