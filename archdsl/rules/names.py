"""Rules about names: unknown, given twice, reserved, never used.

In: nothing. Out: `RULES`.
"""

from __future__ import annotations

from archdsl.rules.rule import Rule

__all__ = ["RULES"]

RULES = (
    Rule(
        "unknown-network",
        "error",
        "No network of the zoo has this name, or those of several files have it.",
        "A name is a variant's, an architecture's or a file's; `archdsl zoo` lists all of them.",
        "zoo:resnet5",
        "zoo:resnet50",
        target="",
    ),
    Rule(
        "unknown-name",
        "error",
        "There is no op, block, value or quantity of that name.",
        "No name is guessed. The nearest known one is in the hint; `archdsl ops` lists the ops and standard blocks.",
        "input 32x32x3\nconv 3x3+1 64 -> reul\n",
        "input 32x32x3\nconv 3x3+1 64 -> relu\n",
    ),
    Rule(
        "unknown-label",
        "error",
        "A chain or branch starts at a label that no layer above it has.",
        "Labels belong to their block or file: a block sees none of its caller's, and a chain none below it.",
        "input 32x32x3\nconv 3x3+1 64 @stem -> add<id | @stam> -> add<id | @stem>\n",
        "input 32x32x3\nconv 3x3+1 64 @stem -> add<id | @stem> -> add<id | @stem>\n",
    ),
    Rule(
        "unknown-variant",
        "error",
        "The file has no variant of the name that was asked for.",
        "What stands behind the colon of FILE:VARIANT is one of the file's `variant` statements.",
        "arch net<w=8>\ninput 32x32x3\nconv 3x3+1 w\nvariant small = net<4>\n",
        "arch net<w=8>\ninput 32x32x3\nconv 3x3+1 w\nvariant small = net<4>\nvariant big = net<16>\n",
        target="net.arch:big",
    ),
    Rule(
        "unknown-choice",
        "error",
        "--choose names a choice that the file does not leave open, or an option that the choice does not have.",
        "An option is written as in the file, by its first word, or by its place: #1, #2.",
        "input 32x32x3\nlet width = one_of(128, 256)\ngap -> fc width\n",
        "input 32x32x3\nlet width = one_of(128, 256, 512)\ngap -> fc width\n",
        options=("--choose", "width=512"),
    ),
    Rule(
        "duplicate-name",
        "error",
        "Two things in one file have the same name, or one has the name of an op.",
        "Either would hide the other in silence. Only a standard block may be hidden, by a file's own.",
        "input 32x32x3\nlet w = 8\nlet w = 16\nconv 3x3+1 w\n",
        "input 32x32x3\nlet w = 8\nlet v = 16\nconv 3x3+1 w -> conv 3x3+1 v\n",
    ),
    Rule(
        "duplicate-label",
        "error",
        "Two layers of one file or block have the same label, or two repeats give one that is read behind them.",
        "A reference would mean either.",
        "input 32x32x3\nconv 3x3+1 8 @a -> conv 3x3+1 8 @a -> add<id | @a>\n",
        "input 32x32x3\nconv 3x3+1 8 @a -> conv 3x3+1 8 @b -> add<@b | @a>\n",
    ),
    Rule(
        "reserved-name",
        "error",
        "A definition takes a word of the language: id, first, choice, one_of, in, x; an input that of no name, `_`.",
        "Those words mean the same in every file.",
        "input 32x32x3\nblock id = relu\nconv 3x3+1 8\n",
        "input 32x32x3\nblock same = relu\nconv 3x3+1 8 -> same\n",
    ),
    Rule(
        "cyclic-let",
        "error",
        "A value is defined by itself, at once or by way of others.",
        "There is no first value to start from.",
        "input 32x32x3\nlet a = b + 1\nlet b = a\nconv 3x3+1 (a)\n",
        "input 32x32x3\nlet a = b + 1\nlet b = 7\nconv 3x3+1 (a)\n",
    ),
    Rule(
        "unused-label",
        "warning",
        "A label behind a layer is never referred to, or a block never uses a tensor that it names.",
        "A skip connection was perhaps meant and not drawn. Of several tensors, one that is not needed is thrown away "
        "by the name `_`: split 2 @_ @b.",
        "input 32x32x3\nconv 3x3+1 8 @stem -> conv 3x3+1 8\n",
        "input 32x32x3\nconv 3x3+1 8 @stem -> conv 3x3+1 8 -> add<id | @stem>\n",
    ),
    Rule(
        "unused-block",
        "warning",
        "A block or shared instance of the file is never used.",
        "It is left over, or the network lacks a part.",
        "input 32x32x3\nblock unit = conv 3x3+1 8 -> relu\nconv 3x3+1 8\n",
        "input 32x32x3\nblock unit = conv 3x3+1 8 -> relu\nunit\n",
    ),
    Rule(
        "unused-parameter",
        "warning",
        "A block or the architecture never uses one of its parameters.",
        "Whoever sets it would see no effect.",
        "input 32x32x3\nblock unit<w, s=1> = conv 3x3+1 w -> relu\nunit<8>\n",
        "input 32x32x3\nblock unit<w, s=1> = conv 3x3/s+1 w -> relu\nunit<8>\n",
    ),
    Rule(
        "unused-let",
        "warning",
        "A value of the file is never used.",
        "The layer that was to use it has perhaps another number written out.",
        "input 32x32x3\nlet w = 16\nconv 3x3+1 8\n",
        "input 32x32x3\nlet w = 16\nconv 3x3+1 w\n",
    ),
    Rule(
        "turns-in-branch",
        "warning",
        "A branch of `concat` is nothing but a repeat over a list, whose turns follow each other.",
        "With a star they stand side by side, a branch each: concat<id | *unit<k> x(k in [1, 3, 5])>. Where they are "
        "to follow each other, parentheses around the branch say so.",
        "input 8x8x4\nconcat<id | conv k 4 half x(k in [3, 5])>\n",
        "input 8x8x4\nconcat<id | *conv k 4 half x(k in [3, 5])>\n",
    ),
    Rule(
        "open-else",
        "warning",
        "An `else` begins with `id`, and layers follow it.",
        "The chain behind `else` goes on to its end: these layers are of that case alone, where `id` would do nothing.",
        "input 32x32x3\nif in.c == 1 then conv 3x3+1 8 else id -> conv 3x3+1 16\n",
        "input 32x32x3\n(if in.c == 1 then conv 3x3+1 8 else id) -> conv 3x3+1 16\n",
    ),
    Rule(
        "unused-default",
        "warning",
        "No layer takes what a `default` says: none stands below it in its file or body, or each says it itself. Or "
        "one that others take does not reach a layer that is a parameter's default in the `arch` line above.",
        "Whoever wrote it believes that some layer has it. Blocks that stand in other files are never touched by it.",
        "input 32x32x3\nconv 3x3+1 8 -> bn -> relu\ndefault conv bias=false\n",
        "input 32x32x3\ndefault conv bias=false\nconv 3x3+1 8 -> bn -> relu\n",
    ),
)
