"""What a rule is: one id that a diagnostic can have, explained once.

In: nothing. Out: `Rule`. The rules themselves stand beside this file, by family.
"""

from __future__ import annotations

from dataclasses import dataclass

from archdsl.diagnostics import Severity

__all__ = ["Rule"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One id, with a text that has the mistake and the same text without it.

    `example` is a whole file, `net.arch` or the table that `target` names, whose only diagnostics are of this id; `fix`
    has none. `files` are the files beside it, by name and text. `target` and `options` are how it is named on the
    command line, `net.arch:big` and `--choose width=9`; where `target` is empty, example and fix are themselves what
    stands there. Where a text is too long to show, `…` in it stands for `repeated`, `times` times.
    """

    id: str
    severity: Severity
    what: str
    why: str
    example: str
    fix: str
    files: tuple[tuple[str, str], ...] = ()
    target: str = "net.arch"
    options: tuple[str, ...] = ()
    repeated: str = ""
    times: int = 0

    def whole(self, text: str) -> str:
        """An example in full, `…` written out.

        >>> Rule("a", "error", "", "", "x…", "x", repeated="y", times=3).whole("x…")
        'xyyy'
        """
        return text.replace("…", self.repeated * self.times) if self.times else text
