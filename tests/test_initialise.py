"""First weights: as `torch.nn.init` draws them, with the variances of the papers, and the same wherever they are drawn.

In: small networks and residual ones of the zoo. Out: facts: torch's initialisers, the formulas, torchvision's zero
gamma.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import init

import archdsl
from archdsl.codegen.matching import Match, match, slots
from archdsl.codegen.matching import Tensor as Entry
from archdsl.diagnostics import ArchError
from archdsl.elaborate.recipe_init import DISTRIBUTIONS
from tests.devices import DEVICES
from tests.torchvision_cpu import load

_NET = "input 9x9x16\nconv 3x3 100 -> bn -> relu -> fc 40"
# Of the convolution: fan_in is 3 * 3 * 16 = 144, fan_out 3 * 3 * 100 = 900. 14,400 draws have a standard deviation
# within 3% of what they are drawn with.
_IN, _OUT = 144, 900


def _generator(seed: int, name: str) -> torch.Generator:
    """The stream of one tensor: what makes weights the same on every device and in every version."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


_Draw = Callable[[Tensor, torch.Generator], Tensor]
_CASES: dict[str, tuple[_Draw, float]] = {
    "he_normal": (lambda w, g: init.kaiming_normal_(w, nonlinearity="relu", generator=g), math.sqrt(2 / _IN)),
    "he_uniform": (lambda w, g: init.kaiming_uniform_(w, nonlinearity="relu", generator=g), math.sqrt(2 / _IN)),
    "xavier_normal": (lambda w, g: init.xavier_normal_(w, generator=g), math.sqrt(2 / (_IN + _OUT))),
    "glorot_normal": (lambda w, g: init.xavier_normal_(w, generator=g), math.sqrt(2 / (_IN + _OUT))),
    "xavier_uniform": (lambda w, g: init.xavier_uniform_(w, generator=g), math.sqrt(2 / (_IN + _OUT))),
    "glorot_uniform": (lambda w, g: init.xavier_uniform_(w, generator=g), math.sqrt(2 / (_IN + _OUT))),
    "lecun_normal": (lambda w, g: init.kaiming_normal_(w, nonlinearity="linear", generator=g), math.sqrt(1 / _IN)),
    "lecun_uniform": (lambda w, g: init.kaiming_uniform_(w, nonlinearity="linear", generator=g), math.sqrt(1 / _IN)),
    "normal(0.01)": (lambda w, g: init.normal_(w, 0.0, 0.01, generator=g), 0.01),
    # A normal cut at two standard deviations has 0.8796 of its own: 1 - 4 * pdf(2) / (2 * cdf(2) - 1) = 0.7737, rooted.
    "truncated_normal(0.02)": (
        lambda w, g: init.trunc_normal_(w, 0.0, 0.02, -0.04, 0.04, generator=g),
        0.02 * math.sqrt(0.7737),
    ),
    "uniform(0.05)": (lambda w, g: init.uniform_(w, -0.05, 0.05, generator=g), 0.05 / math.sqrt(3)),
    # 100 rows at right angles in 144 dimensions, each of length 1: 100 squares' sum over 14,400.
    "orthogonal": (lambda w, g: init.orthogonal_(w, generator=g), math.sqrt(1 / _IN)),
    # 16 of the 100 filters are one 1 among 144 zeros, the rest uniform with variance 1 / (3 * 144).
    "dirac": (
        lambda w, g: torch.cat(
            [init.dirac_(torch.empty(16, 16, 3, 3)), init.kaiming_uniform_(w, math.sqrt(5), generator=g)[16:]]
        ),
        math.sqrt((16 * 1 / _IN + 84 / (3 * _IN)) / 100),
    ),
    "constant(0.1)": (lambda w, g: init.constant_(w, 0.1), 0.0),
    "zeros": (lambda w, g: init.zeros_(w), 0.0),
    "ones": (lambda w, g: init.ones_(w), 0.0),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", _CASES)
def test_each_distribution_is_torchs_and_has_its_variance(name: str, device: str) -> None:
    draw, deviation = _CASES[name]
    with torch.device(device):
        there = archdsl.loads(_NET).module(seed=7, init=f"conv={name}")
    assert {weight.device.type for weight in there.parameters()} == {device}
    # The layers that no rule names begin as PyTorch draws them.
    plain = archdsl.loads(_NET).module(seed=7).state_dict()
    assert all(torch.equal(there.state_dict()[key].cpu(), plain[key]) for key in ("fc.weight", "fc.bias", "bn.weight"))
    made = there.state_dict()["conv.weight"].cpu()
    assert torch.equal(made, draw(torch.empty(100, 16, 3, 3), _generator(7, "conv.weight")))
    assert float(made.std()) == pytest.approx(deviation, rel=0.03, abs=1e-7)
    assert float(made.double().square().sum()) > 0 or name == "zeros"


def test_every_distribution_is_tried_above() -> None:
    assert {name.partition("(")[0] for name in _CASES} == set(DISTRIBUTIONS) - {"whiten"}  # it needs images


def test_orthogonal_rows() -> None:
    weight = archdsl.loads("input 30\nfc 20").module(seed=0, init="orthogonal(2)").state_dict()["fc.weight"]
    torch.testing.assert_close(weight @ weight.T, 4 * torch.eye(20), atol=1e-5, rtol=0)


def test_default_is_what_the_compiled_class_does_by_itself() -> None:
    net = archdsl.load("zoo:resnet18")
    space: dict[str, type[nn.Module]] = {"__name__": "resnet18"}
    exec(compile(net.source(), "resnet18.py", "exec"), space)
    torch.manual_seed(3)
    expected = space["Resnet18"]().state_dict()
    torch.manual_seed(4)
    before = torch.get_rng_state()
    got = net.module(seed=3).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    assert got.keys() == expected.keys()
    assert all(torch.equal(got[name], expected[name]) for name in got)


def test_without_a_seed_torchs_generator_decides() -> None:
    net = archdsl.loads(_NET)
    for given in (None, "he_normal"):
        torch.manual_seed(5)
        first, second = net.module(init=given), net.module(init=given)
        torch.manual_seed(5)
        again = net.module(init=given)
        assert not torch.equal(first.state_dict()["fc.weight"], second.state_dict()["fc.weight"])
        assert torch.equal(first.state_dict()["fc.weight"], again.state_dict()["fc.weight"])


def test_the_recipe_is_followed_unless_another_is_given() -> None:
    net = archdsl.loads(f"{_NET}\ntrain {{ init conv=ones bias=constant(0.5) }}")
    own, default, other = (net.module(seed=0, init=given).state_dict() for given in (None, "default", "fc=zeros"))
    assert own["conv.weight"].eq(1).all()
    assert own["fc.bias"].eq(0.5).all()
    assert own["bn.bias"].eq(0.5).all()
    plain = archdsl.loads(_NET).module(seed=0).state_dict()
    assert all(torch.equal(default[name], plain[name]) for name in plain)
    assert other["fc.weight"].eq(0).all()
    assert torch.equal(other["conv.weight"], plain["conv.weight"])


def test_a_name_alone_is_for_all_matrices_and_the_narrowest_word_holds() -> None:
    net = archdsl.loads("input 16x12\ntoken @t -> position -> attention heads=2 -> ln -> fc 3")
    made = net.module(seed=0, init="zeros").state_dict()
    plain = net.module(seed=0).state_dict()
    zero = {name for name in made if made[name].eq(0).all() and not plain[name].eq(0).all()}
    assert zero == {"attention.in_proj_weight", "attention.out_proj.weight", "fc.weight"}
    made = net.module(seed=0, init="weight=ones fc=zeros bias=constant(2)").state_dict()
    assert made["attention.in_proj_weight"].eq(1).all()
    assert made["fc.weight"].eq(0).all()
    assert made["fc.bias"].eq(2).all()
    assert made["attention.in_proj_bias"].eq(2).all()
    assert torch.equal(made["ln.weight"], plain["ln.weight"])


def test_a_tensor_keeps_its_weights_when_another_changes() -> None:
    first, second = (
        archdsl.load("zoo:resnet18", settings={"classes": classes}).module(seed=1, init="he_normal").state_dict()
        for classes in (10, 20)
    )
    same = [name for name in first if first[name].shape == second[name].shape and name != "fc.bias"]
    assert len(same) == len(first) - 2
    assert all(torch.equal(first[name], second[name]) for name in same)


def test_a_table_of_connections_has_its_own_fans() -> None:
    net = archdsl.loads("input 9x9x4\nconv 3x3 2 connect=[[0], [0, 1, 2, 3]]")
    weight = net.module(seed=2, init="he_normal").state_dict()["conv.weight"]
    generator = _generator(2, "conv.weight")
    expected = [
        init.kaiming_normal_(torch.empty(1, maps, 3, 3), nonlinearity="relu", generator=generator)[0] for maps in (1, 4)
    ]
    assert torch.equal(weight, torch.cat(expected))


def test_offsets_of_a_deformable_convolution_stay_zero() -> None:
    made = (
        archdsl.loads("input 9x9x4\ndeform_conv 3x3 2").module(seed=2, init="deform_conv=ones bias=ones").state_dict()
    )
    assert made["deform_conv.weight"].eq(1).all()
    assert made["deform_conv.offset.weight"].eq(0).all()
    assert made["deform_conv.offset.bias"].eq(0).all()


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_residual_gammas_are_those_that_torchvision_sets_to_zero(name: str) -> None:
    net = archdsl.load(f"zoo:{name}")
    made = net.module(seed=0, init="residual_gamma=zeros").state_dict()
    theirs = load().get_model_builder(name)(zero_init_residual=True).state_dict()
    found = match(
        [Entry(key, tuple(value.shape)) for key, value in theirs.items() if not key.endswith("tracked")],
        slots(net.graph),
    )
    assert isinstance(found, Match)
    names = {pair.ours.name: pair.theirs.name for pair in found.pairs if pair.theirs is not None}
    gains = {key for key in made if key.endswith("weight") and made[key].eq(0).all()}
    assert {names[key] for key in gains} == {
        key for key in theirs if key.endswith("weight") and theirs[key].eq(0).all()
    }
    assert len(gains) == {"resnet18": 8, "resnet50": 16}[name]


def test_residual_gammas_behind_a_gate() -> None:
    text = "input 9x9x8\nresidual<conv 3x3+1 8 -> bn -> relu -> conv 3x3+1 8 -> bn -> se<2> -> drop_path 0.1>"
    made = archdsl.loads(text).module(seed=0, init="residual_gamma=zeros").state_dict()
    zero = [name for name in made if name.endswith("weight") and made[name].eq(0).all()]
    assert len(zero) == 1
    assert zero[0].endswith("bn2.weight")


def test_weights_are_the_same_for_another_default_device() -> None:
    net = archdsl.loads(_NET)
    here = net.module(seed=0, init="conv=he_normal").state_dict()
    with torch.device("meta"):
        elsewhere = net.module(seed=0, init="conv=he_normal")
    assert all(value.is_meta for value in elsewhere.state_dict().values())
    # A device that holds no numbers must not have moved the generator of the one that does.
    again = net.module(seed=0, init="conv=he_normal").state_dict()
    assert all(torch.equal(here[name], again[name]) for name in here)


def test_shared_weights_are_drawn_once() -> None:
    text = "input a 8\ninput b 8\nshare tower = fc 4\nconcat<@a -> tower | @b -> tower> -> fc 1"
    made = archdsl.loads(text).module(seed=0, init="fc=he_normal").state_dict()
    (name,) = [key for key in made if made[key].shape == (4, 8)]
    expected = init.kaiming_normal_(torch.empty(4, 8), nonlinearity="relu", generator=_generator(0, name))
    assert torch.equal(made[name], expected)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("he_norml", "there is no distribution `he_norml`"),
        ("cnv=ones", "`cnv` is neither an op nor a group of weights"),
        ("conv=normal", "`normal` needs `std`"),
        ("deconv=ones", "the network has no weights of `deconv`"),
        ("bias=he_normal", "needs a matrix"),
        ("conv=orthogonal bias=zeros weight=ones fc=ones", "nothing is left to `weight`"),
        ("residual_gamma=zeros", "no weights of `residual_gamma`"),
        ("conv=ones batch 3", "more than the `init`"),
        ("conv=ones }\nfc 3\nlet x = (1", ""),
        ("conv=ones }\ntrain { init fc=ones", "more than the `init`"),
        ("", ""),
    ],
)
def test_mistakes(given: str, message: str) -> None:
    with pytest.raises(ArchError) as caught:
        archdsl.loads(_NET).module(init=given)
    assert message in caught.value.diagnostics[0].message


def test_a_recipe_that_does_not_fit_is_located() -> None:
    with pytest.raises(ArchError) as caught:
        archdsl.loads(f"{_NET}\ntrain {{ init deconv=ones }}")
    (found,) = caught.value.diagnostics
    assert found.id == "unknown-setting"
    assert found.span is not None
    assert found.span.text == "deconv"
