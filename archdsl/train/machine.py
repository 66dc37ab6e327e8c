"""The machine a run is on, and how its arithmetic is done there.

In: names of a device and a precision. Out: a `Machine`, and a context in which torch computes as it says. What is
computed is left to the loop.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

import torch

from archdsl.analysis.counts import count
from archdsl.graph import Graph
from archdsl.train.errors import TrainError
from archdsl.train.team import ALONE, Team

__all__ = ["CPU", "PRECISIONS", "Machine", "choose_device", "computing", "fastest"]

PRECISIONS: Final = ("fp32", "tf32", "bf16", "fp16")
_HALVES: Final = {"bf16": torch.bfloat16, "fp16": torch.float16}
_SMALL_STEP: Final = 50_000_000
"""Multiply-accumulates of a batch, forward."""
_NO_SAME_BITS: Final = " does not have a deterministic implementation"
"""What torch says, after the name of an operation."""


def choose_device(name: str) -> torch.device:
    """`auto` is the first GPU where there is one, else the CPU; `cpu`, `cuda`, `cuda:1` are themselves.

    Raises `TrainError` for a device that this machine or this torch does not have.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise TrainError(f"`{name}` is not a device", "auto, cpu, cuda, cuda:1") from None
    if device.type not in ("cpu", "cuda"):
        raise TrainError(f"training on `{device.type}` is not something that archdsl does", "auto, cpu, cuda, cuda:1")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise TrainError(f"there is no `{name}` here: torch sees {torch.cuda.device_count()} GPUs", "--device auto")
    return device


@dataclass(frozen=True)
class Machine:
    """A device and how it computes.

    - `precision`: `fp32`; `tf32` (matrix products with 10 bits of mantissa, on NVIDIA GPUs since Ampere); `bf16` and
      `fp16` (torch's autocast; weights stay float32; with fp16 the loss is scaled).
    - `compile`: through `torch.compile`.
    - `graphs`: and each pass recorded as a CUDA graph, for networks so small that starting their kernels takes longer
      than running them.
    - `channels_last`: images in memory as (N, H, W, C).
    - `deterministic`: only algorithms that give the same bits every time, on GPUs too.
    - `workers`: processes that read images which are not in memory; 0 reads them in this one.
    - `team`: the processes that train together, each on a device of its own.

    Raises `TrainError` for what the device does not do.
    """

    device: torch.device
    precision: str = "fp32"
    compile: bool = False
    graphs: bool = False
    channels_last: bool = False
    deterministic: bool = False
    workers: int = 0
    team: Team = ALONE

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise TrainError(f"there is no precision `{self.precision}`", ", ".join(PRECISIONS))
        if self.precision == "tf32" and not _has_tf32(self.device):
            raise TrainError(f"{self.device} has no tf32, which NVIDIA GPUs have since Ampere", "--precision fp32")
        if self.precision == "bf16" and self.device.type == "cuda" and not _is_since(self.device, 8):
            raise TrainError(f"{self.device} has no bf16, which NVIDIA GPUs have since Ampere", "--precision fp16")
        if self.compile and self.device.type == "cuda" and not _is_since(self.device, 7):
            raise TrainError(f"torch compiles for NVIDIA GPUs since Volta, and {self.device} is older", "no --compile")
        if self.graphs and self.device.type != "cuda":
            raise TrainError(f"CUDA graphs are of NVIDIA GPUs, and this is {self.device}", "leave out --cuda-graphs")
        if self.graphs and self.team.size > 1:
            raise TrainError("CUDA graphs are for one process, and here are several", "leave out --cuda-graphs")

    @property
    def half(self) -> torch.dtype | None:
        """What autocast computes in, if it does."""
        return _HALVES.get(self.precision)

    @property
    def arithmetic(self) -> str:
        """How it computes, for people."""
        together = f"{self.team.size} processes"
        words = {
            together: self.team.size > 1,
            "compiled": self.compile or self.graphs,
            "CUDA graphs": self.graphs,
            "channels last": self.channels_last,
            "deterministic": self.deterministic,
        }
        return ", ".join([self.precision, *(word for word, on in words.items() if on)])

    def autocast(self) -> AbstractContextManager[Any]:
        """Around a forward pass and its loss."""
        return torch.autocast(self.device.type, dtype=self.half) if self.half else nullcontext()

    @contextmanager
    def explained(self, images: int) -> Iterator[None]:
        """Around what is done with a batch: what the device does not do is a `TrainError`."""
        try:
            yield
        except torch.OutOfMemoryError:
            hint = "a smaller --batch, with `accumulate` in the recipe for as large a step; --precision bf16"
            raise TrainError(f"{self.device} has no memory for a batch of {images}", hint) from None
        except RuntimeError as error:
            first = (str(error).strip().splitlines() or [""])[0]
            compiled = self.compile or self.graphs
            if compiled and type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
                hint = "leave out --compile, and --fast and --cuda-graphs, which compile too"
                raise TrainError(f"the network cannot be compiled here: {first}", hint) from None
            if self.deterministic and _NO_SAME_BITS in first:
                what = first.partition(_NO_SAME_BITS)[0].strip()
                message = f"torch has no algorithm that gives the same bits every time for {what} on {self.device}"
                raise TrainError(message, "leave out --deterministic") from None
            raise

    def fetched(self, *numbers: torch.Tensor) -> Callable[[], list[float]]:
        """Numbers on their way from the device: what is given waits for them, and for nothing that begins later."""
        if self.device.type != "cuda":
            return lambda: [float(number) for number in numbers]
        there = torch.stack([number.float() for number in numbers]).to("cpu", non_blocking=True)
        copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
        copied.record()

        def wait() -> list[float]:
            copied.synchronize()
            found: list[float] = there.tolist()
            return found

        return wait

    def placed(self, images: torch.Tensor) -> torch.Tensor:
        """A batch in the memory format of the weights."""
        if self.channels_last and images.ndim == 4:
            return images.contiguous(memory_format=torch.channels_last)
        return images


