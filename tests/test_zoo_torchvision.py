"""The networks of `specs/` that torchvision has, equal to torchvision's as functions.

torchvision's weights, drawn at random, go into the module that the `.arch` file compiles to, as `archdsl weights`
brings them there. The same input must then give the same outputs, and in training, with dropout off, the same heads and
the same gradients of all weights. Both modules hold the same memory. Networks of more than SMALL parameters are left to
`make zoo`, which sets ARCHDSL_ZOO=all. The figures that the files take from torchvision are those of its documentation.
"""

from __future__ import annotations

import math
import os

import pytest
import torch
from torch import nn

from archdsl.codegen.matching import Match, Tensor, match, slots
from archdsl.codegen.module import build
from archdsl.graph import Graph
from archdsl.ops.base import torch_shape
from tests.torchvision_cpu import load
from tests.zoo import Entry, entries

models = load()
SEGMENTATION = models.segmentation

SIDE = 64
"""Height and width of the images for networks that take any; the others get the size that is written."""

VIDEO = (4, 32, 32, 3)
"""The same of a video."""

TOLERANCE = 1e-5
"""Of the largest value of a tensor."""

SMALL = 12_000_000
"""Parameters of what every test run compares."""

COUNTER = "num_batches_tracked"

INDEX = "relative_position_index"
"""Whole numbers, which are no weights to whoever reads a checkpoint."""

WIDE = 100_000_000
"""Parameters from which training takes one image: VGG's, of 224x224 in double precision, are most of the time here, and
a second one shows nothing that the smaller networks do not."""

LARGE = 200_000_000
"""Parameters from which training is in single precision: weights and two sets of gradients are 12 bytes for each
parameter, 8 GB for the largest, and 24 in double precision, which the smaller ones have."""


def _shared() -> dict[str, Entry]:
    """torchvision's name and our network; where ours of that name follows the paper, torchvision's has another."""
    ours = {entry.name: entry for entry in entries()}
    names = [name for part in (models, models.video, SEGMENTATION) for name in models.list_models(module=part)]
    found = {name: ours.get(f"{name}_torchvision") or ours.get(name) for name in names}
    return {name: entry for name, entry in found.items() if entry is not None}


def _pairs() -> list[tuple[str, Entry]]:
    bound = math.inf if os.environ.get("ARCHDSL_ZOO") == "all" else SMALL
    return [(name, entry) for name, entry in _shared().items() if _params(name) <= bound]


def _params(name: str) -> int:
    """What torchvision says of its weights."""
    return int(models.get_model_weights(name).DEFAULT.meta["num_params"])


def _cases() -> pytest.MarkDecorator:
    pairs = _pairs()
    return pytest.mark.parametrize(("name", "entry"), pairs, ids=[name for name, _ in pairs])


def _graph(name: str, entry: Entry) -> Graph:
    fixed = "::" in entry.path.read_text(encoding="utf-8") or name.startswith(("vit", "inception"))
    size = VIDEO if len(entry.graph().inputs[0].shape) == len(VIDEO) else (SIDE, SIDE, 3)
    return entry.graph(None if fixed else {None: size})


def _theirs(name: str) -> nn.Module:
    """torchvision's network with weights at random; batch norm's statistics too, since its initial ones do nothing."""
    builder = models.get_model_builder(name)
    quiet: dict[str, object] = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    if name in models.list_models(module=SEGMENTATION):
        # No weights are fetched, and the second head is there, which Lite R-ASPP does not have.
        quiet = {"weights_backbone": None, "aux_loss": not name.startswith("lraspp")}
    # RegNet's widths are themselves computed by torch, and Swin has a table of numbers that is no weight.
    whole = name.startswith(("regnet", "swin"))
    with torch.device("cpu" if whole else "meta"):
        model: nn.Module = builder(**quiet)
    if not whole:
        model.to_empty(device="cpu")
    with torch.no_grad():
        for key, tensor in model.state_dict().items():
            if key.endswith(INDEX):
                continue
            if key.endswith("running_var") or (tensor.dim() == 1 and key.endswith("weight")):
                tensor.uniform_(0.5, 1.5)
            elif tensor.dim() < 2:
                tensor.zero_() if key.endswith("num_batches_tracked") else tensor.normal_(0, 0.1)
            else:
                tensor.normal_(0, tensor[0].numel() ** -0.5)
    return model


