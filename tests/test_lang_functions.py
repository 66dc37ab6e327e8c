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


class _Module(nn.Module):
    """The residual module of the hourglass paper, Figure 4 on the left, normalised first."""

    def __init__(self, entering: int, width: int) -> None:
        super().__init__()
        half = width // 2
        sizes = [(entering, half, 1), (half, half, 3), (half, width, 1)]
        self.steps = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(a), nn.ReLU(), nn.Conv2d(a, b, k, padding=k // 2)) for a, b, k in sizes
        )
        self.skip = nn.Conv2d(entering, width, 1) if entering != width else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for step in self.steps:
            y = step(y)
        return torch.add(self.skip(x), y)


class _Hourglass(nn.Module):
    """Figure 3 of the paper as a loop: down four times, the skips kept in a list, and up again."""

    def __init__(self) -> None:
        super().__init__()
        self.skips, self.down, self.up = (nn.ModuleList(_Module(256, 256) for _ in range(4)) for _ in range(3))
        self.bottom = _Module(256, 256)

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for skip, down in zip(self.skips, self.down, strict=True):
            kept.append(skip(x))
            x = down(F.max_pool2d(x, 2))
        x = self.bottom(x)
        for up in self.up:
            x = torch.add(kept.pop(), up(x).repeat_interleave(2, 2).repeat_interleave(2, 3))
        return x


class _Stacked(nn.Module):
    """The network of the paper, which gives the heatmaps of every stack."""

    def __init__(self, stacks: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3), nn.BatchNorm2d(64), nn.ReLU(), _Module(64, 128))
        self.stem.extend([nn.MaxPool2d(2), _Module(128, 128), _Module(128, 256)])
        self.hourglasses = nn.ModuleList(_Hourglass() for _ in range(stacks))
        body = [nn.Sequential(_Module(256, 256), nn.Conv2d(256, 256, 1)) for _ in range(stacks)]
        self.features = nn.ModuleList(b.extend([nn.BatchNorm2d(256), nn.ReLU()]) for b in body)
        self.heats = nn.ModuleList(nn.Conv2d(256, 16, 1) for _ in range(stacks))
        self.back = nn.ModuleList(nn.Conv2d(256, 256, 1) for _ in range(stacks - 1))
        self.mapped = nn.ModuleList(nn.Conv2d(16, 256, 1) for _ in range(stacks - 1))

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.stem(x)
        made: list[Tensor] = []
        for i, (hourglass, features) in enumerate(zip(self.hourglasses, self.features, strict=True)):
            y = features(hourglass(x))
            made.append(self.heats[i](y))
            if i < len(self.back):
                x = x + self.back[i](y) + self.mapped[i](made[-1])
        return made

    def in_order(self) -> list[nn.Module]:
        """Convolutions and normalisations as the text has them."""

        def leaves(part: nn.Module) -> list[nn.Module]:
            return [each for each in part.modules() if isinstance(each, nn.Conv2d | nn.BatchNorm2d)]

        order = leaves(self.stem)
        for i, (hourglass, features) in enumerate(zip(self.hourglasses, self.features, strict=True)):
            assert isinstance(hourglass, _Hourglass)
            for skip, down in zip(hourglass.skips, hourglass.down, strict=True):
                order += leaves(skip) + leaves(down)
            order += leaves(hourglass.bottom) + leaves(hourglass.up)
            order += leaves(features) + leaves(self.heats[i])
            for back in (self.back, self.mapped):
                order += leaves(back[i]) if i < len(back) else []
        return order


def _by_structure(module: nn.Module) -> list[Tensor]:
    return [value for name, value in module.state_dict().items() if "num_batches" not in name]


@pytest.mark.parametrize("stacks", [1, 3])
def test_stacked_hourglass(stacks: int) -> None:
    text = _program("A head in every turn").replace("256x256x3", "64x64x3").replace(":: 64x64x256", ":: 16x16x256")
    module, own = archdsl.loads(text, settings={"stacks": stacks}).module(seed=0), _Stacked(stacks)
    given = _by_structure(module)
    mine = [value for part in own.in_order() for value in _by_structure(part)]
    x = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        for value, other in zip(mine, given, strict=True):
            value.copy_(other)
        heats = own.eval()(x)
        torch.testing.assert_close(module.eval()(x), heats[-1], rtol=1e-4, atol=1e-4)
        module.train()
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.eval()
        trained = module(x)
    if stacks == 1:
        assert isinstance(trained, Tensor)
        return
    assert trained._fields == ("output", *(f"heat{i + 1}" for i in range(stacks - 1)))
    for got, heat in zip((*trained[1:], trained[0]), heats, strict=True):
        torch.testing.assert_close(got, heat, rtol=1e-4, atol=1e-4)


