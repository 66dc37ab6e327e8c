"""A row of a table as `.arch` text: every way in which what it leaves unsaid can be filled in, the likeliest first.

In: what a row says (`Content`), what the table leaves out everywhere (`Style`), and the size that enters. Out:
`Phrase`s. Which of them gives the printed size is found out by elaborating them: `fitting.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, product

from archdsl.diagnostics import HintedError
from archdsl.ops.base import Shape
from archdsl.verify.content import Content, activation, channels, layers
from archdsl.verify.figures import square
from archdsl.verify.table import Group, Said
from archdsl.verify.units import FROM_PARAMETERS, RESPONSE, branch_words, module, residual, response, windows

__all__ = ["Phrase", "Style", "Unwritable", "phrases"]

_TRIED = 400
"""Ways to fill in one row that are looked at."""

_WINDOWED = ("maxpool", "avgpool", "lppool")
_MERGES = ("add", "concat", "mul", "sub", "mean", "max", "lerp", "matmul")


class Unwritable(HintedError):
    """Why nothing can be made of a row."""


@dataclass(frozen=True, slots=True)
class Style:
    """What a table leaves out, the same in every row.

    - `relu`: a ReLU behind each convolution and fully connected layer; `norm`: batch norm before it, and no biases.
    - `bold`: any padding that gives the printed size is taken, not only none, half and `same`.
    - `early`: a bottleneck's stride is in its first convolution, not in its 3x3.
    - `letters`: values of letters; with `named` they are written as letters, parameters of the architecture.
    """

    relu: bool = False
    norm: bool = False
    early: bool = True
    bold: bool = True
    letters: Mapping[str, int] = field(default_factory=dict)
    named: bool = False


@dataclass(frozen=True, slots=True)
class Phrase:
    """A chain, and what was assumed to write it; `blocks` are definitions that it needs."""

    text: str
    assumed: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()


def phrases(row: Content, style: Style, entering: Shape) -> Iterator[Phrase]:
    """All ways to write a row, the likeliest first. Raises `Unwritable`.

    `3x3, 64` on 56x56x64 with a printed output: `conv 3x3 64`, `conv 3x3+1 64`, `conv 3x3 64 same`, …
    """
    if not row.said:
        raise Unwritable("the row names no layer", "name it in a column that is read as layers: --columns layer=HEADER")
    writer = _Writer(row, style, entering)
    written = [writer.ways(item, last=at == len(row.said) - 1) for at, item in enumerate(row.said)]
    # Items that are printed alike are filled in alike; their texts differ by their filters only.
    keys = list(dict.fromkeys(_alike(item) for item in row.said))
    places = [keys.index(_alike(item)) for item in row.said]
    counts = [min(len(some) for some, at in zip(written, places, strict=True) if at == key) for key in range(len(keys))]
    combinations = islice(product(*map(range, counts)), 20 * _TRIED)
    for chosen in sorted(combinations, key=sum)[:_TRIED]:
        parts = [written[at][chosen[place]] for at, place in enumerate(places)]
        yield Phrase(
            _repeated(" -> ".join(part.text for part in parts), row.times, len(parts)),
            tuple(dict.fromkeys(text for part in parts for text in part.assumed)),
            tuple(dict.fromkeys(text for part in parts for text in part.blocks)),
        )


def _alike(item: Said | Group) -> object:
    if isinstance(item, Group):
        return (tuple(_alike(inner) for inner in item.items), item.times)
    return (item.kind, item.kernel, item.stride, item.padding, item.same)


def _repeated(text: str, times: int, parts: int) -> str:
    if times == 1:
        return text
    return f"{text} x{times}" if parts == 1 and " -> " not in text else f"({text}) x{times}"


class _Writer:
    """The items of one row."""

    def __init__(self, row: Content, style: Style, entering: Shape) -> None:
        self._row = row
        self._style = style
        self._entering = entering
        self._rank = max(1, len(entering) - 1)
        connected = [one for one in row.said if isinstance(one, Said) and one.kind == "fc"]
        self._last_fc = connected[-1] if connected else None

    def ways(self, item: Said | Group, *, last: bool) -> Sequence[Phrase]:
        """The ways to write an item; `last` of the row, whose channels are those of the row's output."""
        if isinstance(item, Group):
            return self._group(item)
        kind = item.kind
        if kind is None:
            raise Unwritable(
                f"`{item.text}` is no layer that is known here",
                "write what it is (conv, maxpool, fc, …), or say that the column is a note: --columns note=HEADER",
            )
        act = activation(item)
        known = {*RESPONSE, "in", *(["activation"] if act else [])}
        unused = tuple(f"`{value}` is not used" for name, value in item.extra if name not in known)
        tail = f" -> {act}" if act else ""
        return [
            replace(way, text=way.text + tail, assumed=(*way.assumed, *unused))
            for way in self._layer(kind, item, last=last)
        ]

    def _layer(self, kind: str, said: Said, *, last: bool) -> Sequence[Phrase]:
        if kind in ("conv", "deconv"):
            return self._convolutions(kind, said, last=last)
        if kind in ("dwconv", "sepconv"):
            return self._depthwise(kind, said, last=last)
        if kind == "gap" or (kind == "avgpool" and said.kernel is None and self._to_a_point(last)):
            return [Phrase("gap")]
        if kind == "pool" or kind in _WINDOWED:
            return self._pools(kind, said)
        if kind == "fc":
            text = f"fc {self._filters(said, last=last)}"
            scores = self._row.final and said is self._last_fc
            return [Phrase(text if scores else self._activated(text))]
        if kind == "lrn":
            try:
                return [Phrase(*response(said))]
            except ArithmeticError:
                raise Unwritable(f"a number of `{said.text}` is none", "write it as 1e-4 or 0.0001") from None
        if kind == "dropout":
            rate = f"{said.rate.normalize():f}" if said.rate is not None else "0.5"
            return [Phrase(f"dropout {rate}", () if said.rate is not None else ("a dropout of 0.5",))]
        if self._row.widths:
            return [self._branches(kind)]
        return [Phrase(self._plain(kind, said))]

    def _plain(self, kind: str, said: Said) -> str:
        """A layer without arguments."""
        from archdsl.ops.registry import lookup

        known = lookup(kind)
        if kind in _MERGES:
            raise Unwritable(
                f"`{said.text}` joins several layers, and the table does not say which",
                "write the branches into the .arch file by hand, or import the rows without it",
            )
        if known is None:
            raise Unwritable(
                f"the table does not print the layers of `{said.text}`",
                "a block is known by its branches' widths (#1x1, #3x3 reduce, …) or by its layers in brackets",
            )
        return kind

    # ------------------------------------------------------------ windows

    def _convolutions(self, kind: str, said: Said, *, last: bool) -> Sequence[Phrase]:
        filters = self._filters(said, last=last)
        groups = f" groups={said.groups}" if said.groups not in (None, 1) else ""
        before = self._reduced(said)
        made = []
        for extent, biases, found in self._kernels(said, filters):
            bias = "" if biases else " bias=false"
            for stride, assumed in self._strides(said):
                for padding, flag, deduced in self._paddings(said, extent):
                    kernel = self._extent(extent, long=True)
                    text = f"{kind} {kernel}{stride}{padding} {filters}{groups}{bias}{flag}"
                    made.append(Phrase(before + self._activated(text), (*found, *assumed, *deduced)))
        return made

    def _kernels(self, said: Said, filters: str) -> Sequence[tuple[tuple[int, ...], bool, tuple[str, ...]]]:
        """The kernel, whether there are biases, what is assumed: as printed, else what the row's parameters give."""
        if said.kernel is not None:
            return [(said.kernel, not self._style.norm, ())]
        whole = len(self._row.said) == 1 and self._row.times == 1 and said.groups in (None, 1) and filters.isdigit()
        params = self._row.params if whole else None
        found = list(windows(params, self._entering[-1], int(filters), self._rank)) if params is not None else []
        if not found:
            raise Unwritable(
                f"`{said.text}` has no kernel" + ("" if params is None else ", and its parameters give none"),
                "print it: 3x3, or f=3; or say which column it is: --columns kernel=…",
            )
        shown = [(side, biases, "x".join([str(side)] * self._rank)) for side, biases in found]
        return [((side,) * self._rank, biases, (f"kernel {text}{FROM_PARAMETERS}",)) for side, biases, text in shown]

    def _reduced(self, said: Said) -> str:
        """The 1x1 convolution before one of a row with a column for it: GoogLeNet's `#3x3 reduce`."""
        kernel = square(said.kernel or ())
        for detail, filters in self._row.widths.items():
            if "reduce" in detail and _kernel(detail) == kernel:
                return f"{self._activated(f'conv 1x1 {filters}')} -> "
        return ""

    def _depthwise(self, kind: str, said: Said, *, last: bool) -> Sequence[Phrase]:
        kernel = square(said.kernel or (3,))
        if len(kernel) > 1 and kernel[0] == kernel[1]:
            kernel = kernel[:1]
        made = []
        for _, assumed in self._strides(said):
            step = "2" if assumed else str(square(said.stride or (1,))[0])
            arguments = ", ".join([str(kernel[0]), *([step] if step != "1" else [])])
            if kind == "dwconv":
                tail = " -> bn -> relu" if self._style.norm else " -> relu" if self._style.relu else ""
                made.append(Phrase(f"dwconv<{arguments}>{tail}", (*assumed, "padding of half the kernel")))
            else:
                filters = self._filters(said, last=last)
                made.append(Phrase(f"separable<{filters}, {kernel[0]}, {step}>", (*assumed, "batch norm and ReLU")))
        return made

    def _strides(self, said: Said) -> Sequence[tuple[str, tuple[str, ...]]]:
        if said.stride is not None:
            shown = self._extent(said.stride)
            return [(f"/{shown}" if shown != "1" else "", ())]
        return [("", ()), ("/2", ("stride 2",))] if self._row.output is not None else [("", ())]

    def _paddings(self, said: Said, kernel: tuple[int, ...]) -> list[tuple[str, str, tuple[str, ...]]]:
        """Padding, flag, what is assumed."""
        if said.same:
            return [("", " same", ())]
        if said.padding is not None:
            shown = self._extent(said.padding)
            return [(f"+{shown}" if shown != "0" else "", "", ())]
        most = max(kernel)
        none = ("", "", ())
        if most == 1:
            return [none]
        halves = tuple(part // 2 for part in kernel[: self._rank])
        half = (f"+{self._extent(halves)}", "", (f"padding {self._extent(halves)}",))
        if self._row.output is None:
            return [half, none] if most % 2 else [none, half]
        more = range(1, most) if self._style.bold else ()
        others = [(f"+{size}", "", (f"padding {size}",)) for size in more if (size,) != square(halves)]
        return [none, half, ("", " same", ("padding `same`",)), *others]

    def _pools(self, kind: str, said: Said) -> Sequence[Phrase]:
        name, assumed = ("maxpool", ("a max pool",)) if kind == "pool" else (kind, ())
        kernels = [(said.kernel, assumed)]
        if said.kernel is None:
            sizes = [2, 3] if said.stride is None or square(said.stride) == (2,) else [square(said.stride)[0]]
            kernels = [((size,), (*assumed, f"a pool of {size}x{size}")) for size in sizes]
        made = []
        for kernel, why in kernels:
            assert kernel is not None
            shown = self._extent(kernel)
            for stride, more in self._pool_strides(said, kernel, shown):
                for padding, flag, deduced in self._pool_paddings(said, kernel):
                    made.append(Phrase(f"{name} {shown}{stride}{padding}{flag}", (*why, *more, *deduced)))
        return made

    def _pool_strides(self, said: Said, kernel: tuple[int, ...], shown: str) -> Sequence[tuple[str, tuple[str, ...]]]:
        if said.stride is not None:
            step = self._extent(said.stride)
            return [(f"/{step}" if step != shown else "", ())]
        if square(kernel)[0] == 2:
            return [("", ("stride 2",) if said.kernel is not None else ())]
        if self._row.output is None:
            return [("/2", ("stride 2",))] if square(kernel) == (3,) else [("", (f"stride {shown}",))]
        return [("/2", ("stride 2",)), ("", (f"stride {shown}",)), ("/1", ("stride 1",))]

    def _pool_paddings(self, said: Said, kernel: tuple[int, ...]) -> list[tuple[str, str, tuple[str, ...]]]:
        if said.same or said.padding is not None or self._row.output is None:
            return self._paddings(said, kernel) if said.same or said.padding is not None else [("", "", ())]
        rounded = ("", " ceil", ("rounded up (`ceil`)",))
        same = ("", " same", ("padding `same`",))
        half = square(kernel)[0] // 2
        padded = (f"+{half}", "", (f"padding {half}",))
        return [("", "", ()), padded, rounded, same] if square(kernel)[0] % 2 else [("", "", ()), rounded, same, padded]

    def _to_a_point(self, last: bool) -> bool:
        """Whether an average pool without a kernel takes everything: where nothing else is printed, and at 1x1."""
        output = self._row.output
        if output is None or not last:
            return True
        return len([part for part in output.parts if part != 1]) <= 1

    def _extent(self, extent: tuple[int, ...], *, long: bool = False) -> str:
        """`3x3`, or `3` where all sides are equal and the short form is usual; channels in a window are dropped."""
        sides = extent[: self._rank] if len(extent) == self._rank + 1 else extent
        if len(sides) not in (1, self._rank):
            raise Unwritable(
                f"a window of {len(sides)} sides does not go with a tensor of {self._rank}",
                "print as many sides as the tensor has axes, or one for all of them",
            )
        if len(set(sides)) == 1:
            return "x".join([str(sides[0])] * (self._rank if long else 1))
        return "x".join(map(str, sides))

    # ------------------------------------------------------------ others

    def _filters(self, said: Said, *, last: bool) -> str:
        """The channels that leave: as the layer prints them, its branch's column, or the row's output."""
        wanted: int | str | None = said.filters
        kernel = square(said.kernel or ())
        if wanted is None:
            wanted = next((n for d, n in self._row.widths.items() if "reduce" not in d and _kernel(d) == kernel), None)
        if wanted is None and last and self._row.output is not None:
            wanted = channels(self._row.output)
        if wanted is None:
            raise Unwritable(
                f"`{said.text}` does not say how many channels leave it",
                "print its filters, or the channels of its output: 55x55x96",
            )
        if isinstance(wanted, int):
            return str(wanted)
        if wanted not in self._style.letters:
            raise Unwritable(f"the letter {wanted} has no value", f"give it one: --let {wanted}=1000")
        return wanted if self._style.named else str(self._style.letters[wanted])

    def _activated(self, text: str) -> str:
        if self._style.norm and text.startswith(("conv", "deconv")):
            return f"{text} -> bn -> relu"
        return f"{text} -> relu" if self._style.relu else text

    def _branches(self, kind: str) -> Phrase:
        """A module with the widths of its branches."""
        made = module(kind, self._row.widths)
        if made is None:
            raise Unwritable(
                f"the widths of `{kind}` make no module that is known: {', '.join(self._row.widths)}",
                "known are 1x1, NxN with its reduce, squeeze and expand, and pool proj",
            )
        return Phrase(made[0], (), made[1])

    def _group(self, group: Group) -> Sequence[Phrase]:
        """Layers in brackets: a residual unit where they are several convolutions, else a repeat."""
        if "dense" in self._row.name and "block" in self._row.name:
            return [Phrase(self._dense(group))]
        inner = list(layers(group.items))
        convolutions = [one for one in inner if one.kind == "conv" and one.kernel is not None]
        if len(convolutions) < 2 or any(one.kind not in ("conv", "bn", "relu") for one in inner):
            options = [self.ways(one, last=False)[0] for one in inner]
            text = " -> ".join(way.text for way in options)
            assumed = tuple(dict.fromkeys(note for way in options for note in way.assumed))
            return [Phrase(_repeated(text, group.times, len(options)), assumed)]
        filters = [self._filters(one, last=False) for one in convolutions]
        steps = [one.stride for one in convolutions if one.stride is not None and set(one.stride) != {1}]
        strides = [steps[0][0]] if steps else [1, 2, 4] if self._row.output is not None else [1]
        made = []
        for stride in strides:
            text, blocks = residual(convolutions, filters, group.times, stride, early=self._style.early)
            made.append(
                Phrase(
                    text,
                    (f"the first unit of a stage has stride {stride}",) if stride != 1 and not steps else (),
                    blocks,
                )
            )
        return made

    def _dense(self, group: Group) -> str:
        """Densely connected layers, whose 1x1 has four times the channels that its 3x3 adds."""
        inner = list(layers(group.items))
        filters = [self._filters(one, last=False) for one in inner]
        numbers = [int(one) if one.isdigit() else 0 for one in filters]
        if [square(one.kernel or ()) for one in inner] != [(1,), (3,)] or numbers[0] != 4 * numbers[1]:
            raise Unwritable(
                f"`{inner[0].text}; …` is no dense block that is known here",
                "known is a 1x1 convolution of 4k channels and a 3x3 of k, both printed",
            )
        return f"dense<{group.times}, {filters[1]}>"


def _kernel(detail: str) -> tuple[int, ...]:
    """The kernel that the name of a branch begins with: `3x3 reduce` is 3."""
    for word in branch_words(detail):
        sides = word.split("x")
        if len(sides) > 1 and all(side.isdigit() for side in sides):
            return square(tuple(int(side) for side in sides))
    return ()
