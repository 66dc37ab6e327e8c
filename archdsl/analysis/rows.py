"""The rows of a summary: layers inside blocks inside repeats, like iterations folded into one row.

In: a graph and its counts. Out: a tuple of `Row` from top to bottom, each with its level. How a row looks is left
to `archdsl.report`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from archdsl.analysis.counts import Counts
from archdsl.analysis.facts import FLOAT32, Fact, facts, training_only
from archdsl.analysis.receptive import Field, fields
from archdsl.graph import Frame, Graph
from archdsl.ops.base import Shape

__all__ = ["Row", "summary_rows"]

Kind = Literal["input", "layer", "block", "repeat"]


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One line of a summary; numbers are for one example.

    - `kind`: `layer`, `block` (a call of one), `repeat` (iterations of a repeat whose body has several parts) or
      `input`.
    - `name`: the last part of the name; `path` all of it; `block` the path of the block it stands in.
    - `op`: the op or the block's call with its arguments; empty for a `repeat`.
    - `level`: how many rows it stands under.
    - `times`: iterations that this row stands for. Its own numbers are those of all of them together, the rows
      under it show the first one.
    - `iteration`: index of the (first) iteration of its repeat, of `iterations`; None outside of repeats.
    - `outputs`: sizes that leave; of a block, those of its last layer.
    - `params`, `buffers`, `macs`, `work`, `connections`: as in `Totals`. A layer that uses the weights of another
      has no `params` of its own and names the other in `shared`.
    - `activation_bytes`: all outputs of all layers in it, float32.
    - `field`: receptive field and stride of its last layer (of the last iteration).
    - `training`: whether it exists in training only.
    - `opened`: whether the rows that follow show its inside; False for a layer and at the depth limit.
    """

    kind: Kind
    name: str
    path: str
    block: str
    op: str
    level: int
    times: int
    iteration: int | None
    iterations: int
    outputs: tuple[Shape, ...]
    params: int
    buffers: int
    macs: int
    work: int
    connections: int
    activation_bytes: int
    field: Field
    shared: str | None
    training: bool
    opened: bool
    layers: int
    label: str | None = None


class _Group:
    """What is known of a frame while rows are made: its parts in order, the sums over them, and what it looks like."""

    __slots__ = ("frame", "kind", "last", "name", "parts", "path", "sums", "training")

    def __init__(self, frame: Frame, path: str, name: str) -> None:
        self.frame = frame
        self.path = path
        self.name = name
        self.parts: list[_Group | int] = []
        self.sums = [0] * 7
        self.kind = 0
        self.last = 0
        self.training = True


def summary_rows(graph: Graph, counts: Counts, *, depth: int | None = None, fold: bool = True) -> tuple[Row, ...]:
    """The rows from top to bottom, each block before what it holds.

    >>> [row.op for row in summary_rows(resnet18, counts, depth=1)][1:4]
    ['conv 7x7/2+3 64 bias=false', 'bn', 'relu']

    - `depth`: levels shown; a block at the limit is one row. None shows all.
    - `fold`: iterations of a repeat that follow each other and are alike in ops, arguments and sizes become one
      row. The first iteration of a ResNet stage, which has the projection, differs and stays by itself.
    """
    return tuple(_Rows(graph, counts, depth, fold).make())