def test_the_stacked_hourglass_has_as_many_weights_as_one_written_by_hand() -> None:
    with torch.device("meta"):
        own = _Stacked(8)
    assert sum(value.numel() for value in own.parameters()) == 25_434_112


class _Nested(nn.Module):
    """UNet++ by equation 1 of its paper, the nodes in a table by level and column; gives the masks of all columns."""

    def __init__(self, widths: list[int]) -> None:
        super().__init__()
        levels = len(widths)
        self.nodes, self.ups, self.heads = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleList()
        for j in range(levels):
            for i in range(levels - j):
                w = widths[i]
                entering = (j + 1) * w if j else widths[i - 1] if i else 1
                convs = [nn.Conv2d(entering, w, 3, padding=1), nn.ReLU(), nn.Conv2d(w, w, 3, padding=1), nn.ReLU()]
                if j:
                    self.ups[f"{i} {j}"] = nn.ConvTranspose2d(widths[i + 1], w, 2, 2)
                self.nodes[f"{i} {j}"] = nn.Sequential(*convs)
        self.heads.extend(nn.Conv2d(widths[0], 1, 1) for _ in range(levels - 1))

    def forward(self, x: Tensor) -> list[Tensor]:
        made: dict[tuple[int, int], Tensor] = {}
        for key, node in self.nodes.items():
            i, j = map(int, key.split())
            if j:
                before = [made[i, k] for k in range(j)]
                made[i, j] = node(torch.cat([*before, self.ups[key](made[i + 1, j - 1])], dim=1))
            else:
                made[i, j] = node(F.max_pool2d(made[i - 1, 0], 2) if i else x)
        return [head(made[0, j + 1]).sigmoid() for j, head in enumerate(self.heads)]

    def in_order(self) -> list[Tensor]:
        """Weights as the text has them: of each node the deconvolution before it, then its own."""
        ups = dict(self.ups.items())
        parts = [part for key, node in self.nodes.items() for part in (ups.get(key), node)]
        return [value for part in (*parts, self.heads) if part is not None for value in part.parameters()]


def test_unet_plus_plus() -> None:
    text = _program("A grid of skips").replace("[32, 64, 128, 256, 512]", "[4, 6, 7, 9, 10]").replace("96x96", "32x48")
    module, own = archdsl.loads(text, settings={"deep": True}).module(seed=0).train(), _Nested([4, 6, 7, 9, 10])
    x = torch.rand(2, 1, 32, 48)
    with torch.no_grad():
        for value, other in zip(own.in_order(), module.parameters(), strict=True):
            value.copy_(other)
        masks, trained = own(x), module(x)
        torch.testing.assert_close(module.eval()(x), masks[-1])
    assert trained._fields == ("output", "mask1", "mask2", "mask3")
    for got, mask in zip((*trained[1:], trained[0]), masks, strict=True):
        torch.testing.assert_close(got, mask)


def test_unet_plus_plus_has_as_many_weights_as_its_authors_print() -> None:
    with torch.device("meta"):
        own = _Nested([32, 64, 128, 256, 512])
    assert sum(value.numel() for value in own.parameters()) == 9_041_601 + 3 * (32 + 1)


_SIDE_BY_SIDE = """
input 12x12x8
block pool<b> = adaptive_avgpool b -> conv 1x1 2 -> upsample (12 // b)
concat<id | *pool<b> x(b in [1, 2, 3])> -> add<*(conv 1x1 4 @part -> relu) x2>
output parts = @part
"""


def test_turns_side_by_side_all_get_what_enters() -> None:
    module = archdsl.loads(_SIDE_BY_SIDE).module(seed=0)
    x = torch.rand(2, 8, 12, 12)
    weights = iter(module.parameters())

    def conv(x: Tensor) -> Tensor:
        return F.conv2d(x, next(weights), next(weights))

    pooled = [F.interpolate(conv(F.adaptive_avg_pool2d(x, b)), scale_factor=12 // b) for b in (1, 2, 3)]
    y = torch.cat([x, *pooled], dim=1)
    parts = [conv(y), conv(y)]
    made = module(x)
    torch.testing.assert_close(made.output, F.relu(parts[0]) + F.relu(parts[1]))
    torch.testing.assert_close(made.parts1, parts[0])
    torch.testing.assert_close(made.parts2, parts[1])


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
