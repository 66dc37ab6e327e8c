"""A layer while its phrase is read: what is said so far, and what a `name=value` means for its kind.

In: attributes in any order. Out: `Said`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from archdsl.verify.reading.kinds import POOLS, WEIGHTLESS
from archdsl.verify.table import Said

__all__ = ["Partial", "attribute_of", "glued", "rate", "window"]

_NAMES = {
    "kernel": """f k ks kernel kernels kernel_size kernelsize size filter_size filtersize ksize window
        卷积核 卷积核大小 核大小 核 滤波器""",
    "stride": "s stride strides str st 步长 步幅 步",
    "padding": "p pad padding pads 填充 填补 补零",
    "filters": """d n c m out filters channels out_channels num_output outputs units neurons features
        通道数 通道 输出通道 个数 数量 滤波器数""",
    "groups": "g group groups cardinality 分组 组数",
    "rate": "rate ratio keep_prob dropout prob",
    "repeat": "repeat repeats",
}
_GLUED = re.compile(r"([^\W\d_]{1,8}?)为?(\d{1,4})")
_ATTRIBUTES = {name: attribute for attribute, names in _NAMES.items() for name in names.split()}


def attribute_of(name: str, kind: str | None) -> str:
    """The attribute of `Said` that a printed name means for a kind; empty where it is none of them.

    >>> attribute_of("d", "conv"), attribute_of("d", "dropout"), attribute_of("k", "lrn")
    ('filters', 'rate', '')
    """
    lower = name.lower()
    if kind == "dropout":
        return "rate" if lower in ("d", "p") or _ATTRIBUTES.get(lower) == "rate" else ""
    if kind in WEIGHTLESS and kind not in POOLS:
        return ""
    if name == "C" and kind in (None, "conv"):
        return "groups"
    found = _ATTRIBUTES.get(lower, "")
    if found == "rate" or (found in ("filters", "groups") and kind in POOLS and lower != "d"):
        return ""
    return found


def glued(word: str, *, short: bool) -> tuple[str, str] | None:
    """An attribute and its number in one word; `short`: also by its first letter.

    >>> glued("步长为2", short=False), glued("s2", short=True), glued("pool2", short=True)
    (('stride', '2'), ('stride', '2'), None)
    """
    match = _GLUED.fullmatch(word)
    if match is None or (len(match[1]) == 1 and match[1].isascii() and not short):
        return None
    attribute = attribute_of(match[1], "conv")
    return (attribute, match[2]) if attribute in ("stride", "padding") else None


def window(text: str) -> tuple[int, ...] | None:
    """`3`, `3×3`, `(3, 3)` as numbers; None where it is none.

    >>> window("(3, 5)"), window("2"), window("same")
    ((3, 5), (2,), None)
    """
    parts = text.strip("()[] ").replace("×", ",").split(",")
    numbers = [part.strip() for part in parts if part.strip()]
    if not 0 < len(numbers) <= 4 or not all(part.isascii() and part.isdecimal() and len(part) <= 6 for part in numbers):
        return None
    return tuple(int(part) for part in numbers)


@dataclass(slots=True)
class Partial:
    """What a phrase has said of a layer so far."""

    kind: str | None = None
    label: str | None = None
    kernel: tuple[int, ...] | None = None
    stride: tuple[int, ...] | None = None
    padding: tuple[int, ...] | None = None
    filters: int | str | None = None
    groups: int | None = None
    same: bool = False
    rate: Decimal | None = None
    pairs: list[tuple[str, str]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    start: int = -1
    end: int = -1

    @property
    def empty(self) -> bool:
        return self.start < 0

    def touch(self, start: int, end: int) -> None:
        """Widen the stretch of text that the layer stands in."""
        self.start = start if self.start < 0 else self.start
        self.end = end

    def said(self, text: str, kind: str | None) -> Said:
        """The layer; `kind` is what the row calls it, where the phrase does not."""
        own = self.kind or kind
        extra: list[tuple[str, str]] = []
        for name, value in self.pairs:
            if not self._take(attribute_of(name, own), value):
                extra.append((name, value))
        if own in ("input", "output") and self.kernel is not None:
            extra.append(("size", "x".join(map(str, self.kernel))))
            self.kernel = None
        words = " ".join(self.words)
        label = self.label
        if words and own is None and self.kernel is None and self.filters is None:
            own, words = words.lower(), ""
        if words:
            extra.append(("said", words))
        end = self.end
        if text.count("(", self.start, end) > text.count(")", self.start, end) and text[end : end + 1] == ")":
            end += 1
        return Said(
            text[self.start : end], own, label, self.kernel, self.stride, self.padding, self.filters, self.groups,
            self.same, self.rate, tuple(extra),
        )  # fmt: skip

    def _take(self, attribute: str, value: str) -> bool:
        """Set the attribute to the value, where it is free and the value is one of its kind."""
        if attribute == "rate" and self.rate is None:
            self.rate = rate(value)
            return self.rate is not None
        if attribute == "padding" and value.lower() == "same" and self.padding is None:
            self.same = True
            return True
        if attribute == "padding" and value.lower() == "valid" and self.padding is None:
            self.padding = (0,)
            return True
        numbers = window(value)
        if attribute == "filters" and self.filters is None:
            if numbers is not None and len(numbers) == 1:
                self.filters = numbers[0]
                return True
            if value.isidentifier():
                self.filters = value
                return True
            return False
        if numbers is None or attribute not in ("kernel", "stride", "padding", "groups"):
            return False
        if getattr(self, attribute) is not None:
            return False
        if attribute == "groups":
            if len(numbers) != 1:
                return False
            self.groups = numbers[0]
        else:
            setattr(self, attribute, numbers)
        return True


def rate(text: str) -> Decimal | None:
    """A dropout's rate as a fraction: `40%` and `0.4` are 0.4; None where it is none.

    >>> rate("40%")
    Decimal('0.4')
    """
    if len(text) > 12:
        return None
    try:
        value = Decimal(text.rstrip("% "))
    except InvalidOperation:
        return None
    value = value / 100 if text.endswith("%") else value
    return value if 0 <= value <= 1 else None
