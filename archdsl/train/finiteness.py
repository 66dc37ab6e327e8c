"""Where numbers stop being finite.

In: tensors, or a module and the batch that broke it. Out: a name for an error message. What is done about it is left to
`archdsl.train.learner`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

__all__ = ["culprit", "finite", "not_finite"]


def finite(tensors: Iterable[torch.Tensor | None]) -> bool:
    """Whether all numbers are; None counts as nothing."""
    found = [torch.isfinite(tensor).all() for tensor in tensors if tensor is not None]
    # One question to the device, and not one for each.
    return not found or bool(torch.stack(found).all())


def not_finite(tensors: Mapping[str, torch.Tensor]) -> str | None:
    """The name of the first tensor with a number that is not finite."""
    return next((name for name, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())), None)


def culprit(made: nn.Module, images: torch.Tensor) -> str:
    """Which layer is the first to give a number that is not finite, for the end of a sentence.

    >>> culprit(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), torch.full((1, 2), torch.inf))
    'the images are not finite'
    """
    if not finite([images]):
        return "the images are not finite"
    wrong = not_finite(dict(made.named_parameters()))
    if wrong is not None:
        return f"the weights `{wrong}` were not finite before it"
    first: list[str] = []

    def watch(name: str, layer: nn.Module) -> Any:
        def hook(layer: nn.Module, inputs: Any, output: Any) -> None:
            found = output if isinstance(output, tuple) else (output,)
            if not first and not finite(part for part in found if isinstance(part, torch.Tensor)):
                first.append(f"the first layer to give it is `{name}`, {type(layer).__name__}")

        return layer.register_forward_hook(hook)

    handles = [watch(name, layer) for name, layer in made.named_modules() if not any(layer.children()) and name]
    try:
        with torch.no_grad():
            made(images)
    finally:
        for handle in handles:
            handle.remove()
    return first[0] if first else "every layer is finite, and the loss of them is not"
