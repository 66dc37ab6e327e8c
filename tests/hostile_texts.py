"""Texts that are meant to take the machine, each with the id that must stop it.

In: nothing. Out: `LIMITED` and `TAKEN`, by name. A text is made when it is asked for, since some have ten million
characters.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["LIMITED", "TAKEN"]

_INPUT = "input 8x8x3\n"


def _after(text: str) -> Callable[[], str]:
    return lambda: _INPUT + text


def _many(before: str, part: str, count: int, behind: str) -> Callable[[], str]:
    return lambda: _INPUT + before + part * count + behind + "\n"


def _numbered(first: str, step: str, count: int, last: str) -> Callable[[], str]:
    """`step` with {i} and {j}, the number before it, once for each number from 1."""
    return lambda: _INPUT + first + "".join(step.format(i=i, j=i - 1) for i in range(1, count + 1)) + last + "\n"


LIMITED: dict[str, tuple[str, Callable[[], str]]] = {
    # numbers
    "a tower of powers": ("limit-number", _after("conv 3x3 (9**9**9)\n")),
    "a number of a million digits": ("limit-number", _many("conv 3x3 ", "9", 1_000_000, "")),
    "dims without end": ("limit-number", _many("conv ", "9x", 500_000, "9 8")),
    "an exponent of a hundred thousand digits": ("limit-number", _many("dropout 1e", "9", 100_000, "")),
    "infinity": ("limit-number", _after("conv 3x3 (round(1e999))\n")),
    "infinity less infinity": ("limit-number", _after("dropout (1e999 - 1e999)\n")),
    "a product beyond every float": ("limit-number", _after("conv 3x3 (1e308 * 1e308)\n")),
    "a fraction of ten thousand digits": ("limit-number", _many("relu\nexpect params 0.", "9", 10_000, "M")),
    "a tensor as large as all numbers": ("limit-size", _after("conv 1 9007199254740992 -> conv 1 9007199254740992\n")),
    "an input as large": ("limit-size", lambda: "input 4503599627370496x4503599627370496x3\nrelu\n"),
    # repeats and blocks
    "a million turns": ("limit-repeats", _after("relu x1000000\n")),
    "a billion turns with a variable": ("limit-repeats", _after("relu x(i in 1000000000)\n")),
    "turns in turns": ("limit-nodes", _after("((relu) x1000) x1000\n")),
    "turns on turns": ("limit-nodes", _after("relu x1000 x1000\n")),
    "turns in turns that do nothing": ("limit-steps", _after("(id) x100000 x100000\n")),
    "three times turns that do nothing": ("limit-steps", _after("(((id) x1000) x1000) x1000\n")),
    "turns with a variable that do nothing": ("limit-steps", _after("(id x(i in 1000)) x(j in 1000)\n")),
    "blocks that double": ("limit-nodes", _numbered("block b0 = relu\n", "block b{i} = b{j} -> b{j}\n", 30, "b30")),
    "blocks that double nothing": (
        "limit-steps",
        _numbered("block b0 = id\n", "block b{i} = b{j} -> b{j}\n", 30, "b30"),
    ),
    "a recursion that doubles": (
        "limit-steps",
        _after("block r<n, m> = if n == 0 then id else r<n - 1, 2*m> -> r<n - 1, 2*m + 1>\nr<40, 0>\n"),
    ),
    "a block that is itself": ("limit-depth", _after("block b = b\nb\n")),
    "a recursion without end": ("limit-depth", _after("block b<n> = relu -> b<n + 1>\nb<1>\n")),
    "a recursion without end, doubled": ("limit-depth", _after("block b<n> = b<n + 1> -> b<n + 1>\nb<1>\n")),
    "two blocks that call each other": ("limit-depth", _after("block a = b\nblock b = a\na\n")),
    "a condition that never ends it": ("limit-depth", _after("block a<n> = if n > 0 then a<n> else id\na<1>\n")),
    "an argument that grows": ("limit-depth", _after("block a<u> = a<u -> u>\na<relu>\n")),
    "a shared instance of itself": ("limit-depth", _after("share s = s\ns\n")),
    "a default that is the block": ("limit-depth", _after("block a<n=a> = n\na\n")),
    "branches that double": ("limit-list", _after("block b<*xs> = b<*xs | *xs>\nb<id | id>\n")),
    "a branch for every channel": ("bad-argument", _after("conv 1 4000000000 -> split 1000000000 -> first\n")),
    # values
    "values in a circle": ("cyclic-let", _after("let a = b\nlet b = a\nconv 3x3 a\n")),
    "values on values": ("limit-depth", _numbered("let a0 = 1\n", "let a{i} = a{j} + 0\n", 1000, "conv 3x3 a1000")),
    "a range without end": ("limit-list", _after("conv 3x3 (len(range(10**9)))\n")),
    "a list of twenty thousand": ("limit-list", _many("let a = [", "1,", 20_000, "1]\nconv 3x3 (len(a))")),
    "lists that double": ("limit-list", _numbered("let a0 = [1]\n", "let a{i} = a{j} + a{j}\n", 30, "conv 3x3 a30")),
    "lists in lists that double": (
        "limit-list",
        _numbered("let a0 = [1]\n", "let a{i} = [a{j}, a{j}]\n", 30, "conv 3x3 a30"),
    ),
    "a sum in every turn": ("limit-steps", _after("conv 1 (sum(range(9000))) x100000\n")),
    "variants in a circle": (
        "bad-variant",
        lambda: "arch a<n>\ninput 8x8x3\nconv 3x3 n\nvariant b = c\nvariant c = b\n",
    ),
    "variants of variants": (
        "limit-depth",
        lambda: (
            "arch a<n>\ninput 8x8x3\nfc n\nvariant v0 = a<3>\n"
            + "".join(f"variant v{i} = v{i - 1}\n" for i in range(1, 300))
        ),
    ),
    # expressions without brackets, which no count of brackets stops
    "ten thousand sums": ("limit-expression", _many("conv 3x3 (", "1+", 10_000, "1)")),
    "ten thousand powers": ("limit-expression", _many("conv 3x3 (", "1**", 10_000, "1)")),
    "ten thousand minus signs": ("limit-expression", _many("conv 3x3 (", "- ", 10_000, "1)")),
    "ten thousand nots": ("limit-expression", _many("block b = if ", "not ", 10_000, "true then id else relu\nb")),
    "ten thousand ands": ("limit-expression", _many("block b = if ", "true and ", 5_000, "true then id else relu\nb")),
    "ten thousand indices": ("limit-expression", _many("let a = [1]\nconv 3x3 (a", "[0]", 10_000, ")")),
    "ten thousand attributes": ("limit-expression", _many("conv 3x3 (in", ".c", 10_000, ")")),
    "ten thousand repeats": ("limit-expression", _many("relu", " x1", 10_000, "")),
    "ten thousand else ifs": (
        "limit-expression",
        lambda: _INPUT + "block b<n> = " + "".join(f"if n == {i} then relu else " for i in range(3000)) + "id\nb<9>\n",
    ),
    "ten thousand ifs": (
        "limit-expression",
        lambda: _INPUT + "block b<n> = " + "if n != 1 then " * 2000 + "id" + " else id" * 2000 + "\nb<9>\n",
    ),
    # the text itself
    "ten million characters": ("limit-file", _many("", "relu -> ", 1_250_000, "relu")),
    "ten million characters of comment": ("limit-file", _many("#", "#", 10_000_000, "\nrelu")),
    "half a million layers": ("limit-file", _many("", "relu -> ", 500_000, "relu")),
    "four million lines": ("limit-file", _many("", "\n", 4_000_000, "relu")),
    "a million comments": ("limit-file", _many("", "#\n", 1_000_000, "relu")),
    "four million strange signs": ("limit-file", _many("", "$", 4_000_000, "")),
    "a million brackets": ("limit-file", lambda: _INPUT + "(" * 1_000_000 + "relu" + ")" * 1_000_000 + "\n"),
    "ten thousand brackets": ("limit-nesting", lambda: _INPUT + "(" * 10_000 + "relu" + ")" * 10_000 + "\n"),
    "ten thousand open brackets": ("limit-nesting", _many("", "(", 10_000, "")),
    "ten thousand angle brackets": ("limit-nesting", _many("", "add<", 10_000, "")),
    "ten thousand lists": ("limit-nesting", _many("let a = ", "[", 10_000, "")),
    "ten thousand functions": ("limit-nesting", _many("conv 3x3 (", "max(", 10_000, "1")),
    "ten thousand bodies": ("limit-nesting", _many("", "block a { ", 10_000, "relu")),
    "ten thousand closed brackets": ("syntax", _many("", ")", 10_000, "")),
    "a long name": ("limit-name", _many("", "r", 100_000, "")),
    "a long label": ("limit-name", _many("relu @", "r", 100_000, "")),
    "a long text": ("limit-name", lambda: 'arch a "' + "x" * 1_000_000 + '"\n' + _INPUT + "relu\n"),
    "a text of escapes": ("limit-name", lambda: 'arch a "' + "\\\\" * 500_000 + '"\n' + _INPUT + "relu\n"),
    "two thousand unknown names": ("unknown-name", _numbered("", "foo{i} -> ", 2000, "relu")),
    "two thousand unknown labels": ("unknown-label", _many("relu\n", "@b -> relu\n", 2000, "")),
    "two thousand loose ends": ("unreachable-chain", _many("relu @a\n", "@a -> relu\n", 2000, "@a -> tanh")),
    "nine thousand axes": ("bad-argument", _many("permute [", "0,", 9_000, "0]")),
}
"""Text by name, and the id of an error that it must have."""

TAKEN: dict[str, Callable[[], str]] = {
    "as many brackets as there may be": lambda: _INPUT + "(" * 60 + "relu" + ")" * 60 + "\n",
    "as many branches in branches": lambda: _INPUT + "add<id | " * 59 + "relu" + ">" * 59 + "\n",
    "blocks in blocks": _numbered("block b0 = relu\n", "block b{i} = b{j}\n", 90, "b90"),
    "groups in blocks": _after("block b<n> = if n == 0 then relu else " + "(" * 6 + "b<n - 1>" + ")" * 6 + "\nb<90>\n"),
    "an argument in an argument": lambda: _INPUT + "block b<u> = u\n" + "b<" * 55 + "relu" + ">" * 55 + "\n",
    "a chain given on": _after("block r<n, u> = if n == 0 then u else r<n - 1, (u -> relu)>\nr<40, relu>\n"),
    "defaults upon defaults": lambda: _INPUT + "default conv bias=false\n" * 2000 + "conv 1 3 -> " * 2000 + "relu\n",
    "a hundred choices": _many("", "choice<relu | tanh> -> ", 100, "relu"),
    "a hundred values": _numbered("let a0 = 1\n", "let a{i} = a{j} + 0\n", 90, "conv 3x3 a90"),
    "two thousand labels": _numbered("", "relu @l{i} -> ", 500, "relu"),
    "spaces": _many("", " ", 3_000_000, "relu"),
    "one long comment": _many("#", "#", 3_000_000, "\nrelu"),
    "carriage returns": lambda: "input 8x8x3\r\nrelu\r\n-> relu\r\n",
    "a number without weight": _after("dropout 1e-999\n"),
}
"""Texts that are right, however strange."""
