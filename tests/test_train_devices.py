"""Training on a device is training on the CPU: the same images, the same steps, the same files after any stop.

In: small runs. Out: facts: on a GPU (`make cuda`) what the CPU gives but for rounding, bit by bit what a run gives that
was never stopped, and what torch says of its settings. The same functions run on the CPU here.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch.distributed import HashStore, destroy_process_group, init_process_group  # type: ignore[attr-defined]

import archdsl
from archdsl.elaborate.recipe_settings import Augment, Data
from archdsl.elaborate.recipe_values import Crop
from archdsl.train.data import load
from archdsl.train.dataset import Dataset, Examples, Prepare
from archdsl.train.errors import TrainError
from archdsl.train.feed import Batch, Feed
from archdsl.train.folder import RunFolder
from archdsl.train.learner import Learner
from archdsl.train.machine import CPU, Machine, computing
from archdsl.train.objective import Objective
from archdsl.train.plan import Overrides, Plan, plan
from archdsl.train.randomness import seed_torch
from archdsl.train.team import Team, joined
from tests.devices import DEVICES, machine_on
from tests.killed import TEXT, Stopping, contents, examples, run

_NET = """
input 6x6x1
conv 3x3+1 4 -> bn -> relu -> fc 7
train { data digits  batch 16  seed 3  augment crop=6+1 flip  ema 0.9  optimizer OPTIMIZER }
"""
_SGD = "sgd lr=0.1 momentum=0.9"


def _learnt(machine: Machine, text: str) -> tuple[dict[str, torch.Tensor], Learner]:
    """All that a run is after an epoch of seven steps, on the CPU, and what learned."""
    net = archdsl.loads(text)
    made = plan(net.recipe, Overrides())
    data = Dataset("noise", examples(0, 100), examples(1, 50), 7, (6, 6, 1))
    with computing(machine, net.graph, made.batch):
        learner = Learner(net.graph, made, machine, data)
        for number, batches in enumerate(Feed(data, made, machine).steps(0, 0)):
            learner.step(number, batches, made.optimizer.lr or 0.0)
        return {name: tensor.detach().cpu().clone() for name, tensor in learner.tensors().items()}, learner


def _assert_close(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor], tolerance: float) -> None:
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        torch.testing.assert_close(
            tensor, theirs[name], rtol=tolerance, atol=tolerance, msg=lambda text, n=name: n + text
        )


# ---------------------------------------------------------------- images

_AUGMENTS = {
    "none": Augment(),
    "crop": Augment(crop=Crop((6, 6), 1), flip=True),
    "alternate": Augment(crop=Crop((6, 6), 1), reflect=True, flip=True, alternate=True),
    "resized": Augment(resized_crop=6),
    "rotate": Augment(rotate=30.0),
    "colours": Augment(jitter=0.4, lighting=0.1),
    "cutout": Augment(cutout=3),
    "mixup": Augment(mixup=0.5),
    "cutmix": Augment(cutmix=1.0),
}


def _colours(count: int = 40) -> Dataset:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (count, 3, 6, 6), generator=generator, dtype=torch.uint8)
    part = Examples(images, torch.randint(7, (count,), generator=generator))
    components = ((0.1, 0.02, 0.0), (0.1, -0.02, 0.01), (0.1, 0.0, -0.01))
    prepare = Prepare(mean=(0.4, 0.5, 0.6), deviation=(0.2, 0.3, 0.4), components=components)
    return Dataset("colours", part, part, 7, (6, 6, 3), prepare=prepare)


def _assert_same_batch(ours: Batch, theirs: Batch, device: str) -> None:
    for name in ("images", "labels", "others", "shares"):
        one, other = getattr(ours, name), getattr(theirs, name)
        assert (one is None) == (other is None), name
        if one is not None:
            assert one.device.type == device, name
            torch.testing.assert_close(one.cpu(), other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("augment", _AUGMENTS)
def test_a_set_that_lies_on_the_device_gives_the_batches_of_the_cpu(device: str, augment: str) -> None:
    data, made = _colours(), Plan(Data("npz"), _AUGMENTS[augment], batch=16)
    ours, theirs = Feed(data, made, machine_on(device)), Feed(data, made, CPU)
    for source in (ours._train, ours._test):
        assert isinstance(source, Examples)
        assert source.images.device.type == device
    for one, other in zip(ours.steps(1, 0), theirs.steps(1, 0), strict=True):
        _assert_same_batch(one[0], other[0], device)
    for tested, other_tested in zip(ours.tests(), theirs.tests(), strict=True):
        _assert_same_batch(tested, other_tested, device)


@pytest.mark.parametrize("device", DEVICES)
def test_images_that_come_through_workers_reach_the_device(device: str, tmp_path: Path) -> None:
    images = _colours(24).train.take(torch.arange(24), None).movedim(1, -1).numpy()
    for number, image in enumerate(images):
        folder = tmp_path / ("test" if number % 3 == 0 else "train") / f"class{number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{number}.png")
    source = Data("folder", str(tmp_path))
    made = Plan(source, batch=4)
    streamed, whole = (load(source, (6, 6, 3), 2, store=store) for store in ("stream", "whole"))
    assert not isinstance(streamed.train, Examples)
    ours, theirs = Feed(streamed, made, machine_on(device, workers=2)), Feed(whole, made, CPU)
    for one, other in zip(ours.steps(0, 1), theirs.steps(0, 1), strict=True):
        _assert_same_batch(one[0], other[0], device)


# ---------------------------------------------------------------- steps


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("text", "tolerance"),
    [
        # Rounding alone. An optimizer that divides by the size of a gradient makes it larger where that is small.
        (
            _NET.replace("OPTIMIZER", "sgd lr=0.1 momentum=0.9 nesterov weight_decay=1e-3  clip norm=0.5  l2 fc=0.01"),
            1e-4,
        ),
        (_NET.replace("OPTIMIZER", "adam lr=0.01 eps=1e-3"), 1e-3),
        (_NET.replace("OPTIMIZER", "adamw lr=0.01 eps=1e-3"), 1e-3),
        (_NET.replace("OPTIMIZER", "rmsprop lr=1e-3 eps=1e-3"), 1e-3),
        (_NET.replace("OPTIMIZER", "adagrad lr=0.01 eps=1e-3"), 1e-3),
        # Torch's own computes its matrices in bfloat16.
        (_NET.replace("OPTIMIZER", "muon lr=0.01"), 1e-2),
        (_NET.replace("flip", "flip mixup=0.5").replace("OPTIMIZER", f"{_SGD}  accumulate 2"), 1e-4),
        (_NET.replace("OPTIMIZER", f"{_SGD}  loss binary_cross_entropy"), 1e-4),
    ],
    ids=["sgd", "adam", "adamw", "rmsprop", "adagrad", "muon", "mixed and added up", "binary"],
)
def test_steps_on_a_device_are_those_of_the_cpu(device: str, text: str, tolerance: float) -> None:
    ours, learner = _learnt(machine_on(device), text)
    assert {weight.device.type for weight in learner.module.parameters()} == {device}
    _assert_close(ours, _learnt(CPU, text)[0], tolerance)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("optimizer", [_SGD, "adam lr=0.01", "muon lr=0.01"])
def test_gradients_too_large_for_half_precision_leave_the_weights_as_they_are(device: str, optimizer: str) -> None:
    # The scale of the loss begins at 2^16, and 16 bits end at 65,504: times weights of 30 the gradient does not fit.
    text = "input 6x6x1\nfc 7 -> fc 7\ntrain { data digits  batch 16  seed 3  init fc=normal(30)  optimizer OPTIMIZER }"
    net = archdsl.loads(text.replace("OPTIMIZER", optimizer))
    made = plan(net.recipe, Overrides())
    data = Dataset("noise", examples(0, 16), examples(1, 16), 7, (6, 6, 1))
    machine = machine_on(device, precision="fp16")
    with computing(machine, net.graph, made.batch):
        learner = Learner(net.graph, made, machine, data)
        before = {name: tensor.clone() for name, tensor in learner.tensors().items()}
        (batches,) = Feed(data, made, machine).steps(0, 0)
        learner.step(0, batches, 0.1)
        after = learner.tensors()
        assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
        assert not any(bool(tensor.count_nonzero()) for name, tensor in after.items() if name not in before)
        assert learner.record()["scaler"]["scale"] == 2**15
        for number in range(1, 12):
            learner.step(number, batches, 0.1)
        assert any(not torch.equal(tensor, learner.tensors()[name]) for name, tensor in before.items())
        assert all(bool(torch.isfinite(tensor).all()) for tensor in learner.tensors().values())


@pytest.mark.parametrize("device", DEVICES)
def test_muon_takes_gradients_of_a_scaled_loss(device: str) -> None:
    text = _NET.replace("OPTIMIZER", "muon lr=0.01  clip norm=0.5")
    whole, _ = _learnt(machine_on(device), text)
    for more in ({}, {"channels_last": True}):
        half, _ = _learnt(machine_on(device, precision="fp16", **more), text)
        weights = [name for name in whole if name.startswith("model.") and name.endswith("weight")]
        for name in weights:
            torch.testing.assert_close(half[name], whole[name], rtol=0.02, atol=0.02)


# ---------------------------------------------------------------- stopped and going on

_WAYS: dict[str, dict[str, Any]] = {
    "fp32": {},
    "bf16": {"precision": "bf16"},
    "fp16": {"precision": "fp16"},
    "channels last": {"channels_last": True},
}
_WAYS_OF_A_GPU: dict[str, dict[str, Any]] = {
    "tf32": {"precision": "tf32"},
    "compiled": {"compile": True},
    "graphs": {"graphs": True},
    "fast": {"precision": "bf16", "compile": True, "channels_last": True},
    "fp16 graphs": {"precision": "fp16", "graphs": True, "channels_last": True},
}
_SHORT = TEXT.replace("epochs 5", "epochs 2")
"""14 steps, with dropout; the last of an epoch has 4 images."""


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """On a CPU torch's compiler stops before it writes C++, which takes half a minute."""
    if not torch.cuda.is_available():
        whole = torch.compile
        monkeypatch.setattr(torch, "compile", lambda made, **more: whole(made, backend="aot_eager", **more))
    yield
    torch.compiler.reset()


