"""What stands behind an element: labels and sizes, and what a repeat leaves of the labels of its turns.

In: the tensors that leave an element, and what is written behind it. Out: labels in their scope, and diagnostics about
labels that do not fit and sizes that are others. Runs no element.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from archdsl import limits
from archdsl.diagnostics import Note
from archdsl.elaborate.calls import Calls
from archdsl.elaborate.layers import Layers
from archdsl.elaborate.names import Names
from archdsl.elaborate.values import POISON, Poisoned, Scope, Tensors, show
from archdsl.graph import Port
from archdsl.ops.base import Shape, show_shape
from archdsl.syntax import tree

__all__ = ["Suffixes"]


class Suffixes(Layers):
    """Reads labels and sizes."""

    def __init__(self, name: str, names: Names, calls: Calls) -> None:
        super().__init__(name, names.found, calls)
        self.names = names
        self._evaluator = names.evaluator
        self._evaluator.made = self.nodes
        self._compares_sizes = True
        """Whether `::` is compared: the sizes that a text states are those of the network as it is written."""

    def _label(self, labels: Sequence[tree.Label], scope: Scope, tensors: Tensors) -> None:
        whole = len(labels) == 1 and labels[0].name != tree.UNNAMED
        if len(labels) != len(tensors) and not whole and None not in tensors:
            self.found.error(
                "arity",
                f"{len(tensors)} tensor{'s leave' if len(tensors) > 1 else ' leaves'} here, and there "
                f"{'are' if len(labels) > 1 else 'is'} {len(labels)} label{'s' if len(labels) > 1 else ''}",
                labels[0].span.to(labels[-1].span),
                hint="one label a tensor, split 2 @a @b, or one for all; a tensor that is thrown away is @_",
            )
            tensors = POISON
        for index, label in enumerate(labels):
            if label.name == tree.UNNAMED:
                continue
            before = scope.written_labels.get(label.name)
            if before is label:
                self.found.error(
                    "duplicate-label",
                    f"the label `@{label.name}` is given twice: the chain in which it stands is used several times",
                    label.span,
                    hint="make the chain a block, whose labels are its own",
                )
            elif before is not None or (label.name in scope.labels and label.name not in scope.gathered):
                self.found.error(
                    "duplicate-label",
                    f"the label `@{label.name}` is given twice",
                    label.span,
                    notes=[Note("it was given here", before.span)] if before else [Note("it is an input")],
                    hint=f"rename one of them; what is read stands in a branch: add<id | @{label.name}>",
                )
            scope.written_labels[label.name] = label
            scope.gathered.pop(label.name, None)
            one = (tensors[index],) if len(tensors) == len(labels) else POISON
            scope.labels[label.name] = tensors if whole else one
        if len(labels) == len(tensors) > 1:
            for port, label in zip(tensors, labels, strict=True):
                if port is not None and label.name != tree.UNNAMED:
                    self.tensor_labels.setdefault(port, label.name)

    def _gather(self, turns: Sequence[Scope], scope: Scope) -> None:
        """Let a label that each turn of a repeat gives stand, behind the repeat, for the tensors of all turns.

        A label outside of the repeat goes before; one that another repeat gives as well stands for none, ().
        """
        found: dict[str, tuple[tree.Label, list[Port | None]]] = {}
        lost: set[str] = set()
        for turn in turns:
            for name, tensors in turn.labels.items():
                found.setdefault(name, (turn.gathered.get(name) or turn.written_labels[name], []))[1].extend(tensors)
                if not tensors:
                    lost.add(name)
        for name, (label, ports) in found.items():
            before = scope.gathered.get(name)
            if name in scope.labels and before is None:
                continue
            lacks = name in lost or (before is not None and before is not label)
            scope.labels[name] = () if lacks else tuple(ports)
            scope.gathered[name] = label

    def _assert(self, assertion: tree.Assertion, scope: Scope, tensors: Tensors) -> Tensors:
        """Compare with a size that is written; go on from the written one, so that one mistake is reported once."""
        size = self._size(assertion.size, scope)
        if size is None:
            return tensors
        if len(tensors) != 1:
            self.found.error("arity", f"{len(tensors)} tensors leave here, and one size is written", assertion.span)
            return tensors
        shape = self._shape(tensors[0])
        if shape == size or (shape is not None and not self._compares_sizes):
            return tensors
        if shape is not None and tensors[0] is not None:
            node = self.nodes[tensors[0].node]
            entering = f" from {show_shape(node.input_shapes[0])}" if node.input_shapes else ""
            self.found.error(
                "wrong-size",
                f"the size here is {show_shape(shape)}, not {show_shape(size)}",
                assertion.span,
                label=f"computed: {show_shape(shape)}",
                notes=[Note(f"`{node.call}` makes {show_shape(shape)}{entering}", node.span)],
                hint=f"write :: {show_shape(shape)}, or mend the layers before it",
            )
        return (self._append(None, (), (), (size,), None, assertion.span),)

    def _size(self, expression: tree.Expression, scope: Scope) -> Shape | None:
        """A size that stands in the text; None after reporting that it is none."""
        try:
            value = self._evaluator.evaluate(expression, scope)
        except Poisoned:
            return None
        parts = value if isinstance(value, tuple) else (value,)
        sizes: list[int] = []
        for part in parts:
            if isinstance(part, float) and part.is_integer():
                part = int(part)
            if isinstance(part, bool) or not isinstance(part, int) or part < 1:
                self.found.error(
                    "bad-argument",
                    f"a size is made of whole numbers above zero, and this is {show(value)}",
                    expression.span,
                    hint="224x224x3, or [r, r, 3] where it is computed",
                )
                return None
            sizes.append(part)
        if not 1 <= len(sizes) <= 4:
            self.found.error(
                "rank-mismatch",
                f"a size has one to four numbers, and this has {len(sizes)}",
                expression.span,
                hint="HxWxC is an image, LxC a sequence, DxHxWxC a volume, C a vector",
            )
            return None
        if prod(sizes) > limits.ELEMENTS:
            self.found.error(
                "limit-size", "a tensor of more than 2^53 values", expression.span, hint="is the size right?"
            )
            return None
        return tuple(sizes)
