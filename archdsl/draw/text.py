"""Calls, sizes and counts as a picture prints them.

In: text as the language has it, and numbers. Out: the same, short, as a paper has it. Escaping is left to whoever
writes a format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from typing import Final

from archdsl.graph import Frame, Graph
from archdsl.ops.base import Shape

__all__ = ["LONG", "arguments", "brief", "called", "headed", "quantity", "ranged", "size", "sizes", "typeset"]

LONG: Final = 24
"""Letters of an argument, the rest is cut: a connection table has hundreds."""
_LIST: Final = 14
"""Letters of a list in the call of a block: `[3, 4, 6, 3]` is whole."""
_NUMBER: Final = re.compile(r"(?<![\w.])(\d+\.\d+|\d+)(?![\w.])")


def typeset(call: str) -> str:
    """A call as a paper prints it.

    >>> typeset("conv 3x3+1 64")
    'conv 3×3+1 64'
    """
    return re.sub(r"(?<=\d)x(?=\d)", "×", call)


def headed(graph: Graph) -> str:
    """`resnet50`, of a variant whose name begins with that of its network; else `unet:small`."""
    return graph.own_name if graph.own_name.startswith(graph.name) else graph.full_name


def arguments(call: str) -> tuple[str, tuple[str, ...]]:
    """The name of a block, and what it is called with.

    >>> arguments("stage<[3, 4], s=2>")
    ('stage', ('[3, 4]', 's=2'))
    """
    name, opening, inside = call.partition("<")
    return (name, tuple(_parts(inside[:-1]))) if opening and inside.endswith(">") else (call, ())


def brief(call: str, usual: Set[str] = frozenset()) -> str:
    """The call of a block without the arguments that are `usual`, those with the value of their default; long lists
    are cut, and so is what is longer than a line.

    >>> brief("stage<[3, 4, 6, 3, 3, 4], groups=1, s=2>", {"groups"})
    'stage<[3, 4, 6, …], s=2>'
    """
    name, given = arguments(call)
    shown = [_cut(argument) for argument in given if argument.partition("=")[0] not in usual]
    return f"{name}<{', '.join(shown)}>" if shown else name


def called(first: Frame, last: Frame) -> str:
    """The call of a block from its first turn to its last, `unit<64, p=0…0.2>`, without what is at its default."""
    call = ranged(first.call or first.name, last.call or last.name)
    return brief(call, first.defaulted & last.defaulted)


def _cut(argument: str) -> str:
    name, equals, value = argument.rpartition("=") if re.match(r"\w+=", argument) else ("", "", argument)
    if value.startswith("[") and len(value) > _LIST:
        parts = list(_parts(value[1:].removesuffix("]")))
        while parts and len(", ".join(parts)) > _LIST - 5:
            parts.pop()
        value = f"[{', '.join([*parts, '…'])}]"
    elif len(value) > LONG:
        value = f"{value[:LONG].rpartition(' ')[0] or value[:LONG]} …"
    return f"{name}{equals}{value}"


def _parts(text: str) -> Iterator[str]:
    """What stands between commas that are in no bracket."""
    depth = start = 0
    for at, char in enumerate(text):
        if char in "([<":
            depth += 1
        elif char in ")]" or (char == ">" and text[at - 1] != "-"):
            depth -= 1
        elif char == "," and depth == 0:
            yield text[start:at].strip()
            start = at + 1
    if text[start:].strip():
        yield text[start:].strip()


def size(shape: Shape) -> str:
    """
    >>> size((56, 56, 256))
    '56×56×256'
    """
    return "×".join(map(str, shape))


def sizes(shapes: Sequence[Shape]) -> str:
    """The size of a tensor in all iterations of a folded box: `56×56×64…256` where its channels grow."""
    first, last = shapes[0], shapes[-1]
    return size(first) if first == last else f"{size(first)}…{last[-1]}"


def quantity(value: int) -> str:
    """Three digits that count.

    >>> quantity(61706), quantity(1_234_567)
    ('61.7K', '1.23M')
    """
    for unit, letter in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "K")):
        if value * 10_000 >= unit * 9_995:  # 999,999 is 1M, not 1e+03K
            return f"{value / unit:.3g}{letter}"
    return str(value)


def ranged(first: str, last: str) -> str:
    """One call for all iterations of a repeat, with the numbers in which they differ from the first to the last.

    >>> ranged("drop_path 0.0125", "drop_path 0.175")
    'drop_path 0.0125…0.175'

    Where they differ in more than numbers, the first stands for all.
    """
    mine, its = _NUMBER.split(first), _NUMBER.split(last)
    if mine[::2] != its[::2]:
        mine = its = _NUMBER.split(first)
    return "".join(_short(a) if a == b else f"{_short(a)}…{_short(b)}" for a, b in zip(mine, its, strict=True))


def _short(number: str) -> str:
    """A decimal in three digits, and nothing else."""
    return f"{float(number):.3g}" if "." in number and len(number) > 6 and _NUMBER.fullmatch(number) else number
