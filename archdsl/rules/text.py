"""Rules about the text itself and the files it uses.

In: nothing. Out: `RULES`.
"""

from __future__ import annotations

from archdsl.rules.rule import Rule

__all__ = ["RULES"]

_BLOCKS = ("blocks.arch", "block unit<w> = conv 3x3+1 w -> relu\n")

RULES = (
    Rule(
        "syntax",
        "error",
        "The text cannot be read here: a word or sign stands where none of its kind can.",
        "Each statement is read by itself, so the others are checked all the same, and what the broken one may define "
        "is not reported as missing.",
        "input 32x32x3\nconv 3x3 +1 64 -> relu\n",
        "input 32x32x3\nconv 3x3+1 64 -> relu\n",
    ),
    Rule(
        "misplaced-statement",
        "error",
        "A statement stands where it cannot: `input` inside a block, `return` outside one, anything behind `return`.",
        "A block holds chains, `let`, `share`, `default`, `block` and `return`; all else is about the whole file.",
        "input 32x32x3\nblock stem { input 64x64x3\n             conv 3x3+1 64 -> relu }\nstem -> gap\n",
        "input 64x64x3\nblock stem { conv 3x3+1 64 -> relu }\nstem -> gap\n",
    ),
    Rule(
        "unreadable-file",
        "error",
        "A file is not there, may not be read, or is not UTF-8 text.",
        "Blocks of a file that `use` names are part of the network; without them it is another one.",
        'use "block.arch"\ninput 32x32x3\nconv 3x3+1 8 -> relu\n',
        'use "blocks.arch"\ninput 32x32x3\nunit<8>\n',
        files=(_BLOCKS,),
    ),
    Rule(
        "outside-project",
        "error",
        "`use` names a file outside the project: above the nearest folder with .git, pyproject.toml or .archroot.",
        "A text from elsewhere must not read files of its own choice on your machine.",
        'use "../blocks.arch"\ninput 32x32x3\nconv 3x3+1 8 -> relu\n',
        'use "blocks.arch"\ninput 32x32x3\nunit<8>\n',
        files=(_BLOCKS,),
    ),
    Rule(
        "cyclic-use",
        "error",
        "Files use each other in a circle.",
        "Each would have to be read before the other.",
        'use "other.arch"\ninput 32x32x3\nconv 3x3+1 8 -> relu\n',
        'use "blocks.arch"\ninput 32x32x3\nunit<8>\n',
        files=(_BLOCKS, ("other.arch", 'use "net.arch"\nblock thing = relu\n')),
    ),
)
