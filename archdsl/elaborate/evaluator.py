"""Expressions to values, by a small evaluator of its own: nothing in a file is ever run as Python.

In: an expression of the tree and a scope. Out: a value, or `Poisoned` after the mistake has been reported. Looking
names up and choosing among `one_of` is left to the `Context` that the builder is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from archdsl import limits
from archdsl.diagnostics import Collector, Span, counted
from archdsl.elaborate.functions import FORMS, FUNCTIONS, Refused
from archdsl.elaborate.value_chains import is_value
from archdsl.elaborate.values import (
    ChainValue,
    DimsValue,
    Poisoned,
    Scope,
    SizeValue,
    Stop,
    Value,
    count,
    describe,
    show,
)
from archdsl.syntax import tree

__all__ = ["Context", "Evaluator"]

T = TypeVar("T")


class Context(Protocol):
    """What the evaluator asks of the builder."""

    found: Collector

    def lookup(self, name: tree.Name, scope: Scope) -> Value:
        """The value of a name. Raises `Poisoned` after reporting an unknown one."""

    def is_callable(self, name: str, scope: Scope) -> bool:
        """Whether a name is a block, an op or a chain, so that `name(…)` is a call with tensors."""

    def is_known(self, name: str, scope: Scope) -> bool:
        """Whether a name stands for anything."""

    def chosen(self, site: tree.Function, scope: Scope) -> tree.Chain:
        """The option of a `one_of` that the assignment takes."""


class Evaluator:
    """Evaluates within one run."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._found = context.found
        self._spent = 0
        self.made: Sequence[object] = ()
        """The layers there are by now, by which the work is measured."""

    def fail(self, id: str, message: str, span: Span, hint: str = "") -> Poisoned:
        """Report, and give what to raise."""
        self._found.error(id, message, span, hint=hint)
        return Poisoned()

    def is_known(self, name: tree.Name, scope: Scope) -> bool:
        """Whether a name stands for a value, right or wrong."""
        return self._context.is_known(name.name, scope)

    def is_layer(self, name: tree.Name, scope: Scope) -> bool:
        """Whether a name stands for an op, a block or a chain."""
        return self._context.is_callable(name.name, scope)

    # ------------------------------------------------------------ chains as values

    def argument(self, chain: tree.Chain, scope: Scope) -> Value:
        """What a chain means where a value or a chain may stand: the value, or the chain with its scope."""
        if not is_value(chain, scope, self._context.is_callable):
            return ChainValue(chain, scope)
        if chain.plain is not None:
            return self.evaluate(chain.plain, scope)
        unit = chain.elements[0].unit
        assert isinstance(unit, tree.Conditional)
        taken = unit.then if self.condition(unit.condition, scope) else unit.otherwise
        return self.argument(taken, scope)

    def condition(self, expression: tree.Expression, scope: Scope) -> bool:
        value = self.evaluate(expression, scope)
        if not isinstance(value, bool):
            raise self.fail(
                "bad-type",
                f"a condition is true or false, and this is {describe(value)}: {show(value)}",
                expression.span,
                "compare it: `n != 0`",
            )
        return value

    def whole(self, expression: tree.Expression, scope: Scope, what: str, least: int = 0) -> int:
        """A whole number, for a count or an index."""
        value = self.evaluate(expression, scope)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, float):
            raise self.fail(
                "fractional-count", f"{what} must be a whole number, not {value:g}", expression.span, _ROUNDING_HINT
            )
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.fail("bad-type", f"{what} must be a whole number, not {describe(value)}", expression.span)
        if value < least:
            raise self.fail("bad-argument", f"{what} must be at least {least}, not {value}", expression.span)
        return value

    # ------------------------------------------------------------ expressions

    def spend(self, amount: int, span: Span) -> None:
        """Count work that adds no layer. Raises `Stop` where it is more than any network needs."""
        self._spent += amount
        if self._spent > limits.EVALUATIONS and self._spent > limits.EVALUATIONS + 40 * len(self.made):
            self._found.error(
                "limit-steps",
                f"more than {limits.EVALUATIONS:,} values are computed, beside those of its layers",
                span,
                hint="give a long list a name with `let` at the top of the file, and look for repeats inside repeats",
            )
            raise Stop

    def evaluate(self, expression: tree.Expression, scope: Scope) -> Value:
        self.spend(1, expression.span)
        match expression:
            case tree.Number(value=value):
                return self._bounded(value, expression.span)
            case tree.Name():
                return self._context.lookup(expression, scope)
            case tree.Attribute():
                return self._attribute(expression, scope)
            case tree.Binary():
                return self._binary(expression, scope)
            case tree.Group(chain=chain):
                return self.argument(chain, scope)
            case tree.Dims(sizes=sizes):
                return DimsValue(sizes)
            case tree.Truth(value=truth):
                return truth
            case tree.String(value=text):
                return text
            case tree.Items(items=items):
                if len(items) > limits.LIST_LENGTH:
                    raise self.fail(
                        "limit-list",
                        f"a list of {len(items):,} elements; {limits.LIST_LENGTH:,} are allowed",
                        expression.span,
                    )
                return self.listed(tuple(self.argument(item, scope) for item in items), expression.span)
            case tree.Index():
                return self.some(expression, self._list(expression, scope), scope)[0]
            case tree.Slice():
                made = self.some(expression, self._list(expression, scope), scope)
                self.spend(count(made), expression.span)
                return made
            case tree.Unary():
                return self._unary(expression, scope)
            case tree.Function():
                return self._function(expression, scope)
            case tree.Reference(name=name):
                raise self.fail(
                    "bad-type",
                    f"`@{name}` is a tensor, and a value is needed here",
                    expression.span,
                    "the size of a block's input is in.h, in.w, in.c",
                )
            case tree.Call(name=called):
                raise self.fail("bad-type", f"`{called.name}` is a layer, and a value is needed here", expression.span)

    def listed(self, made: tuple[Value, ...], span: Span) -> tuple[Value, ...]:
        """A new list, unless the lists in it make it too long: sixty doublings are no more text than a screen."""
        self.spend(len(made), span)
        if count(made) > limits.LIST_LENGTH:
            raise self.fail(
                "limit-list",
                f"a list with more than {limits.LIST_LENGTH:,} elements, those of the lists in it included",
                span,
                "is it meant to grow like that?",
            )
        return made

    def _bounded(self, value: int | float, span: Span) -> int | float:
        if not -limits.MAGNITUDE <= value <= limits.MAGNITUDE:
            raise self.fail("limit-number", "a number beyond 2^53", span, "no network has a size like that")
        return value

    def _attribute(self, expression: tree.Attribute, scope: Scope) -> Value:
        base = expression.base
        if not isinstance(base, tree.Name):
            raise self.fail("bad-type", "only a tensor has a size: in.h, in.w, in.c, in.shape", expression.span)
        size: object
        if base.name == "in":
            home = scope.home
            if len(home.entering) != 1:
                several = len(home.entering) > 1
                raise self.fail(
                    "bad-type",
                    "`in` is several tensors here" if several else "nothing enters here, so `in` has no size",
                    base.span,
                    "name them in the block's definition, `block b<w>(a, b) { … }`, and write a.c" if several else "",
                )
            size = home.entering[0]
        else:
            size = self._context.lookup(base, scope)
        if not isinstance(size, SizeValue):
            raise self.fail(
                "bad-type", f"`{base.name}` is {describe(size)}, which has no `.{expression.name}`", expression.span
            )
        shape = size.shape
        if shape is None:
            raise Poisoned
        axes = {"c": 1, "w": 2, "h": 3, "d": 4, "l": 2}
        if expression.name == "shape":
            return DimsValue(shape)
        if expression.name not in axes:
            raise self.fail(
                "unknown-name",
                f"a size has no `.{expression.name}`",
                expression.span,
                "it has .h, .w, .c, .d, .l and .shape",
            )
        back = axes[expression.name]
        missing = back > len(shape) or (expression.name == "l") != (len(shape) == 2 and back == 2)
        if missing and back != 1:
            from archdsl.ops.base import show_shape

            raise self.fail(
                "rank-mismatch", f"a size of {show_shape(shape)} has no `.{expression.name}`", expression.span
            )
        return shape[-back]

    def _list(self, expression: tree.Index | tree.Slice, scope: Scope) -> tuple[Value, ...]:
        base = self.evaluate(expression.base, scope)
        if not isinstance(base, tuple):
            raise self.fail("bad-type", f"only a list has elements, and this is {describe(base)}", expression.base.span)
        return base

    def some(
        self, expression: tree.Index | tree.Slice, base: tuple[T, ...], scope: Scope, hint: str = ""
    ) -> tuple[T, ...]:
        """The element of a list that an index means, or some in a row; an end beyond the list is a mistake."""
        if isinstance(expression, tree.Index):
            index = self.whole(expression.index, scope, "an index", least=-len(base))
            if not index < len(base):
                raise self.fail(
                    "bad-argument",
                    f"the list has {counted(len(base), 'element')}, and the first is [0]: there is no [{index}]",
                    expression.span,
                    hint,
                )
            return (base[index],)
        ends: list[int] = []
        for end, otherwise in ((expression.first, 0), (expression.behind, len(base))):
            at = otherwise if end is None else self.whole(end, scope, "an end of a slice", least=-len(base))
            ends.append(at + len(base) if at < 0 else at)
        if not ends[0] <= ends[1] <= len(base):
            raise self.fail(
                "bad-argument",
                f"the list has {counted(len(base), 'element')}, and [{ends[0]}:{ends[1]}] is no stretch of it",
                expression.span,
                "xs[1:3] are the elements [1] and [2], xs[:3] the first three",
            )
        return base[ends[0] : ends[1]]

    def _number(self, value: Value, span: Span, operator: str) -> int | float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.fail(
                "bad-type", f"`{operator}` needs numbers, and this is {describe(value)}: {show(value)}", span
            )
        return value

    def _unary(self, expression: tree.Unary, scope: Scope) -> Value:
        if expression.operator == "not":
            return not self.condition(expression.operand, scope)
        value = self.evaluate(expression.operand, scope)
        return -self._number(value, expression.operand.span, "-")

    def _binary(self, expression: tree.Binary, scope: Scope) -> Value:
        operator = expression.operator
        if operator == "and":
            return self.condition(expression.left, scope) and self.condition(expression.right, scope)
        if operator == "or":
            return self.condition(expression.left, scope) or self.condition(expression.right, scope)
        left = self.evaluate(expression.left, scope)
        right = self.evaluate(expression.right, scope)
        if operator in ("==", "!="):
            return self._equal(left, right, expression.span) == (operator == "==")
        if operator == "+" and isinstance(left, tuple) and isinstance(right, tuple):
            return self.listed((*left, *right), expression.span)
        a = self._number(left, expression.left.span, operator)
        b = self._number(right, expression.right.span, operator)
        if operator in _COMPARISONS:
            return _COMPARISONS[operator](a, b)
        if operator in ("/", "//", "%") and b == 0:
            raise self.fail("bad-argument", "a division by zero", expression.span)
        if operator == "**":
            return self._power(a, b, expression.span)
        return self._bounded(_ARITHMETIC[operator](a, b), expression.span)

    def _equal(self, left: Value, right: Value, span: Span) -> bool:
        if isinstance(left, bool) != isinstance(right, bool) or isinstance(left, str) != isinstance(right, str):
            raise self.fail("bad-type", f"{describe(left)} and {describe(right)} are never equal", span)
        self.spend(count(left), span)
        return left == right

    def _power(self, base: int | float, exponent: int | float, span: Span) -> int | float:
        if base == 0 and exponent < 0:
            raise self.fail("bad-argument", "a division by zero", span)
        if base < 0 and exponent != int(exponent):
            raise self.fail("bad-argument", "a root of a negative number", span)
        if base and exponent * math.log2(abs(base)) > 54:
            raise self.fail("limit-number", "a number beyond 2^53", span, "no network has a size like that")
        result: int | float = base**exponent
        return self._bounded(result, span)

    # ------------------------------------------------------------ functions

    def _function(self, expression: tree.Function, scope: Scope) -> Value:
        name = expression.name.name
        if name == "one_of":
            return self.argument(self._context.chosen(expression, scope), scope)
        function = FUNCTIONS.get(name)
        if function is None:
            if self._context.is_callable(name, scope):
                raise self.fail(
                    "bad-type",
                    f"`{name}` is a layer, and a value is needed here",
                    expression.span,
                    f"an op takes its arguments after a space: `{name} 64`; a block in angle brackets: `{name}<64>`",
                )
            from archdsl.diagnostics import nearest

            close = nearest(name, FUNCTIONS)
            raise self.fail(
                "unknown-name",
                f"there is no function `{name}`",
                expression.name.span,
                f"did you mean `{close}`?" if close else f"there are {', '.join(sorted(FUNCTIONS))}",
            )
        for argument in expression.arguments:
            if argument.key is not None or argument.star:
                raise self.fail("unknown-argument", f"`{name}` takes no named arguments", argument.span)
        values = [self.argument(argument.value, scope) for argument in expression.arguments]
        self.spend(sum(map(count, values)), expression.span)
        try:
            result = function(*values)
        except Refused as refused:
            raise self.fail(refused.id, f"`{name}` {refused}", expression.span, FORMS.get(name, "")) from None
        if isinstance(result, int | float) and not isinstance(result, bool):
            return self._bounded(result, expression.span)
        self.spend(count(result), expression.span)
        return result


_ROUNDING_HINT = "say how to round: a // b, floor(x), round(x), ceil(x), round_to(x, 8)"

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
}
