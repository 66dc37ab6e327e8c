"""How much of the input each layer sees, and how far apart its positions lie in it.

In: a graph. Out: one `Field` a node, along the spatial axes of the input. What of it matters in practice (the
effective receptive field of a trained network) is left to others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from archdsl.analysis.facts import Fact, facts
from archdsl.graph import Graph, Node
from archdsl.ops.base import NOTHING, Shape

__all__ = ["Axis", "Field", "fields"]

Exact = int | Fraction

_LARGEST: Final = 2**53
"""Larger than any input (`archdsl.limits.ELEMENTS`), so a field beyond it is the whole input."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One spatial axis, in positions of the input.

    - `size`: how many an output position sees. Papers' figure, which may be larger than the input.
    - `stride`: the distance between neighbouring output positions; below one after an upsampling.
    - `padding`: how far the field of the first output position begins before the input.
    """

    size: Exact
    stride: Exact
    padding: Exact


@dataclass(frozen=True, slots=True)
class Field:
    """The receptive field of a layer: an axis for each spatial axis of the input; none for a network on vectors.

    `whole` is said where every output position sees all of the input (after `gap`, an `fc` on an image, attention);
    then `axes` hold the strides, as long as there are positions. A vector that is made of an image counts as seeing
    all of it.
    """

    axes: tuple[Axis, ...] = ()
    whole: bool = False

    @property
    def size(self) -> tuple[int, ...] | None:
        """Positions seen along each axis, at the position that sees most; None where the whole input is, or no axis."""
        if self.whole or not self.axes:
            return None
        return tuple(-int(-axis.size // 1) for axis in self.axes)

    @property
    def stride(self) -> tuple[Exact, ...] | None:
        """Distance between neighbouring positions along each axis; None where there are no positions."""
        return tuple(axis.stride for axis in self.axes) or None

    @property
    def padding(self) -> tuple[Exact, ...] | None:
        """How far the first field begins before the input; None where the whole input is seen, or no axis."""
        return tuple(axis.padding for axis in self.axes) if self.axes and not self.whole else None


_WHOLE: Final = Field((), True)


def fields(graph: Graph) -> Sequence[Field]:
    """The receptive field of every node.

    >>> fields(alexnet)[1].size        # conv 11x11/4 on 227x227x3
    (11, 11)

    A kernel k (with dilation), stride s and padding p take size r, stride j and padding q to r + (k - 1) j, j s and
    q + p j. Where branches meet, the field is the smallest that holds those of all branches. With several inputs
    the fields are laid on each other. Axes that correspond no more (a window over a sequence made of an image)
    count as the whole input, which is an upper bound. Sizes after an upsampling are those of the position that sees
    most.

    Araujo, Norris & Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill, 2019.
    """
    found: list[Field] = []
    for node, fact in zip(graph.nodes, facts(graph), strict=True):
        if node.op is None:
            found.append(Field((Axis(1, 1, 0),) * (len(node.shape) - 1)))
        elif len(node.inputs) == 1:
            found.append(_step(found[node.inputs[0].node], node.input_shapes[0], fact, node.shape))
        else:
            entering = _union([found[port.node] for port in node.inputs], node)
            found.append(_step(entering, max(node.input_shapes, key=len, default=()), fact, node.shape))
    return found


def _step(field: Field, entering: Shape, fact: Fact, leaving: Shape) -> Field:
    """Through one op."""
    reach = fact.reach
    if reach is NOTHING:
        return Field()
    if len(leaving) == 1 and (len(entering) > 1 or field.whole):
        return _WHOLE  # a vector made of an image: no positions are left for a stride to lie between
    if reach is None:
        return field
    if not reach.kernel:
        kept = len(leaving) > 1 and leaving[:-1] == entering[:-1]
        return Field(field.axes, True) if kept else _WHOLE
    if not field.axes:
        return field
    if len(reach.kernel) != len(field.axes):
        return _WHOLE
    axes = []
    for axis, kernel, step, before in zip(field.axes, reach.kernel, reach.stride, reach.padding, strict=True):
        grown = axis.size + (kernel - 1) * axis.stride
        stride = axis.stride * step
        padding = axis.padding + before * axis.stride
        if grown > _LARGEST or stride > _LARGEST or stride.denominator > _LARGEST or padding > _LARGEST:
            return _WHOLE
        axes.append(Axis(_plain(grown), _plain(stride), _plain(padding)))
    return Field(tuple(axes), field.whole)


def _plain(value: Exact) -> Exact:
    """Whole numbers as ints, which are many times faster than fractions."""
    return value.numerator if value.denominator == 1 else value


def _union(entering: Sequence[Field], node: Node) -> Field:
    """Where branches meet: from the first field's beginning to the last one's end."""
    first, *others = entering or (Field(),)
    if all(other is first or other == first for other in others):
        return first
    # What is stretched over all positions, the gate of squeeze and excitation, lets each of them see all that it saw.
    stretched = [
        field.axes and shape[:-1] != node.shape[:-1] for field, shape in zip(entering, node.input_shapes, strict=True)
    ]
    whole = any(stretched) or any(field.whole for field in entering)
    known = [field.axes for field, wide in zip(entering, stretched, strict=True) if field.axes and not wide]
    if not known:
        return Field((), whole)
    if any(len(axes) != len(known[0]) for axes in known):
        return _WHOLE
    axes = []
    for parts in zip(*known, strict=True):
        padding = max(part.padding for part in parts)
        end = max(part.size - part.padding for part in parts)
        axes.append(Axis(end + padding, max(part.stride for part in parts), padding))
    return Field(tuple(axes), whole)
