"""Calls and sums that are none here: `conv(64, 3)`, `residual(conv 3x3 64)`, `attention 8 (@a, @m)`, `@a + @b`.

In: the call and what its name stands for. Out: what to write. When a call is refused is left to its callers.
"""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.elaborate.values import BlockValue, OpValue
from archdsl.syntax import tree

__all__ = ["block_operands", "called_hint", "enter_hint", "lacks_arguments", "no_layer_hint", "tensors_in"]


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


def tensors_in(operand: tree.Operand) -> list[str]:
    """The tensors that stand where an argument should, `@a` and `@m` of `attention 8 (@a, @m)`; none elsewhere."""
    value = operand.value
    if operand.key is not None or not any(isinstance(node, tree.Reference) for node in tree.walk(value)):
        return []
    chains = value.items if isinstance(value, tree.Items) else (value.chain,) if isinstance(value, tree.Group) else ()
    return [" ".join(chain.span.text.split()) for chain in chains]


def enter_hint(name: str, arity: int | None, tensors: Sequence[str], arguments: Sequence[str] = ()) -> str:
    """How tensors enter an op: `@a -> fc 3`, `attention<@a | @m> 8`."""
    behind = "".join(f" {argument}" for argument in arguments)
    if arity == 1:
        return f"what enters stands before an arrow: write {tensors[0]} -> {name}{behind}"
    branches = tensors if len(tensors) > 1 else ("id", *tensors)
    return f"tensors stand in brackets: write {name}<{' | '.join(branches)}>{behind}"


def block_operands(unit: tree.Call, parameters: str) -> tuple[str, str]:
    """What is wrong with a block that is written as an op is, `unit 64` or `cell<6> (@a, @m)`, and what to write."""
    name, operand = unit.name.name, unit.operands[0]
    if tensors := tensors_in(operand):
        before = " ".join(unit.span.text[: operand.span.start - unit.span.start].split())
        message = f"`{name}` takes its tensors in parentheses without a space before them"
        return message, f"write {before}({', '.join(tensors)})"
    first = operand.value
    if isinstance(first, tree.Name) and first.name == "x" and len(unit.operands) > 1:
        return "a repeat is written without a space", f"write x({unit.operands[1].span.text})"
    shown = " ".join((first.kernel if isinstance(first, tree.Geometry) else first).span.text.split())
    if isinstance(first, tree.Geometry) and "x" in shown and len(set(shown.split("x"))) == 1:
        shown = shown.split("x")[0]  # blocks take a kernel of equal sides as one number
    message = f"`{name}` is a block, whose arguments stand in angle brackets"
    return message, f"write `{name}<{shown}>`; {parameters}"


_MERGES = {"+": "add", "-": "sub", "*": "mul"}


def no_layer_hint(unit: tree.Expression | tree.Conditional) -> str:
    """What to write in place of an expression that stands where a layer should: `@a + @b`, `relu * 3`, `relu > bn`."""
    if not isinstance(unit, tree.Binary):
        return "a chain is made of layers and blocks"
    left, right, operator = unit.left, unit.right, unit.operator
    if operator in _MERGES and any(isinstance(node, tree.Reference) for node in tree.walk(unit)):
        return f"write {_MERGES[operator]}<{left.span.text} | {right.span.text}>"
    if operator == "*":
        for times in (right, left):
            if isinstance(times, tree.Number):
                return f"a repeat is written behind: x{times.text}"
        if isinstance(right, tree.Name):
            return f"a repeat is written behind: x({right.name})"
    if operator == "//":
        return "a comment starts with `#`"
    if operator == "-" and isinstance(right, tree.Number):
        return f"a number below zero stands in parentheses: {left.span.text} (-{right.text})"
    return "layers are joined by `->`" if operator in (">", "-") else "a chain is made of layers and blocks"
