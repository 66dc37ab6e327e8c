"""Ops as elements of a chain: their operands bound, their branches run.

In: an op with what is written behind it, and the tensors that enter. Out: the tensors that leave. What else an element
can be is left to `units`, which builds on this.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from archdsl.elaborate.blame import Branch
from archdsl.elaborate.call_hints import tensors_in
from archdsl.elaborate.calls import Calls
from archdsl.elaborate.chains import Chains
from archdsl.elaborate.names import Names
from archdsl.elaborate.op_binder import default_of
from archdsl.elaborate.turns import side_by_side, spread
from archdsl.elaborate.values import (
    POISON,
    BlockValue,
    ChainValue,
    OpValue,
    Poisoned,
    Scope,
    ShareValue,
    Tensors,
    WordValue,
    show,
)
from archdsl.graph import Port
from archdsl.ops.base import Op
from archdsl.syntax import tree

__all__ = ["LITERALS", "OpCalls"]

LITERALS = (tree.Number, tree.Dims, tree.Truth, tree.String)


class OpCalls(Chains):
    """Runs ops; a subclass runs every other kind of element."""

    def __init__(self, name: str, names: Names, calls: Calls) -> None:
        super().__init__(name, names, calls)
        self._constant_ops: dict[int, Op] = {}
        self._lifted: dict[int, tree.Call] = {}
        self._kept: list[object] = []
        """Nodes of the tree whose identity is a key somewhere, kept so that no other node gets the same."""

    def _op_call(
        self, kind: type[Op], unit: tree.Call, scope: Scope, current: Tensors | None, label: str | None
    ) -> Tensors:
        if unit.tensors is not None:
            return self._op(kind, unit.operands, unit, scope, self._tensors(unit.tensors, scope, current), label)
        if unit.angles is None:
            if current is None and any(map(tensors_in, unit.operands)):
                current = POISON  # what should enter stands among the arguments, which is refused there
            return self._op(kind, unit.operands, unit, scope, self._entering(current, unit.span), label)
        unit = self._lift(unit, scope)
        assert unit.angles is not None
        operands = list(unit.operands)
        ports: list[Port | None] = []
        branches: list[Branch] = []
        failed = False
        for argument in unit.angles:
            if argument.key is not None:
                value = argument.value.plain
                if value is None:
                    self.found.error("bad-type", f"`{argument.key.name}` is a value, not a chain", argument.span)
                    failed = True
                else:
                    operands.append(tree.Operand(argument.span, argument.key, value))
                continue
            homes: list[Scope] = []
            for chain, home in self._branch_chains(argument, scope):
                homes.append(home)
                plain = chain.plain
                if isinstance(plain, LITERALS):
                    shown = " ".join(unit.span.text.split())
                    self.found.error(
                        "unknown-argument",
                        f"the brackets of `{kind.name}` hold branches",
                        argument.span,
                        hint=f"an op takes its arguments after a space: {kind.signature()}; not {shown[:40]}",
                    )
                    raise Poisoned
                start = len(self.nodes)
                tensors = self._chain(chain, home, current)
                if len(tensors) != 1:
                    self.found.error(
                        "arity",
                        f"a branch gives one tensor, and this gives {len(tensors)}",
                        chain.span,
                        hint=f"what takes them all stands behind them: (@a, @b) -> {kind.name}",
                    )
                    failed = True
                looped = len(chain.elements) == 1 and any(
                    isinstance(suffix, tree.Repeat) and suffix.names for suffix in chain.elements[0].suffixes
                )
                branches.append(Branch(chain.span, start, len(self.nodes), looped))
                ports += tensors[:1]
            if side_by_side(argument):
                self._gather([home for home in homes if home.labels], scope)
        if failed:
            raise Poisoned
        return self._op(kind, tuple(operands), unit, scope, tuple(ports), label, branches)

    def _branch_chains(self, argument: tree.Argument, scope: Scope) -> Iterator[tuple[tree.Chain, Scope]]:
        if not argument.star:
            yield argument.value, scope
            return
        for value in spread(self._evaluator, argument, scope):
            if isinstance(value, ChainValue):
                yield value.chain, value.scope
            elif isinstance(value, OpValue | BlockValue | ShareValue | WordValue):
                # A branch that is a bare name: run it under a name of its own, in a scope that knows it.
                home = Scope(scope, False, variables={"branch": value})
                name = tree.Name(argument.span, "branch")
                self._kept.append(name)
                yield tree.Chain(argument.span, (tree.Element(argument.span, name),)), home
            else:
                raise self._evaluator.fail(
                    "not-a-layer", f"a branch is a chain, and this is {show(value)}", argument.span
                )

    def _lift(self, unit: tree.Call, scope: Scope) -> tree.Call:
        """Give `mean<a | b drop=0.15>` its `drop`: a block takes no arguments behind its brackets, so they are the
        op's.
        """
        done = self._lifted.get(id(unit))
        if done is not None:
            return done
        result = unit
        assert unit.angles
        last = unit.angles[-1]
        element = last.value.elements[-1]
        inner = element.unit
        if isinstance(inner, tree.Call) and inner.operands and not element.suffixes and last.key is None:
            named = all(operand.key is not None for operand in inner.operands)
            try:
                value = self.names.find(inner.name.name, scope)
            except Poisoned:
                value = None
            if named and isinstance(value, BlockValue) and inner.angles is not None:
                bare = tree.replace(element, unit=tree.replace(inner, operands=()))
                chain = tree.replace(last.value, elements=(*last.value.elements[:-1], bare))
                angles = (*unit.angles[:-1], tree.replace(last, value=chain))
                result = tree.replace(unit, angles=angles, operands=(*unit.operands, *inner.operands))
        self._lifted[id(unit)] = result
        self._kept.append(unit)
        return result

    def _bind(self, kind: type[Op], operands: tuple[tree.Operand, ...], unit: Any, scope: Scope) -> Op:
        constant = self._constant_ops.get(id(unit))
        if constant is not None and type(constant) is kind:
            return constant
        defaults = (
            self.names.defaults_before(kind.name, unit.span, scope) if kind.name in self.names.default_names else []
        )
        made = self._ops.op(kind, operands, scope, unit.span, defaults)
        written = [*operands, *(operand for default, _ in defaults for operand in default.operands)]
        if all(_is_constant(operand, kind) for operand in written) and all(home.parent is None for _, home in defaults):
            self._constant_ops[id(unit)] = made
        return made

    def _op(
        self,
        kind: type[Op],
        operands: tuple[tree.Operand, ...],
        unit: Any,
        scope: Scope,
        inputs: Tensors,
        label: str | None,
        branches: Sequence[Branch] = (),
    ) -> Tensors:
        return self._add(self._bind(kind, operands, unit, scope), unit.span, inputs, label, branches)


def _is_constant(operand: tree.Operand, kind: type[Op]) -> bool:
    """Whether an operand means the same wherever its op is used: a literal, or a flag."""
    value = operand.value
    if isinstance(value, tree.Name) and operand.key is None:
        return default_of(kind, operand) is not None
    if isinstance(value, tree.Geometry):
        parts = (value.kernel, value.stride, value.padding)
        return all(part is None or isinstance(part, LITERALS) for part in parts)
    return isinstance(value, LITERALS)
