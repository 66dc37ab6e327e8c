"""The layers of the network as they are made: each op applied to the sizes that enter it.

In: bound ops and the tensors they read. Out: nodes, or a diagnostic why an op does not take its input, or why there are
too many of them. Knows no names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from archdsl import limits
from archdsl.diagnostics import Collector, Diagnostic, Note, Span, counted
from archdsl.elaborate.blame import Branch, explain_mismatch
from archdsl.elaborate.calls import Calls
from archdsl.elaborate.values import POISON, Stop, Tensors
from archdsl.graph import Frame, Node, Port
from archdsl.ops.base import Op, OpError, Shape, show_shape
from archdsl.syntax import tree

__all__ = ["Layers"]


class Layers:
    """The nodes of one run."""

    def __init__(self, name: str, found: Collector, calls: Calls) -> None:
        self.found = found
        self._calls = calls
        self.nodes: list[Node] = []
        self.tensor_labels: dict[Port, str] = {}
        self._edges = 0
        self._steps = 0
        """Calls and turns of repeats so far."""
        self._frame = Frame("network", name)
        self._sized: dict[tuple[int, tuple[Shape, ...]], tuple[Shape, ...]] = {}
        self._uneven: dict[Tensors, Diagnostic] = {}
        """What is wrong where an op does not take these tensors, which a turn of a repeat gave to the next."""

    def _append(
        self,
        op: Op | None,
        inputs: tuple[Port, ...],
        input_shapes: tuple[Shape, ...],
        shapes: tuple[Shape, ...],
        label: str | None,
        span: Span,
    ) -> Port:
        key = len(self.nodes)
        if key >= limits.NODES:
            self._too_many(span)
        self.nodes.append(Node(key, op, inputs, input_shapes, shapes, self._frame, label, span))
        return Port(key)

    def _too_many(self, span: Span) -> None:
        self.found.error(
            "limit-nodes",
            f"the network has more than {limits.NODES:,} layers, or {limits.EDGES:,} tensors between them",
            span,
            hint="look for repeats inside repeats, or a block that calls itself twice",
        )
        raise Stop

    def _carry(self, tensors: int, span: Span) -> None:
        """Count what a layer reads, or a chain of several tensors holds."""
        self._edges += tensors
        if self._edges > limits.EDGES:
            self._too_many(span)

    def _foresee(self, nodes: int, steps: int, span: Span) -> None:
        """Stop before so many more layers and steps are made, where they would pass a limit."""
        if len(self.nodes) + nodes > limits.NODES:
            self._too_many(span)
        if self._steps + steps > limits.STEPS + 4 * (len(self.nodes) + nodes):
            self._too_long(span)

    def _step(self, span: Span) -> None:
        self._steps += 1
        if self._steps > limits.STEPS and self._steps > limits.STEPS + 4 * len(self.nodes):
            self._too_long(span)

    def _too_deep(self, span: Span) -> None:
        self.found.error(
            "limit-depth",
            f"blocks are nested more than {limits.CALL_DEPTH} deep when the network is unrolled",
            span,
            hint="a recursive block needs a condition that ends it: if n == 1 then … else …",
        )
        raise Stop

    def _too_long(self, span: Span) -> None:
        self.found.error(
            "limit-steps",
            f"unrolling takes more than {limits.STEPS:,} calls and repeats beside those of its layers",
            span,
            hint="look for repeats inside repeats, or a block that calls itself twice",
        )
        raise Stop

    def _shape(self, port: Port | None) -> Shape | None:
        return None if port is None else self.nodes[port.node].shapes[port.index]

    def _add(
        self,
        op: Op,
        span: Span,
        inputs: Tensors,
        label: str | None,
        branches: Sequence[Branch] = (),
    ) -> Tensors:
        """Put an op behind the tensors that enter it; poison after reporting that it does not take them."""
        ports: list[Port] = []
        for port in inputs:
            if port is None:
                return POISON
            ports.append(port)
        if not ports:
            hint = "the list behind its `*` is empty, or the repeat has no turns"
            self.found.error("arity", f"`{op.name}` has no branch", span, hint=hint)
            return POISON
        self._carry(len(ports), span)
        nodes = self.nodes
        shapes = tuple([nodes[port.node].shapes[port.index] for port in ports])
        if op.arity is not None and len(ports) != op.arity:
            if inputs in self._uneven:
                self.found.add(self._uneven[inputs])
                return POISON
            entering = f"{len(ports)} {'enters' if len(ports) == 1 else 'enter'}"
            self.found.error(
                "arity",
                f"`{op.name}` takes {counted(op.arity, 'tensor')}, and {entering}",
                span,
                hint=f"give it branches: {op.name}<a | b>" if op.arity > 1 else "pick one: `first`, a label, or @a[0]",
            )
            return POISON
        key = (id(op), shapes)
        leaving = self._sized.get(key)
        if leaving is None:
            try:
                shape = op.shape(*shapes)
            except OpError as error:
                self._refused(error, op, span, ports, branches)
                return POISON
            leaving = _as_several(shape)
            if not self._sound(op, leaving, span):
                return POISON
            self._sized[key] = leaving
        self._edges += len(leaving) - 1
        first = self._append(op, tuple(ports), shapes, leaving, label, span)
        return (first,) if len(leaving) == 1 else tuple(Port(first.node, i) for i in range(len(leaving)))

    def _sound(self, op: Op, shapes: Sequence[Shape], span: Span) -> bool:
        for shape in shapes:
            if any(size < 1 for size in shape):
                self.found.error(
                    "zero-size",
                    f"`{op.name}` would leave {show_shape(shape)}: nothing",
                    span,
                    hint="the input is too small for this layer",
                )
                return False
            if prod(shape) > limits.ELEMENTS:
                self.found.error(
                    "limit-size", f"`{op.name}` would leave more than 2^53 values", span, hint="is the count right?"
                )
                return False
        return True

    def _refused(self, error: OpError, op: Op, span: Span, ports: list[Port], branches: Sequence[Branch]) -> None:
        if error.id == "shape-mismatch" and len(ports) > 1:
            self.found.add(explain_mismatch(error, op, span, self.nodes, ports, branches, self._calls))
            return
        shapes = ", ".join(show_shape(self.nodes[port.node].shapes[port.index]) for port in ports)
        source = self.nodes[ports[0].node]
        what = "the input of the network" if source.op is None else f"`{source.call}`"
        hint = error.hint
        if error.id == "rank-mismatch" and source.op is None and len(source.shape) == 1:
            hint = f"this input is a vector of {source.shape[0]}; an image is input 224x224x3, a sequence input 16x64"
        if source.op is not None and source.op.name == "flatten" and len(source.input_shapes[0]) > 1:
            *positions, channels = source.input_shapes[0]
            hint = f"a sequence of the positions is reshape [{prod(positions)}, {channels}] in place of flatten"
        if error.id == "bad-groups" and "in.c" in span.text:
            hint = "`in.c` is what enters the block, or the network; depthwise, of what enters the layer, is `dwconv`"
        if error.id == "arity" and len(branches) == 1 and branches[0].looped:
            turns = " ".join(branches[0].span.text.split())
            hint = f"side by side, a branch each, the turns have a star before them: write {op.name}<*{turns}>"
        self.found.error(
            error.id,
            error.message,
            span,
            label=f"gets {shapes}",
            notes=[Note(f"{shapes} comes from {what}", source.span)] if len(ports) == 1 else [],
            hint=hint,
        )

    def _share_weights(self, share: tree.Share, first: range, again: range, span: Span) -> None:
        pairs = list(zip(first, again, strict=False))
        for old_key, new_key in pairs:
            old, new = self.nodes[old_key], self.nodes[new_key]
            if old.op is None or new.op is None or old.op != new.op:
                break
            before, after = old.op.weights(*old.input_shapes), new.op.weights(*new.input_shapes)
            if before != after:
                self.found.error(
                    "share-mismatch",
                    f"`{share.name.name}` cannot share its weights: `{new.call}` would need other shapes here",
                    span,
                    notes=[
                        Note(f"first {show_shape(old.input_shapes[0])} enters, here {show_shape(new.input_shapes[0])}"),
                        Note("it is defined here", share.name.span),
                    ],
                    hint="give it tensors of one size, or make it a `block`, which has new weights at each use",
                )
                return
            if before:
                root = old.shared if old.shared is not None else old.key
                self.nodes[new_key] = replace(new, shared=root)
        else:
            if len(first) == len(again):
                return
        self.found.error(
            "share-mismatch",
            f"`{share.name.name}` comes out as other layers here than at its first use",
            span,
            notes=[Note("it is defined here", share.name.span)],
            hint="a condition in it depends on the size that enters; give it tensors of one size",
        )


def _as_several(shape: Shape | tuple[Shape, ...]) -> tuple[Shape, ...]:
    """What an op's shape rule gives, as one size for each output."""
    several = tuple(part for part in shape if isinstance(part, tuple))
    return several or (tuple(part for part in shape if isinstance(part, int)),)
