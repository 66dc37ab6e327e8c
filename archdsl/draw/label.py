"""The texts of a picture as DOT's HTML-like labels: nodes, titles of boxes, heading and legend.

In: parts of a plan and a theme. Out: labels, escaped. Where they stand is left to `archdsl.draw.dot`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

from archdsl.draw.picture import Cell, Count, Exit, Piece, Plan
from archdsl.draw.style import Theme
from archdsl.draw.text import LONG, quantity, size, typeset
from archdsl.report.numbers import binary

__all__ = ["SIZE", "SMALL", "Labels", "counted", "escape", "words"]

SIZE: Final = "10.5"
SMALL: Final = "9"
_LARGE: Final = "13.5"
"""Whole pixels at the 96 dots per inch at which Graphviz measures: at others it rounds every letter, and text that is
shown with the font's own widths runs over its box."""

_TITLE_LETTER: Final = 4.7
"""Points of a letter in a title, of which many are digits and commas."""
_CHIPS: Final = 4


class Labels:
    """The labels of one picture. `down` is for a network that runs down: layers of a node stand beside each other."""

    def __init__(self, plan: Plan, theme: Theme, *, down: bool) -> None:
        self.plan = plan
        self.theme = theme
        self.down = down

    def node(self, piece: Piece, fill: str) -> str:
        """A node; `fill` is the colour of the box around it, for the name over the node."""
        cells = list(map(self._cell, piece.cells))
        caption = ""
        if piece.caption:
            span = len(cells) if self.down else 1
            title = f'<FONT COLOR="{self.theme.text}" POINT-SIZE="{SMALL}">{_title(piece.caption, 1)}</FONT>'
            caption = f'<TR><TD COLSPAN="{span}" ALIGN="LEFT" BGCOLOR="{fill}">{title}</TD></TR>'
        if piece.times > 1:
            count = f'<FONT COLOR="{self.theme.text}">{_title("", piece.times)}</FONT>'
            cells.append(f'<TD BGCOLOR="{fill}">{count}</TD>')
        rows = f"<TR>{''.join(cells)}</TR>" if self.down else "".join(f"<TR>{cell}</TR>" for cell in cells)
        return (
            f'<<TABLE BORDER="0" CELLBORDER="1" CELLSPACING="0" CELLPADDING="3" COLOR="{self.theme.border}">'
            f"{caption}{rows}</TABLE>>"
        )

    def title(self, title: str, times: int, room: float | None, least: float) -> str:
        """What stands over a box, which is at least `least` points wide.

        In lines of at most `room` points, as far as its words allow, where that is given.
        """
        if room is None and not least:
            return f"<{_title(title, times)}>"
        letters = math.inf if room is None else max(1, int(room / _TITLE_LETTER))
        name, opening, given = title.partition("<")
        lines = _filled([*re.split(r"(?<=: )", name), *re.split(r"(?<=, )", opening + given)], letters)
        made = [_title(line, 1) for line in lines]
        count = _title("", times)
        if lines and count and len(f"{lines[-1]}  × {times}") <= letters:
            made[-1] = _title(lines[-1], times)
        elif count:
            made.append(count)
        end = '<BR ALIGN="RIGHT"/>'
        text = "".join(line + end for line in made)
        if not least:
            return f"<{text}>"
        return (
            f'<<TABLE BORDER="0" CELLPADDING="0" CELLSPACING="0"><TR><TD WIDTH="{least:.0f}" ALIGN="RIGHT" '
            f'BALIGN="RIGHT">{text}</TD></TR></TABLE>>'
        )

    def exit(self, leaving: Exit) -> str:
        """An output, by its name and size."""
        text = f"<B>{escape(leaving.name)}</B>  {size(leaving.shape)}"
        return f"<{text}<BR/>{_small('in training only')}>" if leaving.training else f"<{text}>"

    def heading(self) -> str:
        """The network's name and title, and what the colours mean."""
        name = f'<FONT COLOR="{self.theme.text}" POINT-SIZE="{_LARGE}"><B>{escape(self.plan.name)}</B></FONT>'
        # With room on both sides, since bold letters are wider than Graphviz takes them for.
        lines = [f'<TR><TD CELLPADDING="4">{name}</TD></TR>']
        if self.plan.title:
            lines.append(f'<TR><TD><FONT COLOR="{self.theme.faint}">{escape(self.plan.title)}</FONT></TD></TR>')
        chips = self._legend()
        # Rows of like length, short enough for the narrowest networks.
        rows = -(-len(chips) // _CHIPS)
        per_row = -(-len(chips) // rows) if rows else 0
        for row in range(rows):
            cells = "".join(chips[row * per_row : (row + 1) * per_row])
            lines.append(
                f'<TR><TD><TABLE BORDER="0" CELLSPACING="2" CELLPADDING="2"><TR>{cells}</TR></TABLE></TD></TR>'
            )
        return f'<<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="1">{"".join(lines)}</TABLE>>'

    # ------------------------------------------------------------ one layer

    def _cell(self, cell: Cell) -> str:
        text = escape(typeset(cell.text)) if cell.style is None else _call(cell.text)
        if cell.label is not None:
            text = f"<B>{escape(cell.label)}</B>  {text}"
        lines = [text]
        if cell.shared is not None:
            lines.append(_small(f"weights of {escape(cell.shared)}"))
        lines += [_small(counted(name, value)) for name, value in cell.counts]
        lines += [_small(f"RF {cell.field}")] if cell.field else []
        shown = "<BR/>".join(lines)
        if not cell.rows:
            return f'<TD BGCOLOR="{self._fill(cell)}">{shown}</TD>'
        rows = "".join(
            f'<TR><TD ALIGN="LEFT" BGCOLOR="{self.theme.closed}">{_small(name)}</TD>'
            f'<TD ALIGN="RIGHT" BGCOLOR="{self.theme.closed}">{_small(value)}</TD></TR>'
            for name, value in cell.rows
        )
        return (
            f'<TD CELLPADDING="0" BORDER="0"><TABLE BORDER="0" CELLBORDER="1" CELLSPACING="0" CELLPADDING="3" '
            f'COLOR="{self.theme.border}"><TR><TD COLSPAN="2" BGCOLOR="{self._fill(cell)}">{shown}</TD></TR>'
            f"{rows}</TABLE></TD>"
        )

    def _fill(self, cell: Cell) -> str:
        if self.plan.heat is not None:
            return self.theme.warm(cell.heat, self.plan.heat.most)
        return self.theme.closed if cell.style is None else self.theme.fills[cell.style]

    # ------------------------------------------------------------ the legend

    def _legend(self) -> list[str]:
        if self.plan.heat is not None:
            count, most = self.plan.heat.count, self.plan.heat.most
            steps = [self._chip(fill, f"≤ {counted(count, value)}") for fill, value in self.theme.steps(most)]
            return [self._chip(self.theme.warm(0, most), "0"), *steps]
        used = {cell.style for piece in self.plan.pieces() for cell in piece.cells}
        return [self._chip(fill, text) for text, fill in self.theme.legend(used)]

    def _chip(self, fill: str, text: str) -> str:
        return (
            f'<TD BORDER="1" COLOR="{self.theme.border}" BGCOLOR="{fill}">'
            f'<FONT COLOR="{self.theme.ink}" POINT-SIZE="{SMALL}">{text}</FONT></TD>'
        )


def counted(name: Count, value: int) -> str:
    """A number with what it counts: `9.41K params`, `118M MACs`, `2.3 MiB`."""
    if name == "memory":
        return binary(value)
    return f"{quantity(value)} {'MACs' if name == 'macs' else name}"


def escape(text: str) -> str:
    """Text for an HTML-like label. Graphviz replaces `\\N` and the like even there, so a backslash is written twice."""
    found = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)
    for char, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("\\", "\\\\")):
        found = found.replace(char, written)
    return found


def _filled(words: Sequence[str], letters: float) -> list[str]:
    """Lines of at most so many letters, and at least a word."""
    lines: list[str] = []
    for word in filter(None, words):
        if lines and len((lines[-1] + word).strip()) <= letters:
            lines[-1] += word
        else:
            lines.append(word)
    return [line.strip() for line in lines]


def _title(title: str, times: int) -> str:
    count = f"<B>× {times}</B>" if times > 1 else ""
    return "  ".join(filter(None, (escape(typeset(title)), count)))


def _call(call: str) -> str:
    """A call with its named arguments in small print."""
    return " ".join(_small(escape(word)) if "=" in word else escape(word) for word in words(call))


def words(call: str) -> Sequence[str]:
    """A call in its parts, lists in one; long ones are cut."""
    found: list[str] = []
    depth = 0
    for word in typeset(call).split(" "):
        if depth:
            found[-1] += f" {word}"
        else:
            found.append(word)
        depth += word.count("[") - word.count("]")
    return [word if len(word) <= LONG else word[:LONG] + "…" for word in found]


def _small(text: str) -> str:
    return f'<FONT POINT-SIZE="{SMALL}">{text}</FONT>'
