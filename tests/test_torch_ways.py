"""The generated modules under everything that PyTorch does with a module: compiled, exported, traced, copied, spread.

In: networks of the zoo, with images as small as they take. Each way is held against the module called plainly, which
other tests hold against torchvision. A sample here, every network with ARCHDSL_ZOO=all (`make ways`).
"""

from __future__ import annotations

import ast
import copy
import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributed import HashStore, destroy_process_group, init_process_group  # type: ignore[attr-defined]
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import parametrize

import archdsl
from archdsl.codegen.module import build, module
from archdsl.codegen.source import network_class, source
from archdsl.diagnostics import ArchError
from archdsl.graph import Graph
from archdsl.ops.base import Shape, torch_shape
from tests.devices import DEVICES, exact
from tests.zoo import Entry, entries, vocabulary

SAMPLE = (
    *("lenet5_1998", "m3", "siamese"),  # a table of connections; sequences; a shared tower and two inputs
    *("googlenet", "unet_32", "resnet20"),  # training-only heads; crops and skips; padded shortcuts
    *("shufflenet_v2_x0_5", "fractalnet20"),  # split and shuffle; several tensors, dropped columns
)
TO_MACHINE_CODE = ("lenet5", "m3", "siamese", "resnet20")
"""Through PyTorch's default compiler, which writes C++ for half a minute each. What it is given is what every network
gives to the other backends, and `fullgraph` is proven there."""
SIDES = (32, 48, 64, 67, 80, 96, 112, 128, 160, 188)
"""Sides of images that are tried, the smallest first."""
PATCHES = 2
"""The side of a vision transformer's image, in patches; its text takes the image's size by name."""
LANGUAGE = {"dim": 32, "depth": 2, "heads": 4, "vocab": 50, "context": 8}
"""A small language model, of whatever variant: the largest has 1.6 billion parameters."""
EXAMPLES = 2
WHOLE = os.environ.get("ARCHDSL_ZOO") == "all"


@dataclass(frozen=True)
class Network:
    """A checked graph, its module in evaluation, inputs, and what comes out. Tests change copies of the module."""

    graph: Graph
    made: nn.Module
    inputs: tuple[Tensor, ...]
    expected: Tensor | tuple[Tensor, ...]

    def copy(self) -> nn.Module:
        return copy.deepcopy(self.made)

    def on(self, device: str) -> Network:
        """Inputs, a copy of the module, and what came out of it on the CPU, on a device."""
        expected = tuple(output.to(device) for output in _outputs(self.expected))
        if isinstance(self.expected, tuple):
            kind = type(self.expected)
            moved: Tensor | tuple[Tensor, ...] = expected if kind is tuple else kind(*expected)
        else:
            (moved,) = expected
        return Network(self.graph, self.copy().to(device), tuple(x.to(device) for x in self.inputs), moved)


class _Unnumbered(ast.NodeTransformer):
    """Every number, and every product of numbers, as 0."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant(0) if type(node.value) in (int, float) else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        return node.left if isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant) else node


@cache
def _chosen() -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
    """Networks, and those of them that tracers are shown: the sample, or every network.

    `resnet` is `resnet:resnet50`, the same code, and stands here once. Dynamo, `torch.export` and `torch.jit` walk
    through the Python of `forward` at some 20 milliseconds a layer, which is minutes for `resnet1202`. They are shown
    the smallest of the networks whose code differs in numbers alone, widths and repeats: of `resnet20` to `resnet1202`
    the first. Networks that differ in a class, a layer or a line are all shown.
    """
    if not WHOLE:
        named = {entry.name: entry for entry in entries()}
        return (tuple(named[name] for name in SAMPLE),) * 2
    different: dict[str, tuple[int, Entry]] = {}
    structures: dict[str, list[tuple[int, Entry]]] = {}
    for entry in entries():
        graph = entry.graph()
        _, _, code = source(graph).split('"""', 2)
        tree = ast.parse(code.replace(f"class {network_class(graph)}(", "class Network("))
        layers = sum(1 for _ in graph.layers)
        if different.setdefault(ast.dump(tree), (layers, entry))[1] is entry:
            structures.setdefault(ast.dump(_Unnumbered().visit(tree)), []).append((layers, entry))
    smallest = (min(alike, key=lambda found: found[0]) for alike in structures.values())
    return tuple(entry for _, entry in different.values()), tuple(entry for _, entry in smallest)


