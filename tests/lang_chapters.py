"""The literate tests, read: chapters of Markdown to cases.

In: a chapter of `tests/lang`, whose format `tests/lang/README.md` describes. Out: `Case`s. Running them is left to
`lang_runner`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

__all__ = ["Case", "Fence", "Wrong", "cases"]

_FENCE = re.compile(r"^(?P<ticks>`{3,})(?P<info>.*)$")
_OPTION = re.compile(r"(variant|file|pad|checked|(?:set|choose|input):[A-Za-z_0-9]+|input)=(.*)")


class Wrong(AssertionError):
    """A case does not hold; the text says where and why."""


@dataclass(frozen=True)
class Fence:
    """One fenced block: kind, options, text, and the 1-based line of the chapter on which the text begins."""

    kind: str
    options: Mapping[str, str]
    text: str
    line: int


@dataclass(frozen=True)
class Case:
    """A program and one thing that is said of it: `said` is None for the mistakes that its own comments announce."""

    chapter: str
    program: Fence
    files: tuple[Fence, ...]
    said: Fence | None

    @property
    def line(self) -> int:
        """Where the case begins in its chapter."""
        return (self.said or self.program).line - 1

    @property
    def name(self) -> str:
        """`04-chains.md:12`."""
        return f"{self.chapter}:{self.line}"


def cases(chapter: str, text: str) -> Iterator[Case]:
    """The cases of a chapter, in its order."""
    sections: list[list[Fence]] = [[]]
    for fence in _fences(chapter, text):
        if not isinstance(fence, str):
            sections[-1].append(fence)
        elif fence.startswith("## "):
            sections.append([])
    for section in sections:
        yield from _section(chapter, section)


def _section(chapter: str, section: list[Fence]) -> Iterator[Case]:
    files = tuple(fence for fence in section if fence.kind == "arch" and "file" in fence.options)
    program: Fence | None = None
    for fence in section:
        if fence.kind == "arch":
            program = fence
            if fence.options.get("checked") != "no":
                yield Case(chapter, program, files, None)
        elif fence.kind in ("result", "message"):
            if program is None:
                raise Wrong(f"{chapter}:{fence.line - 1}: a `{fence.kind}` without a program before it")
            yield Case(chapter, program, files, fence)
        elif fence.kind not in ("", "text", "console", "markdown", "python"):
            raise Wrong(f"{chapter}:{fence.line - 1}: there are no fences of kind `{fence.kind}`")


def _fences(chapter: str, text: str) -> Iterator[Fence | str]:
    """Fences, and the lines between them."""
    opened: tuple[str, str, int] | None = None
    held: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        found = _FENCE.match(line)
        if opened is None:
            if found is None:
                yield line
                continue
            opened, held = (found["ticks"], found["info"], number), []
        elif found is not None and found["ticks"] == opened[0] and not found["info"]:
            kind, *words = shlex.split(opened[1]) or [""]
            options: dict[str, str] = {}
            for word in words:
                option = _OPTION.fullmatch(word)
                if option is None:
                    raise Wrong(f"{chapter}:{opened[2]}: `{word}` is not an option of a fence")
                options[option[1]] = option[2]
            yield Fence(kind, options, "".join(part + "\n" for part in held), opened[2] + 1)
            opened = None
        else:
            held.append(line)
    if opened is not None:
        raise Wrong(f"{chapter}:{opened[2]}: this fence is never closed")
