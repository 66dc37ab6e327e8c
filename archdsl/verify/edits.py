"""Small changes of an `.arch` text near the layers that a row is about.

In: a text, and the stretch of a network made from it. Out: changed texts, each with a sentence. Whether a change mends
anything is found out by elaborating it: `suggest.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from archdsl.graph import Frame
from archdsl.verify.figures import square
from archdsl.verify.subject import Layer, Stretch, Subject
from archdsl.verify.table import Entry, Number, Said, Size

__all__ = ["Edit", "edits"]

_WINDOW = re.compile(r"^(?P<op>[a-z_]+)\s+(?P<kernel>\d+(?:x\d+)*)(?P<stride>/\d+)?(?P<padding>\+\d+)?(?P<rest>.*)$")
_NUMBER = re.compile(r"\b\d+\b")


@dataclass(frozen=True, slots=True)
class Edit:
    """A changed text, what was changed in words, and how far it is from the original (a small number is a small
    change).
    """

    text: str
    words: str
    size: int
    kind: Literal["input", "window", "width"]


def edits(text: str, subject: Subject, stretch: Stretch, said: Sequence[Said], entries: Sequence[Entry]) -> list[Edit]:
    """Changes of the input, of the windows and widths in and just before a stretch, smallest first.

    A number becomes one that the row prints; a side of the input, a padding, a stride or a rounding becomes its
    neighbour.
    """
    found = [*_inputs(text, subject, entries)]
    for layer in _near(subject, stretch):
        span = layer.node.span
        if span.source.text == text:
            found += _windows(text, span.start, span.end, layer, said, entries)
    found += _moved_strides(text, _near(subject, stretch))
    for start, end in _calls(text, subject, stretch):
        found += _widths(text, start, end, entries)
    unique = {edit.text: edit for edit in sorted(found, key=lambda edit: -edit.size) if edit.text != text}
    return sorted(unique.values(), key=lambda edit: edit.size)


def _near(subject: Subject, stretch: Stretch) -> list[Layer]:
    """The layers of a stretch, and the two before it that slide a window or have weights."""
    before = [layer for layer in subject.layers[: stretch.start] if layer.key][-2:]
    inside = [layer for layer in subject.layers[stretch.start : stretch.stop] if layer.key]
    return [*inside[:12], *reversed(before)]


def _inputs(text: str, subject: Subject, entries: Sequence[Entry]) -> Iterator[Edit]:
    node = subject.graph.inputs[0]
    span = node.span
    if span.source.text != text or len(node.shape) < 2:
        return
    written = text[span.start : span.end]
    side = node.shape[0]
    if str(side) not in written:
        return
    printed = [
        part
        for entry in entries
        if isinstance(entry.value, Size) and entry.column.role == "input"
        for part in entry.value.parts[:1]
        if isinstance(part, int)
    ]
    for value in [*printed, *(side + step for step in range(-8, 9))]:
        if value > 0 and value != side:
            changed = re.sub(rf"(?<!\d){side}(?!\d)", str(value), written)
            yield _edit(text, span.start, span.end, changed, f"input {_size(changed)}", abs(value - side), "input")


def _size(written: str) -> str:
    return written.removeprefix("input").strip()


def _windows(
    text: str, start: int, end: int, layer: Layer, said: Sequence[Said], entries: Sequence[Entry]
) -> Iterator[Edit]:
    written = text[start:end]
    match = _WINDOW.match(written)
    if match is None:
        return
    parts = match.groupdict(default="")

    def made(size: int, **changes: str) -> Edit:
        now = {**parts, **changes}
        call = f"{now['op']} {now['kernel']}{now['stride']}{now['padding']}{now['rest']}"
        return _edit(text, start, end, call, f"`{call.strip()}` for `{written.strip()}`", size, "window")

    if not re.search(r"\b(same|half)\b", parts["rest"]):
        mine = int(parts["padding"][1:] or 0)
        for padding in range(4):
            if padding != mine:
                yield made(abs(padding - mine) + 1, padding=f"+{padding}" if padding else "")
    mine = int(parts["stride"][1:] or 1)
    for stride in range(1, 5):
        if stride != mine:
            yield made(3 * abs(stride - mine), stride=f"/{stride}")
    kernels = {square(one.kernel)[0] for one in said if one.kernel}
    for kernel in sorted(kernels | {1, 2, 3, 5, 7, 11}):
        shown = "x".join([str(kernel)] * len(parts["kernel"].split("x")))
        if shown != parts["kernel"]:
            yield made(4, kernel=shown)
            step = next((square(one.stride)[0] for one in said if one.stride and kernel in kernels), mine)
            if step != mine:
                yield made(6, kernel=shown, stride=f"/{step}")
    if layer.style == "pooling" and parts["op"] in ("maxpool", "avgpool"):
        if re.search(r"\bceil\b", parts["rest"]):
            yield made(2, rest=re.sub(r"\s*\bceil\b", "", parts["rest"]))
        else:
            yield made(2, rest=f"{parts['rest']} ceil")
    widths = {one.filters for one in said if isinstance(one.filters, int)} | set(_channels(entries))
    filters = re.match(r"\s+(\d+)", parts["rest"])
    for width in sorted(widths):
        if filters is not None and str(width) != filters[1]:
            yield made(5, rest=f" {width}{parts['rest'][filters.end() :]}")


def _moved_strides(text: str, layers: Sequence[Layer]) -> Iterator[Edit]:
    """A stride taken from one layer and given to the one before or behind it, as v1 and v1.5 of ResNet differ."""
    ordered = sorted(layers, key=lambda layer: layer.node.key)
    for first, second in pairwise(ordered):
        one, other = first.node.span, second.node.span
        if one.source.text != text or other.source.text != text or one.end > other.start:
            continue
        calls = [_WINDOW.match(text[span.start : span.end]) for span in (one, other)]
        if calls[0] is None or calls[1] is None:
            continue
        strides = [call["stride"] or "" for call in calls if call is not None]
        if strides[0] == strides[1]:
            continue
        swapped = [
            f"{call['op']} {call['kernel']}{stride}{call['padding'] or ''}{call['rest']}"
            for call, stride in zip(calls, reversed(strides), strict=True)
            if call is not None
        ]
        changed = text[: one.start] + swapped[0] + text[one.end : other.start] + swapped[1] + text[other.end :]
        yield Edit(changed, f"the stride moved: `{swapped[0].strip()}`, then `{swapped[1].strip()}`", 5, "window")


def _channels(entries: Sequence[Entry]) -> Iterator[int]:
    for entry in entries:
        if isinstance(entry.value, Size) and entry.column.role == "output" and len(entry.value.parts) > 1:
            last = entry.value.parts[-1]
            if isinstance(last, int):
                yield last
        elif isinstance(entry.value, Number) and entry.column.role in ("branch", "filters"):
            yield int(entry.value.digits)


def _calls(text: str, subject: Subject, stretch: Stretch) -> Iterator[tuple[int, int]]:
    """Where the arguments of the block that a stretch is stand: found by counting the calls of its name."""
    if stretch.block is None:
        return
    frames: list[Frame] = []
    for layer in subject.layers:
        path = layer.node.frame.path()
        if len(path) > 1 and (not frames or frames[-1] is not path[1]):
            frames.append(path[1])
    mine = subject.layers[stretch.start].node.frame.path()
    if len(mine) < 2:
        return
    same = [frame for frame in frames if frame.name == mine[1].name]
    body = [
        found
        for found in re.finditer(rf"\b{re.escape(mine[1].name)}<([^<>]*)>", text)
        if not re.match(r"\s*(block|arch|variant|#)", text[text.rfind("\n", 0, found.start()) + 1 :])
    ]
    if len(body) == len(same):
        found = body[same.index(mine[1])]
        yield found.start(1), found.end(1)


def _widths(text: str, start: int, end: int, entries: Sequence[Entry]) -> Iterator[Edit]:
    """Each number of a call becomes each number that the row prints of its branches."""
    written = text[start:end]
    printed = sorted(set(_channels(entries)))
    for number in _NUMBER.finditer(written):
        for value in printed:
            if str(value) != number[0]:
                changed = f"{written[: number.start()]}{value}{written[number.end() :]}"
                yield _edit(text, start, end, changed, f"<{changed}> for <{written}>", 5, "width")


def _edit(
    text: str, start: int, end: int, changed: str, words: str, size: int, kind: Literal["input", "window", "width"]
) -> Edit:
    return Edit(text[:start] + changed + text[end:], words, size, kind)
