"""The network that learns: its weights, its optimizer, one step at a time.

In: a graph, a plan, the batches of a step. Out: what the step said, and all of it as tensors to keep and to go on from.
The order of steps is left to `archdsl.train.loop`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from archdsl.codegen.initialise import InitialiseError, initialise
from archdsl.codegen.module import build, module
from archdsl.graph import Graph
from archdsl.train.averaging import following
from archdsl.train.dataset import Dataset
from archdsl.train.errors import TrainError
from archdsl.train.feed import Batch, epoch_steps
from archdsl.train.finiteness import culprit, finite, not_finite
from archdsl.train.machine import Machine
from archdsl.train.objective import Objective, guesses, logits, objective
from archdsl.train.optimizers import Optimizers
from archdsl.train.penalties import penalised, rates
from archdsl.train.plan import Plan
from archdsl.train.progress import Sums
from archdsl.train.randomness import seed_of, seed_torch
from archdsl.train.transfer import bring, freeze, held
from archdsl.train.whitening import whiten

__all__ = ["Learner", "outputs"]

_NORMS = nn.modules.batchnorm._BatchNorm
_MODEL, _OPTIMIZER = "model.", "optimizer."


@dataclass(frozen=True)
class Learned:
    """What a step said: `loss` is the mean over its images, None where the step was skipped."""

    loss: float | None
    sums: Sums


def outputs(result: Any) -> tuple[torch.Tensor, ...]:
    """What a module gives, as a tuple; those that exist in training only are missing outside of it."""
    return result if isinstance(result, tuple) else (result,)


class Learner:
    """A network, its optimizer, and the weights that follow its own."""

    def __init__(self, graph: Graph, plan: Plan, machine: Machine, data: Dataset) -> None:
        """With its first weights. Raises `TrainError` where the network, the plan and the data do not go together."""
        self._plan = plan
        self._machine = machine
        open_graph = logits(graph, plan.criterion)
        self._objective: Objective = objective(open_graph, plan.criterion, plan.auxiliaries)
        seed_torch(plan.seed, machine.device)
        self.module = module(open_graph)
        if self.module.state_dict().keys() != build(graph).state_dict().keys():
            raise TrainError("the network without its softmax has weights of other names", "leave out the softmax")
        if not any(True for _ in self.module.parameters()):
            raise TrainError("the network has no weights, so there is nothing to train")
        try:
            initialise(self.module, open_graph, plan.init, plan.seed)
        except InitialiseError as error:
            raise TrainError(error.message, error.hint) from None
        self.said = freeze(self.module, plan.freeze)
        if plan.weights is not None:
            self.said = bring(self.module, open_graph, Path(plan.weights.path), plan.seed) + self.said
        self.said += whiten(self.module, open_graph, plan.init, data if plan.weights is None else None)
        self._held = held(self.module) if plan.freeze else []
        self._to_learn()
        if machine.team.size > 1 and machine.device.type == "cuda":
            self.module = nn.SyncBatchNorm.convert_sync_batchnorm(self.module)  # type: ignore[no-untyped-call]
        elif machine.team.size > 1 and any(isinstance(layer, _NORMS) for layer in self.module.modules()):
            self.said.append("batch norm: statistics of each process's part of a batch, as torch has it on the CPU")
        layout = torch.channels_last if machine.channels_last else torch.preserve_format
        self.module.to(machine.device, memory_format=layout)  # type: ignore[call-overload]
        self._penalised = penalised(self.module, open_graph, plan.l2)
        factors = rates(self.module, open_graph, plan.rate)
        self._scaler = torch.amp.GradScaler(machine.device.type) if machine.precision == "fp16" else None
        self._optimizers = Optimizers(plan.optimizer, self.module, factors, scaled=self._scaler is not None)
        self._follower = following(self.module, plan, plan.epochs * epoch_steps(data, plan))
        self._call: Any = self.module
        if machine.graphs:
            if plan.accumulate > 1:
                raise TrainError("CUDA graphs are for steps of one batch", "leave out --cuda-graphs or `accumulate`")
            # Of the forward and the backward pass; torch's own, which falls back where a layer cannot be recorded.
            self._call = torch.compile(self.module, mode="reduce-overhead", dynamic=False)
        elif machine.compile:
            # For each size of a batch by itself: code for any size, made once it has seen two, rounds in another way,
            # and a run that goes on would not have it yet.
            self._call = torch.compile(self.module, dynamic=False)
        if machine.team.size > 1:
            # Torch joins gradients in another way after the first step that it sees, so that a run which goes on
            # would add up three or more of them in another order than one that never stopped; but not with this flag.
            ordered = machine.team.size > 2
            self._call = nn.parallel.DistributedDataParallel(self._call, find_unused_parameters=ordered)

    # ------------------------------------------------------------ one step

    def step(self, number: int, batches: Sequence[Batch], rate: float) -> Learned:
        """One step of the optimizer, counted from 0; the gradient is the mean over the images of all its batches.

        Raises `TrainError` where the loss is not finite, unless such steps are skipped.
        """
        skips = self._plan.on_nan == "skip"
        buffers = [buffer.clone() for buffer in self.module.buffers()] if skips else []
        if not self.module.training:
            self._to_learn()
        self._seed(number)
        self._optimizers.zero_grad()
        images = sum(batch.together for batch in batches)
        team = self._machine.team
        total, right = 0.0, 0.0
        for place, batch in enumerate(batches):
            with self._exchange(last=place == len(batches) - 1), self._machine.explained(len(batch)):
                with self._machine.autocast():
                    found = self._outputs(batch)
                    loss = self._objective(found, batch.labels, batch.others, batch.shares)
                # Asked for before the backward pass and read after it has begun, so that a GPU never waits for this.
                said = self._machine.fetched(loss.detach(), self._right(found[0].detach(), batch))
                # Over a team gradients are averaged, whatever the parts of its processes are.
                share = team.size * len(batch) / images
                self._backward(loss if share == 1 else loss * share)
                mean, guessed = said()
                mine = [mean * len(batch), guessed] if len(batch) else [0.0, 0.0]
                summed, guessed = team.added(mine, self._machine.device)
            if not math.isfinite(summed):
                if not skips:
                    raise self._stopped(f"the loss is {summed / batch.together}", number, batch, rate)
                break
            total += summed
            right += guessed
        else:
            self._after_backward()
            if not skips or self._scaler is not None or finite(weight.grad for weight in self.module.parameters()):
                with self._machine.explained(images):
                    self._update(rate, number)
                return Learned(total / images, Sums(total, right, images))
        with torch.no_grad():
            for buffer, before in zip(self.module.buffers(), buffers, strict=True):
                buffer.copy_(before)
        return Learned(None, Sums(skipped=1))

    def _exchange(self, *, last: bool) -> AbstractContextManager[Any]:
        """Around a batch: the gradients of a team are exchanged with the last of a step."""
        if last or self._machine.team.size == 1:
            return nullcontext()
        context: AbstractContextManager[Any] = self._call.no_sync()
        return context

    def _outputs(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        if self._machine.graphs:
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        return outputs(self._call(batch.images))

    def _right(self, output: torch.Tensor, batch: Batch) -> torch.Tensor:
        """How many images are guessed right; of a mixed one, the share whose label is guessed."""
        guessed = guesses(self._plan.criterion, output)
        if batch.others is None or batch.shares is None:
            return (guessed == batch.labels).sum()
        own, other = guessed == batch.labels, guessed == batch.others
        return (batch.shares * own + (1 - batch.shares) * other).sum()

    def _to_learn(self) -> None:
        """The mode for learning, but for layers that are held."""
        self.module.train()
        for layer in self._held:
            layer.eval()

    def _seed(self, number: int) -> None:
        """What is dropped in a step depends on its number alone."""
        rank = self._machine.team.rank
        place = ("step", self._plan.seed, number, *([rank] if rank else []))
        seed_torch(seed_of(*place), self._machine.device)

    def _backward(self, loss: torch.Tensor) -> None:
        scaled = loss if self._scaler is None else self._scaler.scale(loss)
        scaled.backward()  # type: ignore[no-untyped-call]

    def _after_backward(self) -> None:
        """What is done to the gradients of a step."""
        if self._scaler is not None:
            self._optimizers.unscale(self._scaler)
        for weight, strength in self._penalised:
            if weight.grad is not None:
                weight.grad.add_(weight.detach(), alpha=strength)
        clip = self._plan.clip
        if clip is not None and clip.norm is not None:
            nn.utils.clip_grad_norm_(self.module.parameters(), clip.norm)
        if clip is not None and clip.value is not None:
            nn.utils.clip_grad_value_(self.module.parameters(), clip.value)

    def _update(self, rate: float, number: int) -> None:
        for optimizer in self._optimizers.at(rate):
            if self._scaler is None:
                optimizer.step()
            else:
                self._scaler.step(optimizer)
        if self._scaler is not None:
            self._scaler.update()
        if self._follower is not None:
            self._follower.follow(self.module, number + 1)

    def _stopped(self, what: str, number: int, batch: Batch, rate: float) -> TrainError:
        self._seed(number)
        with self._machine.autocast():
            where = culprit(self.module, batch.images)
        hint = f"a lower learning rate, perhaps: it was {rate:g}; --on-nan skip leaves such steps out"
        return TrainError(f"{what} at step {number + 1:,}: {where}", hint)

    # ------------------------------------------------------------ what is tested and kept

    def tested(self) -> nn.Module:
        """The module that is tested, in the mode for it: that which follows, where there is one."""
        return (self._follower.module if self._follower is not None else self.module).eval()

    def weights(self) -> dict[str, torch.Tensor]:
        """The state dict of the same."""
        found: dict[str, torch.Tensor] = self.tested().state_dict()
        return found

    def check_finite(self, number: int) -> None:
        """Raises `TrainError` where a weight is not finite after so many steps, so that no such weights are kept."""
        wrong = not_finite(self.module.state_dict())
        if wrong is not None:
            hint = "a lower learning rate, perhaps; the last checkpoint is from before"
            raise TrainError(f"`{wrong}` is not finite after step {number:,}", hint)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Everything that the next step depends on, by name."""
        found = {_MODEL + name: tensor for name, tensor in self.module.state_dict().items()}
        found |= {_OPTIMIZER + name: tensor for name, tensor in self._optimizers.tensors().items()}
        if self._follower is not None:
            begins, state = f"{self._follower.kind}.", self._follower.module.state_dict()
            found |= {begins + name: tensor for name, tensor in state.items()}
        return found

    def record(self) -> dict[str, Any]:
        """The same, what is no tensor."""
        return {"scaler": self._scaler.state_dict() if self._scaler is not None else None}

    def restore(self, tensors: Mapping[str, torch.Tensor], record: Mapping[str, Any]) -> None:
        """Go on from what `tensors` and `record` gave. Raises `TrainError` where they are of another network."""

        def named(prefix: str) -> dict[str, torch.Tensor]:
            return {name.removeprefix(prefix): found for name, found in tensors.items() if name.startswith(prefix)}

        given, own = named(_MODEL), self.module.state_dict()
        other = [name for name in {**own, **given} if _size(own.get(name)) != _size(given.get(name))]
        if other:
            message = f"the checkpoint does not fit the network: {len(other)} weights differ, `{other[0]}` the first"
            raise TrainError(message, "--overwrite starts anew; --init begins at the weights that fit")
        try:
            self.module.load_state_dict(given)
            self._optimizers.restore(named(_OPTIMIZER))
            if self._follower is not None:
                # A run that goes on with an average, and had none, starts it at the weights.
                self._follower.module.load_state_dict(named(f"{self._follower.kind}.") or given)
        except (RuntimeError, KeyError, ValueError) as error:
            raise TrainError(f"the checkpoint does not fit the network: {error}", "--overwrite starts anew") from None
        if self._scaler is not None and record.get("scaler") is not None:
            self._scaler.load_state_dict(record["scaler"])


def _size(tensor: torch.Tensor | None) -> torch.Size | None:
    return None if tensor is None else tensor.shape
