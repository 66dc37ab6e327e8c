"""The kinds of value that a setting of a recipe takes: what is accepted, and how that is said.

In: an expression of the tree, as written in `train { … }`. Out: a plain value, or `Wrong` and what was expected. Which
setting takes which kind is left to `archdsl.elaborate.recipe_settings`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, NoReturn, Protocol, TypeAlias

from archdsl.diagnostics import Collector, Span
from archdsl.elaborate.evaluator import Evaluator
from archdsl.elaborate.values import ChainValue, DimsValue, Scope, Value, describe, show
from archdsl.syntax import tree

__all__ = [
    "Crop",
    "CropKind",
    "Flag",
    "Kind",
    "Literals",
    "Milestones",
    "Numbers",
    "Rates",
    "Real",
    "Whole",
    "Written",
    "Wrong",
]

Written: TypeAlias = tree.Expression | tree.Geometry | tree.Mapping


class Wrong(Exception):
    """A value that a setting cannot take: completes "`lr` …", and the place if it is smaller than the value."""

    def __init__(self, message: str, span: Span | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Crop:
    """`crop=32+4`: a window of `size` (height, width) out of the image with `padding` zeros on each side, in pixels."""

    size: tuple[int, int]
    padding: int = 0

    def __str__(self) -> str:
        height, width = self.size
        size = f"{height}" if height == width else f"{height}x{width}"
        return f"{size}+{self.padding}" if self.padding else size


class Literals:
    """Evaluates what a recipe may hold: literals, and arithmetic on them; no name of the file means anything there."""

    def __init__(self, found: Collector) -> None:
        self.found = found
        self._evaluator = Evaluator(self)

    def value(self, written: Written) -> Value:
        """The value. Raises `Wrong` where it is not a literal, `Poisoned` after reporting arithmetic that fails."""
        if isinstance(written, tree.Geometry | tree.Mapping):
            raise Wrong("does not take this", written.span)
        value = self._evaluator.evaluate(written, Scope(None, True))
        return self._settled(value, written.span)

    def _settled(self, value: Value, span: Span) -> Value:
        parts = value if isinstance(value, tuple) else (value,)
        for part in parts:
            if isinstance(part, ChainValue):
                raise Wrong(f"takes no layers: {show(part)}", span)
        return value

    def lookup(self, name: tree.Name, scope: Scope) -> NoReturn:
        """No name has a value here."""
        raise Wrong(f"takes a literal, and `{name.name}` is a name", name.span)

    def is_known(self, name: str, scope: Scope) -> bool:
        """No name stands for anything here."""
        return False

    def is_callable(self, name: str, scope: Scope) -> bool:
        """Nothing can be called with tensors here."""
        return False

    def chosen(self, site: tree.Function, scope: Scope) -> NoReturn:
        """Nothing is left open here."""
        raise Wrong("takes one value; a recipe has no choices", site.span)


class Kind(Protocol):
    """What a setting takes."""

    @property
    def says(self) -> str:
        """What is expected, for a sentence: `a number above 0`."""

    def read(self, written: Written, literals: Literals) -> object:
        """The value. Raises `Wrong` or `Poisoned`."""


def _number(value: Value, says: str) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong(f"is {says}, and this is {describe(value)}: {show(value)}")
    return value


class Real(NamedTuple):
    """A number: above `above` or at least `least`, below `below` or at most `most`."""

    above: float | None = None
    least: float | None = None
    below: float | None = None
    most: float | None = None

    @property
    def says(self) -> str:
        bounds = ((self.above, "above"), (self.least, "of at least"), (self.below, "below"), (self.most, "of at most"))
        parts = [f"{word} {bound:g}" for bound, word in bounds if bound is not None]
        return " ".join(["a number", " and ".join(parts)]).strip()

    def read(self, written: Written, literals: Literals) -> float:
        return self.check(literals.value(written))

    def check(self, value: Value) -> float:
        number = _number(value, self.says)
        low = (self.above is None or number > self.above) and (self.least is None or number >= self.least)
        high = (self.below is None or number < self.below) and (self.most is None or number <= self.most)
        if not (low and high):
            raise Wrong(f"is {self.says}, not {number:g}")
        return float(number)


class Whole(NamedTuple):
    """A whole number from `least` to `most`."""

    least: int = 1
    most: int = 2**31 - 1

    @property
    def says(self) -> str:
        return f"a whole number of at least {self.least}"

    def read(self, written: Written, literals: Literals) -> int:
        return self.check(literals.value(written))

    def check(self, value: Value) -> int:
        number = _number(value, self.says)
        if isinstance(number, float) and not number.is_integer():
            raise Wrong(f"is {self.says}, not {number:g}")
        if number < self.least:
            raise Wrong(f"is {self.says}, not {number:g}")
        if number > self.most:
            raise Wrong(f"is at most {self.most:,}, not {number:g}")
        return int(number)


class Flag:
    """A word that switches something on; `nesterov`, `nesterov=true`, `nesterov=false`."""

    @property
    def says(self) -> str:
        return "true or false"

    def read(self, written: Written, literals: Literals) -> bool:
        value = literals.value(written)
        if not isinstance(value, bool):
            raise Wrong(f"is {self.says}, and this is {describe(value)}: {show(value)}")
        return value


class Numbers(NamedTuple):
    """A list of `length` numbers, each as `each` says: `betas=[0.9, 0.999]`."""

    length: int
    each: Real

    @property
    def says(self) -> str:
        return f"a list of {self.length}, each {self.each.says}"

    def read(self, written: Written, literals: Literals) -> tuple[float, ...]:
        values = _items(literals.value(written), self.says)
        if len(values) != self.length:
            raise Wrong(f"is {self.says}, and this has {len(values)}")
        try:
            return tuple(self.each.check(value) for value in values)
        except Wrong:
            raise Wrong(f"is {self.says}, not {show(values)}") from None


class Milestones:
    """A list of epochs that rises: `at=[82, 123]`."""

    @property
    def says(self) -> str:
        return "a list of epochs that rises, [82, 123]"

    def read(self, written: Written, literals: Literals) -> tuple[int, ...]:
        values = _items(literals.value(written), self.says)
        epochs = tuple(Whole(1).check(value) for value in values)
        if not epochs or any(a >= b for a, b in pairwise(epochs)):
            raise Wrong(f"is {self.says}, not {show(epochs)}")
        return epochs


def _items(value: Value, says: str) -> tuple[Value, ...]:
    if not isinstance(value, tuple) or isinstance(value, DimsValue):
        raise Wrong(f"is {says}, and this is {describe(value)}: {show(value)}")
    return value


class CropKind:
    """`32+4`, `32x48+4`, `32`: a size in pixels and the padding before it is cut."""

    @property
    def says(self) -> str:
        return "a size with the padding around the image, 32+4"

    def read(self, written: Written, literals: Literals) -> Crop:
        size, padding = written, None
        if isinstance(written, tree.Geometry):
            if written.stride is not None:
                raise Wrong(f"is {self.says}; a crop has no stride", written.stride.span)
            size, padding = written.kernel, written.padding
        value = literals.value(size)
        sides = tuple(value) if isinstance(value, DimsValue) else (Whole(1).check(value),) * 2
        if len(sides) != 2 or min(sides) < 1:
            raise Wrong(f"is {self.says}, not {show(value)}", size.span)
        around = Whole(0).check(literals.value(padding)) if padding is not None else 0
        return Crop((sides[0], sides[1]), around)


class Rates:
    """`{1: 5e-4, 3: 2e-4}`: a learning rate from an epoch on; epochs count from 1 and rise."""

    @property
    def says(self) -> str:
        return "a table of learning rates by epoch, {1: 5e-4, 3: 2e-4}"

    def read(self, written: Written, literals: Literals) -> tuple[tuple[int, float], ...]:
        if not isinstance(written, tree.Mapping):
            raise Wrong(f"is {self.says}", written.span)
        rates: list[tuple[int, float]] = []
        for key, value in written.entries:
            epoch = int(_part("an epoch", Whole(1), key, literals))
            rate = _part("a learning rate", Real(least=0), value, literals)
            if rates and epoch <= rates[-1][0]:
                raise Wrong(f"is {self.says}: epoch {epoch} cannot stand behind epoch {rates[-1][0]}", key.span)
            rates.append((epoch, rate))
        return tuple(rates)


def _part(what: str, kind: Whole | Real, written: Written, literals: Literals) -> float:
    """One value inside another; the mistake is shown at its own place."""
    try:
        return kind.read(written, literals)
    except Wrong as wrong:
        raise Wrong(f"is a table in which {what} {wrong.message}", wrong.span or written.span, wrong.hint) from None
