"""Rules about the arguments of ops, blocks and functions, and the values they take.

In: nothing. Out: `RULES`.
"""

from __future__ import annotations

from archdsl.rules.rule import Rule

__all__ = ["RULES"]

RULES = (
    Rule(
        "unknown-argument",
        "error",
        "An op or block has no such argument, flag or parameter, or takes no more of them.",
        "No argument is ever ignored. The hint shows the signature.",
        "input 32x32x3\nconv 3x3+1 64 group=2\n",
        "input 32x32x4\nconv 3x3+1 64 groups=2\n",
    ),
    Rule(
        "missing-argument",
        "error",
        "An op, block or architecture lacks an argument that has no default.",
        "There is no number that every network would take here.",
        "input 32x32x3\nconv 3x3+1 -> relu\n",
        "input 32x32x3\nconv 3x3+1 64 -> relu\n",
    ),
    Rule(
        "doubled-argument",
        "error",
        "An argument is given twice, or two that exclude each other are given together.",
        "Only one of them could hold.",
        "input 32x32x3\nconv 3x3+1 64 same\n",
        "input 32x32x3\nconv 3x3 64 same\n",
    ),
    Rule(
        "bad-argument",
        "error",
        "An argument has a value that it cannot take: out of its range, of another kind, or an impossible operation.",
        "Nothing is coerced: true is not 1, and a probability above 1 is none.",
        "input 32x32x3\nconv 3x3+1 64 -> dropout 5\n",
        "input 32x32x3\nconv 3x3+1 64 -> dropout 0.5\n",
    ),
    Rule(
        "bad-type",
        "error",
        "A value of one kind stands where another is needed: a tensor for a number, a number for a condition.",
        "Nothing is coerced. The size of a tensor that enters a block is in.h, in.w, in.c.",
        "input 32x32x3\nlet deep = 1\nif deep then conv 3x3+1 8 else id\n",
        "input 32x32x3\nlet deep = true\nif deep then conv 3x3+1 8 else id\n",
    ),
    Rule(
        "fractional-count",
        "error",
        "A count of channels, layers or repeats is not a whole number.",
        "It is never rounded for you, since papers round differently: say floor, round, ceil or round_to(x, 8).",
        "input 32x32x3\nconv 3x3+1 (in.c / 2)\n",
        "input 32x32x3\nconv 3x3+1 (in.c // 2)\n",
    ),
    Rule(
        "bad-groups",
        "error",
        "The channels that enter or leave cannot be divided among the groups.",
        "Each group takes an equal share of both; PyTorch refuses it as well.",
        "input 32x32x3\nconv 3x3+1 64 groups=2\n",
        "input 32x32x4\nconv 3x3+1 64 groups=2\n",
    ),
    Rule(
        "bad-expect",
        "error",
        "An `expect` is not a quantity and a figure, or claims of one layer what only a network has.",
        "A claim that cannot be compared would look as though it had been.",
        "input 32x32x3\nconv 3x3+1 8\nexpect params\n",
        "input 32x32x3\nconv 3x3+1 8\nexpect params 224\n",
    ),
    Rule(
        "wrong-claim",
        "error",
        "A figure that the file claims is not that of its network, to the digits in which it is written.",
        "`25.6M` holds from 25.55M to 25.65M, a whole number for itself alone. The text or the source is wrong.",
        "input 32x32x3\nconv 3x3+1 8\nexpect params 216\n",
        "input 32x32x3\nconv 3x3+1 8 bias=false\nexpect params 216\n",
    ),
    Rule(
        "bad-variant",
        "error",
        "A variant does not give the parameters of the file's architecture, or is built on itself.",
        "A variant is one network of the family that `arch` names.",
        "arch net<w=8>\ninput 32x32x3\nconv 3x3+1 w\nvariant big = nat<16>\n",
        "arch net<w=8>\ninput 32x32x3\nconv 3x3+1 w\nvariant big = net<16>\n",
    ),
    Rule(
        "unresolved-choice",
        "error",
        "The file leaves something open, and one network is needed.",
        "A `choice` or `one_of` is a search space; --choose takes one member of it.",
        "input 32x32x3\nlet width = one_of(128, 256)\ngap -> fc width\n",
        "input 32x32x3\nlet width = 256\ngap -> fc width\n",
    ),
)
