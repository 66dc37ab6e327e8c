"""`rate bias=2 bn=0` and `l2 weight=…`: what some weights learn by, against torch's own parameter groups.

In: small networks, random images. Out: the weights that `torch.optim` gives with the groups written by hand.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

import archdsl
from archdsl.elaborate.recipe_init import Penalty, Rate
from archdsl.elaborate.recipe_learning import Adagrad, Adam, AdamW, Muon, Optimizer, RmsProp, Sgd
from archdsl.elaborate.recipe_settings import Data
from archdsl.train.dataset import Dataset, Examples
from archdsl.train.errors import TrainError
from archdsl.train.folder import RunFolder
from archdsl.train.loop import train
from archdsl.train.machine import CPU
from archdsl.train.plan import Plan
from tests.killed import Quiet, examples

_NET = "input 6x6x1\nconv 3x3 3 -> bn -> tanh -> fc 7"
_DATA = Data("digits")


def _noise() -> Dataset:
    return Dataset("noise", examples(0, 40), examples(1, 20), 7, (6, 6, 1))


def _trained(made: Plan, out: Path, text: str = _NET) -> dict[str, torch.Tensor]:
    train(archdsl.loads(text).graph, made, _noise(), RunFolder(out), CPU, Quiet())
    return load_file(out / "model.safetensors")


def _assert_same(ours: dict[str, torch.Tensor], module: nn.Module, theirs: torch.optim.Optimizer) -> None:
    """That five steps over all images, by torch alone, end where ours did."""
    data = _noise().train
    assert isinstance(data, Examples)
    for _ in range(5):
        module.zero_grad()
        functional.cross_entropy(module(data.images.float() / 255), data.labels).backward()
        theirs.step()
    for name, weight in module.state_dict().items():
        torch.testing.assert_close(ours[name], weight, rtol=1e-4, atol=1e-5)


def test_rates_are_parameter_groups(tmp_path: Path) -> None:
    rates = (Rate("fc", 3.0), Rate("bias", 0.5), Rate("norm_bias", 2.0), Rate("conv", 0.0))
    optimizer = Sgd(lr=0.05, momentum=0.9, weight_decay=0.01)
    ours = _trained(Plan(_DATA, batch=40, epochs=5, seed=1, optimizer=optimizer, rate=rates), tmp_path)
    module = archdsl.loads(_NET).module(seed=1)
    factors = {"fc.weight": 3.0, "fc.bias": 0.5, "conv.bias": 0.5, "bn.bias": 2.0, "bn.weight": 1.0}
    named = dict(module.named_parameters())
    groups = [{"params": [named[name]], "lr": 0.05 * factor} for name, factor in factors.items()]
    theirs = torch.optim.SGD(groups, momentum=0.9, weight_decay=0.01)
    before = named["conv.weight"].detach().clone()
    _assert_same(ours, module, theirs)
    assert torch.equal(ours["conv.weight"], before)


@pytest.mark.parametrize(
    "optimizer",
    [Sgd(lr=0.01), Adam(lr=0.01), AdamW(lr=0.01), RmsProp(lr=0.01), Adagrad(lr=0.01), Muon(lr=0.01)],
    ids=lambda optimizer: optimizer.name,
)
def test_a_rate_is_that_of_the_optimizer_times_as_much(tmp_path: Path, optimizer: Optimizer) -> None:
    # In one step from the same weights no other weight matters.
    def plan(lr: float, *rates: Rate) -> Plan:
        return Plan(_DATA, batch=40, epochs=1, seed=1, optimizer=optimizer.replace(lr=lr), rate=rates)

    plain = _trained(plan(0.01), tmp_path / "plain")
    faster = _trained(plan(0.03), tmp_path / "faster")
    mixed = _trained(plan(0.01, Rate("fc", 3.0), Rate("norm_bias", 3.0)), tmp_path / "mixed")
    for name, weight in mixed.items():
        expected = faster if name in ("fc.weight", "bn.bias") else plain
        torch.testing.assert_close(weight, expected[name], rtol=1e-5, atol=1e-7)
    assert not torch.equal(mixed["fc.weight"], plain["fc.weight"])


def test_a_group_is_penalised(tmp_path: Path) -> None:
    # `weight` is the matrices of conv and fc: neither biases nor the gain of a norm.
    optimizer = Sgd(lr=0.1)
    ours = _trained(
        Plan(_DATA, batch=40, epochs=5, seed=1, optimizer=optimizer, l2=(Penalty("weight", 0.5),)), tmp_path
    )
    module = archdsl.loads(_NET).module(seed=1)
    decayed = [weight for weight in module.parameters() if weight.ndim > 1]
    others = [weight for weight in module.parameters() if weight.ndim == 1]
    theirs = torch.optim.SGD([{"params": decayed, "weight_decay": 0.5}, {"params": others}], 0.1)
    _assert_same(ours, module, theirs)


@pytest.mark.parametrize("word", ["conv", "residual_gamma", "norm_bias"])
def test_a_rate_of_nothing_is_refused(tmp_path: Path, word: str) -> None:
    with pytest.raises(TrainError, match=f"the rate of `{word}`, and the network has no weights of it"):
        _trained(Plan(_DATA, rate=(Rate(word, 2.0),)), tmp_path, "input 6x6x1\nfc 7")


def test_nothing_left_to_learn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="holds every weight"):
        _trained(Plan(_DATA, rate=(Rate("fc", 0.0), Rate("bias", 0.0))), tmp_path, "input 6x6x1\nfc 7")
