"""Every op's examples against real PyTorch: accepted and refused by both, same sizes, same state, same MACs.

In: the `examples` of every registered op. A new op is tested by being registered; nothing here names one.
"""

from __future__ import annotations

import pytest
from op_harness import cases, elaborated, layer_of, observe, refuse, text_of

from archdsl.ops.base import NOTHING, WHOLE, Example, Op
from archdsl.ops.registry import lookup


def _bind(example: Example, monkeypatch: pytest.MonkeyPatch) -> Op | None:
    """The op of a refused example, bound with its shape rule put aside; None where its arguments are wrong already."""
    kind = lookup(example.text.split()[0])
    assert kind is not None
    with monkeypatch.context() as patch:
        patch.setattr(kind, "shape", lambda self, *inputs: inputs[0])
        network, _ = elaborated(text_of(example))
    return network.graph.nodes[-1].op if network is not None else None


@pytest.mark.parametrize("example", cases(accepted=True))
def test_accepted_by_both_and_alike(example: Example) -> None:
    node, op = layer_of(example)
    expected = example.output if example.output and isinstance(example.output[0], tuple) else (example.output,)
    assert node.shapes == expected

    weights = op.weights(*node.input_shapes)
    parameters = {(weight.name, weight.shape) for weight in weights if weight.kind == "parameter"}
    buffers = {(weight.name, weight.shape) for weight in weights if weight.kind != "parameter"}
    assert len(parameters) + len(buffers) == len(weights)
    for observed in observe(op, node.input_shapes, node.shapes):
        assert observed.outputs == node.shapes
        assert observed.parameters == parameters
        assert observed.buffers == buffers
        assert observed.macs == op.macs(node.input_shapes, node.shapes)


@pytest.mark.parametrize("example", cases(accepted=False))
def test_refused_by_both(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    network, found = elaborated(text_of(example))
    assert network is None
    assert [diagnostic.id for diagnostic in found] == [example.error]
    if example.torch_accepts is not None:
        assert example.torch is None, "either PyTorch refuses it or it does not"
        return
    if example.torch is not None:
        assert refuse(example.inputs, expression=example.torch) is not None, f"PyTorch accepts {example.torch}"
        return
    op = _bind(example, monkeypatch)
    assert op is not None, "it cannot be bound, so write what PyTorch refuses as `torch=…`"
    assert refuse(example.inputs, op=op) is not None, f"PyTorch accepts {op.torch(example.inputs, ())}"


@pytest.mark.parametrize("example", cases(accepted=True))
def test_what_else_it_states_is_whole(example: Example) -> None:
    node, op = layer_of(example)
    work = op.work(node.input_shapes, node.shapes)
    assert isinstance(work, int)
    assert work >= 0
    reach = op.reach(*node.input_shapes)
    if reach is not None and reach not in (WHOLE, NOTHING):
        axes = len(node.input_shapes[0]) - 1
        assert (len(reach.kernel), len(reach.stride), len(reach.padding)) == (axes,) * 3
        assert min(reach.kernel) >= 1
        assert min(reach.stride) > 0


@pytest.mark.parametrize("example", cases(accepted=True))
def test_an_op_shown_as_text_is_the_same_op(example: Example) -> None:
    _, op = layer_of(example)
    _, again = layer_of(Example(op.call(), example.inputs, example.output))
    assert again == op
