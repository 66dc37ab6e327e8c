"""Rules about how layers hang together.

In: nothing. Out: `RULES`.
"""

from __future__ import annotations

from archdsl.rules.rule import Rule

__all__ = ["RULES"]

RULES = (
    Rule(
        "missing-input",
        "error",
        "The file has a chain and no `input`.",
        "Every size follows from the input's.",
        "arch net\nconv 3x3+1 64\n",
        "arch net\ninput 32x32x3\nconv 3x3+1 64\n",
    ),
    Rule(
        "missing-chain",
        "error",
        "The file, or a block with a body in braces, has no chain.",
        "The last chain is the network, or the block's value.",
        "arch net\ninput 32x32x3\n",
        "arch net\ninput 32x32x3\nconv 3x3+1 64\n",
    ),
    Rule(
        "no-input",
        "error",
        "A chain that is not the first of its file or block starts with a layer, so that nothing enters it.",
        "Only the first chain starts at the input; any other says where: @name -> …, or @in -> … for the input.",
        "input 32x32x3\nconv 3x3+1 8 @a\nconv 3x3+1 8 -> add<id | @a>\n",
        "input 32x32x3\nconv 3x3+1 8 @a\n@a -> conv 3x3+1 8 -> add<id | @a>\n",
    ),
    Rule(
        "not-a-layer",
        "error",
        "A value stands in a chain as though it were a layer, or a layer is called as a function is.",
        "Arguments follow an op after a space, conv 3x3 64, and a block in angle brackets, unit<64>.",
        "input 32x32x3\nlet w = 8\nconv 3x3+1 8 -> w\n",
        "input 32x32x3\nlet w = 8\nconv 3x3+1 8 -> conv 3x3+1 w\n",
    ),
    Rule(
        "misplaced-reference",
        "error",
        "A reference stands behind an arrow.",
        "What comes before the arrow would be lost. A label stands behind its layer without an arrow: relu @a.",
        "input 32x32x3\nconv 3x3+1 8 @a\n@a -> relu -> @a\n",
        "input 32x32x3\nconv 3x3+1 8 @a\n@a -> relu -> add<id | @a>\n",
    ),
    Rule(
        "unreachable-chain",
        "error",
        "A chain leads to no output.",
        "The file's output is its last chain; layers whose result nobody takes would be dropped in silence. In the "
        "last turn of a repeat they are left out by a condition: (if i == 29 then @in else …) in a repeat x(i in 30).",
        "input 32x32x3\nconv 3x3+1 8 @a -> relu\n@a -> gap\n",
        "input 32x32x3\nconv 3x3+1 8 @a -> relu @b\nadd<@a | @b> -> gap\n",
    ),
    Rule(
        "unused-input",
        "error",
        "An input is never read.",
        "A network with two inputs of which it reads one is another network.",
        "input left 8x8x1\ninput right 8x8x1\n@left -> conv 3x3+1 4\n",
        "input left 8x8x1\ninput right 8x8x1\nconcat<@left | @right> -> conv 3x3+1 4\n",
    ),
)
