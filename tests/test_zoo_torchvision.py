"""The networks of `specs/` that torchvision has, equal to torchvision's as functions.

torchvision's weights, drawn at random, go into the module that the `.arch` file compiles to: one tensor after the other,
each with the same last name and the same shape. The same input must then give the same outputs, and in training, with
dropout off, the same gradients of all weights. Both modules hold the same memory, so the largest needs no more than one.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest
import torch
from torch import Tensor, nn

from archdsl.codegen.module import build
from archdsl.graph import Graph
from archdsl.ops.base import torch_shape
from tests.torchvision_cpu import load
from tests.zoo import Entry, entries

models = load()

SIZES: dict[str, int | None] = {"inception_v3": 128, "googlenet": None, "alexnet": None, "vgg": None, "vit": None}
"""Height and width of the input, by how the name begins, where 64 does not do; None is the size that is written."""

TOLERANCE = 1e-5
"""Of the largest value of a tensor."""


def _pairs() -> list[tuple[str, Entry]]:
    """torchvision's name and our network. Where ours of that name follows the paper, torchvision's has a name of its own."""
    ours = {entry.name: entry for entry in entries()}
    found = {name: ours.get(f"{name}_torchvision") or ours.get(name) for name in models.list_models(module=models)}
    return [(name, entry) for name, entry in found.items() if entry is not None]


PAIRS = _pairs()


def _graph(name: str, entry: Entry) -> Graph:
    size = next((size for start, size in SIZES.items() if name.startswith(start)), 64)
    return entry.graph(None if size is None else {None: (size, size, 3)})


def _theirs(name: str) -> nn.Module:
    """torchvision's network with weights at random; batch norm's statistics too, since its initial ones do nothing."""
    builder = models.get_model_builder(name)
    quiet = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    with torch.device("meta"):
        model: nn.Module = builder(**quiet)
    model.to_empty(device="cpu")
    with torch.no_grad():
        for key, tensor in model.state_dict().items():
            if key.endswith("running_var") or (tensor.dim() == 1 and key.endswith("weight")):
                tensor.uniform_(0.5, 1.5)
            elif tensor.dim() < 2:
                tensor.zero_() if key.endswith("num_batches_tracked") else tensor.normal_(0, 0.1)
            else:
                tensor.normal_(0, tensor[0].numel() ** -0.5)
    return model


def _in_order(named: Iterable[tuple[str, Tensor]]) -> list[tuple[str, Tensor]]:
    """The auxiliary heads last: torchvision makes them where they branch off."""
    return sorted(named, key=lambda item: item[0].lower().startswith("aux"))


def _copied(graph: Graph, theirs: nn.Module) -> nn.Module:
    """Our module with torchvision's tensors, in order."""
    ours = build(graph)
    given, wanted = _in_order(theirs.state_dict().items()), _in_order(ours.state_dict().items())
    described = [[(key.rpartition(".")[2], tuple(value.shape)) for key, value in state] for state in (given, wanted)]
    assert described[0] == described[1]
    state = {key: value for (key, _), (_, value) in zip(wanted, given, strict=True)}
    ours.load_state_dict(state, assign=True)
    return ours


def _images(graph: Graph, examples: int) -> Tensor:
    return torch.randn(examples, *torch_shape(graph.inputs[0].shape))


def _outputs(made: Tensor | tuple[Tensor, ...]) -> list[Tensor]:
    """The main output, then the heads by name; torchvision names its outputs, ours stand in that order."""
    if isinstance(made, Tensor):
        return [made]
    names = getattr(made, "_fields", ())
    return [made[0], *(getattr(made, name) for name in sorted(names[1:]))] if "logits" in names else list(made)


def _assert_equal(ours: Tensor, theirs: Tensor, what: str) -> None:
    scale = theirs.abs().max()
    assert scale > 0, what
    assert (ours - theirs).abs().max() <= TOLERANCE * scale, what


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize(("name", "entry"), PAIRS, ids=[name for name, _ in PAIRS])
def test_same_outputs(name: str, entry: Entry) -> None:
    graph = _graph(name, entry)
    theirs = _theirs(name).eval()
    ours = _copied(graph, theirs).eval()
    images = _images(graph, 1)
    with torch.inference_mode():
        _assert_equal(ours(images), theirs(images), "output")


def _training(module: nn.Module) -> nn.Module:
    """In training mode, nothing dropped."""
    module.train()
    for part in module.modules():
        if "Drop" in type(part).__name__ or "Stochastic" in type(part).__name__:
            part.eval()
    return module


@pytest.mark.parametrize(("name", "entry"), PAIRS, ids=[name for name, _ in PAIRS])
def test_same_heads_and_gradients(name: str, entry: Entry) -> None:
    graph = _graph(name, entry)
    theirs = _training(_theirs(name))
    ours = _training(_copied(graph, theirs))
    images = _images(graph, 2)
    made = [_outputs(module(images)) for module in (theirs, ours)]
    assert len(made[0]) == len(made[1])
    for index, (expected, got) in enumerate(zip(*made, strict=True)):
        _assert_equal(got, expected, f"output {index}")
    directions = [torch.randn_like(output) for output in made[0]]
    for outputs in made:
        torch.autograd.backward(outputs, directions)
    weights = [_in_order(module.named_parameters()) for module in (theirs, ours)]
    for (key, expected), (_, got) in zip(*weights, strict=True):
        assert got.grad is not None, key
        assert expected.grad is not None, key
        _assert_equal(got.grad, expected.grad, key)
