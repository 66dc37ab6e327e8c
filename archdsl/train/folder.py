"""The run folder: what a run leaves behind.

In: records and weights. Out: `recipe.json`, `metrics.jsonl`, `model.safetensors`, each whole or not there: written
beside its place, flushed to the disk, and renamed.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch

from archdsl.train.errors import TrainError

__all__ = ["METRICS", "RECIPE", "WEIGHTS", "Epoch", "RunFolder", "write_whole"]

METRICS: Final = "metrics.jsonl"
RECIPE: Final = "recipe.json"
WEIGHTS: Final = "model.safetensors"


@dataclass(frozen=True, slots=True)
class Epoch:
    """One line of `metrics.jsonl`: `epoch` counts from 1, `step` is the number of steps done.

    `learning_rate` is that of the last step; losses are means over the images, accuracies shares of them.
    """

    epoch: int
    step: int
    learning_rate: float
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in its place in one step, so that nobody ever reads half of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


class RunFolder:
    """A folder that takes one run."""

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        """Make the folder. Raises `TrainError` where it holds a run, unless that may be overwritten."""
        self.path = path
        self._epochs: list[Epoch] = []
        try:
            path.mkdir(parents=True, exist_ok=True)
            old = [path / name for name in (RECIPE, METRICS, WEIGHTS) if (path / name).exists()]
            if old and not overwrite:
                raise TrainError(f"{path} holds a run already", "another folder with --out, or --overwrite")
            for file in old:
                file.unlink()
        except OSError as error:
            raise TrainError(f"cannot use {path}: {error.strerror}") from None

    def write_recipe(self, record: Mapping[str, Any]) -> None:
        """`recipe.json`: all that decided the result."""
        write_whole(self.path / RECIPE, (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode())

    def add_epoch(self, epoch: Epoch) -> None:
        """One more line of `metrics.jsonl`."""
        self._epochs.append(epoch)
        lines = "".join(json.dumps(asdict(done)) + "\n" for done in self._epochs)
        write_whole(self.path / METRICS, lines.encode())

    def write_weights(self, weights: Mapping[str, torch.Tensor], remarks: Mapping[str, str]) -> None:
        """`model.safetensors`, with the names of the module's state dict."""
        from safetensors.torch import save

        # A copy each, since the format has no two names for one memory.
        plain = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in weights.items()}
        write_whole(self.path / WEIGHTS, _ordered(save(plain, metadata={"format": "pt", **remarks})))


def _ordered(content: bytes) -> bytes:
    """A safetensors file with its remarks in one order: the library gives another every time, and equal runs differ.

    The file begins with the length of a JSON header, 8 bytes, little-endian; the header may end in spaces, and the
    tensors stand behind it, at offsets that count from there.
    """
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[end:]
