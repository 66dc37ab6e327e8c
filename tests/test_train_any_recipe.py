"""Networks and recipes drawn by chance: a run that is stopped now and then is, byte by byte, the run that was not.

In: a number that decides network, recipe, precision and where it stops. Out: facts: equal files. `ARCHDSL_KILLS` says
how many are drawn.
"""

from __future__ import annotations

import os
import random
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from archdsl.train.interval import Interval
from archdsl.train.machine import CPU
from tests.killed import Stopping, contents, run

_DRAWN = int(os.environ.get("ARCHDSL_KILLS", "10"))

_LAYERS = (
    ("bn", "gn groups=2", "ln", "lrn 3", "instance_norm affine=true", "dropout 0"),
    ("relu", "rrelu", "tanh", "prelu", "gelu", "elu"),
    ("dropout 0.3", "drop_channel 0.3", "alpha_dropout 0.2", "drop_path 0.3"),
    ("avgpool 2", "residual<conv 3x3+1 4 -> drop_path 0.4>", "mean<conv 3x3+1 4 | conv 1x1 4> drop=0.3"),
)
_AUGMENTS = (
    "crop=6+1 flip",
    "flip alternate",
    "flip rotate=10 cutout=2",
    "resized_crop=6 jitter=0.3 normalize",
    "mixup=0.4",
    "cutmix=1 flip",
)
_OPTIMIZERS = (
    "sgd lr=0.01",
    "sgd lr=0.003 momentum=0.9 nesterov weight_decay=1e-3",
    "adam lr=0.01",
    "adamw lr=0.01 weight_decay=0.1",
    "rmsprop lr=0.005 momentum=0.5",
    "adagrad lr=0.05",
    "muon lr=0.01",
)
_SCHEDULES = (
    "triangular",
    "constant warmup=0.5",
    "step at=[1] factor=0.5",
    "plateau patience=1 factor=0.5",
    "cosine warmup=1",
    "linear",
    "exponential every=2 factor=0.9",
    "polynomial power=2",
)
_LOSSES = ("cross_entropy", "cross_entropy label_smoothing=0.1", "binary_cross_entropy", "mse")
_FOLLOWERS = ("ema 0.9", "lookahead k=2 alpha=0.3")
_MORE = ("clip norm=0.5", "l2 fc=0.01 conv=0.001", "rate fc=2", "accumulate 2", "early_stopping patience=2")


def _text(chance: random.Random) -> str:
    chain = " -> ".join(["conv 3x3+1 4", *map(chance.choice, _LAYERS), "fc 7"])
    more = chance.sample((*_MORE, chance.choice(_FOLLOWERS)), 3)
    return f"""
    input 6x6x1
    {chain}
    train {{
        data digits  batch {chance.choice((7, 16, 33))}  epochs {chance.randint(2, 4)}  seed {chance.randrange(99)}
        augment {chance.choice(_AUGMENTS)}
        optimizer {chance.choice(_OPTIMIZERS)}
        schedule {chance.choice(_SCHEDULES)}
        loss {chance.choice(_LOSSES)}
        {"  ".join(more)}
    }}"""


def _of_last(folder: Path) -> dict[str, bytes]:
    """Every file but the older checkpoints: which those are depends on where a run was stopped."""
    found = contents(folder)
    last = max(name for name in found if name.startswith("checkpoints/"))
    return {name: held for name, held in found.items() if name == last or not name.startswith("checkpoints/")}


@pytest.mark.parametrize("number", range(_DRAWN))
def test_any_run_that_is_stopped_is_the_run_that_was_not(tmp_path: Path, number: int) -> None:
    chance = random.Random(number)
    text = _text(chance)
    machine = replace(CPU, precision=chance.choice(("fp32", "bf16")), channels_last=chance.random() < 0.3)
    every = Interval(steps=chance.choice((1, 2, 4)))
    run(tmp_path / "whole", text, machine=machine, every=every)
    stops = 0
    while True:
        # The shortest run has four steps.
        stopping = Stopping(chance.randint(1, 9 if stops else 3), signal.SIGTERM)
        result = run(tmp_path / "parts", text, machine=machine, every=every, display=stopping)
        if result.status == 0:
            break
        stops += 1
    assert stops
    assert _of_last(tmp_path / "parts") == _of_last(tmp_path / "whole")