CPU: Final = Machine(torch.device("cpu"))


def _has_tf32(device: torch.device) -> bool:
    return device.type == "cuda" and _is_since(device, 8)


def _is_since(device: torch.device, generation: int) -> bool:
    """Whether an NVIDIA GPU is of a compute capability: 7 is Volta, 8 Ampere."""
    return torch.cuda.get_device_capability(device) >= (generation, 0)


def fastest(device: torch.device) -> Machine:
    """What is fastest on a device without another result than its rounding: half precision and a compiled step on GPUs.

    On the CPU it is float32 as it is: half precision is slower there on most processors. torch compiles for GPUs by
    Triton, which is not on every system.
    """
    if device.type != "cuda":
        return Machine(device)
    volta = _is_since(device, 7)
    precision = "bf16" if _is_since(device, 8) else "fp16" if volta else "fp32"
    return Machine(device, precision, compile=volta and find_spec("triton") is not None, channels_last=volta)


@contextmanager
def computing(machine: Machine, graph: Graph, batch: int) -> Iterator[None]:
    """Within it, torch computes as the machine says; its generators and settings are as they were afterwards."""
    cuda = machine.device.type == "cuda"
    with ExitStack() as stack:
        if cuda:
            # What is asked of "the" GPU, by torch or by us, is asked of this one.
            stack.enter_context(torch.cuda.device(machine.device))
        stack.enter_context(torch.random.fork_rng(devices=[machine.device] if cuda else []))
        # Half precision is coarser still, so what is left in float32 beside it need not be exact.
        tf32 = machine.precision != "fp32"
        same = machine.deterministic
        stack.enter_context(
            _set(torch.backends.cudnn, deterministic=same, benchmark=cuda and not same, allow_tf32=tf32)
        )
        if cuda:
            stack.enter_context(_set(torch.backends.cuda.matmul, allow_tf32=tf32))
        if machine.deterministic:
            stack.enter_context(_deterministic())
        stack.enter_context(_threads(graph, batch))
        yield


@contextmanager
def _set(settings: Any, **values: bool) -> Iterator[None]:
    """Some of torch's settings; those that are not named stay. `torch.backends.cudnn.flags` would turn cuDNN off."""
    before = {name: getattr(settings, name) for name in values}
    for name, value in values.items():
        setattr(settings, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(settings, name, value)


@contextmanager
def _deterministic() -> Iterator[None]:
    # cuBLAS reads this when it is first used, and is deterministic only with it.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


@contextmanager
def _threads(graph: Graph, batch: int) -> Iterator[None]:
    """One thread where a step is so small that handing parts of it to others takes longer than doing it.

    On a machine that is busy otherwise, small steps on all cores took ten times as long. OMP_NUM_THREADS, where
    it is set, decides instead.
    """
    before = torch.get_num_threads()
    if "OMP_NUM_THREADS" not in os.environ and batch * count(graph).total.macs < _SMALL_STEP:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
