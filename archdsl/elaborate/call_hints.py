"""Calls in parentheses that are none here: `conv(64, 3)`, `softmax()`, `residual(conv 3x3 64)`.

In: the call and what its name stands for. Out: what to write. When a call is refused is left to `units`.
"""

from __future__ import annotations

from archdsl.elaborate.values import BlockValue, OpValue
from archdsl.syntax import tree

__all__ = ["called_hint", "lacks_arguments"]


def lacks_arguments(value: BlockValue) -> bool:
    """Whether a block takes no tensors by name, and cannot do without arguments."""
    return all(form.tensors is None for form in value.forms) and any(
        parameter.default is None and not parameter.star for form in value.forms for parameter in form.parameters
    )


def called_hint(unit: tree.Function, value: object) -> str:
    """What to write in place of `conv(64, 3)`, `softmax()` or `residual(conv 3x3 64)`."""
    name = unit.name.name
    inside = [" ".join(argument.span.text.split()) for argument in unit.arguments]
    if not inside:
        return f"write {name} alone: what enters a layer needs no brackets"
    if isinstance(value, BlockValue):
        return f"arguments of a block stand in angle brackets, written `{name}<{', '.join(inside)}>`"
    if not isinstance(value, OpValue):
        return f"tensors are chains: {name}(@a, @b)"
    from archdsl.ops.elsewhere import rewritten

    bare = [" ".join(a.value.span.text.split()) for a in unit.arguments if a.key is None]
    named = {a.key.name: " ".join(a.value.span.text.split()) for a in unit.arguments if a.key is not None}
    how = rewritten(value.op, bare, named, called=True)
    how = f"written `{how}`" if how else f"written after a space, {value.op.signature()}"
    tensors = f"; tensors are chains: {name}(@a, @b)" if value.op.arity != 1 else ""
    return f"arguments are {how}{tensors}"
