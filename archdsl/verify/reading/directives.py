"""Lines that speak to this program: `archdsl columns: params=#Params`, and notes like `C = 1000.` in the prose.

In: the remarks of a document. Out: `Directives`. Whether a named header exists is left to `understand`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import get_args

from archdsl import limits
from archdsl.diagnostics import Collector, Source, nearest
from archdsl.verify.reading.places import line_span
from archdsl.verify.reading.raw import Remark
from archdsl.verify.reading.text import fold
from archdsl.verify.table import Role

__all__ = ["ROLES", "Spoken", "is_directive", "noted", "pairs", "read_directives"]

ROLES: tuple[str, ...] = get_args(Role)
_KEYS = ("network", "columns", "let")
_START = re.compile(r"archdsl[ \t]+(?P<key>[A-Za-z]\w{0,40})[ \t]*:[ \t]*(?P<value>.*)", re.S)
_NOTE = re.compile(r"(?<![\w.])([A-Za-z]) ?= ?(\d{1,3}(?:,\d{3})+|\d{1,12})(?![\d,]*\.?\d|\w)")


@dataclass(slots=True)
class Spoken:
    """Directives while they are gathered."""

    network: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    symbols: dict[str, int] = field(default_factory=dict)

    def over(self, other: Spoken) -> Spoken:
        """These, and what only the other says."""
        return Spoken(self.network or other.network, other.columns | self.columns, other.symbols | self.symbols)


def is_directive(remark: Remark) -> bool:
    """Whether a line speaks to this program."""
    return remark.text.lower().startswith("archdsl ")


def read_directives(remarks: Iterable[Remark], source: Source, found: Collector) -> Spoken:
    """What the remarks say to this program."""
    spoken = Spoken()
    for remark in remarks:
        match = _START.match(remark.text)
        if match is None:
            if is_directive(remark):
                _wrong(remark, source, found, "a directive is written `archdsl KEY: VALUE`")
            continue
        key, value = match["key"], match["value"].strip()
        if not value:
            _wrong(remark, source, found, f"`archdsl {key}` says nothing")
        elif key == "network":
            spoken.network = value
        elif key == "columns":
            _columns(remark, value, spoken, source, found)
        elif key == "let":
            _letters(remark, value, spoken, source, found)
        else:
            close = nearest(key, _KEYS)
            _wrong(
                remark, source, found, f"there is no directive `{key}`", f"did you mean `{close}`? " if close else ""
            )
    return spoken


def _columns(remark: Remark, value: str, spoken: Spoken, source: Source, found: Collector) -> None:
    for left, right in pairs(value):
        if not left or not right:
            _wrong(remark, source, found, f"`{fold(left or right)[:40]}` is not ROLE=HEADER")
        elif left not in ROLES:
            close = nearest(left, ROLES)
            _wrong(remark, source, found, f"there is no role `{left}`", f"did you mean `{close}`? " if close else "")
        else:
            spoken.columns[right] = left


def _letters(remark: Remark, value: str, spoken: Spoken, source: Source, found: Collector) -> None:
    for left, right in pairs(value):
        figures = right.replace(",", "").replace("_", "")
        if not re.fullmatch(r"[A-Za-z]\w{0,15}", left) or not re.fullmatch(r"\d{1,15}", figures):
            _wrong(remark, source, found, f"`{left}={right}`"[:60] + " gives no letter a whole number")
        elif int(figures) > limits.MAGNITUDE:
            _wrong(remark, source, found, f"{left} is too large")
        else:
            spoken.symbols[left] = int(figures)


def pairs(text: str) -> list[tuple[str, str]]:
    """`a=b, c=d` in parts; a comma inside a header stays, since no `=` follows it.

    >>> pairs("params=#Params, output=Size (H, W)")
    [('params', '#Params'), ('output', 'Size (H, W)')]
    """
    parts: list[str] = []
    for piece in text.split(","):
        if parts and "=" not in piece:
            parts[-1] += "," + piece
        else:
            parts.append(piece)
    found = []
    for part in parts:
        left, _, right = part.partition("=")
        found.append((left.strip(), fold(right).strip("\"'")))
    return found


def noted(remarks: Iterable[Remark]) -> dict[str, int]:
    """The letters that prose gives a value: `C = 1000.`

    >>> noted([Remark(1, "One tower, no groups. C = 1000.")])
    {'C': 1000}
    """
    found: dict[str, int] = {}
    for remark in remarks:
        if not is_directive(remark):
            for letter, figures in _NOTE.findall(remark.text):
                found[letter] = int(figures.replace(",", ""))
    return found


def _wrong(remark: Remark, source: Source, found: Collector, message: str, hint: str = "") -> None:
    found.error(
        "table-directive",
        f"line {remark.line}: {message}",
        line_span(source, remark.line),
        hint=f"{hint}the directives are network, columns (ROLE=HEADER, …) and let (LETTER=NUMBER, …); "
        f"the roles: {', '.join(ROLES)}",
    )
