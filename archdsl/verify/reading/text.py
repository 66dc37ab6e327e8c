"""The same sign for the same thing: what people type for "times", minus, a superscript or a full-width digit.

In: a cell as printed. Out: a text in which one spelling is left of each sign. What it means is left to the others.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["NOTHING", "fold", "misread", "plain"]

_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"
_SAME = {
    **{ord(char): "×" for char in "✕✖⨯⨉╳"},
    **{ord(char): "-" for char in "−‐‑‒–—―－─"},
    **{ord(char): "*" for char in "·⋅∙•∗"},
    **{ord(char): "~" for char in "≈∼≃～"},
    **{ord(char): "'" for char in "’‘ʹ′"},
    **{ord(char): None for char in "\u200b\u200c\u200d\u2060\ufeff\u00ad"},
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5E)},
    **dict.fromkeys(map(ord, "→⟶➔➝⇒"), "->"),
    ord("、"): ",",
    ord("，"): ",",
    ord("；"): ";",
    ord("。"): ".",
    ord("【"): "[",
    ord("】"): "]",
    ord("〔"): "[",
    ord("〕"): "]",
}
_RAISED = re.compile(f"[{_SUPERSCRIPTS}]+")
_DOWN = str.maketrans(_SUPERSCRIPTS, "0123456789+-")
_TIMES = re.compile(
    r"(?<![A-Za-z])[xX*](?= ?\d)|(?<=\d)[xX*](?= ?\d)"
    r"|(?<=\d)[xX*](?=[A-Za-z](?![A-Za-z]))|(?<=\d )[xX*](?= [A-Za-z](?![A-Za-z]))"
    r"|(?<=\])[xX](?=\w)|(?<=\] )[xX](?= ?\w)"
)

NOTHING = frozenset({"", "-", "--", "---", "/", "n/a", "na", "none", "nil", "无", "\\", "*", "...", "…"})
"""Cells that print nothing, after `plain`, in lower case."""


_LOOK_ALIKE = str.maketrans("lIOo", "1100")
_MISREAD = re.compile(r"(?=.*[lIOo])(?=.*\d)[\dlIOo]{2,12}")


def misread(word: str) -> str | None:
    """The number that a word with letters among its digits was before a scanner read it; None for any other word.

    >>> misread("l28"), misread("1O00"), misread("C1"), misread("conv1")
    ('128', '1000', None, None)
    """
    return word.translate(_LOOK_ALIKE) if _MISREAD.fullmatch(word) else None


def fold(text: str) -> str:
    """The text with each run of blanks as one space, none at the ends.

    >>> fold(" 55 x\\n55 ")
    '55 x 55'
    """
    return " ".join(text.split())


@lru_cache(maxsize=1024)
def plain(text: str) -> str:
    """The text with one spelling for each sign.

    >>> plain("3.8×10⁹"), plain("55 x 55X96"), plain("（７×７）−1")
    ('3.8×10^9', '55 × 55×96', '(7×7)-1')
    """
    text = _RAISED.sub(lambda match: "^" + match.group().translate(_DOWN), text)
    return _TIMES.sub("×", fold(text.translate(_SAME)))
