"""Where a run is: steps done, sums of the epoch that is under way, epochs done.

In: nothing. Out: frozen types, and the two metrics files as text. Everything that depends on the past of a run
(plateaus, early stopping, the best epoch) is a function of them, so they are all that has to be kept.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

__all__ = ["Epoch", "Progress", "Sums", "csv_text", "jsonl_text"]


@dataclass(frozen=True, slots=True)
class Epoch:
    """One line of `metrics.jsonl`: `epoch` counts from 1, `step` is the number of steps done.

    `learning_rate` is that of the last step; losses are means over the images, accuracies shares of them;
    `test_top5_accuracy` is None where there are five classes or fewer; `skipped_steps` had a loss or gradient that was
    not finite.
    """

    epoch: int
    step: int
    learning_rate: float
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float
    test_top5_accuracy: float | None = None
    skipped_steps: int = 0

    def better_than(self, other: Epoch) -> bool:
        """Whether it is the better one to keep: by accuracy, then by loss."""
        return (self.test_accuracy, -self.test_loss) > (other.test_accuracy, -other.test_loss)


@dataclass(frozen=True, slots=True)
class Sums:
    """Of the epoch that is under way: `loss` over `seen` images, `right` ones among them, steps that were skipped."""

    loss: float = 0.0
    right: float = 0.0
    seen: int = 0
    skipped: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.loss + other.loss, self.right + other.right, self.seen + other.seen, self.skipped + other.skipped
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """A place between two steps. `best` is the epoch, from 1, whose weights are kept as the best; 0 for none."""

    steps: int = 0
    sums: Sums = Sums()
    history: tuple[Epoch, ...] = ()
    best: int = 0

    def record(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @staticmethod
    def of(record: Mapping[str, Any]) -> Progress:
        """The place that `record` made the record of."""
        history = tuple(Epoch(**epoch) for epoch in record["history"])
        return Progress(record["steps"], Sums(**record["sums"]), history, record["best"])


def jsonl_text(history: Sequence[Epoch]) -> str:
    """`metrics.jsonl`: a JSON object a line."""
    return "".join(json.dumps(asdict(epoch)) + "\n" for epoch in history)


def csv_text(history: Sequence[Epoch]) -> str:
    """`metrics.csv`: a line of names, then a line an epoch; empty for what there is not."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Epoch)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(epoch) for epoch in history)
    return text.getvalue()
