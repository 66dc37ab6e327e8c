"""The run: epochs of steps, a test after each, and what is left behind.

In: a checked graph, a plan, data, a folder. Out: a `Result`, and the folder filled. Deciding the plan is left to
`archdsl.train.plan`, reading the data to `archdsl.train.data`.
"""

from __future__ import annotations

import hashlib
import math
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import nn

from archdsl.analysis.counts import count
from archdsl.codegen.initialise import InitialiseError, initialise
from archdsl.codegen.module import module
from archdsl.graph import Graph
from archdsl.train.augment import augmented
from archdsl.train.data import Dataset, Examples
from archdsl.train.display import Display
from archdsl.train.errors import TrainError
from archdsl.train.folder import Epoch, RunFolder
from archdsl.train.objective import Objective, logits, objective
from archdsl.train.optimizers import build_optimizer
from archdsl.train.plan import Plan, as_record
from archdsl.train.schedule import learning_rate
from archdsl.train.signals import Stop, stop_on_signals

__all__ = ["Result", "choose_device", "train"]

_TEST_BATCH: Final = 512
_SMALL_STEP: Final = 50_000_000
"""Multiply-accumulates of a batch, forward."""


@dataclass(frozen=True)
class Result:
    """How a run ended: its last epoch, or None when it was stopped within the first; `status` is the exit status."""

    last: Epoch | None
    steps: int
    status: int


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


def train(graph: Graph, plan: Plan, data: Dataset, folder: RunFolder, device: torch.device, display: Display) -> Result:
    """Train a network from its first weights, and leave `recipe.json`, `metrics.jsonl` and `model.safetensors`.

    The same graph, plan, data, device and versions give the same weights, bit by bit on the CPU. torch's own generators
    are as they were afterwards. Raises `TrainError` where the network and the plan do not go together, or a loss is not
    finite.
    """
    devices = [device] if device.type == "cuda" else []
    with (
        torch.random.fork_rng(devices=devices),
        torch.backends.cudnn.flags(deterministic=True, benchmark=False),
        _threads(graph, plan.batch),
    ):
        run = _Run(graph, plan, data, device)
        folder.write_recipe(run.record())
        with stop_on_signals() as stop, display:
            return run.go(folder, display, stop)


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