def _ways() -> list[Any]:
    here = [pytest.param("cpu", way, id=f"cpu, {name}") for name, way in _WAYS.items()]
    there = (_WAYS | _WAYS_OF_A_GPU).items()
    return here + [pytest.param("cuda", way, marks=pytest.mark.cuda, id=f"cuda, {name}") for name, way in there]


@pytest.mark.parametrize(("device", "way"), _ways())
def test_a_run_stopped_again_and_again_is_the_run_that_was_not(
    tmp_path: Path, device: str, way: dict[str, Any]
) -> None:
    machine = machine_on(device, **way)
    run(tmp_path / "whole", _SHORT, machine=machine)
    for _ in range(3):
        result = run(tmp_path / "parts", _SHORT, machine=machine, display=Stopping(4, signal.SIGTERM))
        assert result.status == 128 + signal.SIGTERM
        if machine.compile or machine.graphs:
            torch.compiler.reset()  # as a process that begins has nothing compiled
    assert run(tmp_path / "parts", _SHORT, machine=machine).steps == 14
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")
    if machine.precision == "fp16":
        kept = RunFolder(tmp_path / "parts").newest(pytest.fail)
        assert kept is not None
        # A scale that a step in each of the 14 has not been too large for would have counted them.
        assert 0 < kept.record["learner"]["scaler"]["_growth_tracker"] <= 14