class _Rows:
    """One run over one graph."""

    def __init__(self, graph: Graph, counts: Counts, depth: int | None, fold: bool) -> None:
        self.graph = graph
        self.counts = counts
        self.depth = depth
        self.fold = fold
        self.facts: Sequence[Fact] = facts(graph)
        self.fields: Sequence[Field] = fields(graph)
        self.extra = training_only(graph)
        self.names = graph.names
        self.kinds: dict[tuple[object, ...], int] = {}

    def make(self) -> Iterator[Row]:
        groups = self._group()
        # A group is made before the groups in it, so backwards every group comes after its parts.
        for group in reversed(groups):
            self._sum(group)
        yield from self._emit(groups[0])

    # ------------------------------------------------------------ the tree

    def _group(self) -> list[_Group]:
        found: dict[int, _Group] = {}
        made: list[_Group] = []
        root = next((node.frame.path()[0] for node in self.graph.nodes), Frame("network", self.graph.name))
        made.append(_Group(root, "", ""))
        found[id(root)] = made[0]
        for node in self.graph.nodes:
            missing: list[Frame] = []
            frame: Frame | None = node.frame
            while frame is not None and id(frame) not in found:
                missing.append(frame)
                frame = frame.parent
            group = made[0] if frame is None else found[id(frame)]
            if missing:
                for frame in reversed(missing):
                    path = self.graph.path(frame)
                    # A block that is all there is in a turn of a repeat is named as the turn is.
                    name = path.removeprefix(f"{group.path}.") if path != group.path else group.name
                    inner = _Group(frame, path, name)
                    found[id(frame)] = inner
                    made.append(inner)
                    group.parts.append(inner)
                    group = inner
            group.parts.append(node.key)
        return made

    def _kind(self, *key: object) -> int:
        """A small number for what something looks like, equal where they look alike."""
        return self.kinds.setdefault(key, len(self.kinds))

    def _sum(self, group: _Group) -> None:
        looks: list[int] = []
        sums = group.sums
        for part in group.parts:
            if isinstance(part, _Group):
                looks.append(part.kind)
                for index, value in enumerate(part.sums):
                    sums[index] += value
                group.last = max(group.last, part.last)
                group.training &= part.training
            else:
                looks.append(self._look(part))
                for index, value in enumerate(self._numbers(part)):
                    sums[index] += value
                group.last = max(group.last, part)
                group.training &= part in self.extra
        frame = group.frame
        group.kind = self._kind(frame.kind, frame.name, frame.call, frame.label, *looks)

    def _look(self, key: int) -> int:
        node = self.graph.nodes[key]
        owned = node.shared is None
        return self._kind(id(self.facts[key]), node.label, owned, key in self.extra)

    def _numbers(self, key: int) -> tuple[int, ...]:
        fact = self.facts[key]
        if self.graph.nodes[key].op is None:
            return (0,) * 7
        params, buffers = self.counts.params[key], self.counts.buffers[key]
        return params, buffers, fact.macs, fact.work, fact.connections, fact.elements * FLOAT32, 1

    # ------------------------------------------------------------ the rows

    def _emit(self, root: _Group) -> Iterator[Row]:
        pending: list[tuple[Iterator[tuple[_Group | int, int, _Group | int]], int, str]] = [(self._runs(root), 0, "")]
        while pending:
            runs, level, block = pending[-1]
            run = next(runs, None)
            if run is None:
                pending.pop()
                continue
            part, times, last = run
            inner = self._inside(part)
            closed = isinstance(inner, int) or (self.depth is not None and level + 1 >= self.depth)
            row = self._row(part, inner, times, last, level, block, opened=not closed)
            yield row
            if not closed:
                assert isinstance(inner, _Group)
                held = inner.path if inner.frame.kind == "block" else block
                pending.append((self._runs(inner), level + 1, held))

    def _runs(self, group: _Group) -> Iterator[tuple[_Group | int, int, _Group | int]]:
        """The parts of a group; iterations that are alike and follow each other as (first, how many, last)."""
        parts = group.parts
        at = 0
        while at < len(parts):
            first = last = parts[at]
            times = 1
            at += 1
            while self.fold and at < len(parts) and self._alike(first, parts[at]):
                last = parts[at]
                times += 1
                at += 1
            yield first, times, last

    @staticmethod
    def _alike(first: _Group | int, other: _Group | int) -> bool:
        if isinstance(first, int) or isinstance(other, int) or first.kind != other.kind:
            return False
        return first.frame.kind == "repeat" and first.frame.site == other.frame.site

    @staticmethod
    def _inside(part: _Group | int) -> _Group | int:
        """An iteration that holds one thing only is shown as that thing."""
        while isinstance(part, _Group) and part.frame.kind == "repeat" and len(part.parts) == 1:
            (only,) = part.parts
            if isinstance(only, _Group) and only.frame.kind == "repeat":
                break
            part = only
        return part

    def _row(
        self,
        part: _Group | int,
        inner: _Group | int,
        times: int,
        last: _Group | int,
        level: int,
        block: str,
        *,
        opened: bool,
    ) -> Row:
        nodes = self.graph.nodes
        end = last.last if isinstance(last, _Group) else last
        node = nodes[end]
        shared = label = None
        if isinstance(inner, _Group):
            kind: Kind = "repeat" if inner.frame.kind == "repeat" else "block"
            op = inner.frame.call or inner.frame.name if kind == "block" else ""
            name, path, training, label = inner.name, inner.path, inner.training, inner.frame.label
            sums: Sequence[int] = inner.sums
            outputs = node.shapes
        else:
            own = nodes[inner]
            kind = "input" if own.op is None else "layer"
            op = self.facts[inner].call
            path = self.names[inner]
            name, training, label = path.rpartition(".")[2], inner in self.extra, own.label
            shared = None if own.shared is None else self.names[own.shared]
            sums = self._numbers(inner)
            outputs = own.shapes
        iteration, iterations = None, 1
        if isinstance(part, _Group) and part.frame.kind == "repeat":
            name, iteration, iterations = part.name, part.frame.index, part.frame.count
        params, buffers, macs, work, connections, activation_bytes, layers = (times * value for value in sums)
        return Row(
            kind=kind,
            name=name,
            path=path,
            block=block,
            op=op,
            level=level,
            times=times,
            iteration=iteration,
            iterations=iterations,
            outputs=outputs,
            params=params,
            buffers=buffers,
            macs=macs,
            work=work,
            connections=connections,
            activation_bytes=activation_bytes,
            field=self.fields[end],
            shared=shared,
            training=training,
            opened=opened,
            layers=layers,
            label=label,
        )