class _Run:
    """One run in memory."""

    def __init__(self, graph: Graph, plan: Plan, data: Dataset, device: torch.device) -> None:
        self._graph = graph
        self._plan = plan
        self._data = data
        self._device = device
        open_graph = logits(graph)
        self._objective: Objective = objective(open_graph, plan.criterion, plan.auxiliaries)
        torch.manual_seed(plan.seed)
        self._module = module(open_graph)
        self._whole = module(graph)
        if self._module.state_dict().keys() != self._whole.state_dict().keys():
            raise TrainError("the network without its softmax has weights of other names", "leave out the softmax")
        if not any(True for _ in self._module.parameters()):
            raise TrainError("the network has no weights, so there is nothing to train")
        torch.manual_seed(plan.seed)
        try:
            initialise(self._module, open_graph, plan.init, plan.seed)
        except InitialiseError as error:
            raise TrainError(error.message, error.hint) from None
        self._module.to(device)
        self._optimizer = build_optimizer(plan.optimizer, self._module)
        self._train = data.train.to(device)
        self._test = data.test.to(device)
        self._per_epoch = len(list(_batches(torch.arange(len(data.train)), plan.batch)))
        self._steps = 0

    def record(self) -> dict[str, object]:
        """All that decides the result."""
        from archdsl import __version__

        graph, data = self._graph, self._data
        return {
            "network": {"name": graph.name, "variant": graph.variant, "title": graph.title, "text": graph.source_text},
            "recipe": as_record(self._plan),
            "data": {
                "name": data.name,
                "train_images": len(data.train),
                "test_images": len(data.test),
                "image": list(data.train.images.shape[1:]),
                "remark": data.remark,
            },
            "device": str(self._device),
            "threads": torch.get_num_threads(),
            "versions": {"archdsl": __version__, "torch": torch.__version__, "python": platform.python_version()},
        }

    def go(self, folder: RunFolder, display: Display, stop: Stop) -> Result:
        """Train to the end, or until a signal asks for it."""
        display.start(self._plan.epochs, self._per_epoch)
        last: Epoch | None = None
        for epoch in range(self._plan.epochs):
            loss, accuracy = self._learn(epoch, display, stop)
            if stop.asked:
                break
            test_loss, test_accuracy = self._evaluate(self._test)
            rate = self._rate(self._steps - 1)
            last = Epoch(epoch + 1, self._steps, rate, loss, accuracy, test_loss, test_accuracy)
            folder.add_epoch(last)
            display.epoch(last)
        self._whole.load_state_dict(self._module.state_dict())
        done = last is not None and last.epoch == self._plan.epochs
        remarks = {"network": self._graph.variant or self._graph.name, "steps": str(self._steps)}
        folder.write_weights(self._whole.state_dict(), {**remarks, "finished": str(done).lower()})
        return Result(last, self._steps, stop.exit_status)

    def _rate(self, step: int) -> float:
        plan = self._plan
        first = plan.optimizer.lr
        return learning_rate(plan.schedule, first, step=step, per_epoch=self._per_epoch, epochs=plan.epochs)

    def _learn(self, epoch: int, display: Display, stop: Stop) -> tuple[float, float]:
        """One epoch, or the part of it before a signal; the mean loss and the accuracy while learning."""
        plan = self._plan
        generator = torch.Generator().manual_seed(_seed(plan.seed, epoch))
        order = torch.randperm(len(self._train), generator=generator)
        self._module.train()
        total, right, seen = 0.0, 0, 0
        for chosen in _batches(order, plan.batch):
            if stop.asked:
                break
            chosen = chosen.to(self._device)
            images = augmented(self._train.images[chosen], plan.augment, generator)
            labels = self._train.labels[chosen]
            for group in self._optimizer.param_groups:
                group["lr"] = self._rate(self._steps)
            self._optimizer.zero_grad(set_to_none=True)
            outputs = _outputs(self._module(images))
            loss = self._objective(outputs, labels)
            value = float(loss.detach())
            if not math.isfinite(value):
                hint = f"a lower learning rate, perhaps; it was {self._rate(self._steps):g}"
                raise TrainError(f"the loss is {value} at step {self._steps + 1}, in epoch {epoch + 1}", hint)
            loss.backward()  # type: ignore[no-untyped-call]
            self._clip()
            self._optimizer.step()
            self._steps += 1
            total += value * len(chosen)
            right += int((outputs[0].argmax(1) == labels).sum())
            seen += len(chosen)
            display.step(epoch + 1, value, len(chosen))
        return total / max(seen, 1), right / max(seen, 1)

    def _clip(self) -> None:
        clip = self._plan.clip
        if clip is not None and clip.norm is not None:
            nn.utils.clip_grad_norm_(self._module.parameters(), clip.norm)
        if clip is not None and clip.value is not None:
            nn.utils.clip_grad_value_(self._module.parameters(), clip.value)

    @torch.no_grad()
    def _evaluate(self, examples: Examples) -> tuple[float, float]:
        """The mean cross entropy and the accuracy of the main output."""
        self._module.eval()
        total, right = 0.0, 0
        for start in range(0, len(examples), _TEST_BATCH):
            images = examples.images[start : start + _TEST_BATCH]
            labels = examples.labels[start : start + _TEST_BATCH]
            output = _outputs(self._module(images))[0]
            total += float(nn.functional.cross_entropy(output, labels, reduction="sum"))
            right += int((output.argmax(1) == labels).sum())
        return total / len(examples), right / len(examples)


def _outputs(result: Any) -> tuple[torch.Tensor, ...]:
    """What a module gives, as a tuple; those that exist in training only are None outside of it."""
    return result if isinstance(result, tuple) else (result,)


def _batches(order: torch.Tensor, size: int) -> Iterator[torch.Tensor]:
    """The order in pieces; a last piece of one joins the one before, since batch norm cannot learn from one image."""
    pieces = list(torch.split(order, size))
    if len(pieces) > 1 and len(pieces[-1]) == 1:
        pieces[-2:] = [torch.cat(pieces[-2:])]
    yield from pieces


def _seed(seed: int, epoch: int) -> int:
    """A seed of its own for every epoch, so that an epoch needs no state of the one before."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{epoch}".encode()).digest()[:7], "big")
