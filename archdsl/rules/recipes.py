"""Rules about the training recipe.

In: nothing. Out: `RULES`.
"""

from __future__ import annotations

from archdsl.rules.rule import Rule

__all__ = ["RULES"]

_NET = "input 32x32x3\nconv 3x3+1 8 -> gap -> fc 10\n"

RULES = (
    Rule(
        "bad-recipe",
        "error",
        "A setting of `train { … }` has a value that it cannot take, lacks one, or contradicts another.",
        "A run that trains otherwise than its text says cannot be repeated by anyone.",
        _NET + "train {\n  data cifar10\n  batch 0\n  epochs 10\n  optimizer sgd lr=0.1\n}\n",
        _NET + "train {\n  data cifar10\n  batch 128\n  epochs 10\n  optimizer sgd lr=0.1\n}\n",
    ),
    Rule(
        "unknown-setting",
        "error",
        "There is no such setting in `train { … }`, no such kind of data, optimizer, schedule or loss, or the network "
        "has no such output or no such weights.",
        "No setting is ever ignored.",
        _NET + "train {\n  data cifar10\n  epoch 10\n  optimizer sgd lr=0.1\n}\n",
        _NET + "train {\n  data cifar10\n  epochs 10\n  optimizer sgd lr=0.1\n}\n",
    ),
    Rule(
        "idle-setting",
        "warning",
        "The recipe of a family says something of weights that this one of its networks has not.",
        "It is left out of this network's recipe. That the file has other networks which have them is seen by checking "
        "the whole file, where it is an error that none has.",
        "arch net<norm=bn>\ninput 32x32x3\nconv 3x3+1 8 -> norm -> gap -> fc 10\nvariant plain = net<id>\n"
        "train {\n  data cifar10\n  optimizer sgd lr=0.1\n  rate bn=0\n}\n",
        "arch net<norm=bn>\ninput 32x32x3\nconv 3x3+1 8 -> norm -> gap -> fc 10\nvariant plain = net<id>\n"
        "train {\n  data cifar10\n  optimizer sgd lr=0.1\n  rate bias=2\n}\n",
        target="net.arch:plain",
    ),
    Rule(
        "unreached-schedule",
        "warning",
        "`archdsl train` runs for fewer epochs than the schedule names: for those of `--epochs`, or for 10 where "
        "nothing says how many.",
        "A learning rate that never falls trains otherwise than the recipe was meant to.",
        _NET + "train {\n  data cifar10\n  optimizer sgd lr=0.1\n  schedule step at=[82]\n}\n",
        _NET + "train {\n  data cifar10\n  epochs 164\n  optimizer sgd lr=0.1\n  schedule step at=[82]\n}\n",
    ),
    Rule(
        "doubled-setting",
        "error",
        "A setting is given twice.",
        "Only one of them could hold.",
        _NET + "train {\n  data cifar10\n  epochs 10\n  epochs 20\n  optimizer sgd lr=0.1\n}\n",
        _NET + "train {\n  data cifar10\n  epochs 20\n  optimizer sgd lr=0.1\n}\n",
    ),
)
