"""What can go wrong before or during a run.

In: one sentence. Out: an exception that the command line shows without a traceback.
"""

from __future__ import annotations

from typing import ClassVar, Final

__all__ = ["AGAIN", "Abandoned", "SaidElsewhere", "TrainError"]

AGAIN: Final = 75
"""The exit status of a process of a team that broke down, where the same may go well another time (EX_TEMPFAIL)."""


class TrainError(Exception):
    """Why a run cannot start or go on; `hint` is the fix, if one is known."""

    status: ClassVar[int] = 1
    """The exit status of the process that it ends."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class SaidElsewhere(TrainError):
    """A mistake that another process of the team says, so that this one has no words for it."""

    def __init__(self) -> None:
        super().__init__("")


class Abandoned(TrainError):
    """Another process of the team is gone."""

    status = AGAIN
