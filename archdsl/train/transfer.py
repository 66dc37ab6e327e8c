"""Learning that begins at weights of before: what is taken from a file, what is held as it is.

In: a module with its first weights, a file, patterns of names. Out: the module with the file's weights where they fit,
and a list of what was done. Reading files and telling which tensor is which is left to `archdsl.codegen.weights`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import torch
from torch import nn

from archdsl.codegen.weights import transfer
from archdsl.codegen.weights_file import CheckpointError, read_checkpoint
from archdsl.diagnostics import counted
from archdsl.graph import Graph
from archdsl.train.errors import TrainError
from archdsl.train.plan import Weights

__all__ = ["bring", "file_weights", "freeze", "held"]

_LISTED = 8


def file_weights(path: Path) -> Weights:
    """The file by its path and its SHA-256. Raises `TrainError`."""
    try:
        return Weights(str(path), hashlib.sha256(path.read_bytes()).hexdigest())
    except OSError as error:
        raise TrainError(f"{path}: cannot be read: {error.strerror}") from None


def bring(made: nn.Module, graph: Graph, path: Path, seed: int) -> list[str]:
    """Give a module the weights of a file, those of its head left as they are where it has another size.

    A file with our names is taken by them, one of another implementation by what stands in the same place. Returns
    sentences: what was loaded, what begins anew, what of the file was left out. Raises `TrainError`, and `ArchError`
    where the two are not the same network but for their heads.
    """
    try:
        checkpoint = read_checkpoint(path)
    except CheckpointError as error:
        raise TrainError(error.message, error.hint) from None
    own: dict[str, torch.Tensor] = made.state_dict()
    given = dict(checkpoint.values)
    if not own.keys() <= given.keys():
        found = transfer(graph, checkpoint, (), seed)
        begun = [pair.ours.name for pair in found.begun]
        taken = {pair.theirs.name for pair in found.match.pairs if pair.theirs is not None and pair.fits}
        left = [tensor.name for tensor in checkpoint.tensors if tensor.name not in taken]
        given = {name: value for name, value in found.values.items() if name not in begun}
    else:
        begun = [name for name, value in own.items() if given[name].shape != value.shape]
        left = [name for name in given if name not in own or name in begun]
        given = {name: given[name] for name in own if name not in begun}
    if len(begun) == len(own) or not given:
        raise TrainError(f"nothing of {path} fits the network")
    made.load_state_dict({name: value.to(own[name].dtype) for name, value in given.items()}, strict=False)
    said = [f"{counted(len(given), 'tensor')} loaded from {path}"]
    if begun:
        said.append(f"begun anew: {_listed(begun)}")
    if left:
        said.append(f"left out of the file: {_listed(left)}")
    return said


def freeze(made: nn.Module, patterns: Sequence[str]) -> list[str]:
    """Hold the weights that a pattern names: `stage1*`, `conv1`, `*.bias`, a layer with all that is in it.

    Returns a sentence. Raises `TrainError` for a pattern that names nothing, and where nothing is left to learn.
    """
    if not patterns:
        return []
    names = [name for name, _ in made.named_parameters()]
    frozen: set[str] = set()
    for pattern in patterns:
        matched = {name for name in names if any(fnmatchcase(part, pattern) for part in _prefixes(name))}
        if not matched:
            layers = sorted({name.split(".")[0] for name in names})
            raise TrainError(f"`{pattern}` is no layer of the network", f"it has {_listed(layers)}")
        frozen |= matched
    for name, weight in made.named_parameters():
        weight.requires_grad_(name not in frozen)
    if len(frozen) == len(names):
        raise TrainError("all weights are frozen, so there is nothing to train")
    return [f"frozen: {len(frozen)} of {counted(len(names), 'weight tensor')}"]


def _prefixes(name: str) -> list[str]:
    """`a.b.weight` as a, a.b and itself."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def held(made: nn.Module) -> list[nn.Module]:
    """The layers whose weights are all frozen: their running statistics are held as well."""
    return [
        layer
        for layer in made.modules()
        if any(True for _ in layer.parameters()) and not any(weight.requires_grad for weight in layer.parameters())
    ]


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")
