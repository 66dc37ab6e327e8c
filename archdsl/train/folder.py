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

_REPORT: Final = ("report.html", "curves.svg", "confusion.svg", "confusion.csv")
_LOCK: Final = ".lock"
_KEPT: Final = 2
"""The newest checkpoints that are kept."""
_DAMAGED: Final = ".damaged"


class RunFolder:
    """A folder that takes one run."""

    def __init__(self, path: Path, *, overwrite: bool = False, chief: bool = True) -> None:
        """Make the folder; of a team, only the chief touches it.

        Raises `TrainError` where it cannot be made, or holds a result that nothing goes on from.
        With `overwrite` what a run left there is removed once the folder is locked.
        """
        self.path = path
        self._checkpoints = path / CHECKPOINTS
        self._overwrite = overwrite
        if not chief:
            return
        with self._usable():
            path.mkdir(parents=True, exist_ok=True)
            if not overwrite and (path / WEIGHTS).exists() and not self.steps():
                raise TrainError(f"{path} holds a run already", "another folder with --out, or --overwrite")
            self._checkpoints.mkdir(exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out, and clear away what one that was killed left half written.

        The lock is of the process and not of those that it starts, so it ends when it does. Raises `TrainError` where
        another trains here, and where the folder cannot be written.
        """
        with self._usable():
            handle = os.open(self._checkpoints / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            with self._usable():
                try:
                    fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    message = f"another process is training in {self.path}"
                    raise TrainError(message, "another folder with --out") from None
                if self._overwrite:
                    self._clear()
                remove_leftovers(self.path)
                remove_leftovers(self._checkpoints)
            yield
        finally:
            os.close(handle)

    def _clear(self) -> None:
        """Remove what a run left, but the lock: who has another file of that name has no lock."""
        for name in (RECIPE, METRICS, TABLE, WEIGHTS, BEST, *_REPORT):
            (self.path / name).unlink(missing_ok=True)
        for path in self._checkpoints.iterdir():
            if path.name != _LOCK:
                path.unlink()
        if (self.path / FOLDER).is_dir():
            shutil.rmtree(self.path / FOLDER)

    @contextmanager
    def _usable(self) -> Iterator[None]:
        """Around what is done to the folder before anything is learnt: an `OSError` is a `TrainError`."""
        try:
            yield
        except OSError as error:
            raise TrainError(f"cannot use {self.path}: {error.strerror}", "another folder with --out") from None

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
                with self._usable():
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
