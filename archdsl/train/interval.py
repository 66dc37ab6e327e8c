"""How often a checkpoint is written.

In: what the command line says, `500`, `10m`, `epoch`. Out: an `Interval`, and whether one is due. Writing it is left to
the loop.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Final

from archdsl.train.errors import TrainError

__all__ = ["Clock", "Interval"]

_UNITS: Final = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Interval:
    """After so many `steps`, or `seconds`, or (`epochs`) at the end of every epoch; whichever comes first."""

    steps: int | None = None
    seconds: float | None = 600
    epochs: bool = True

    @staticmethod
    def of(text: str) -> Interval:
        """`500` steps, `30s`, `10m`, `2h`, or `epoch`, which is the end of every epoch and nothing else.

        >>> Interval.of("10m")
        Interval(steps=None, seconds=600, epochs=False)

        Raises `TrainError`.
        """
        if text == "epoch":
            return Interval(None, None, True)
        found = re.fullmatch(r"([1-9][0-9]{0,11})([smh]?)", text)
        if found is None:
            raise TrainError(f"`{text}` is not an interval", "500 (steps), 30s, 10m, 2h, or epoch")
        number, unit = int(found[1]), found[2]
        return Interval(None, number * _UNITS[unit], False) if unit else Interval(number, None, False)


@dataclass
class Clock:
    """Whether a checkpoint is due."""

    interval: Interval
    _step: int = 0
    _time: float = field(default_factory=time.monotonic)

    def due(self, step: int, *, epoch_ends: bool = False) -> bool:
        """Whether the last one is so long ago."""
        every = self.interval
        return (
            (epoch_ends and every.epochs)
            or (every.steps is not None and step - self._step >= every.steps)
            or (every.seconds is not None and time.monotonic() - self._time >= every.seconds)
        )

    def done(self, step: int) -> None:
        """One has just been written."""
        self._step, self._time = step, time.monotonic()
