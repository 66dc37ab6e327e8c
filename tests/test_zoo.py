"""Every network of `specs/` holds together: no mistakes, no warnings, counts and passes as PyTorch has them.

The published figures are the `expect` claims of the files, which the check compares; MACs are those that PyTorch's own
counter sees in the compiled module. All of it runs on the meta device, without memory or arithmetic.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from archdsl.analysis.counts import count
from archdsl.checking import check_file
from archdsl.codegen.module import build
from archdsl.diagnostics import render_text
from archdsl.elaborate import Request
from archdsl.graph import Graph
from archdsl.ops.base import torch_shape
from tests.zoo import Entry, entries, files


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_file_has_no_mistake_and_no_warning(path: Path) -> None:
    checked = check_file(path, Request())
    assert not checked.diagnostics, render_text(checked.diagnostics)


@pytest.mark.parametrize("path", [p for p in files() if p.parent.name != "lib"], ids=lambda path: path.stem)
def test_file_claims_figures_and_gives_their_source(path: Path) -> None:
    claims = [line for line in path.read_text(encoding="utf-8").splitlines() if "expect " in line.split("#")[0]]
    assert claims
    assert [line for line in claims if '"' not in line.split("expect ")[1]] == []


def test_every_network_has_a_name_of_its_own() -> None:
    """`zoo:resnet50` must mean one network."""
    names = Counter(entry.name for entry in entries() if entry.variant is not None)
    assert [name for name, times in names.items() if times > 1] == []


def _batch(graph: Graph, examples: int) -> list[Tensor]:
    return [torch.empty((examples, *torch_shape(node.shape)), device="meta") for node in graph.inputs]


@pytest.mark.parametrize("entry", entries(), ids=str)
def test_macs_are_those_of_the_flop_counter(entry: Entry) -> None:
    graph = entry.graph()
    module = build(graph).eval()
    with FlopCounterMode(display=False) as counter:
        module(*_batch(graph, 1))
    assert 2 * count(graph).total.macs == counter.get_total_flops()


@pytest.mark.parametrize("entry", entries(), ids=str)
def test_parameters_are_those_of_the_compiled_module(entry: Entry) -> None:
    """Shared weights are counted once by both; heads of training are a part of the module."""
    graph = entry.graph()
    counted = count(graph)
    expected = counted.total.params + counted.training.params
    assert sum(p.numel() for p in build(graph).parameters() if p.requires_grad) == expected


@pytest.mark.parametrize("entry", entries(), ids=str)
def test_every_weight_gets_a_gradient(entry: Entry) -> None:
    """A forward and a backward pass in training mode, through every output."""
    graph = entry.graph()
    module = build(graph).train()
    made = module(*_batch(graph, 2))
    outputs = made if isinstance(made, tuple) else (made,)
    torch.autograd.backward([output.sum() for output in outputs])
    assert [name for name, weight in module.named_parameters() if weight.grad is None] == []
