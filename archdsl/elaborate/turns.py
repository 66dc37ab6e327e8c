"""The turns of a repeat: what its names stand for in each, and `*…`, whose turns stand side by side.

In: a repeat, or an argument with a star, and the scope in which it stands. Out: the values of the names in each turn,
or the values that the argument stands for. Running a turn is left to `chains`.
"""

from __future__ import annotations

from collections.abc import Sequence

from archdsl import limits
from archdsl.elaborate.evaluator import Evaluator
from archdsl.elaborate.values import Scope, Stop, Value, describe, show
from archdsl.syntax import tree

__all__ = ["side_by_side", "spread", "turns"]

_QUOTED = 60
"""Characters of an argument that a hint repeats."""


def turns(evaluator: Evaluator, repeat: tree.Repeat, scope: Scope) -> Sequence[dict[str, Value | None]]:
    """The loop's variables in each turn: `x((n, w) in [(1, 64), (2, 128)])` has `n` = 1 and `w` = 64 in the first."""
    if not repeat.names:
        count = evaluator.whole(repeat.over, scope, "the number of repeats")
        _few(evaluator, count, repeat)
        return [{} for _ in range(count)]
    over = evaluator.evaluate(repeat.over, scope)
    if isinstance(over, float) and over.is_integer():
        over = int(over)
    if isinstance(over, int) and not isinstance(over, bool) and over >= 0:
        _few(evaluator, over, repeat)
        items: Sequence[Value] = range(over)
    elif isinstance(over, tuple):
        items = over
    else:
        raise evaluator.fail(
            "bad-type",
            f"a loop goes over a list or a count, and this is {describe(over)}: {show(over)}",
            repeat.over.span,
            "x(i in 12), x(w in [64, 128])",
        )
    if len(repeat.names) == 1:
        return [{repeat.names[0].name: item} for item in items]
    found: list[dict[str, Value | None]] = []
    for index, item in enumerate(items):
        if not isinstance(item, tuple) or len(item) != len(repeat.names):
            raise evaluator.fail(
                "arity",
                f"the loop names {len(repeat.names)} values, and element [{index}] is {show(item)}",
                repeat.span,
                "every element needs as many values as there are names",
            )
        found.append({name.name: part for name, part in zip(repeat.names, item, strict=True)})
    return found


def _few(evaluator: Evaluator, count: int, repeat: tree.Repeat) -> None:
    if count > limits.REPEATS:
        message = f"{count:,} repeats; {limits.REPEATS:,} are allowed"
        evaluator.fail("limit-repeats", message, repeat.span, "is the number right?")
        raise Stop


def side_by_side(argument: tree.Argument) -> tree.Repeat | None:
    """The repeat behind a star, `*conv k 64 half x(k in [1, 3, 5])`."""
    suffixes = argument.value.elements[-1].suffixes if argument.star else ()
    last = suffixes[-1] if suffixes else None
    return last if isinstance(last, tree.Repeat) else None


def spread(evaluator: Evaluator, argument: tree.Argument, scope: Scope) -> tuple[Value, ...]:
    """What `*units` stands for, the elements of a list, or `*unit<k> x(k in ks)`, the turns of a repeat.

    A turn that is a chain has a scope of its own. Raises `Poisoned` after reporting what is neither.
    """
    chain = argument.value
    repeat = side_by_side(argument)
    if len(chain.elements) == 1 and repeat is not None:
        element = chain.elements[0]
        once = tree.replace(chain, elements=(tree.replace(element, suffixes=element.suffixes[:-1]),))
        scopes = [Scope(scope, False, variables=variables) for variables in turns(evaluator, repeat, scope)]
        return evaluator.listed(tuple(evaluator.argument(once, each) for each in scopes), argument.span)
    if chain.plain is None:
        written = " ".join(chain.span.text.split())
        hint = "in parentheses it is one, with the repeat behind it: *(conv 3x3 64 -> relu) x(n)"
        if repeat is not None and len(written) <= _QUOTED:
            turn = " ".join(chain.span.source.text[chain.span.start : repeat.span.start].split())
            hint = f"write *({turn}) {repeat.span.text}"
        raise evaluator.fail("bad-type", "`*` stands before a list or one repeat, and this is more", chain.span, hint)
    values = evaluator.argument(chain, scope)
    if not isinstance(values, tuple):
        message = f"`*` stands before a list or a repeat, and this is {describe(values)}"
        hint = "*units is a list, *unit<k> x(k in [1, 3, 5]) a repeat"
        raise evaluator.fail("bad-type", message, argument.span, hint)
    evaluator.spend(len(values), argument.span)
    return values
