"""The networks of `specs/` that torchvision has, equal to torchvision's as functions.

torchvision's weights, drawn at random, go into the module that the `.arch` file compiles to: one tensor after the
other, each with the same last name and the same shape. The same input must then give the same outputs, and in training,
with dropout off, the same heads and the same gradients of all weights. Both modules hold the same memory. Networks of
more than SMALL parameters are left to `make zoo`, which sets ARCHDSL_ZOO=all.
"""

from __future__ import annotations

import os
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

SIDE = 64
"""Height and width of the images for networks that take any; the others get the size that is written."""

TOLERANCE = 1e-5
"""Of the largest value of a tensor."""

SMALL = 12_000_000
"""Parameters of what every test run compares."""

TRAINABLE = 400_000_000
"""Parameters of what is trained: weights and two sets of gradients in double precision are 24 bytes for each."""


def _pairs(most: int) -> list[tuple[str, Entry]]:
    """torchvision's name and our network; where ours of that name follows the paper, torchvision's has another."""
    ours = {entry.name: entry for entry in entries()}
    found = {name: ours.get(f"{name}_torchvision") or ours.get(name) for name in models.list_models(module=models)}
    bound = most if os.environ.get("ARCHDSL_ZOO") == "all" else SMALL
    return [(name, entry) for name, entry in found.items() if entry is not None and _params(name) <= bound]


def _params(name: str) -> int:
    """What torchvision says of its weights."""
    return int(models.get_model_weights(name).DEFAULT.meta["num_params"])


def _cases(most: int = 2**40) -> pytest.MarkDecorator:
    pairs = _pairs(most)
    return pytest.mark.parametrize(("name", "entry"), pairs, ids=[name for name, _ in pairs])


def _graph(name: str, entry: Entry) -> Graph:
    fixed = "::" in entry.path.read_text(encoding="utf-8") or name.startswith(("vit", "inception"))
    return entry.graph(None if fixed else {None: (SIDE, SIDE, 3)})


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
    """As the forward pass goes: torchvision has heads where they branch off, and ViT's token before the patches."""

    def place(item: tuple[str, Tensor]) -> int:
        return 2 if item[0].lower().startswith("aux") else 0 if item[0].startswith("conv_proj") else 1

    return sorted(named, key=place)


def _kind(key: str) -> str:
    """`running_mean` of `layer1.0.bn1.running_mean`; ViT's bare tensors are weights of layers here."""
    last = key.rpartition(".")[2]
    return "weight" if last in ("class_token", "pos_embedding") else last


def _copied(graph: Graph, theirs: nn.Module) -> nn.Module:
    """Our module with torchvision's tensors, in order."""
    ours = build(graph)
    given, wanted = _in_order(theirs.state_dict().items()), _in_order(ours.state_dict().items())
    described = [[(_kind(key), tuple(value.shape)) for key, value in state] for state in (given, wanted)]
    assert described[0] == described[1]
    state = {key: value for (key, _), (_, value) in zip(wanted, given, strict=True)}
    ours.load_state_dict(state, assign=True)
    return ours


def _images(graph: Graph, examples: int) -> Tensor:
    return torch.randn(examples, *torch_shape(graph.inputs[0].shape))


def _outputs(made: Tensor | tuple[Tensor | None, ...]) -> list[Tensor]:
    """The main output, then the heads by name, which stand in another order in torchvision's."""
    if isinstance(made, Tensor):
        return [made]
    heads = zip(getattr(made, "_fields", ())[1:], made[1:], strict=True)
    ordered = [made[0], *(head for _, head in sorted(heads, key=lambda pair: str(pair[0])))]
    return [tensor for tensor in ordered if tensor is not None]


def _assert_equal(ours: Tensor, theirs: Tensor, what: str) -> None:
    scale = theirs.abs().max()
    assert scale > 0, what
    assert (ours - theirs).abs().max() <= TOLERANCE * scale, what


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    torch.manual_seed(0)


@_cases()
def test_same_outputs(name: str, entry: Entry) -> None:
    graph = _graph(name, entry)
    theirs = _theirs(name).eval()
    ours = _copied(graph, theirs).eval()
    images = _images(graph, 1)
    with torch.inference_mode():
        ((expected,), (got,)) = _outputs(theirs(images)), _outputs(ours(images))
    _assert_equal(got, expected, "output")


def _training(module: nn.Module) -> nn.Module:
    """In training mode, nothing dropped."""
    module.train()
    for part in module.modules():
        if "Drop" in type(part).__name__ or "Stochastic" in type(part).__name__:
            part.eval()
    return module


@_cases(TRAINABLE)
def test_same_heads_and_gradients(name: str, entry: Entry) -> None:
    graph = _graph(name, entry)
    theirs = _training(_theirs(name).double())
    ours = _training(_copied(graph, theirs))
    images = _images(graph, 2).double()
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
