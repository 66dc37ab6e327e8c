"""`lookahead`: slow weights that go part of the way to the learning ones, against the paper's rule worked by hand.

In: small networks whose gradients are known. Out: facts of the arithmetic in the comments, and of torch's own steps.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional

import archdsl
from archdsl.elaborate.recipe_learning import Sgd
from archdsl.elaborate.recipe_settings import Data, Lookahead
from archdsl.train.averaging import share
from archdsl.train.dataset import Dataset, Examples
from archdsl.train.errors import TrainError
from archdsl.train.folder import RunFolder
from archdsl.train.loop import train
from archdsl.train.plan import Overrides, Plan, plan
from tests.killed import TEXT, Quiet, contents, examples, run
from tests.test_train_resume import Listener
from tests.test_train_team import _TEXT as TEAM_TEXT
from tests.test_train_team import _close, _together

_SLOW = "lookahead k=2 alpha=0.5"
_ONE = """
input 1x1x1
fc 1 bias=false
train { data npz  batch 2  epochs 1  optimizer sgd lr=0.25  loss mse  init fc=zeros  LOOKAHEAD }
"""


def _ones() -> Dataset:
    """Ten images of one white pixel, all of label 1: with weight w the loss is (w - 1)^2, its gradient 2 (w - 1)."""
    images = torch.full((10, 1, 1, 1), 255, dtype=torch.uint8)
    part = Examples(images, torch.ones(10, dtype=torch.long))
    return Dataset("ones", part, part, 2, (1, 1, 1))


def test_two_steps_forward_and_half_the_way_by_hand(tmp_path: Path) -> None:
    net = archdsl.loads(_ONE.replace("LOOKAHEAD", _SLOW))
    result = train(net.graph, plan(net.recipe, Overrides()), _ones(), RunFolder(tmp_path), display=Quiet())
    # A step of rate 0.25 halves the distance d = 1 - w, which is 1 at first. After two steps the fast weight is 1/4
    # away, the slow one goes half the way from 1 there: 5/8, where the fast one begins again. After four: 25/64. The
    # fifth step takes the fast one to 25/128, and the slow one stays.
    kept = load_file(tmp_path / "checkpoints" / "step-0000000005.safetensors")
    assert 1 - kept["model.fc.weight"].item() == 25 / 128
    assert 1 - kept["slow.fc.weight"].item() == 25 / 64
    # The slow weight is what is tested and what stays: a loss of (25/64)^2.
    assert 1 - load_file(tmp_path / "model.safetensors")["fc.weight"].item() == 25 / 64
    assert result.last is not None
    assert result.last.test_loss == pytest.approx((25 / 64) ** 2, rel=1e-6)


def test_without_it_the_weights_themselves_are_tested(tmp_path: Path) -> None:
    net = archdsl.loads(_ONE.replace("LOOKAHEAD", ""))
    train(net.graph, plan(net.recipe, Overrides()), _ones(), RunFolder(tmp_path), display=Quiet())
    assert 1 - load_file(tmp_path / "model.safetensors")["fc.weight"].item() == 1 / 32


def test_the_way_falls_as_the_speed_recipe_has_it() -> None:
    # Jordan's slow weights keep 0.95^5 (t/T)^3 of themselves and take the rest; T = 480, say.
    said = Lookahead(k=5, alpha=1 - 0.95**5, power=3.0)
    for step in (5, 240, 475, 480):
        assert share(said, step / 480) == pytest.approx(1 - 0.95**5 * (step / 480) ** 3, abs=1e-15)
    # Zhang et al. have one alpha all along.
    assert {share(Lookahead(k=5, alpha=0.5), step / 10) for step in range(11)} == {0.5}


def test_weights_momentum_and_statistics_are_those_of_the_rule_written_out(tmp_path: Path) -> None:
    text = "input 6x6x1\nconv 3x3 3 -> bn -> tanh -> fc 7"
    net = archdsl.loads(text)
    data = Dataset("noise", examples(0, 40), examples(1, 20), 7, (6, 6, 1))
    assert isinstance(data.train, Examples)
    said = Lookahead(k=3, alpha=0.2, power=2.0)
    made = Plan(Data("npz"), batch=40, epochs=8, seed=1, optimizer=Sgd(lr=0.2, momentum=0.9), lookahead=said)
    train(net.graph, made, data, RunFolder(tmp_path), display=Quiet())
    module = net.module(seed=1)
    optimizer = torch.optim.SGD(module.parameters(), 0.2, momentum=0.9)
    slow = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    for step in range(1, 9):
        optimizer.zero_grad()
        functional.cross_entropy(module(data.train.images.float() / 255), data.train.labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if step % 3 == 0:
            for name, tensor in module.state_dict().items():
                if tensor.is_floating_point():
                    slow[name] += (1 - 0.8 * (step / 8) ** 2) * (tensor - slow[name])
                    tensor.copy_(slow[name])
                else:
                    slow[name] = tensor.clone()
    ours = load_file(tmp_path / "model.safetensors")
    fast = load_file(tmp_path / "checkpoints" / "step-0000000008.safetensors")
    assert ours["bn.num_batches_tracked"] == 6
    for name, tensor in module.state_dict().items():
        torch.testing.assert_close(ours[name], slow[name], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(fast[f"model.{name}"], tensor, rtol=1e-4, atol=1e-5)


def test_a_shared_tower_moves_once(tmp_path: Path) -> None:
    text = _ONE.replace("LOOKAHEAD", _SLOW).replace(
        "fc 1 bias=false\n", "share half = fc 1 bias=false @fc\nmean<half | half>\n"
    )
    net = archdsl.loads(text)
    train(net.graph, plan(net.recipe, Overrides()), _ones(), RunFolder(tmp_path), display=Quiet())
    # The mean of w x and w x is w x: as by hand above.
    weights = {1 - tensor.item() for tensor in load_file(tmp_path / "model.safetensors").values()}
    assert weights == {25 / 64}


def test_a_run_says_it_and_goes_on_with_no_other(tmp_path: Path) -> None:
    text = TEXT.replace("ema 0.9", "lookahead k=3 alpha=0.5")
    assert run(tmp_path, text, display=Listener(4)).status == 128 + signal.SIGTERM
    recorded = json.loads((tmp_path / "recipe.json").read_text())["recipe"]
    assert recorded["lookahead"] == {"name": "lookahead", "k": 3, "alpha": 0.5, "power": 0.0}
    assert recorded["ema"] is None
    for other, says in (
        ("lookahead k=3 alpha=0.25", "recipe.lookahead.alpha: it was 0.5, and is 0.25"),
        ("ema 0.9", "recipe.ema: it was nothing, and is 0.9"),
        ("", "recipe.lookahead.*and is nothing"),
    ):
        with pytest.raises(TrainError, match=says):
            run(tmp_path, TEXT.replace("ema 0.9", other))
    # Forced, an average begins at the weights, and not at the slow ones.
    before = load_file(tmp_path / "checkpoints" / "step-0000000004.safetensors")
    assert run(tmp_path, TEXT, force=True, display=Listener(1)).status == 128 + signal.SIGTERM
    after = load_file(tmp_path / "checkpoints" / "step-0000000005.safetensors")
    begun, now = before["model.conv.weight"], after["model.conv.weight"]
    torch.testing.assert_close(after["average.conv.weight"], begun + 0.1 * (now - begun), rtol=1e-4, atol=1e-6)
    assert not [name for name in after if name.startswith("slow.")]


def test_a_run_that_is_too_short_for_it_is_refused(tmp_path: Path) -> None:
    net = archdsl.loads(_ONE.replace("LOOKAHEAD", "lookahead k=6 alpha=0.5"))
    with pytest.raises(TrainError, match="every 6 steps, and the run has 5"):
        train(net.graph, plan(net.recipe, Overrides()), _ones(), RunFolder(tmp_path), display=Quiet())


def test_the_command_line_puts_one_in_place_of_the_other() -> None:
    from archdsl.diagnostics import Collector
    from archdsl.elaborate.recipe import read_settings

    net = archdsl.loads(TEXT)
    for line, ema in (("lookahead k=3 alpha=0.5", None), ("ema 0.5", 0.5)):
        for text in (TEXT, TEXT.replace("ema 0.9", "lookahead k=9 alpha=0.9")):
            settings = read_settings(line, net.graph, Collector())
            made = plan(archdsl.loads(text).recipe, Overrides(recipe=settings))
            assert made.ema == ema
            assert made.lookahead == (None if ema else Lookahead(k=3, alpha=0.5))


def test_both_together_are_refused(tmp_path: Path) -> None:
    net = archdsl.loads(_ONE.replace("LOOKAHEAD", ""))
    made = Plan(Data("npz"), ema=0.9, lookahead=Lookahead(k=2, alpha=0.5))
    with pytest.raises(TrainError, match="both say which weights are tested"):
        train(net.graph, made, _ones(), RunFolder(tmp_path), display=Quiet())


# ---------------------------------------------------------------- several processes


def test_two_processes_are_one(tmp_path: Path) -> None:
    text = TEAM_TEXT.replace("ema 0.9", "lookahead k=4 alpha=0.3 power=1")
    run(tmp_path / "one", text)
    assert _together(tmp_path / "two", 2, text=text) == [0, 0]
    _close(tmp_path / "two", tmp_path / "one")


@pytest.mark.parametrize("follower", ["lookahead k=4 alpha=0.3", "ema 0.9", ""])
def test_a_team_with_batch_norm_goes_on_bit_by_bit(tmp_path: Path, follower: str) -> None:
    # Each process has statistics of its own part of a batch; all test with those of the first, which a checkpoint has.
    # Seven steps are an epoch: it is stopped between its last step and its test, which then begins with the checkpoint.
    text = TEAM_TEXT.replace("ema 0.9", follower).replace("4 -> tanh", "4 -> bn -> tanh")
    assert _together(tmp_path / "whole", 2, text=text) == [0, 0]
    assert _together(tmp_path / "parts", 2, text=text, stop_after=7) == [128 + signal.SIGTERM] * 2
    assert _together(tmp_path / "parts", 2, text=text) == [0, 0]
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")
