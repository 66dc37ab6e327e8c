"""The run folder: what a run leaves behind, and what it goes on from.

In: records, weights, checkpoints. Out: `recipe.json`, `metrics.jsonl`, `metrics.csv`, `model.safetensors`,
`best.safetensors` and `checkpoints/`, each whole or not there. What a checkpoint holds is left to the loop.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch

from archdsl.files import remove_leftovers, safetensors_bytes, write_whole
from archdsl.train.checkpoint import Checkpoint, Damaged, decode, encode
from archdsl.train.errors import TrainError
from archdsl.train.events import FOLDER
from archdsl.train.progress import Epoch, csv_text, jsonl_text

__all__ = ["BEST", "CHECKPOINTS", "METRICS", "RECIPE", "TABLE", "WEIGHTS", "RunFolder"]

METRICS: Final = "metrics.jsonl"
TABLE: Final = "metrics.csv"
RECIPE: Final = "recipe.json"
WEIGHTS: Final = "model.safetensors"
BEST: Final = "best.safetensors"
CHECKPOINTS: Final = "checkpoints"

_REPORT: Final = ("report.html", "curves.svg", "confusion.csv")
_KEPT: Final = 2
"""The newest checkpoints that are kept."""
_DAMAGED: Final = ".damaged"


class RunFolder:
    """A folder that takes one run."""

    def __init__(self, path: Path, *, overwrite: bool = False, chief: bool = True) -> None:
        """Make the folder; of a team, only the chief touches it.

        Raises `TrainError` where it cannot be made, or holds a result that nothing goes on from.
        With `overwrite` what a run left there is removed.
        """
        self.path = path
        self._checkpoints = path / CHECKPOINTS
        if not chief:
            return
        try:
            path.mkdir(parents=True, exist_ok=True)
            if overwrite:
                for name in (RECIPE, METRICS, TABLE, WEIGHTS, BEST, *_REPORT):
                    (path / name).unlink(missing_ok=True)
                for folder in (self._checkpoints, path / FOLDER):
                    if folder.is_dir():
                        shutil.rmtree(folder)
            elif (path / WEIGHTS).exists() and not self.steps():
                raise TrainError(f"{path} holds a run already", "another folder with --out, or --overwrite")
            self._checkpoints.mkdir(exist_ok=True)
        except OSError as error:
            raise TrainError(f"cannot use {path}: {error.strerror}") from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out, and clear away what one that was killed left half written.

        The lock is of the process and not of those that it starts, so it ends when it does. Raises `TrainError` where
        another trains here.
        """
        handle = os.open(self._checkpoints / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            try:
                fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise TrainError(f"another process is training in {self.path}", "another folder with --out") from None
            remove_leftovers(self.path)
            remove_leftovers(self._checkpoints)
            yield
        finally:
            os.close(handle)

    # ------------------------------------------------------------ checkpoints

    def steps(self) -> list[int]:
        """The steps of which there are checkpoints, oldest first; some may be damaged."""
        found = []
        for path in self._checkpoints.glob("step-*.safetensors"):
            digits = path.stem.removeprefix("step-")
            if digits.isascii() and digits.isdigit():
                found.append(int(digits))
        return sorted(found)

    def _place(self, step: int) -> Path:
        return self._checkpoints / f"step-{step:010d}.safetensors"

    def newest(self, warn: Callable[[str], None]) -> Checkpoint | None:
        """The newest checkpoint that is whole, or None where there is none at all.

        A damaged one is put aside, and the one before is taken, with a word to `warn`. Raises `TrainError` where all
        are damaged, or one cannot be read.
        """
        steps = self.steps()
        for step in reversed(steps):
            path = self._place(step)
            try:
                found = decode(path.read_bytes())
            except Damaged as damaged:
                aside = path.with_name(path.name + _DAMAGED)
                path.replace(aside)
                warn(f"{path} is damaged: {damaged}; it is now {aside.name}, and the one before it is taken")
                continue
            except OSError as error:
                raise TrainError(f"{path}: cannot be read: {error.strerror}") from None
            return found
        count = len(list(self._checkpoints.glob(f"*{_DAMAGED}")))
        if count:
            message = f"all checkpoints of {self.path} are damaged, and put aside: {count}"
            raise TrainError(message, "--overwrite starts anew, --out another run")
        return None

    def save(self, step: int, checkpoint: Checkpoint) -> Path:
        """One more checkpoint; those before the last two go. Raises `OSError`, and all are as they were then."""
        path = self._place(step)
        write_whole(path, encode(checkpoint))
        for old in self.steps()[:-_KEPT]:
            self._place(old).unlink()
        return path

    # ------------------------------------------------------------ what stays

    def write_recipe(self, record: Mapping[str, Any]) -> None:
        """`recipe.json`: all that decided the result. Raises `OSError`."""
        write_whole(self.path / RECIPE, (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode())

    def write_metrics(self, history: Sequence[Epoch]) -> None:
        """`metrics.jsonl` and `metrics.csv`, all epochs so far. Raises `OSError`."""
        write_whole(self.path / METRICS, jsonl_text(history).encode())
        write_whole(self.path / TABLE, csv_text(history).encode())

    def write_report(self, files: Mapping[str, bytes]) -> None:
        """The page at the end, and what goes with it. Raises `OSError`."""
        for name, content in files.items():
            write_whole(self.path / name, content)

    def write_weights(self, name: str, weights: Mapping[str, torch.Tensor], remarks: Mapping[str, str]) -> None:
        """`model.safetensors` or `best.safetensors`, with the names of the module's state dict. Raises `OSError`."""
        write_whole(self.path / name, safetensors_bytes(weights, remarks))
