"""Which layer made two branches differ, and which values an argument that is refused was computed from.

In: a merge that its op refused, with the branches that led to it. Out: one diagnostic that points at the stride, pool
or filter count that set the wrong size, and names what the other branch is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from archdsl.diagnostics import Diagnostic, Note, Span
from archdsl.elaborate.evaluator import Evaluator
from archdsl.elaborate.values import Scope, show
from archdsl.graph import Node, Port
from archdsl.ops.base import Op, OpError, Shape, show_shape
from archdsl.syntax import tree

__all__ = ["Branch", "explain_mismatch", "given"]


class Branch(NamedTuple):
    """A branch as written, and the nodes `start` to `end` that it made; `looped` where it is a repeat over a list."""

    span: Span
    start: int
    end: int
    looped: bool = False


def explain_mismatch(
    error: OpError,
    op: Op,
    span: Span,
    nodes: Sequence[Node],
    ports: Sequence[Port],
    branches: Sequence[Branch],
    calls: Sequence[tuple[str, Span]],
) -> Diagnostic:
    """The diagnostic of a `shape-mismatch` between the inputs of a merge."""
    shapes = [nodes[port.node].shapes[port.index] for port in ports]
    wrong = error.branch if error.branch is not None else 1
    other = next((i for i, shape in enumerate(shapes) if i != wrong and _differs(op, shape, shapes[wrong])), 0)
    # Of the two, blame the one whose branch has a layer that changes the size; the first of them where both have.
    pair = sorted((wrong, other))
    culprits = [
        _culprit(nodes, ports[index], shapes[pair[1 - at]], _begin(branches, index)) for at, index in enumerate(pair)
    ]
    chosen = 0 if culprits[0] is not None else 1
    culprit = culprits[chosen]
    name = _merge_name(op, span, calls)
    message = error.message.replace(f"`{op.name}`", f"`{name}`")
    rest = pair[1 - chosen]
    beside = next((_beside(branches[index]) for index in pair if index < len(branches) and branches[index].looped), "")
    if culprit is None:
        one, other_note = (_origin(nodes, ports[index], branches, index) for index in pair)
        notes = [Note(one.message.replace("the other", "one", 1), one.span), other_note]
        return Diagnostic(error.id, message, span, "", tuple(notes), (error.hint or _SAME) + beside)
    return Diagnostic(
        error.id,
        message,
        culprit.span,
        _effect(culprit),
        (_origin(nodes, ports[rest], branches, rest), Note(f"they meet in `{name}`", _outermost(span, calls))),
        _hint(shapes[rest], error, culprit) + beside,
    )


def _differs(op: Op, a: Shape, b: Shape) -> bool:
    try:
        op.shape(a, b)
    except OpError:
        return True
    return a != b


def _begin(branches: Sequence[Branch], index: int) -> int:
    return branches[index].start if index < len(branches) else 0


def _culprit(nodes: Sequence[Node], port: Port, other: Shape, start: int) -> Node | None:
    """The first layer of a branch, going back from its end, that set a number in which the branch differs from the
    other.
    """
    shape = nodes[port.node].shapes[port.index]
    axes = [i for i in range(1, min(len(shape), len(other)) + 1) if shape[-i] != other[-i]]
    if not axes:
        return None
    axis = axes[-1]
    node = nodes[port.node]
    while node.key >= start and node.op is not None:
        entering = node.input_shapes[0]
        if axis > len(entering) or entering[-axis] != shape[-axis]:
            return node
        node = nodes[node.inputs[0].node]
    return None


def _effect(node: Node) -> str:
    before, after = node.input_shapes[0], node.shape
    if (
        len(before) == len(after)
        and all(b == 2 * a for b, a in zip(before[:-1], after[:-1], strict=True))
        and len(before) > 1
    ):
        return f"this halves {show_shape(before)} to {show_shape(after)}"
    return f"this makes {show_shape(after)} of {show_shape(before)}"


def _origin(nodes: Sequence[Node], port: Port, branches: Sequence[Branch], index: int) -> Note:
    node = nodes[port.node]
    size = show_shape(node.shapes[port.index])
    written = branches[index].span.text if index < len(branches) else ""
    if written.startswith("@") and written[1:].isidentifier() and written != "@in":
        return Note(f"the other branch is `{written}`, {size}", node.span)
    if node.op is None:
        return Note(f"the other branch is the input itself, {size}", node.span)
    if index < len(branches) and port.node < branches[index].start:
        return Note(f"the other branch is the input itself, {size}, from `{node.call}`", node.span)
    return Note(f"the other branch ends in `{node.call}`, {size}", node.span)


def _merge_name(op: Op, span: Span, calls: Sequence[tuple[str, Span]]) -> str:
    """The word that the reader wrote: `residual`, where the `add` in it stands in the standard blocks."""
    return calls[-1][0].partition("<")[0] if calls and span.source.path.startswith("<standard>") else op.name


def _outermost(span: Span, calls: Sequence[tuple[str, Span]]) -> Span:
    return calls[-1][1] if calls and span.source.path.startswith("<standard>") else span


def _beside(branch: Branch) -> str:
    """How the turns of a branch that is a repeat become branches of their own."""
    written = " ".join(branch.span.text.split())
    shown = written if len(written) <= 60 else "unit<k> x(k in [1, 3, 5])"
    return f"; the turns of a repeat follow each other, and side by side they have a star: *{shown}"


_SAME = "make the branches the same size"


def _hint(other: Shape, error: OpError, culprit: Node) -> str:
    """The projection that brings the other branch to the size that the culprit made, where there is one."""
    wanted = culprit.shape
    if error.hint or len(wanted) < 2 or len(wanted) != len(other):
        return error.hint or _SAME
    for stride in range(1, 33):
        # A 1x1 convolution of stride s leaves (n - 1) // s + 1 of n positions.
        if all((have - 1) // stride + 1 == want for have, want in zip(other[:-1], wanted[:-1], strict=True)):
            step = f"/{stride}" if stride > 1 else ""
            return f"give the other branch a projection: conv 1x1{step} {wanted[-1]} -> bn"
    near = all(abs(have - want) <= 6 for have, want in zip(other[:-1], wanted[:-1], strict=True))
    return "padding keeps a size: half, or +1 for a 3x3 kernel" if near else _SAME


def given(expression: tree.Expression, scope: Scope, evaluator: Evaluator) -> str:
    """The values that a computed one is made of: `in.c = 4, r = 16` of `in.c//r`; empty for what is written out."""
    if isinstance(expression, tree.Number):
        return ""
    inner = {id(node.base) for node in tree.walk(expression) if isinstance(node, tree.Attribute)}
    parts: dict[str, str] = {}
    for node in tree.walk(expression):
        if id(node) in inner or not isinstance(node, tree.Name | tree.Attribute):
            continue
        root = node.base if isinstance(node, tree.Attribute) else node
        if isinstance(root, tree.Name) and (root.name == "in" or evaluator.is_known(root, scope)):
            value = evaluator.evaluate(node, scope)
            if isinstance(value, int | float):
                parts[node.span.text] = show(value)
    return ", ".join(f"{text} = {value}" for text, value in parts.items())
