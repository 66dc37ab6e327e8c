"""Rules about what `verify` compares: tables with networks, claims, and misprints that are known.

In: nothing. Out: `RULES`.
"""

from __future__ import annotations

from archdsl.rules.rule import Rule

__all__ = ["RULES"]

_NETWORK = ("net.arch", "input 8x8x3\nconv 3x3 4 -> gap -> fc 2\n")
_RIGHT = "# archdsl network: net.arch\ntype,output,params\nconv,6x6x4,112\nfc,2,10\n"
_WRONG = _RIGHT.replace("112", "108")
_KNOWN = ("table.known.csv", "row,column,printed,why\n1,params,108,the biases are left out\n")

RULES = (
    Rule(
        "wrong-cell",
        "error",
        "A cell of a table is not what the network has, and no way of rounding or counting makes it so.",
        "The table is misprinted, or the network is not the one that it is about.",
        _WRONG,
        _RIGHT,
        files=(_NETWORK,),
        target="table.csv",
    ),
    Rule(
        "nothing-compared",
        "error",
        "No cell of a table could be compared with anything.",
        "A table in which nothing is compared must not look like one in which everything holds.",
        "# archdsl network: net.arch\nproperty,opinion\ncolour,nice\nshape,good\n",
        _RIGHT,
        files=(_NETWORK,),
        target="table.csv",
    ),
    Rule(
        "nothing-to-verify",
        "error",
        "There is no table and no claim in what was named.",
        "A run that compares nothing must not look like one that found no mistake.",
        "input 8x8x3\nconv 3x3 4 -> gap -> fc 2\n",
        "input 8x8x3\nconv 3x3 4 -> gap -> fc 2\nexpect params 122\n",
    ),
    Rule(
        "stale-acknowledgement",
        "error",
        "A misprint that is known, in the file beside the table, is none: the cell holds, or prints something else.",
        "It would hide the next mistake in its cell.",
        _RIGHT,
        _WRONG,
        files=(_NETWORK, _KNOWN),
        target="table.csv",
    ),
    Rule(
        "bad-acknowledgement",
        "error",
        "A line of a file of known misprints is no row,column,printed,why, or does not say why.",
        "Whoever reads it must be able to see that somebody looked.",
        "row,column,printed,why\n1,params,108,\n",
        _KNOWN[1],
        files=(_NETWORK, ("table.csv", _WRONG)),
        target="table.known.csv",
    ),
)
