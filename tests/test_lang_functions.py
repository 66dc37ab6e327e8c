"""Programs of the language reference compute what their papers say, written in plain PyTorch here.

In: programs of `tests/lang`. Out: agreement of the compiled module with loops and layers that share no code with it.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import archdsl

_PROGRAMS = (Path(__file__).parent / "lang" / "14-programs.md").read_text(encoding="utf-8")


def _program(heading: str) -> str:
    """The first program below a heading."""
    found = re.search(rf"^## {heading}$.*?^```arch\n(.*?)^```$", _PROGRAMS, re.DOTALL | re.MULTILINE)
    assert found is not None, heading
    return found[1]


def _wavenet(module: nn.Module, x: Tensor, layers: int) -> Tensor:
    """Equation 2 and Figure 4 of the paper, with the weights of the module; x is (N, L, 256)."""
    weights = module.state_dict()

    def conv(name: str, x: Tensor, dilation: int = 1) -> Tensor:
        return F.conv1d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], dilation=dilation)

    h = conv("h", F.pad(x.mT, (1, 0)))
    total = torch.zeros(())
    for k in range(layers):
        past = F.pad(h, (2 ** (k % 10), 0))
        name = f"total_{k}"
        gate = torch.tanh(conv(f"{name}.conv1", past, 2 ** (k % 10)))
        z = gate * torch.sigmoid(conv(f"{name}.conv2", past, 2 ** (k % 10)))
        total = total + conv(f"{name}.s", z)
        if k < layers - 1:
            h = h + conv(f"{name}.conv3", z)
    y = conv("conv2", F.relu(conv("conv1", F.relu(total))))
    return y.mT.softmax(2)


@pytest.mark.parametrize("layers", [2, 12])
def test_wavenet(layers: int) -> None:
    text = _program("Two sums along one stack").replace("16000x256", "96x256")
    net = archdsl.loads(text, settings={"layers": layers, "residual": 8, "skip": 16})
    module = net.module(seed=0).eval()
    x = torch.rand(2, 96, 256)
    with torch.no_grad():
        torch.testing.assert_close(module(x), _wavenet(module, x, layers))


def test_wavenet_sees_the_past_alone() -> None:
    text = _program("Two sums along one stack").replace("16000x256", "64x256")
    module = archdsl.loads(text, settings={"layers": 8, "residual": 8, "skip": 16}).module(seed=0).eval()
    x = torch.rand(1, 64, 256)
    later = x.clone()
    later[:, 40:] = torch.rand(1, 24, 256)
    with torch.no_grad():
        before, after = module(x), module(later)
    assert torch.equal(before[:, :40], after[:, :40])
    assert not torch.allclose(before[:, 40:], after[:, 40:])


class _TNet(nn.Module):
    """PointNet's input transform in the order of its paper: points (N, L, 3) to matrices (N, 3, 3)."""

    def __init__(self) -> None:
        super().__init__()
        sizes = [3, 64, 128, 1024]
        self.points = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.point_norms = nn.ModuleList(nn.BatchNorm1d(b) for b in sizes[1:])
        sizes = [1024, 512, 256]
        self.dense = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.dense_norms = nn.ModuleList(nn.BatchNorm1d(b) for b in sizes[1:])
        self.last = nn.Linear(256, 9)

    def forward(self, x: Tensor) -> Tensor:
        for layer, norm in zip(self.points, self.point_norms, strict=True):
            x = F.relu(norm(layer(x).transpose(1, 2)).transpose(1, 2))
        x = x.max(dim=1).values
        for layer, norm in zip(self.dense, self.dense_norms, strict=True):
            x = F.relu(norm(layer(x)))
        # One on the diagonal of each, row by row: the values 0, 4 and 8 of nine.
        matrix: Tensor = (self.last(x) + torch.tensor([1.0, 0, 0, 0, 1, 0, 0, 0, 1])).view(-1, 3, 3)
        return matrix


def test_tnet() -> None:
    net = archdsl.loads(_program("A matrix that the network makes itself").replace("1024x3", "32x3"))
    module, own = net.module(seed=0).eval(), _TNet().eval()
    given = [value for name, value in module.state_dict().items() if "num_batches" not in name]
    kinds = [part for pair in zip(own.points, own.point_norms, strict=True) for part in pair]
    kinds += [part for pair in zip(own.dense, own.dense_norms, strict=True) for part in pair]
    mine = [value for part in [*kinds, own.last] for name, value in part.state_dict().items() if "num" not in name]
    assert sum(value.numel() for value in own.parameters()) == 803_081
    with torch.no_grad():
        for value, other in zip(mine, given, strict=True):
            value.copy_(other.view_as(value))
        x = torch.randn(4, 32, 3)
        torch.testing.assert_close(module(x), torch.bmm(x, own(x)))


@pytest.mark.parametrize("size", [1, 3, 64])
def test_the_identity_is_added_and_its_gradient_goes_on(size: int) -> None:
    module = archdsl.loads(f"input {size}x{size}\nadd_identity").module()
    x = torch.randn(5, size, size, requires_grad=True)
    y = module(x)
    assert torch.equal(y, x + torch.diag(torch.ones(size)))
    y.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, torch.ones_like(x))
    assert list(module.state_dict()) == []
    assert module(x.detach().double()).dtype == torch.float64


def test_a_layer_that_makes_a_matrix_of_a_vector_is_not_taken_for_one_that_may_be_missing() -> None:
    """Two blocks of one name, of which one ends in `reshape`, are two classes; this was a crash of `compile`."""
    text = "input 9\nblock end<k> = fc (k*k) -> reshape [k, k] -> add_identity\nend<3> -> flatten -> end<4>"
    module = archdsl.loads(text).module()
    assert module(torch.randn(2, 9)).shape == (2, 4, 4)
