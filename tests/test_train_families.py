"""Networks that are not a plain chain, trained: paths and units that are dropped, attention, and what is refused.

In: the zoo's own files, made small. Out: facts: runs that were stopped equal those that were not, words before a run.
"""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from safetensors.torch import save_file

import archdsl
from archdsl.cli.eval import command as evaluate
from archdsl.cli.predict import command as predict
from archdsl.cli.train import command as train
from archdsl.train.errors import TrainError
from archdsl.train.objective import output_count
from tests.killed import contents, run
from tests.test_train_resume import Listener
from tests.test_train_team import _together

_SPECS = Path(__file__).parent.parent / "specs"
_TRAIN = (
    "\ntrain { data digits  batch 15  epochs 2  seed 3  augment crop=6+1 flip  optimizer sgd lr=0.05 momentum=0.9 }\n"
)
_FRACTAL_STAGES = "(64, 0), (128, 0.1), (256, 0.2), (512, 0.3), (512, 0.4)"


def _small(name: str, *changes: tuple[str, str]) -> str:
    """A file of the zoo without its variants, changed, with a recipe: 14 steps of 6x6x1, seven classes."""
    text = (_SPECS / name).read_text().partition("\nvariant")[0]
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return text + _TRAIN


_FAMILIES = {
    # One column of the whole network, or each join's own: the paths of a step are drawn.
    "paths": _small(
        "fractalnet/fractalnet.arch",
        ("<columns, widen=false, classes=10>", "<columns=2, widen=false, classes=7>"),
        ("32x32x3", "6x6x1"),
        (_FRACTAL_STAGES, "(4, 0), (6, 0.2)"),
    ),
    # Each unit for each image, with p = 1/6, 1/3 and 1/2.
    "depth": _small(
        "stochastic_depth/stochastic_depth.arch",
        ("<n, p=0.5, classes=10>", "<n=1, classes=7, p=0.5>"),
        ("32x32x3", "6x6x1"),
    ),
    "attention": _small(
        "vit/vit.arch",
        ("patch=16, dim=768, depth=12, heads=12", "patch=2, dim=8, depth=2, heads=2"),
        ("size=224, classes=1000", "size=6, classes=7"),
        ("[size, size, 3]", "[size, size, 1]"),
    ),
    "windows": _small(
        "swin/swin.arch",
        ("depths=[2, 2, 6, 2], c=96", "depths=[2, 2], c=32"),
        ("window=7, classes=1000", "window=4, classes=7"),
        ("224x224x3", "6x6x1"),
        ("conv 4x4/4 c", "conv 1x1 c"),
        ("x(k in 4)", "x(k in 2)"),
    ),
}


@pytest.mark.parametrize("name", _FAMILIES)
def test_a_stopped_run_is_the_one_that_was_not(tmp_path: Path, name: str) -> None:
    text = _FAMILIES[name]
    assert run(tmp_path / "whole", text).steps == 14
    parts = 0
    while run(tmp_path / "parts", text, display=Listener(5)).status == 128 + signal.SIGTERM:
        parts += 1
    assert parts == 2
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")


@pytest.mark.parametrize("name", ["paths", "depth"])
def test_a_stopped_team_is_the_one_that_was_not(tmp_path: Path, name: str) -> None:
    text = _FAMILIES[name]
    assert _together(tmp_path / "whole", 2, text=text) == [0, 0]
    assert _together(tmp_path / "parts", 2, text=text, stop_after=5) == [128 + signal.SIGTERM] * 2
    assert _together(tmp_path / "parts", 2, text=text) == [0, 0]
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")


# ---------------------------------------------------------------- what is no classifier of one image

_TWO = "input left 6x6x1\ninput right 6x6x1\nshare tower = fc 4\nsub<@left -> tower | @right -> tower> -> abs -> fc 1\n"
_MAPS = "input 6x6x1\nconv 3x3+1 2 -> relu -> conv 1x1 3\n"
_SAYS = {
    _TWO: "the network has 2 inputs, `left` and `right`, and is given one image at a time here",
    _MAPS: "the output `output` is 6x6x3, and the loss takes one number a class",
}


def _call(command: object, *words: object) -> Result:
    return CliRunner().invoke(command, [str(word) for word in words])  # type: ignore[arg-type]


@pytest.mark.parametrize("text", _SAYS)
def test_networks_of_other_tasks_are_refused_by_each_command(tmp_path: Path, text: str) -> None:
    net, weights, image = tmp_path / "net.arch", tmp_path / "w.safetensors", tmp_path / "0.png"
    net.write_text(text)
    save_file(dict(archdsl.loads(text).module(seed=1).state_dict()), weights)
    Image.fromarray(np.zeros((6, 6), np.uint8)).save(image)
    for made in (
        _call(train, net, "--data", "digits", "--lr", "0.1", "-o", tmp_path / "run"),
        _call(evaluate, net, weights, "--data", "digits"),
        _call(predict, net, weights, image),
    ):
        assert (made.exit_code, made.stdout) == (1, "")
        error, hint = made.stderr.splitlines()
        assert error == f"error: {_SAYS[text]}"
        assert "archdsl compile writes the module in PyTorch" in hint
    assert not (tmp_path / "run").exists()


def test_a_run_of_ones_own_is_refused_too(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="2 inputs"):
        run(tmp_path, f"{_TWO}train {{ data digits }}")


def test_classifiers_give_so_many_numbers() -> None:
    assert output_count(archdsl.loads("input 6x6x1\nfc 10 -> softmax").graph) == 10
    # Others exist in training only.
    assert output_count(archdsl.loads("input 6x6x1\nfc 4 @a\noutput aux training = @a -> fc 4").graph) == 4