def _smallest(entry: Entry) -> Graph:
    """The network on the smallest images that it takes, or as it is written."""
    if entry.path.stem == "vit":
        patch = int(entry.name.rpartition("_")[2]) if entry.variant else 16
        return archdsl.load(entry.path, entry.variant, settings={"size": PATCHES * patch}).graph
    if entry.path.stem == "gpt2":
        return archdsl.load(entry.path, entry.variant, settings=LANGUAGE).graph
    graph = entry.graph()
    for side in SIDES:
        inputs: dict[str | None, Shape] = {
            node.label: (*node.shape[:-3], side, side, node.shape[-1]) for node in graph.inputs
        }
        if all(len(node.shape) > 2 and side < node.shape[-2] for node in graph.inputs):
            try:
                return archdsl.load(entry.path, entry.variant, inputs=inputs).graph
            except ArchError:
                continue
    return graph


@lru_cache(maxsize=1)
def _network(entry: Entry) -> Network:
    graph = _smallest(entry)
    torch.manual_seed(0)
    made = module(graph).eval()
    ids = vocabulary(graph)
    inputs = tuple(
        torch.randn(size) if ids is None else torch.randint(ids, size)
        for size in ((EXAMPLES, *torch_shape(node.shape)) for node in graph.inputs)
    )
    with torch.no_grad():
        return Network(graph, made, inputs, made(*inputs))


# Tests stand together that have a network in common, and `--dist worksteal` leaves them together: it is made once.
@pytest.fixture(scope="module", params=_chosen()[0], ids=str)
def network(request: pytest.FixtureRequest) -> Network:
    """Each network in turn."""
    return _network(request.param)


