"""Random networks: the language and PyTorch agree on what is right, on every size and on every parameter.

In: the networks of `differential.draw`, which PyTorch runs on the meta device without knowing of archdsl. Each is
compared with the checked graph of its text, and with the module that is generated from that graph.
"""

from __future__ import annotations

import linecache
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from differential.draw import EVERY, networks
from differential.network import Network, Ran, paper, tensor
from differential.purpose import REASONS
from differential.shapes import MERGES
from hypothesis import HealthCheck, given, seed, settings
from torch import Tensor

from archdsl.codegen import module as generated
from archdsl.codegen.paths import layer_paths
from archdsl.diagnostics import Collector, render_text
from archdsl.elaborate import Request, Workspace
from archdsl.graph import Graph
from archdsl.ops.registry import lookup, names

PARTS = 16
"""Tests that the cases are shared among, so that they run beside each other."""


def _elaborate(network: Network) -> tuple[Graph | None, Collector]:
    found = Collector()
    made = Workspace.text(network.text, found, "net.arch").network(Request(), found)
    return made.graph if made is not None else None, found


def _compare(network: Network, ran: Ran, graph: Graph | None, found: Collector) -> None:
    """Accepted or refused by both, and then alike layer by layer."""
    if ran.refused is not None:
        assert graph is None, f"PyTorch refuses {ran.refused}"
        assert len(found), "refused without a word"
        return
    assert graph is not None, "PyTorch accepts it\n" + render_text(found)
    layers = list(graph.layers)
    assert len(layers) == len(ran.records)
    for node, record in zip(layers, ran.records, strict=True):
        assert node.op is not None
        assert node.shapes == record.outputs, f"`{record.text}` as `{node.call}`"
        weights = node.op.weights(*node.input_shapes)
        parameters = sorted(weight.shape for weight in weights if weight.kind == "parameter")
        assert tuple(parameters) == record.parameters, f"`{record.text}` as `{node.call}`"
        assert (node.shared is not None) == (record.again and bool(weights)), f"`{record.text}`"
    assert tuple(graph.shape(output.port) for output in graph.outputs) == ran.outputs


@contextmanager
def _generated(graph: Graph) -> Iterator[torch.nn.Module]:
    """The module, forgotten afterwards: 200,000 of them would fill the memory."""
    module = generated.build(graph)
    try:
        yield module
    finally:
        name = type(module).__module__
        filename = sys.modules.pop(name).__file__
        linecache.cache.pop(str(filename), None)


def _compare_module(network: Network, ran: Ran, graph: Graph) -> None:
    """The generated module gives the same sizes and holds the same parameters, layer by layer."""
    with _generated(graph) as module:
        leaving = module(*(tensor(entry.shape, ids=entry.ids) for entry in network.inputs))
        outputs = (leaving,) if isinstance(leaving, Tensor) else tuple(leaving)
        assert tuple(map(paper, outputs)) == ran.outputs
        state = {name: tuple(value.shape) for name, value in module.named_parameters()}
        assert sum(map(math.prod, state.values())) == ran.parameters
        paths = layer_paths(graph)
        for node, record in zip(graph.layers, ran.records, strict=True):
            if not record.parameters:
                continue
            own = sorted(shape for name, shape in state.items() if name.startswith(f"{paths[node.key]}."))
            assert tuple(own) == record.parameters, f"{paths[node.key]}: `{record.text}`"


@pytest.mark.filterwarnings("ignore")  # PyTorch warns of odd arguments; what counts is what it does
@pytest.mark.parametrize("part", range(PARTS))
def test_random_networks(part: int, cases: int) -> None:
    @seed(part)
    @settings(
        max_examples=max(1, cases // PARTS),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(networks())
    def agree(network: Network) -> None:
        ran = network.run()
        graph, found = _elaborate(network)
        try:
            _compare(network, ran, graph, found)
            if graph is not None:
                _compare_module(network, ran, graph)
        except Exception as error:
            error.add_note(network.text)
            raise

    agree()


def test_every_op_is_drawn() -> None:
    drawn = {draw.__name__.removesuffix("_") for draw in EVERY} | set(MERGES)
    assert drawn - set(names()) == {"table_conv"}
    # A draw of one column and the join that takes it have tests of their own, test_zoo_fractalnet.py.
    assert {name for name in names() if name not in drawn} == {"pick_column", "column_mean"}


@pytest.mark.parametrize(("op", "case"), REASONS)
def test_what_is_refused_on_purpose_is_documented(op: str, case: str) -> None:
    kind = lookup(op)
    assert kind is not None
    assert REASONS[op, case] in {example.torch_accepts for example in kind.examples}