@pytest.mark.parametrize("device", DEVICES)
def test_a_run_goes_on_on_another_device(tmp_path: Path, device: str) -> None:
    for number, (first, then) in enumerate(((machine_on(device), CPU), (CPU, machine_on(device)))):
        folder = tmp_path / str(number)
        assert run(folder, _SHORT, machine=first, display=Stopping(5, signal.SIGTERM)).steps == 5
        assert run(folder, _SHORT, machine=then).steps == 14


# ---------------------------------------------------------------- compiled


@pytest.mark.usefixtures("light")
@pytest.mark.parametrize("device", DEVICES)
def test_compiled_steps_are_those_that_are_not(device: str) -> None:
    text = _NET.replace("OPTIMIZER", _SGD)
    _assert_close(_learnt(machine_on(device, compile=True), text)[0], _learnt(machine_on(device), text)[0], 1e-4)


def test_each_size_of_a_batch_is_compiled_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    # Six batches of 16 and one of 4, three times; code for any size would have been made at the second size.
    sizes: list[int] = []
    whole = torch.compile

    def backend(made: torch.fx.GraphModule, given: list[Any]) -> Callable[..., Any]:
        sizes.extend(
            tensor.shape[0] for tensor in given if isinstance(tensor, torch.Tensor) and tensor.shape[2:] == (6, 6)
        )
        return made.forward

    monkeypatch.setattr(torch, "compile", lambda made, **more: whole(made, backend=backend, **more))
    _learnt(replace(CPU, compile=True), _NET.replace("OPTIMIZER", _SGD))
    torch.compiler.reset()
    assert [type(size) for size in sizes] == [int, int]
    assert sizes == [16, 4]


@pytest.mark.cuda
def test_cuda_graphs_change_nothing(tmp_path: Path) -> None:
    """With dropout, whose numbers come from a generator that a graph goes on with."""
    from torch._dynamo.utils import counters
    from torch._inductor.cudagraph_trees import get_container

    torch.compiler.reset()
    counters.clear()
    for name, more in (("without", {"compile": True}), ("with", {"graphs": True})):
        run(tmp_path / name, machine=machine_on("cuda", **more))
        # It is there while something is recorded.
        assert (get_container(torch.cuda.current_device()).tree_manager is not None) == (name == "with")
    assert counters["inductor"]["cudagraph_skips"] == 0
    ours, theirs = (load_file(tmp_path / name / "model.safetensors") for name in ("with", "without"))
    _assert_close(ours, theirs, 1e-6)
    torch.compiler.reset()