@pytest.fixture(scope="module", params=_chosen()[1], ids=str)
def walked(request: pytest.FixtureRequest) -> Network:
    """Each network that tracers are shown."""
    return _network(request.param)


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Compiled code of one network does not count towards the limits of the next; float32 is float32."""
    with exact():
        yield
    torch.compiler.reset()


def _outputs(made: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return made if isinstance(made, tuple) else (made,)


def _energy(made: Tensor | tuple[Tensor, ...]) -> Tensor:
    """A number to differentiate, in which every output has a part."""
    return torch.stack([output.square().sum() for output in _outputs(made)]).sum()


def _gradients(made: Any, inputs: Sequence[Tensor], module: nn.Module | None = None) -> dict[str, Tensor]:
    """Those of `_energy`; zero where a parameter has no part in it. `module` has them, where it is not `made`."""
    named = dict((module or made).named_parameters())
    found = torch.autograd.grad(_energy(made(*inputs)), list(named.values()), allow_unused=True, materialize_grads=True)
    return dict(zip(named, found, strict=True))


def _assert_same(
    made: Tensor | tuple[Tensor, ...], expected: Tensor | tuple[Tensor, ...], tolerance: float = 1e-5
) -> None:
    assert type(made) is type(expected)
    for ours, theirs in zip(_outputs(made), _outputs(expected), strict=True):
        assert ours.shape == theirs.shape
        assert (ours - theirs).abs().max() <= tolerance * theirs.abs().max()


_LIMITS = {"cpu": 1e-5, "cuda": 1e-4}
"""Of the largest value. Another device adds up thousands of products in another order, 2^-24 of each lost, for dozens
of layers."""


def _assert_near(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    """By length: where two values are equal but for rounding, the larger one, which has the gradient, is another."""
    assert found.keys() == wanted.keys()
    for name, gradient in wanted.items():
        ours = found[name].to(gradient.device)
        assert (ours - gradient).norm() <= 1e-2 * (gradient.norm() + 1e-3), name


def test_compiles_as_one_graph(walked: Network) -> None:
    with torch.no_grad():
        _assert_same(torch.compile(walked.made, fullgraph=True, backend="eager")(*walked.inputs), walked.expected)


def test_trains_as_one_graph(walked: Network) -> None:
    """What is random draws the same numbers in the same order."""
    alone = walked.copy().train()
    compiled = torch.compile(walked.copy().train(), fullgraph=True, backend="eager")
    torch.manual_seed(2)
    expected = alone(*walked.inputs)
    torch.manual_seed(2)
    _assert_same(compiled(*walked.inputs), expected)


def _here(device: str, left_out: bool = False) -> Any:
    marks = [pytest.mark.skipif(left_out, reason="two minutes, most of them C++: `make ways`")]
    return pytest.param(device, marks=[pytest.mark.cuda] if device == "cuda" else marks)


# Left out of `make test` for its time alone; the same graph is compared above through the compiler's other backends.
@pytest.mark.parametrize("device", [_here("cpu", not WHOLE), _here("cuda")])
@pytest.mark.parametrize("name", TO_MACHINE_CODE)
@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # PyTorch about itself
def test_compiles_to_machine_code(name: str, device: str) -> None:
    network = _network(next(entry for entry in entries() if entry.name == name)).on(device)
    compiled = torch.compile(network.made, fullgraph=True)
    with torch.no_grad():
        _assert_same(compiled(*network.inputs), network.expected, 1e-4)
    if device == "cuda":
        wanted = _gradients(network.made, network.inputs)
        _assert_near(_gradients(compiled, network.inputs, network.made), wanted)


@pytest.mark.parametrize("device", DEVICES)
def test_exports(walked: Network, device: str) -> None:
    given = walked.on(device)
    program = torch.export.export(given.made, given.inputs)
    with torch.no_grad():
        _assert_same(program.module()(*given.inputs), given.expected, _LIMITS[device])
    assert set(program.state_dict) == set(walked.made.state_dict())


def test_traces(walked: Network) -> None:
    with torch.no_grad(), warnings.catch_warnings():
        # The tracer is deprecated as a whole; it warns of conditions on sizes, as `F.local_response_norm` has them.
        warnings.filterwarnings("ignore", message=".*jit")
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        traced = torch.jit.trace(walked.made, walked.inputs, check_trace=False)  # type: ignore[no-untyped-call]
        _assert_same(tuple(_outputs(traced(*walked.inputs))), tuple(_outputs(walked.expected)))


@pytest.mark.parametrize("device", DEVICES)
def test_every_device_computes_the_same(network: Network, device: str) -> None:
    given = network.on(device)
    with torch.no_grad():
        _assert_same(given.made(*given.inputs), given.expected, _LIMITS[device])
    wanted = _gradients(network.made, network.inputs)
    found = _gradients(given.made, given.inputs)
    assert {gradient.device.type for gradient in found.values()} == {device}
    _assert_near(found, wanted)


@pytest.mark.parametrize("device", DEVICES)
def test_moves_between_devices(network: Network, device: str) -> None:
    """Copied and pickled where it is, and back on the CPU, with the weights that it had, bit by bit."""
    there = network.on(device)
    for made in (copy.deepcopy(there.made), pickle.loads(pickle.dumps(there.made))):
        held = {**dict(made.named_parameters()), **dict(made.named_buffers())}
        assert {tensor.device.type for tensor in held.values()} == {device}
        back = made.to("cpu")
        with torch.no_grad():
            _assert_same(back(*network.inputs), network.expected, 0)


@pytest.mark.parametrize("device", DEVICES)
def test_channels_last(network: Network, device: str) -> None:
    """Networks over sequences have no such format; they run as they are."""
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    network = network.on(device)
    made, given = network.made, network.inputs
    if given[0].dim() in formats:
        memory_format = formats[given[0].dim()]
        made = made.to(memory_format=memory_format)  # type: ignore[call-overload]
        given = tuple(x.to(memory_format=memory_format) for x in given)
    with torch.no_grad():
        _assert_same(made(*given), network.expected, 1e-4)


@pytest.mark.parametrize("device", DEVICES)
def test_autocast(network: Network, device: str) -> None:
    """In bfloat16, whose 8 bits leave a few percent after some dozen layers; gradients arrive everywhere."""
    network = network.on(device)
    parameters = [parameter for parameter in network.made.parameters() if parameter.requires_grad]
    with torch.autocast(device, torch.bfloat16):
        outputs = _outputs(network.made(*network.inputs))
    for ours, theirs in zip(outputs, _outputs(network.expected), strict=True):
        assert ours.isfinite().all()
        assert (ours.float() - theirs).norm() <= 0.1 * theirs.norm()
    total = torch.stack([output.float().sum() for output in outputs]).sum()
    gradients = torch.autograd.grad(total, parameters, allow_unused=True, materialize_grads=True)
    # Of a kernel in three dimensions torch 2.13 leaves some of this gradient as the memory was, on a CPU in bfloat16:
    # nn.Conv3d(64, 128, 3, padding=1) alone, on 2x64x2x2x2, shows it.
    for parameter, gradient in zip(parameters, gradients, strict=True):
        assert gradient.dtype is torch.float32
        assert gradient.isfinite().all() or parameter.dim() == 5


# Fused attention has no rule of its own for `vmap`, which then runs it an example at a time.
@pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")
def test_functional(network: Network) -> None:
    """Gradients by `torch.func` are those of `backward`, those of each example by itself sum up to them."""
    made = network.made
    weights = {name: weight.detach() for name, weight in made.named_parameters()}
    buffers = dict(made.named_buffers())

    def loss(weights: dict[str, Tensor], *inputs: Tensor) -> Tensor:
        return _energy(torch.func.functional_call(made, (weights, buffers), inputs))

    def of_one(weights: dict[str, Tensor], *inputs: Tensor) -> Tensor:
        return loss(weights, *(x.unsqueeze(0) for x in inputs))

    def assert_wanted(name: str, found: Tensor, tolerance: float) -> None:
        assert (found - wanted[name]).abs().max() <= tolerance * (wanted[name].abs().max() + 0.01), name

    wanted = _gradients(made, network.inputs)
    for name, found in torch.func.grad(loss)(weights, *network.inputs).items():
        assert_wanted(name, found, 1e-4)
    of_each = torch.func.vmap(torch.func.grad(of_one), in_dims=(None, *[0] * len(network.inputs)))
    for name, each in of_each(weights, *network.inputs).items():
        assert_wanted(name, each.sum(0), 1e-3)


def test_deepcopy(network: Network) -> None:
    copied = copy.deepcopy(network.made)
    with torch.no_grad():
        _assert_same(copied(*network.inputs), network.expected, 0)
    assert not {p.data_ptr() for p in network.made.parameters()} & {p.data_ptr() for p in copied.parameters()}


def test_pickles(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read as by a process that has not compiled it: the code comes with the weights."""
    stored = pickle.dumps(network.made)
    monkeypatch.delitem(sys.modules, type(network.made).__module__)
    again = pickle.loads(stored)
    assert type(again) is not type(network.made)
    with torch.no_grad():
        _assert_same(again(*network.inputs), network.expected, 0)