def _paired(graph: Graph, theirs: nn.Module) -> dict[str, str]:
    """Which of torchvision's tensors stands for which of ours, as `archdsl weights` finds it."""
    state = theirs.state_dict()
    given = [Tensor(key, tuple(value.shape)) for key, value in state.items() if not key.endswith((COUNTER, INDEX))]
    found = match(given, slots(graph))
    assert isinstance(found, Match)
    pairs = {pair.ours.name: pair.theirs.name for pair in found.pairs if pair.theirs is not None and pair.fits}
    assert len(pairs) == len(found.pairs) == len(given)
    return pairs


def _copied(graph: Graph, theirs: nn.Module) -> nn.Module:
    """Our module with torchvision's tensors."""
    ours, state = build(graph), theirs.state_dict()
    own = ours.state_dict()
    values = {key: _placed(state[other], own[key]) for key, other in _paired(graph, theirs).items()}
    counters = {key: torch.zeros((), dtype=torch.long) for key in own if key.endswith(COUNTER)}
    ours.load_state_dict(values | counters, assign=True)
    return ours


def _placed(given: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """A tensor in our shape, which differs by ones at most: of ConvNeXt, whose linear layers are 1x1 convolutions here,
    and whose gains are (C, 1, 1) there.
    """
    assert [size for size in given.shape if size != 1] == [size for size in own.shape if size != 1]
    return given.reshape(own.shape)


def _images(graph: Graph, examples: int) -> torch.Tensor:
    return torch.randn(examples, *torch_shape(graph.inputs[0].shape))


def _outputs(made: torch.Tensor | dict[str, torch.Tensor] | tuple[torch.Tensor | None, ...]) -> list[torch.Tensor]:
    """The main output, then the heads by name, which stand in another order in torchvision's."""
    if isinstance(made, torch.Tensor):
        return [made]
    if isinstance(made, dict):
        return list(made.values())
    heads = zip(getattr(made, "_fields", ())[1:], made[1:], strict=True)
    ordered = [made[0], *(head for _, head in sorted(heads, key=lambda pair: str(pair[0])))]
    return [tensor for tensor in ordered if tensor is not None]


def _assert_equal(ours: torch.Tensor, theirs: torch.Tensor, what: str) -> None:
    scale = theirs.abs().max()
    assert scale > 0, what
    assert (ours - theirs).abs().max() <= TOLERANCE * scale, what


def test_published_figures_are_torchvisions() -> None:
    """Parameters and accuracies, as its weights' documentation has them."""
    stated: set[str] = set()
    measured: set[str] = set()
    for name, entry in _shared().items():
        weights = {one.name: one.meta for one in models.get_model_weights(name)}
        counted = [claim.low for claim in entry.claims() if claim.quantity in ("params", "training_params")]
        if any("ImageNet-1K" in meta["_metrics"] for meta in weights.values()):
            measured.add(name)
        # Of training's parameters where heads are among them: Inception v3.
        assert {meta["num_params"] for meta in weights.values()} & set(counted), name
        for claim in entry.claims():
            if claim.published and claim.source.startswith("torchvision"):
                which = claim.source.removeprefix("torchvision").removeprefix(", ")
                known = [meta["_metrics"]["ImageNet-1K"]["acc@1"] for key, meta in weights.items() if which in key]
                assert claim.text == f"{known[0]:.3f}", name
                stated.add(name)
    assert stated == measured


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
        # torchvision's networks that label pixels give their second head in evaluation, too.
        ((expected, *_), (got,)) = _outputs(theirs(images)), _outputs(ours(images))
    _assert_equal(got, expected, "output")


def _training(module: nn.Module) -> nn.Module:
    """In training mode, nothing dropped."""
    module.train()
    for part in module.modules():
        if "Drop" in type(part).__name__ or "Stochastic" in type(part).__name__:
            part.eval()
    return module


@_cases()
def test_same_heads_and_gradients(name: str, entry: Entry) -> None:
    graph = _graph(name, entry)
    examples = 1 if _params(name) > WIDE else 2
    precision = torch.float32 if _params(name) > LARGE else torch.float64
    theirs = _training(_theirs(name).to(precision))
    ours = _training(_copied(graph, theirs))
    images = _images(graph, examples).to(precision)
    made = [_outputs(module(images)) for module in (theirs, ours)]
    assert len(made[0]) == len(made[1])
    for index, (expected, got) in enumerate(zip(*made, strict=True)):
        _assert_equal(got, expected, f"output {index}")
    directions = [torch.randn_like(output) for output in made[0]]
    for outputs in made:
        torch.autograd.backward(outputs, directions)
    weights, pairs = dict(theirs.named_parameters()), _paired(graph, theirs)
    for key, got in ours.named_parameters():
        expected = weights[pairs[key]]
        assert got.grad is not None, key
        assert expected.grad is not None, key
        _assert_equal(got.grad, _placed(expected.grad, got.grad), key)