# ---------------------------------------------------------------- what a device does not do


@pytest.mark.parametrize("where", ["forward", "backward"])
def test_a_device_without_memory_says_what_to_do(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    if where == "forward":
        monkeypatch.setattr(Objective, "__call__", full)
    else:
        monkeypatch.setattr(torch.Tensor, "backward", full)
    with pytest.raises(TrainError, match="cpu has no memory for a batch of 16") as caught:
        _learnt(CPU, _NET.replace("OPTIMIZER", _SGD))
    assert "a smaller --batch" in caught.value.hint


def test_a_device_without_memory_for_the_set_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 90.00 GiB.")

    monkeypatch.setattr(Examples, "to", full)
    with pytest.raises(TrainError, match=r"cpu has no memory for all [\d,]+ images at once") as caught:
        _learnt(CPU, _NET.replace("OPTIMIZER", _SGD))
    # Of these no files are known, which could be read one by one.
    assert caught.value.hint == "class folders can be streamed"


@pytest.mark.cuda
def test_a_gpu_without_memory_says_what_to_do() -> None:
    # 100 MB of weights, and 230 MB that the first layer gives.
    text = _NET.replace("conv 3x3+1 4", "conv 3x3+1 100000").replace("ema 0.9", "").replace("OPTIMIZER", _SGD)
    whole = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 256 * 2**20) / whole)
    try:
        with pytest.raises(TrainError, match="cuda has no memory for a batch of 16"):
            _learnt(machine_on("cuda"), text)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()


def test_what_has_no_deterministic_algorithm_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        # The words of torch 2.13.
        raise RuntimeError(
            "adaptive_avg_pool2d_backward_cuda does not have a deterministic implementation, but you set …"
        )

    monkeypatch.setattr(torch.Tensor, "backward", refuse)
    with pytest.raises(
        TrainError, match="the same bits every time for adaptive_avg_pool2d_backward_cuda on cpu"
    ) as caught:
        _learnt(replace(CPU, deterministic=True), _NET.replace("OPTIMIZER", _SGD))
    assert caught.value.hint == "leave out --deterministic"


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_within_a_run_torch_computes_as_told_and_afterwards_as_before(device: str, precision: str) -> None:
    machine = machine_on(device, precision=precision)
    cudnn, products = torch.backends.cudnn, torch.backends.cuda.matmul

    def settings() -> list[object]:
        drawn = [torch.get_rng_state().tolist()]
        if device == "cuda":
            drawn.append(torch.cuda.get_rng_state().tolist())
        return [cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32, products.allow_tf32, drawn]

    before = settings()
    with computing(machine, archdsl.loads(_NET.replace("OPTIMIZER", _SGD)).graph, 16):
        # Without cuDNN a GPU convolves many times slower.
        assert cudnn.enabled
        assert cudnn.allow_tf32 == (precision != "fp32")
        if device == "cuda":
            assert products.allow_tf32 == (precision != "fp32")
            assert torch.are_deterministic_algorithms_enabled()
        seed_torch(5, machine.device)
        drawn = torch.rand(3, device=device)
        seed_torch(5, machine.device)
        assert torch.equal(torch.rand(3, device=device), drawn)
    assert settings() == before


# ---------------------------------------------------------------- a team


@contextmanager
def _alone_in_a_group(device: str) -> Iterator[Team]:
    """A process that takes itself for the first of two, and so asks its group, in which it is alone."""
    gpu = torch.device("cuda", 0) if device == "cuda" else None
    backend = "nccl" if device == "cuda" else "gloo"
    init_process_group(backend, store=HashStore(), rank=0, world_size=1, device_id=gpu)
    try:
        yield Team(0, 2, 0)
    finally:
        destroy_process_group()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.filterwarnings("ignore:Grad strides do not match bucket view strides:UserWarning")
def test_a_team_talks_as_its_devices_do(device: str) -> None:
    """NCCL between GPUs, gloo between CPUs: half of every batch is learnt from, with gradients exchanged."""
    text = _NET.replace("OPTIMIZER", _SGD)
    found = []
    for place in (device, "cpu"):
        with _alone_in_a_group(place) as team:
            assert team.added([0.1, 2.5], torch.device(place)) == [0.1, 2.5]
            assert team.told({"steps": 3}) == {"steps": 3}
            with team.agreed():
                pass
            team.wait()
            found.append(_learnt(replace(machine_on(place), team=team), text)[0])
    _assert_close(*found, 1e-4)


def test_a_process_without_a_gpu_of_its_own_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    for name, value in {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    with (
        pytest.raises(TrainError, match="process 1 of this machine has no GPU of its own: torch sees 1"),
        joined(cuda=True),
    ):
        pass
