"""An optimizer of a recipe as torch's.

In: its options, a module. Out: a `torch.optim.Optimizer`, whose learning rate the loop sets at every step.
"""

from __future__ import annotations

import torch
from torch import nn

from archdsl.elaborate.recipe_learning import Adagrad, Adam, AdamW, Optimizer, RmsProp, Sgd

__all__ = ["build_optimizer"]


def build_optimizer(optimizer: Optimizer, made: nn.Module) -> torch.optim.Optimizer:
    """The optimizer over all weights of a module; every option of the recipe's is handed on."""
    weights = list(made.parameters())
    rate, decay = optimizer.lr or 0.0, optimizer.weight_decay
    match optimizer:
        case Sgd(momentum=momentum, nesterov=nesterov):
            return torch.optim.SGD(weights, rate, momentum, weight_decay=decay, nesterov=nesterov)
        case Adam(betas=betas, eps=eps):
            return torch.optim.Adam(weights, rate, betas, eps, decay)
        case AdamW(betas=betas, eps=eps):
            return torch.optim.AdamW(weights, rate, betas, eps, decay)
        case RmsProp(alpha=alpha, eps=eps, momentum=momentum):
            return torch.optim.RMSprop(weights, rate, alpha, eps, decay, momentum)
        case Adagrad(lr_decay=lr_decay, eps=eps):
            return torch.optim.Adagrad(weights, rate, lr_decay, decay, eps=eps)
    raise AssertionError(f"no rule for {optimizer.name}")
