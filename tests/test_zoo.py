"""Every network of `specs/` holds together: no mistakes, no warnings, counts and passes as PyTorch has them.

The published figures are the `expect` claims of the files, which the check compares; MACs are those that PyTorch's own
counter sees in the compiled module. All of it runs on the meta device, without memory or arithmetic. Networks of a
thousand layers are checked here and compiled by `make zoo`, which sets ARCHDSL_ZOO=all.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from archdsl.analysis.counts import count
from archdsl.checking import check_file
from archdsl.codegen.module import build
from archdsl.diagnostics import render_text
from archdsl.elaborate import Request
from archdsl.graph import Graph
from archdsl.ops.base import torch_shape
from archdsl.resources import specs_path
from tests.zoo import Entry, entries, files, vocabulary


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_file_has_no_mistake_and_no_warning(path: Path) -> None:
    checked = check_file(path, Request())
    assert not checked.diagnostics, render_text(checked.diagnostics)


@pytest.mark.parametrize("path", sorted({entry.path for entry in entries()}), ids=lambda path: path.stem)
def test_file_claims_figures_and_gives_their_source(path: Path) -> None:
    claims = [line for line in path.read_text(encoding="utf-8").splitlines() if "expect " in line.split("#")[0]]
    assert claims
    assert [line for line in claims if '"' not in line.split("expect ")[1]] == []


@pytest.mark.parametrize(
    ("file", "most"),
    [
        ("resnet/resnet", 25),  # the ImageNet family: 18, 34, 50, 101, 152
        ("vgg/vgg", 15),  # the six configurations of Table 1
        ("googlenet/googlenet", 30),  # with both heads, and torchvision's
        ("densenet/densenet", 15),
        ("nasnet/nasnet", 60),
    ],
)
def test_families_are_short(file: str, most: int) -> None:
    """What the language must be able to say in so many lines of code, claims counted and comments not."""
    text = (specs_path() / f"{file}.arch").read_text(encoding="utf-8")
    assert len([line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]) <= most


def test_every_network_has_a_name_of_its_own() -> None:
    """`zoo:resnet50` must mean one network."""
    names = Counter(entry.name for entry in entries() if entry.variant is not None)
    assert [name for name, times in names.items() if times > 1] == []


@dataclass(frozen=True)
class Built:
    """A network and its module on the meta device."""

    graph: Graph
    module: nn.Module

    def run(self, examples: int) -> tuple[Tensor, ...]:
        """Every output for a batch."""
        shapes = [(examples, *torch_shape(node.shape)) for node in self.graph.inputs]
        kind = torch.float32 if vocabulary(self.graph) is None else torch.long
        made = self.module(*(torch.empty(shape, dtype=kind, device="meta") for shape in shapes))
        return made if isinstance(made, tuple) else (made,)


VERY_DEEP = ("1001", "1202")
"""In the names of networks of a thousand layers, which take ten seconds each and are left to `make zoo`."""


def _compiled() -> list[Entry]:
    whole = os.environ.get("ARCHDSL_ZOO") == "all"
    return [entry for entry in entries() if whole or not any(depth in entry.name for depth in VERY_DEEP)]


@pytest.fixture(scope="module", params=_compiled(), ids=str)
def built(request: pytest.FixtureRequest) -> Built:
    """Each network in turn, compiled once for all tests of it."""
    graph = request.param.graph()
    return Built(graph, build(graph))


def test_macs_are_those_of_the_flop_counter(built: Built) -> None:
    built.module.eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        built.run(1)
    assert 2 * count(built.graph).total.macs == counter.get_total_flops()


def test_parameters_are_those_of_the_compiled_module(built: Built) -> None:
    """Shared weights are counted once by both; heads of training are a part of the module."""
    counted = count(built.graph)
    expected = counted.total.params + counted.training.params
    assert sum(p.numel() for p in built.module.parameters() if p.requires_grad) == expected


def test_every_weight_gets_a_gradient(built: Built) -> None:
    """A forward and a backward pass in training mode, through every output."""
    built.module.train()
    torch.autograd.backward([output.sum() for output in built.run(2)])
    assert [name for name, weight in built.module.named_parameters() if weight.grad is None] == []
