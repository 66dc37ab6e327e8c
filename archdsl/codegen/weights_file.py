"""Checkpoints as files: PyTorch's and safetensors read, safetensors written.

In: a path. Out: tensors by name in the order of the file, or a sentence that says what is wrong with it. Nothing that a
file brings is executed. Whose weights they are is left to `weights`.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archdsl.codegen.matching import Tensor
from archdsl.diagnostics import HintedError
from archdsl.files import safetensors_bytes, write_whole

if TYPE_CHECKING:
    import torch

__all__ = ["Checkpoint", "CheckpointError", "read_checkpoint", "write_weights"]

PICKLED: Final = (".pth", ".pt", ".bin", ".ckpt", ".tar", ".th")
_CONTAINERS: Final = ("state_dict", "model_state_dict", "model", "net", "network", "module", "weights", "params")
"""Under which name checkpoints hold the state dict, the likeliest first."""
_DEEPEST: Final = 4
_DAMAGED: Final = "the file is cut off or damaged; get it again"
_NOT_SAVED: Final = "the file is damaged, or was not written by torch.save"
_SAVE_WEIGHTS: Final = 'where it comes from, save the weights alone: torch.save(model.state_dict(), "weights.pth")'
_COUNTER: Final = "num_batches_tracked"
_MASK: Final = "attn_mask"
"""What the authors of Swin store beside the weights: which positions of shifted windows do not see each other."""


class CheckpointError(HintedError):
    """What is wrong with a file of weights."""


@dataclass(frozen=True)
class Checkpoint:
    """A state dict: `values` by name, in the order of the file, `under` where in the file it was found.

    `others` are entries that are no weights: whole numbers, masks, settings.
    """

    values: Mapping[str, torch.Tensor]
    others: tuple[str, ...]
    under: tuple[str, ...] = ()

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The weights by name and shape; counters of batches are none."""
        return tuple(
            Tensor(name, tuple(value.shape)) for name, value in self.values.items() if not name.endswith(_COUNTER)
        )


def read_checkpoint(path: Path) -> Checkpoint:
    """The state dict in a file, also one within `{"state_dict": …}` or `{"model": …}`.

    Raises `CheckpointError` for a file that is missing, damaged, of another kind, without tensors, or whose pickle asks
    for code to be run.
    """
    suffix = path.suffix.lower()
    if suffix != ".safetensors" and suffix not in PICKLED:
        known = ", ".join((".safetensors", *PICKLED))
        raise CheckpointError(f"{path} does not end as a file of weights does", f"known are {known}")
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise CheckpointError(f"{path} is empty")
        held = _safetensors(path) if suffix == ".safetensors" else _pickled(path)
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror or error}") from None
    return _state_dict(held, path, ())


def _safetensors(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.offset_keys()}
    except SafetensorError as error:
        raise CheckpointError(f"{path} cannot be read: {_sentence(error)}", _DAMAGED) from None


def _pickled(path: Path) -> Any:
    import warnings

    import torch

    with path.open("rb") as file:
        if not file.read(2).startswith((b"PK", b"\x80")):
            raise CheckpointError(f"{path} is no checkpoint of PyTorch: it begins as none does")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old kinds of storage: what they hold is read all the same
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL (\S+)", str(error))
        if found is None:
            raise CheckpointError(f"{path} cannot be read: {_sentence(error)}", _NOT_SAVED) from None
        message = f"{path} holds code beside its weights, `{found[1]}`, and code in a file is never run"
        raise CheckpointError(message, _SAVE_WEIGHTS) from None
    except Exception as error:  # noqa: BLE001 - a damaged file makes torch raise errors of any kind
        if "TorchScript" in str(error):
            message = f"{path} holds a program of TorchScript, and code in a file is never run"
            raise CheckpointError(message, _SAVE_WEIGHTS) from None
        raise CheckpointError(f"{path} cannot be read: {_sentence(error)}", _DAMAGED) from None


def _sentence(error: Exception) -> str:
    """The first sentence of another library's message."""
    return re.split(r"\n|(?<=[a-z\])])\. ", str(error).strip() or type(error).__name__)[0][:200]


def _state_dict(held: Any, path: Path, under: tuple[str, ...]) -> Checkpoint:
    import torch

    if not isinstance(held, Mapping):
        raise CheckpointError(f"{path} holds no tensors by name, but `{type(held).__name__}`")
    weights = {
        name: value
        for name, value in held.items()
        if isinstance(name, str) and isinstance(value, torch.Tensor) and _is_weight(name, value)
    }
    if weights:
        return Checkpoint(weights, tuple(str(name) for name in held if name not in weights), under)
    inner = {name: value for name, value in held.items() if isinstance(value, Mapping) and _has_tensors(value)}
    if not inner or len(under) == _DEEPEST:
        raise CheckpointError(f"{path} holds no weights", "a state dict has tensors of real numbers by their names")
    known = [name for name in _CONTAINERS if name in inner]
    if not known and len(inner) > 1:
        listed = ", ".join(f"`{name}`" for name in inner)
        raise CheckpointError(f"{path} holds several sets of weights: {listed}", "save the one that is meant by itself")
    name = known[0] if known else next(iter(inner))
    return _state_dict(inner[name], path, (*under, str(name)))


def _is_weight(name: str, value: torch.Tensor) -> bool:
    import torch

    number = value.is_floating_point() and value.layout == torch.strided and not name.endswith(_MASK)
    return name.endswith(_COUNTER) or number


def _has_tensors(held: Mapping[Any, Any], depth: int = 0) -> bool:
    import torch

    return any(
        isinstance(value, torch.Tensor)
        or (isinstance(value, Mapping) and depth < _DEEPEST and _has_tensors(value, depth + 1))
        for value in held.values()
    )


def write_weights(path: Path, values: Mapping[str, torch.Tensor], remarks: Mapping[str, str]) -> int:
    """Write a safetensors file, whole or not at all; its size in bytes. Raises `OSError`."""
    content = safetensors_bytes(values, remarks)
    write_whole(path, content)
    return len(content)
