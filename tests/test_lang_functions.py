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


class _Unit(nn.Module):
    """The residual module of stacked hourglasses, Figure 4, left, with its norms before the convolutions."""

    def __init__(self, entering: int, leaving: int) -> None:
        super().__init__()
        half = leaving // 2
        self.bn1, self.conv1 = nn.BatchNorm2d(entering), nn.Conv2d(entering, half, 1)
        self.bn2, self.conv2 = nn.BatchNorm2d(half), nn.Conv2d(half, half, 3, padding=1)
        self.bn3, self.conv3 = nn.BatchNorm2d(half), nn.Conv2d(half, leaving, 1)
        self.skip = nn.Identity() if entering == leaving else nn.Conv2d(entering, leaving, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(F.relu(self.bn1(x)))
        y = self.conv2(F.relu(self.bn2(y)))
        y = self.conv3(F.relu(self.bn3(y)))
        summed: Tensor = y + self.skip(x)
        return summed


class _Hourglasses(nn.Module):
    """The network of Newell, Yang & Deng, with loops in place of the text's recursion; heat maps of every stack."""

    def __init__(self, stacks: int, width: int, joints: int) -> None:
        super().__init__()
        half = width // 2
        self.conv, self.bn = nn.Conv2d(3, 64, 7, stride=2, padding=3), nn.BatchNorm2d(64)
        self.units = nn.ModuleList([_Unit(64, half), _Unit(half, half), _Unit(half, width)])
        # Of a glass: for each of four sizes what stays, what goes down and what comes back; the lowest in between.
        self.glasses = nn.ModuleList(nn.ModuleList(_Unit(width, width) for _ in range(13)) for _ in range(stacks))
        self.behind = nn.ModuleList(_Unit(width, width) for _ in range(stacks))
        self.linear = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(stacks))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(stacks))
        self.heads = nn.ModuleList(nn.Conv2d(width, joints, 1) for _ in range(stacks))
        self.features = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(stacks - 1))
        self.remapped = nn.ModuleList(nn.Conv2d(joints, width, 1) for _ in range(stacks - 1))

    def in_order(self) -> list[nn.Module]:
        """Its layers as the text has them."""
        found: list[nn.Module] = [self.conv, self.bn, *self.units]
        for number, (module, behind) in enumerate(zip(self.glasses, self.behind, strict=True)):
            glass = list(module.children())
            stays, down, lowest, back = glass[0:4], glass[4:8], glass[8], glass[9:13]
            for kept, gone in zip(stays, down, strict=True):
                found += [kept, gone]
            found += [lowest, *reversed(back), behind, self.linear[number], self.norms[number], self.heads[number]]
            if number < len(self.features):
                found += [self.features[number], self.remapped[number]]
        return found

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.units[0](F.relu(self.bn(self.conv(x))))
        x = self.units[2](self.units[1](F.max_pool2d(x, 2)))
        heats = []
        for number, module in enumerate(self.glasses):
            glass = list(module.children())
            y, kept = x, []
            for size in range(4):
                kept.append(glass[size](y))
                y = glass[4 + size](F.max_pool2d(y, 2))
            y = glass[8](y)
            for size in reversed(range(4)):
                y = glass[9 + size](y)
                y = kept[size] + y.repeat_interleave(2, 2).repeat_interleave(2, 3)
            y = F.relu(self.norms[number](self.linear[number](self.behind[number](y))))
            heats.append(self.heads[number](y))
            if number < len(self.features):
                x = x + self.features[number](y) + self.remapped[number](heats[-1])
        return heats


@pytest.mark.parametrize("stacks", [1, 3])
def test_hourglasses(stacks: int) -> None:
    text = _program("A head after every stack").replace("256x256x3", "64x64x3")
    net = archdsl.loads(text, settings={"stacks": stacks, "width": 16, "joints": 5})
    module, own = net.module(seed=0).train(), _Hourglasses(stacks, 16, 5).train()
    given = [value for name, value in module.state_dict().items() if "num_batches" not in name]
    mine = [value for layer in own.in_order() for name, value in layer.state_dict().items() if "num" not in name]
    with torch.no_grad():
        for value, other in zip(mine, given, strict=True):
            value.copy_(other)
        x = torch.randn(2, 3, 64, 64)
        found = module(x)
        torch.testing.assert_close([found] if stacks == 1 else list(found), own(x))


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
