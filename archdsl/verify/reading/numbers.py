"""Printed figures: `2.7K`, `3.8×10^9`, `1,248,424`, `0.5 million`, `~60,000`.

In: a cell's text. Out: its figure, exact, and what it counts where it says so; or why it is none. What is true is left
to the judging.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Literal

from archdsl.verify.reading.text import plain
from archdsl.verify.table import Number

__all__ = ["COUNTED", "Counted", "Figure", "NotANumber", "figure", "noun", "power_of"]

Counted = Literal["params", "ops", "depth", "memory", "connections", ""]

COUNTED: frozenset[str] = frozenset({"params", "ops", "depth", "memory", "connections"})
"""The roles of columns that hold what a layer or a network has so many of."""

_DIGITS = 30
"""Digits and decimal places of a printed figure; no network has more than 10^15 of anything."""
_EXACT = Context(prec=2 * _DIGITS)

_PRODUCT = re.compile(r"(?=[\d (]+[×*])[\d ()×*+]{1,120}= ?(?=[\d~])")
"""`(3*3*64)*64 = 36,864`: the figure, and how its writer came to it."""
_ABOUT = re.compile(r"(?:~|about |approx(?:\.|imately)? ?|ca\.? ?|c\. ?|约|大约)", re.I)
_FIGURE = re.compile(
    r"(?P<whole>\d{1,3}(?:,\d{3})+(?!\d)|\d{1,3}(?: \d{3})+(?!\d)|\d{1,3}(?:['_]\d{3})+(?!\d)"
    r"|\d{1,3}(?:\.\d{3}){2,}(?!\d)|\d+|(?=\.\d))"
    r"(?P<fraction>\.\d+)?"
    r"(?P<power>e(?P<e>[+-]?\d+)|E(?P<E>[+-]?\d+)| ?[×*] ?10 ?\^ ?\{?(?P<ten>[+-]?\d+)\}?)?"
)
_POWERS = {
    **dict.fromkeys(("k", "thousand", "thousands", "千"), 1),
    **dict.fromkeys(("m", "million", "millions", "mil", "mio", "mio.", "mln", "mn", "百万"), 2),
    **dict.fromkeys(("g", "b", "bn", "billion", "billions", "十亿"), 3),
    **dict.fromkeys(("t", "trillion", "trillions"), 4),
}
_TENS = {"万": 4, "亿": 8, "千万": 7}
_NOUNS: dict[str, Counted] = {
    **dict.fromkeys(("param", "params", "parameter", "parameters", "weight", "weights", "参数", "个参数"), "params"),
    **dict.fromkeys(
        (
            "flop", "flops", "mac", "macs", "madd", "madds", "mult-add", "mult-adds", "multadds", "multiply-adds",
            "multiply-add", "multiply-accumulates", "op", "ops", "operations", "multiplications", "maddops", "mults",
        ),
        "ops",
    ),
    **dict.fromkeys(("layer", "layers", "weight layers", "weight layer", "层"), "depth"),
    **dict.fromkeys(("byte", "bytes", "字节"), "memory"),
    **dict.fromkeys(("connection", "connections", "连接"), "connections"),
}  # fmt: skip
_BYTES = {"b": 0, "kb": 1, "kib": 1, "mb": 2, "mib": 2, "gb": 3, "gib": 3, "tb": 4, "tib": 4}
_MARKS = "*†‡§¶"


class NotANumber(ValueError):
    """Why a text is no figure."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and what it says that it counts."""

    number: Number
    counted: Counted


def noun(text: str) -> Counted:
    """What a word counts: `params` for `parameters`, nothing for a word that is none of these."""
    return _NOUNS.get(text.strip().lower(), "")


def power_of(text: str) -> int | None:
    """The thousands that a unit stands for: 2 for `M`, `millions`, `10^6`, `×10^6`; None where it is none."""
    text = plain(text).strip().lower().lstrip("×*in ").strip()
    if text.startswith("10^"):
        tens = text[3:].strip("{}")
        return {"3": 1, "6": 2, "9": 3, "12": 4}.get(tens)
    return _POWERS.get(text)


def figure(text: str, *, memory: bool = False) -> Figure:
    """The figure that a text prints.

    >>> figure("2.7K").number
    Number(text='2.7K', digits=Decimal('2.7'), last=Decimal('0.1'), power=1, about=False)

    `memory`: units are of bytes, so that `512B` is 512 bytes. Raises `NotANumber` with the reason.
    """
    said = plain(text).rstrip(_MARKS).rstrip()
    product = _PRODUCT.match(said)
    said = said[product.end() :] if product else said
    about = _ABOUT.match(said)
    rest = said[about.end() :].lstrip() if about else said
    match = _FIGURE.match(rest)
    if match is None or not match.group():
        raise NotANumber("it is no figure")
    digits, last = _value(match)
    power, counted, tens = _unit(rest[match.end() :].strip(" ()").rstrip(_MARKS).lower(), memory)
    if tens:
        digits, last = digits.scaleb(tens, _EXACT), last.scaleb(tens, _EXACT)
    return Figure(Number(text, digits, last, power, bool(about)), counted)


def _value(match: re.Match[str]) -> tuple[Decimal, Decimal]:
    whole = "".join(char for char in match["whole"] if char.isdecimal()).lstrip("0") or "0"
    fraction = (match["fraction"] or ".")[1:]
    tens = match["e"] or match["E"] or match["ten"] or "0"
    if len(whole) + len(fraction) > _DIGITS or len(tens) > 4 or abs(int(tens)) > _DIGITS:
        raise NotANumber(f"it has more than {_DIGITS} digits")
    exponent = int(tens) - len(fraction)
    return Decimal(whole + fraction).scaleb(exponent, _EXACT), Decimal(1).scaleb(exponent, _EXACT)


def _unit(rest: str, memory: bool) -> tuple[int, Counted, int]:
    """The thousands, what is counted, and the further tens that the words behind a figure say."""
    if not rest:
        return 0, "", 0
    if memory and rest in _BYTES:
        return _BYTES[rest], "memory", 0
    if rest in _NOUNS:
        return 0, _NOUNS[rest], 0
    if rest in _POWERS:
        return _POWERS[rest], "", 0
    if rest in _BYTES:
        return _BYTES[rest], "memory", 0
    for unit in sorted(_POWERS, key=len, reverse=True):
        if rest.startswith(unit) and rest[len(unit) :].strip(" -") in _NOUNS:
            return _POWERS[unit], _NOUNS[rest[len(unit) :].strip(" -")], 0
    for unit, tens in _TENS.items():
        if rest.startswith(unit) and (rest == unit or rest[len(unit) :].strip() in _NOUNS):
            return 0, noun(rest[len(unit) :]), tens
    if rest.startswith(","):
        raise NotANumber("a comma stands between groups of three digits only; a decimal point is written `.`")
    if rest.startswith(("-", "~", "/", "+", "±")):
        raise NotANumber("it is more than one figure")
    raise NotANumber(f"`{rest[:40]}` is no unit of a figure")
