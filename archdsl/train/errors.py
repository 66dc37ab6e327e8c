"""What can go wrong before or during a run.

In: one sentence. Out: an exception that the command line shows without a traceback.
"""

from __future__ import annotations

__all__ = ["Abandoned", "TrainError"]


class TrainError(Exception):
    """Why a run cannot start or go on; `hint` is the fix, if one is known."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Abandoned(TrainError):
    """Another process of the team is gone: what torch waits for never comes, so this one has to leave by `os._exit`."""
