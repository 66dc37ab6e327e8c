"""How a run shows itself: a moving line on a terminal, a line an epoch otherwise.

In: steps and epochs as they are done. Out: text on a stream. Keeping them is left to `archdsl.train.folder`.
"""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from archdsl.train.progress import Epoch

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["Display", "RichDisplay", "Silent", "choose_display"]


class Display:
    """A plain line an epoch."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._epochs = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def note(self, text: str) -> None:
        """Something that is good to know."""
        self._line(text)

    def warn(self, text: str) -> None:
        """Something that is not as it should be, though the run goes on."""
        print(f"warning: {text}", file=sys.stderr, flush=True)

    def start(self, epochs: int, steps: int, done: int) -> None:
        """A run of so many epochs of so many steps begins, or goes on after the steps that are done."""
        self._epochs = epochs

    def step(self, epoch: int, loss: float | None, images: int, accuracy: float) -> None:
        """A step is done: of which epoch, the loss of its batch (None: skipped), how many images it took.

        `accuracy` is the share of all images of the epoch so far that were right.
        """

    def epoch(self, done: Epoch) -> None:
        """An epoch is done."""
        self._line(self._text(done))

    def _text(self, done: Epoch) -> str:
        width = len(str(self._epochs))
        return (
            f"epoch {done.epoch:>{width}}/{self._epochs}  lr {done.learning_rate:<8.3g}"
            f"  train loss {done.train_loss:.4f} {done.train_accuracy:7.2%}"
            f"  test loss {done.test_loss:.4f} {done.test_accuracy:7.2%}"
        )

    def _line(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class Silent(Display):
    """Nothing: another process of the team speaks."""

    def warn(self, text: str) -> None:
        return

    def _line(self, text: str) -> None:
        return


class RichDisplay(Display):
    """The same above a bar with the epoch, the loss, the accuracy, images a second and the time that is left."""

    _progress: Progress
    _task: TaskID

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[said]}"),
            TimeRemainingColumn(),
            console=Console(file=self._stream),
            transient=True,
        )
        self._task = self._progress.add_task("epoch", total=None, said="")
        self._images = 0
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def warn(self, text: str) -> None:
        self._line(f"warning: {text}")

    def start(self, epochs: int, steps: int, done: int) -> None:
        super().start(epochs, steps, done)
        # Told as progress, the steps of before would count as done in no time.
        self._progress.reset(self._task, total=epochs * steps, completed=done)

    def step(self, epoch: int, loss: float | None, images: int, accuracy: float) -> None:
        self._images += images
        elapsed = self._progress.tasks[self._task].elapsed
        rate = self._images / elapsed if elapsed else 0.0
        description = f"epoch {epoch}/{self._epochs}"
        shown = "no loss" if loss is None else f"loss {loss:.4f}"
        said = f"{shown}, {accuracy:.1%} {rate:,.0f} images/s"
        self._progress.update(self._task, advance=1, description=description, said=said)

    def _line(self, text: str) -> None:
        self._progress.console.print(text, highlight=False, markup=False, soft_wrap=True)


def choose_display(stream: TextIO | None = None) -> Display:
    """A bar on a terminal, lines elsewhere."""
    stream = stream or sys.stdout
    return RichDisplay(stream) if stream.isatty() else Display(stream)
