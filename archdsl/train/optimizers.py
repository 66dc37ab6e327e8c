"""An optimizer of a recipe as torch's, and its state as tensors.

In: its options, a module. Out: `Optimizers`, whose learning rate the loop sets at every step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import nn

from archdsl.elaborate.recipe_learning import Adagrad, Adam, AdamW, Muon, Optimizer, RmsProp, Sgd

__all__ = ["Optimizers"]


class Optimizers:
    """The optimizer over all weights that learn; two of torch's, where one does not take all of them."""

    def __init__(self, optimizer: Optimizer, made: nn.Module) -> None:
        self._weights = {name: weight for name, weight in made.named_parameters() if weight.requires_grad}
        self._matrices: list[tuple[nn.Parameter, nn.Parameter]] = []
        self._made = list(self._build(optimizer))
        self._names = {id(weight): name for name, weight in self._weights.items()}
        self._names |= {id(matrix): self._names[id(weight)] for weight, matrix in self._matrices}

    def _build(self, optimizer: Optimizer) -> Iterator[torch.optim.Optimizer]:
        weights = list(self._weights.values())
        rate, decay = optimizer.lr or 0.0, optimizer.weight_decay
        # One kernel for all weights: on the CPU a step of Adam takes a third of the time, and no memory for the moment.
        fused = all(weight.device.type == "cpu" for weight in weights) or None
        match optimizer:
            case Sgd(momentum=momentum, nesterov=nesterov):
                yield torch.optim.SGD(weights, rate, momentum, weight_decay=decay, nesterov=nesterov, fused=fused)
            case Adam(betas=betas, eps=eps):
                yield torch.optim.Adam(weights, rate, betas, eps, decay, fused=fused)
            case AdamW(betas=betas, eps=eps):
                yield torch.optim.AdamW(weights, rate, betas, eps, decay, fused=fused)
            case RmsProp(alpha=alpha, eps=eps, momentum=momentum):
                yield torch.optim.RMSprop(weights, rate, alpha, eps, decay, momentum)
            case Adagrad(lr_decay=lr_decay, eps=eps):
                yield torch.optim.Adagrad(weights, rate, lr_decay, decay, eps=eps, fused=fused)
            case Muon(momentum=momentum, nesterov=nesterov):
                # Vectors (biases, gains) have no singular values; the step is scaled to the size of AdamW's (Liu et
                # al., 2025), so that one learning rate is right for both.
                vectors = [weight for weight in weights if weight.ndim < 2]
                self._matrices = [(weight, _matrix(weight)) for weight in weights if weight.ndim >= 2]
                if self._matrices:
                    matrices = [matrix for _, matrix in self._matrices]
                    yield torch.optim.Muon(
                        matrices,
                        rate,
                        decay,
                        momentum,
                        nesterov,
                        adjust_lr_fn="match_rms_adamw",
                    )
                if vectors:
                    yield torch.optim.AdamW(vectors, rate, weight_decay=decay, fused=fused)
            case _:
                raise AssertionError(f"no rule for {optimizer.name}")

    def __iter__(self) -> Iterator[torch.optim.Optimizer]:
        yield from self._made

    def zero_grad(self) -> None:
        """Forget the gradients of the step before."""
        for weight in self._weights.values():
            weight.grad = None

    def at(self, rate: float) -> Iterator[torch.optim.Optimizer]:
        """Torch's optimizers, to be stepped at a learning rate."""
        for weight, matrix in self._matrices:
            matrix.grad = None if weight.grad is None else _as_matrix(weight.grad, weight)
        for made in self._made:
            for group in made.param_groups:
                group["lr"] = rate
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
        by_name = {self._names[id(weight)]: (made, weight) for made in self._made for weight in _weights(made)}
        for made in self._made:
            made.state.clear()
        for name, tensor in tensors.items():
            path, _, key = name.rpartition(":")
            made, weight = by_name[path]
            # torch counts steps on the CPU.
            made.state[weight][key] = tensor.clone() if key == "step" else _like(tensor, weight)


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
