"""What TensorBoard shows of a run: scalars of every step and of every epoch.

In: steps and epochs as they are done. Out: event files in the run folder. A run that goes on says from where, so that
TensorBoard shows every point once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from archdsl.train.errors import TrainError
from archdsl.train.progress import Epoch

__all__ = ["FOLDER", "Events"]

FOLDER: Final = "tensorboard"
_EPOCH: Final = ("train_loss", "train_accuracy", "test_loss", "test_accuracy", "test_top5_accuracy")


class Events:
    """The event files of one run.

    A step stands at the number of steps before it, an epoch at the number of steps after it; what was written of steps
    that are done again is struck out by TensorBoard's own mark. On a full disk it warns once, and writes no more.
    """

    def __init__(self, run: Path, steps: int, history: Sequence[Epoch], warn: Callable[[str], None]) -> None:
        """Begin, or go on after so many steps. Raises `TrainError` without TensorBoard, `OSError` for a full disk."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise TrainError("--tensorboard needs TensorBoard", "pip install 'archdsl[tensorboard]'") from None
        self._warn = warn
        self._writer: Any = SummaryWriter(str(run / FOLDER), purge_step=steps)
        for epoch in history:
            if epoch.step >= steps:
                self.epoch(epoch)

    def step(self, number: int, loss: float | None, rate: float) -> None:
        """A step, counted from 0; its loss is None where it was skipped."""
        self._add(number, {"step/train_loss": loss, "step/learning_rate": rate})

    def epoch(self, done: Epoch) -> None:
        """An epoch."""
        self._add(done.step, {f"epoch/{name}": getattr(done, name) for name in _EPOCH})

    def flush(self) -> None:
        """Bring to the disk what there is so far."""
        self._safely(lambda writer: writer.flush())

    def close(self) -> None:
        """The same, and an end."""
        self._safely(lambda writer: writer.close())
        self._writer = None

    def _add(self, place: int, values: Mapping[str, float | None]) -> None:
        for tag, value in values.items():
            if value is not None:
                self._safely(lambda writer, tag=tag, value=value: writer.add_scalar(tag, value, place))

    def _safely(self, write: Callable[..., object]) -> None:
        if self._writer is None:
            return
        try:
            write(self._writer)
        except OSError as error:
            self._writer = None
            self._warn(f"cannot write for TensorBoard: {error.strerror}; training goes on without it")
