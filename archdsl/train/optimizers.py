"""An optimizer of a recipe as torch's, and its state as tensors.

In: its options, a module. Out: `Optimizers`, whose learning rate the loop sets at every step.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from archdsl.elaborate.recipe_learning import Adagrad, Adam, AdamW, Muon, Optimizer, RmsProp, Sgd

__all__ = ["Optimizers"]


class Optimizers:
    """The optimizer over all weights that learn; two of torch's, where one does not take all of them."""

    def __init__(
        self,
        optimizer: Optimizer,
        made: nn.Module,
        factors: Mapping[nn.Parameter, float] | None = None,
        *,
        scaled: bool = False,
    ) -> None:
        """`factors` multiply the learning rate of some weights; `scaled` says that a step may be left out because the
        gradients of a scaled loss are too large.
        """
        self._factors = factors or {}
        self._scaled = scaled
        self._weights = {name: weight for name, weight in made.named_parameters() if weight.requires_grad}
        self._matrices: list[tuple[nn.Parameter, nn.Parameter]] = []
        self._made = list(self._build(optimizer))
        self._names = {id(weight): name for name, weight in self._weights.items()}
        self._names |= {id(matrix): self._names[id(weight)] for weight, matrix in self._matrices}

    def _build(self, optimizer: Optimizer) -> Iterator[torch.optim.Optimizer]:
        weights = list(self._weights.values())
        rate, decay = optimizer.lr or 0.0, optimizer.weight_decay
        # One kernel for all weights: on the CPU a step of Adam takes a third of the time, and no memory for the moment.
        # Where it leaves out the first step, though, torch's momentum begins with whatever the memory held.
        kinds = {weight.device.type for weight in weights}
        fused = (kinds in ({"cpu"}, {"cuda"}) and not self._scaled) or None
        groups = self._groups(weights)
        match optimizer:
            case Sgd(momentum=momentum, nesterov=nesterov):
                yield torch.optim.SGD(groups, rate, momentum, weight_decay=decay, nesterov=nesterov, fused=fused)
            case Adam(betas=betas, eps=eps):
                yield torch.optim.Adam(groups, rate, betas, eps, decay, fused=fused)
            case AdamW(betas=betas, eps=eps):
                yield torch.optim.AdamW(groups, rate, betas, eps, decay, fused=fused)
            case RmsProp(alpha=alpha, eps=eps, momentum=momentum):
                yield torch.optim.RMSprop(groups, rate, alpha, eps, decay, momentum)
            case Adagrad(lr_decay=lr_decay, eps=eps):
                # torch has it in one kernel on the CPU alone.
                fused = fused if kinds == {"cpu"} else None
                yield torch.optim.Adagrad(groups, rate, lr_decay, decay, eps=eps, fused=fused)
            case Muon(momentum=momentum, nesterov=nesterov):
                # Vectors (biases, gains) have no singular values; the step is scaled to the size of AdamW's (Liu et
                # al., 2025), so that one learning rate is right for both.
                vectors = [weight for weight in weights if weight.ndim < 2]
                self._matrices = [(weight, _matrix(weight)) for weight in weights if weight.ndim >= 2]
                if self._matrices:
                    yield torch.optim.Muon(
                        self._groups(weight for weight, _ in self._matrices),
                        rate,
                        decay,
                        momentum,
                        nesterov,
                        adjust_lr_fn="match_rms_adamw",
                    )
                if vectors:
                    yield torch.optim.AdamW(self._groups(vectors), rate, weight_decay=decay, fused=fused)
            case _:
                raise AssertionError(f"no rule for {optimizer.name}")

    def _groups(self, weights: Iterable[nn.Parameter]) -> list[dict[str, Any]]:
        """Weights, or the matrices of kernels, as torch takes them: those of one rate together."""
        matrix = dict(self._matrices)
        groups: dict[float, list[nn.Parameter]] = {}
        for weight in weights:
            groups.setdefault(self._factors.get(weight, 1.0), []).append(matrix.get(weight, weight))
        return [{"params": group, "factor": factor} for factor, group in groups.items()]

    def zero_grad(self) -> None:
        """Forget the gradients of the step before."""
        for weight in self._weights.values():
            weight.grad = None
        for _, matrix in self._matrices:
            matrix.grad = None

    def unscale(self, scaler: torch.amp.GradScaler) -> None:
        """Gradients as they are without the scale of their loss."""
        self._hand_over()
        for made in self._made:
            scaler.unscale_(made)
        for weight, matrix in self._matrices:
            if weight.grad is not None and matrix.grad is not None:
                _as_kernel(matrix.grad, weight, weight.grad)

    def _hand_over(self) -> None:
        """Give the matrices the gradients of their kernels."""
        for weight, matrix in self._matrices:
            matrix.grad = None if weight.grad is None else _as_matrix(weight.grad, weight)

    def at(self, rate: float) -> Iterator[torch.optim.Optimizer]:
        """Torch's optimizers, to be stepped at a learning rate."""
        self._hand_over()
        for made in self._made:
            for group in made.param_groups:
                group["lr"] = rate * group["factor"]
            yield made

    def tensors(self) -> dict[str, torch.Tensor]:
        """What they remember, as `conv1.weight:momentum_buffer`."""
        return {
            f"{self._names[id(weight)]}:{key}": torch.as_tensor(value)
            for made in self._made
            for weight, state in made.state.items()
            for key, value in state.items()
            if value is not None
        }

    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Remember what `tensors` gave. Raises `KeyError` for a weight that there is not."""
        if not tensors:
            # Some have a memory from the first step on, which stays.
            return
        by_name = {self._names[id(weight)]: (made, weight) for made in self._made for weight in _weights(made)}
        for made in self._made:
            made.state.clear()
        for name, tensor in tensors.items():
            path, _, key = name.rpartition(":")
            made, weight = by_name[path]
            # torch counts steps on the CPU, unless one kernel does all.
            counter = weight.device if made.defaults.get("fused") else "cpu"
            made.state[weight][key] = tensor.to(counter, copy=True) if key == "step" else _like(tensor, weight)


def _weights(made: torch.optim.Optimizer) -> Iterator[torch.Tensor]:
    for group in made.param_groups:
        yield from group["params"]


def _like(tensor: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """A tensor with the device and the memory format of a weight."""
    return torch.empty_like(weight, dtype=tensor.dtype, requires_grad=False).copy_(tensor)


def _matrix(weight: nn.Parameter) -> nn.Parameter:
    """A kernel (O, I, kh, kw) as a matrix of O rows over the same memory."""
    return nn.Parameter(_as_matrix(weight.detach(), weight))


def _as_matrix(tensor: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """A tensor in the shape of a weight as rows, in the order in which the weight lies in memory."""
    if weight.is_contiguous():
        return tensor.reshape(len(tensor), -1)
    return tensor.movedim(1, -1).reshape(len(tensor), -1)


def _as_kernel(matrix: torch.Tensor, weight: torch.Tensor, into: torch.Tensor) -> None:
    """The way back, into a tensor of the weight's shape, unless the two are the same memory."""
    if matrix.data_ptr() == into.data_ptr():
        return
    rows = into if weight.is_contiguous() else into.movedim(1, -1)
    rows.copy_(matrix.reshape(rows.shape))
