"""Rules about weights that are brought to a network.

In: nothing. Out: `RULES`.
"""

from __future__ import annotations

from archdsl.rules.rule import Rule

__all__ = ["RULES"]

RULES = (
    Rule(
        "weights-mismatch",
        "error",
        "A checkpoint is not of this network: a tensor on one side stands for none of the other, or has another shape.",
        "Weights that half fit compute nothing that anyone meant. Only a head may have another number of outputs, and "
        "what only training needs may be missing; both begin anew, and that is said.",
        "input 32x32x3\nconv 5x5+2 16 -> relu -> conv 3x3+1 32 -> relu -> gap -> fc 10\n",
        "input 32x32x3\nconv 3x3+1 16 -> relu -> conv 3x3+1 32 -> relu -> gap -> fc 10\n",
        files=(
            (
                "checkpoint.txt",
                "features.0.weight 16x3x3x3\nfeatures.0.bias 16\nfeatures.2.weight 32x16x3x3\nfeatures.2.bias 32\n"
                "head.weight 1000x32\nhead.bias 1000\n",
            ),
        ),
    ),
)
