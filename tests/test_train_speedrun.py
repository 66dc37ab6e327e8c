"""What a speed recipe needs: whitening filters, identity filters, flips that alternate, reflected borders.

In: small networks and images. What is expected is arithmetic (a whitened patch has the identity as its covariance) or
PyTorch's own function.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional

import archdsl
from archdsl.elaborate.recipe_init import Dirac, Initial, Whiten
from archdsl.elaborate.recipe_learning import Sgd
from archdsl.elaborate.recipe_settings import Augment, Data
from archdsl.elaborate.recipe_values import Crop
from archdsl.train.dataset import Dataset, Examples, Prepare
from archdsl.train.errors import TrainError
from archdsl.train.feed import Feed
from archdsl.train.geometry import cropped
from archdsl.train.learner import Learner
from archdsl.train.machine import CPU
from archdsl.train.plan import Plan, Weights

_NET = "input 12x12x3\nconv 2x2 {} -> gelu -> gap -> fc 4\n"
_PLAN = Plan(Data("npz"), batch=16, optimizer=Sgd(lr=0.1), init=(Initial("first", Whiten(eps=1e-9)),))


def _images(count: int = 64, channels: int = 3) -> Dataset:
    """Smooth random images, whose neighbouring pixels say much of each other."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(count, channels, 3, 3, generator=generator)
    images = functional.interpolate(noise, size=(12, 12), mode="bicubic").clamp(0, 1)
    images += 0.05 * torch.rand(images.shape, generator=generator)
    part = Examples(images, torch.randint(4, (count,), generator=generator))
    prepare = Prepare(mean=(0.4, 0.5, 0.6)[:channels], deviation=(0.2, 0.3, 0.4)[:channels])
    return Dataset("smooth", part, part, 4, (12, 12, channels), prepare=prepare)


def _learner(text: str, plan: Plan = _PLAN, data: Dataset | None = None) -> Learner:
    return Learner(archdsl.loads(text).graph, plan, CPU, data or _images())


# ------------------------------------------------------------ whitening


def test_what_a_whitening_layer_gives_is_white() -> None:
    data = _images()
    layer = next(module for module in _learner(_NET.format(24)).module.modules() if isinstance(module, nn.Conv2d))
    images = data.prepare.normalised(data.prepare.floats(data.train.take(torch.arange(64), None)))
    with torch.no_grad():
        given = functional.conv2d(images, layer.weight).movedim(1, 0).flatten(1).double()
    # 2*2*3 = 12 components: uncorrelated, mean square 1; the other 12 filters are their negatives.
    torch.testing.assert_close(given[:12] @ given[:12].T / given.shape[1], torch.eye(12).double(), atol=2e-3, rtol=0)
    torch.testing.assert_close(given[12:], -given[:12])
    # Strongest first: a filter that has to make more of less is longer.
    lengths = layer.weight[:12].flatten(1).norm(dim=1)
    assert torch.equal(lengths, lengths.sort().values)


def test_whitening_filters_are_held_and_their_bias_is_not() -> None:
    learner = _learner(_NET.format(12))
    before = {name: tensor.clone() for name, tensor in learner.module.state_dict().items()}
    (batch,) = next(iter(Feed(_images(), _PLAN, CPU).steps(0, 0)))
    learner.step(0, [batch], 0.1)
    moved = {name for name, tensor in learner.module.state_dict().items() if not torch.equal(tensor, before[name])}
    assert moved == {"conv.bias", "fc.weight", "fc.bias"}
    assert learner.said == ["whitened: `conv.weight`, by 64 images"]


def test_weights_of_a_file_are_not_whitened_again(tmp_path: object) -> None:
    from pathlib import Path

    from safetensors.torch import save_file

    path = Path(str(tmp_path)) / "w.safetensors"
    begun = archdsl.loads(_NET.format(24)).module(seed=3).state_dict()
    save_file(dict(begun), path)
    learner = _learner(_NET.format(24), replace(_PLAN, weights=Weights(str(path), "")))
    assert torch.equal(learner.module.state_dict()["conv.weight"], begun["conv.weight"])
    assert not learner.module.get_parameter("conv.weight").requires_grad


@pytest.mark.parametrize(
    ("text", "channels", "says"),
    [
        (_NET.format(10), 3, "has 10 filters, and a patch of 2x2x3 has 12 values"),
        ("input 12x12x3\nconv 2x2 24 groups=3 -> gap -> fc 4", 3, "is for a convolution over whole images"),
        ("input 12x12x3\nfc 4", 3, "is for a convolution over whole images"),
        ("input 12x12x3\nbn -> conv 2x2 24 -> gap -> fc 4", 3, "`first`"),
        ("input 12x12x3\nmaxpool 2 -> conv 2x2 24 -> gap -> fc 4", 3, "is for a convolution over whole images"),
    ],
)
def test_what_cannot_be_whitened_is_said(text: str, channels: int, says: str) -> None:
    with pytest.raises(TrainError, match=says):
        _learner(text, data=_images(channels=channels))


def test_a_wider_layer_passes_its_maps_on() -> None:
    plan = replace(_PLAN, init=(Initial("conv", Dirac()),))
    weight = (
        _learner("input 12x12x3\nconv 3x3+1 8 bias=false -> gap -> fc 4", plan)
        .module.get_parameter("conv.weight")
        .detach()
    )
    assert torch.equal(weight[:3], nn.init.dirac_(torch.empty(3, 3, 3, 3)))
    # The others are those of nn.Conv2d: within 1 / sqrt(fan in) of zero, and none of them is zero.
    assert float(weight[3:].abs().max()) <= 27**-0.5
    assert bool((weight[3:] != 0).all())


# ------------------------------------------------------------ images


def _epoch(augment: Augment, epoch: int) -> torch.Tensor:
    """The images of an epoch, in the order of the set."""
    data, plan = _images(), Plan(Data("npz"), augment, batch=64)
    (batch,) = next(iter(Feed(data, plan, CPU).steps(epoch, 0)))
    from archdsl.train.randomness import order

    return batch.images[order(plan.seed, epoch, 64).argsort()]


def test_flips_alternate() -> None:
    first, second, third, fourth = (_epoch(Augment(flip=True, alternate=True), epoch) for epoch in range(4))
    plain = _epoch(Augment(), 0)
    mirrored = (first == plain.flip(-1)).flatten(1).all(1)
    assert torch.equal(first[~mirrored], plain[~mirrored])
    assert 16 <= int(mirrored.sum()) <= 48
    assert torch.equal(second, first.flip(-1))
    assert torch.equal(third, first)
    assert torch.equal(fourth, second)


def test_a_crop_may_reflect_the_border() -> None:
    images = torch.rand(32, 3, 8, 8)
    made = cropped(images, Crop((8, 8), 2), torch.rand(32, 2), reflect=True)
    windows = functional.pad(images, (2, 2, 2, 2), mode="reflect").unfold(2, 8, 1).unfold(3, 8, 1)
    found = (windows.permute(0, 2, 3, 1, 4, 5) == made[:, None, None]).flatten(3).all(3)
    assert torch.equal(found.flatten(1).sum(1), torch.ones(32, dtype=torch.long))
