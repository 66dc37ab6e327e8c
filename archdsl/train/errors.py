"""What can go wrong before or during a run.

In: one sentence. Out: an exception that the command line shows without a traceback.
"""

from __future__ import annotations

__all__ = ["TrainError"]


class TrainError(Exception):
    """Why a run cannot start or go on; `hint` is the fix, if one is known."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
