"""Rules about the bounds that keep a hostile text from taking the machine; `archdsl.limits` has the numbers.

In: nothing. Out: `RULES`.
"""

from __future__ import annotations

from archdsl import limits
from archdsl.rules.rule import Rule

__all__ = ["RULES"]

_RIGHT = "input 32x32x3\nconv 3x3+1 8 -> relu\n"

RULES = (
    Rule(
        "limit-file",
        "error",
        f"A file has more than {limits.FILE_BYTES:,} bytes, or more than {limits.TOKENS:,} words and signs.",
        "100,000 layers written out in full fit well; repeats and blocks take far less.",
        "input 32x32x3\n…conv 3x3+1 8 -> relu\n",
        _RIGHT,
        repeated="# a comment that is far too long\n",
        times=limits.FILE_BYTES // 32,
    ),
    Rule(
        "limit-files",
        "error",
        f"A program uses more than {limits.TOTAL_FILES} files.",
        "No family of networks needs as many.",
        "…input 32x32x3\nconv 3x3+1 8 -> relu\n",
        _RIGHT,
        files=tuple((f"f{i}.arch", f"block b{i} = relu\n") for i in range(limits.TOTAL_FILES + 1)),
        repeated="".join(f'use "f{i}.arch"\n' for i in range(limits.TOTAL_FILES + 1)),
        times=1,
    ),
    Rule(
        "limit-name",
        "error",
        f"A name has more than {limits.NAME_LENGTH} characters, a text in quotes more than {limits.STRING_LENGTH:,}.",
        "It would fit no table and no picture.",
        "input 32x32x3\nconv 3x3+1 8 @… -> relu\n",
        _RIGHT,
        repeated="a",
        times=limits.NAME_LENGTH + 1,
    ),
    Rule(
        "limit-nesting",
        "error",
        f"Brackets are nested more than {limits.NESTING} deep.",
        "Inner parts are blocks, or values by `let`.",
        "input 32x32x3\n…relu\n",
        _RIGHT,
        repeated="(",
        times=limits.NESTING + 1,
    ),
    Rule(
        "limit-expression",
        "error",
        f"More than {limits.EXPRESSION} operators, indices, repeats or conditions stand in a row.",
        "Long sums are lists: sum([a, b, c]); long rows of conditions are lists to index.",
        "input 32x32x3\nfc (1…)\n",
        "input 32x32x3\nfc (1 + 2)\n",
        repeated=" + 1",
        times=limits.EXPRESSION + 1,
    ),
    Rule(
        "limit-list",
        "error",
        f"A list has more than {limits.LIST_LENGTH:,} elements.",
        "A list says something of each of its elements; no network has as many different layers.",
        "input 32x32x3\nconv 3x3+1 (len(range(100_000)))\n",
        "input 32x32x3\nconv 3x3+1 (len(range(100)))\n",
    ),
    Rule(
        "limit-number",
        "error",
        "A number lies beyond 2^53, or has more than 18 digits.",
        "Every size is exact below that; no network has a size like that.",
        "input 32x32x3\nconv 3x3+1 (9**9**9)\n",
        "input 32x32x3\nconv 3x3+1 (9**2)\n",
    ),
    Rule(
        "limit-size",
        "error",
        "A tensor has more than 2^53 values.",
        "No machine holds it.",
        "input 9_999_999x9_999_999x9_999\nrelu\n".replace("_", ""),
        "input 9999x9999x9\nrelu\n",
    ),
    Rule(
        "limit-repeats",
        "error",
        f"A repeat has more than {limits.REPEATS:,} turns.",
        "ResNet-1202 has 1,200 layers.",
        "input 32x32x3\nrelu x1000000\n",
        "input 32x32x3\nrelu x100\n",
    ),
    Rule(
        "limit-nodes",
        "error",
        f"The unrolled network has more than {limits.NODES:,} layers, or all networks of a file {limits.CHECKED:,}.",
        "Repeats inside repeats multiply.",
        "input 32x32x3\n((relu x100) x100) x100\n",
        "input 32x32x3\n((relu x10) x10) x10\n",
    ),
    Rule(
        "limit-depth",
        "error",
        f"Blocks call each other more than {limits.CALL_DEPTH} deep.",
        "A block that calls itself needs a condition that ends it.",
        "input 32x32x3\nblock tree<n> = relu -> tree<n-1>\ntree<3>\n",
        "input 32x32x3\nblock tree<n> = if n == 1 then relu else relu -> tree<n-1>\ntree<3>\n",
    ),
    Rule(
        "limit-steps",
        "error",
        f"Unrolling takes {limits.STEPS:,} calls and repeats, or {limits.EVALUATIONS:,} values, beside its layers.",
        "Repeats inside repeats multiply even where they add no layer.",
        "input 32x32x3\n((id x1000) x1000) x1000 -> relu\n",
        "input 32x32x3\n(id x10) x10 -> relu\n",
    ),
)