def test_meta_device(network: Network) -> None:
    """Sizes without memory, and weights that a state dict brings later."""
    made = build(network.graph).eval()
    assert all(parameter.is_meta for parameter in made.parameters())
    with torch.no_grad():
        sizes = [x.shape for x in _outputs(made(*(x.to("meta") for x in network.inputs)))]
        assert sizes == [x.shape for x in _outputs(network.expected)]
        filled = made.to_empty(device="cpu")
        filled.load_state_dict(network.made.state_dict())
        for name, buffer in network.made.named_buffers():
            filled.get_buffer(name).copy_(buffer)
        _assert_same(filled(*network.inputs), network.expected, 0)


class Doubled(nn.Module):
    """Twice the weight."""

    def forward(self, weight: Tensor) -> Tensor:
        return 2 * weight


def test_parametrized(network: Network) -> None:
    """A parametrisation that doubles a layer's weight is the layer with its weight doubled."""
    made, expected = network.copy(), network.copy()
    weighted = nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d | nn.Linear
    names = [name for name, part in made.named_modules() if isinstance(part, weighted)]
    for name in (names[0], names[-1]):
        parametrize.register_parametrization(made.get_submodule(name), "weight", Doubled())
        with torch.no_grad():
            expected.get_parameter(f"{name}.weight").mul_(2)
    with torch.no_grad():
        _assert_same(made(*network.inputs), expected(*network.inputs), 0)


@pytest.fixture(scope="module")
def _group() -> Iterator[None]:
    """A process group of this process alone."""
    init_process_group("gloo", store=HashStore(), rank=0, world_size=1)
    yield
    destroy_process_group()


@pytest.mark.usefixtures("_group")
@pytest.mark.filterwarnings("ignore:Grad strides do not match bucket view strides:UserWarning")
def test_distributed(network: Network) -> None:
    """Every parameter takes part in training, or the reducer would wait for it; gradients are those of the module."""
    made = network.copy().train()
    torch.manual_seed(3)
    wanted = _gradients(made, network.inputs)
    torch.manual_seed(3)
    torch.autograd.backward(_energy(DistributedDataParallel(made)(*network.inputs)))
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None, name
        torch.testing.assert_close(parameter.grad, wanted[name])


_READ = """
import pickle, sys, torch
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        made, inputs, expected = pickle.load(file)
    with torch.no_grad():
        result = made(*inputs)
    for ours, theirs in zip(*((x,) if isinstance(x, torch.Tensor) else x for x in (result, expected)), strict=True):
        assert torch.equal(ours, theirs), path
    made.load_state_dict(made.state_dict())
"""


def test_pickles_are_read_by_another_process(tmp_path: Path) -> None:
    """Whole modules of the sample and their results, by a process that has not compiled them."""
    paths = []
    for number, entry in enumerate(entry for entry in entries() if entry.name in SAMPLE):
        network = _network(entry)
        paths.append(tmp_path / f"{number}.pickle")
        paths[-1].write_bytes(pickle.dumps((network.made, network.inputs, network.expected)))
    subprocess.run([sys.executable, "-c", _READ, *paths], check=True, cwd=Path(__file__).parent.parent)
