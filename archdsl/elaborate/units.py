"""The elements of a chain: ops, blocks, shared instances, groups, choices, conditions, references.

In: one element of the tree and the tensors that enter it. Out: the tensors that leave, its layers made on the way. What
an op does with its operands and branches is left to `op_calls`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from archdsl import limits
from archdsl.diagnostics import Note, Span, counted
from archdsl.elaborate.call_hints import block_operands, called_hint, lacks_arguments, no_layer_hint
from archdsl.elaborate.calls import Calls
from archdsl.elaborate.functions import FUNCTIONS
from archdsl.elaborate.names import Names, label_ports
from archdsl.elaborate.op_calls import LITERALS, OpCalls
from archdsl.elaborate.parameter_binder import tell_parameters
from archdsl.elaborate.values import (
    POISON,
    BlockValue,
    ChainValue,
    OpValue,
    Poisoned,
    Scope,
    ShareValue,
    SizeValue,
    Tensors,
    Value,
    WordValue,
    describe,
    show,
)
from archdsl.graph import Frame
from archdsl.syntax import tree

__all__ = ["Units"]

_MANY = 1000
"""Calls and turns inside a call from which on it is worth remembering what came of it."""


class _Heavy(NamedTuple):
    """What a call took: the layers it added and its steps; of one that added none, which of its inputs left it."""

    layers: int
    steps: int
    places: tuple[int, ...] | None


class Units(OpCalls):
    """Runs every kind of element."""

    def __init__(self, name: str, names: Names, calls: Calls) -> None:
        super().__init__(name, names, calls)
        self._heavy: dict[tuple[object, ...], _Heavy] = {}
        self._first_uses: dict[tuple[int, int], range] = {}
        self._named: dict[int, tree.Name] = {}
        self._handlers: dict[type, Callable[[Any, Scope, Tensors | None, str | None], Tensors]] = {
            tree.Name: self._name,
            tree.Index: self._indexed,
            tree.Slice: self._indexed,
            tree.Call: self._call,
            tree.Group: self._group,
            tree.Reference: self._reference_in_chain,
            tree.Items: self._several,
            tree.Function: self._tensor_call,
            tree.Conditional: self._conditional,
        }

    def _unit_of(
        self, unit: tree.Expression | tree.Conditional, scope: Scope, current: Tensors | None, label: str | None
    ) -> Tensors:
        handler = self._handlers.get(type(unit))
        if handler is None:
            text = " ".join(unit.span.text.split())[:40]
            self.found.error("not-a-layer", f"`{text}` is not a layer", unit.span, hint=no_layer_hint(unit))
            raise Poisoned
        return handler(unit, scope, current, label)

    def _name(self, unit: tree.Name, scope: Scope, current: Tensors | None, label: str | None) -> Tensors:
        return self._apply(self.names.lookup(unit, scope), unit, scope, current, label)

    def _indexed(
        self, unit: tree.Index | tree.Slice, scope: Scope, current: Tensors | None, label: str | None
    ) -> Tensors:
        """`@heads[0]` and `@heads[1:]`, some of several tensors; `units[0]` as a layer."""
        if isinstance(unit.base, tree.Reference):
            tensors = self._reference_in_chain(unit.base, scope, current, label)
            hint = f"@{unit.base.name} is of all turns where it stands in the repeat: (… @{unit.base.name}) x(…)"
            return POISON if None in tensors else self._evaluator.some(unit, tensors, scope, hint)
        value = self._evaluator.evaluate(unit, scope)
        name = self._named.get(id(unit))
        if name is None:
            name = self._named[id(unit)] = tree.Name(unit.span, " ".join(unit.span.text.split()))
            self._kept.append(unit)
        return self._apply(value, name, scope, current, label)

    def _apply(
        self, value: Value, unit: tree.Name, scope: Scope, current: Tensors | None, label: str | None
    ) -> Tensors:
        """Run a thing that is named without arguments."""
        if isinstance(value, OpValue):
            return self._op(value.op, (), unit, scope, self._entering(current, unit.span), label)
        if isinstance(value, BlockValue):
            return self._block(value, (), False, scope, self._entering(current, unit.span), label, unit.span)
        if isinstance(value, ShareValue):
            return self._shared(value, unit, self._entering(current, unit.span), label)
        if isinstance(value, ChainValue):
            return self._named_chain(value.chain, value.scope, current, label)
        if isinstance(value, WordValue):
            entering = self._entering(current, unit.span)
            return entering[:1] if value.name == "first" else entering
        self.found.error(
            "not-a-layer",
            f"`{unit.name}` is {describe(value)}, {show(value)}, and not a layer",
            unit.span,
            hint=f"as branches: concat<*{unit.name}>" if isinstance(value, tuple) else "a chain is made of layers",
        )
        raise Poisoned

    def _call(self, unit: tree.Call, scope: Scope, current: Tensors | None, label: str | None) -> Tensors:
        name = unit.name
        if name.name == "choice" and unit.angles:
            return self._choice(unit, scope, current, label)
        if name.name in ("id", "first", "choice"):
            self.found.error(
                "unknown-argument",
                f"`{name.name}` takes no arguments like these",
                unit.span,
                hint="choice<a | b>" if name.name == "choice" else f"write `{name.name}` alone",
            )
            raise Poisoned
        value = self.names.lookup(name, scope)
        if isinstance(value, OpValue):
            return self._op_call(value.op, unit, scope, current, label)
        if not isinstance(value, BlockValue):
            self.found.error(
                "unknown-argument" if isinstance(value, ShareValue | ChainValue) else "not-a-layer",
                f"`{name.name}` is {describe(value)}, which takes no arguments",
                unit.span,
            )
            raise Poisoned
        if unit.operands:
            message, hint = block_operands(unit, tell_parameters(name.name, value.forms[0].parameters))
            self.found.error("unknown-argument", message, unit.operands[0].span, hint=hint)
            raise Poisoned
        if unit.tensors is not None:
            entering = self._tensors(unit.tensors, scope, current)
        elif current is None and any(tree.tensors_of(each.value.elements[0].unit) for each in unit.angles or ()):
            entering = ()  # what is merged starts at labels; a branch that does not is told by itself
        else:
            entering = self._entering(current, unit.span)
        return self._block(value, unit.angles or (), unit.piped, scope, entering, label, unit.span)

    def _tensor_call(self, unit: tree.Function, scope: Scope, current: Tensors | None, label: str | None) -> Tensors:
        """`cell(@h, @p)`: a block, or an op, with the tensors that enter it."""
        name = unit.name
        if name.name == "one_of":
            chain = self.names.chosen(unit, scope)
            return self._chain(chain, scope, current)
        value = (
            self.names.lookup(name, scope)
            if name.name not in FUNCTIONS or self.names.is_callable(name.name, scope)
            else 0
        )
        chains = [argument.value for argument in unit.arguments if argument.key is None and not argument.star]
        values = [c for c in chains if isinstance(c.plain, LITERALS)]
        plain = len(chains) == len(unit.arguments) > 0 and not values
        lacks = isinstance(value, BlockValue) and lacks_arguments(value)
        if lacks or not plain or not isinstance(value, OpValue | BlockValue):
            self.found.error(
                "not-a-layer",
                f"`{name.name}(…)` is a call with tensors, or a function of numbers",
                unit.span,
                hint=called_hint(unit, value),
            )
            raise Poisoned
        entering = self._tensors(chains, scope, current)
        if isinstance(value, OpValue):
            return self._op(value.op, (), unit, scope, entering, label)
        return self._block(value, (), False, scope, entering, label, unit.span)

    def _group(self, unit: tree.Group, scope: Scope, current: Tensors | None, label: str | None) -> Tensors:
        return self._named_chain(unit.chain, scope, current, label)

    def _several(self, unit: tree.Items, scope: Scope, current: Tensors | None, label: str | None) -> Tensors:
        if not unit.parenthesised:
            self.found.error(
                "not-a-layer",
                "a list is not a layer",
                unit.span,
                hint="branches: concat<a | b>; several tensors: (@a, @b)",
            )
            raise Poisoned
        return self._tensors(unit.items, scope, current)

    def _reference_in_chain(
        self, unit: tree.Reference, scope: Scope, current: Tensors | None, label: str | None
    ) -> Tensors:
        ports = label_ports(unit.name, scope)
        if ports:
            return ports
        if ports is not None:
            message = f"several repeats give the label `@{unit.name}`, so that it has no one meaning behind them"
            self.found.error("duplicate-label", message, unit.span, hint="rename it in all but one of them")
            raise Poisoned
        self.names.unknown_label(unit, scope)
        raise Poisoned

    def _conditional(self, unit: tree.Conditional, scope: Scope, current: Tensors | None, label: str | None) -> Tensors:
        taken = unit.then if self._evaluator.condition(unit.condition, scope) else unit.otherwise
        return self._named_chain(taken, scope, current, label)

    def _choice(self, unit: tree.Call, scope: Scope, current: Tensors | None, label: str | None) -> Tensors:
        assert unit.angles is not None
        return self._named_chain(unit.angles[self.names.option(unit)].value, scope, current, label)

    def _block(
        self,
        value: BlockValue,
        arguments: Sequence[tree.Argument],
        piped: bool,
        scope: Scope,
        entering: Tensors,
        label: str | None,
        span: Span,
    ) -> Tensors:
        block = value.forms[0]
        if len(value.forms) > 1:
            block = next(f for f in value.forms if any(p.star for p in f.parameters) == piped)
        self._step(span)
        if len(self._calls) >= limits.CALL_DEPTH:
            self._too_deep(span)
        self._foresee(self._foresight.block(block, value.scope), 0, span)
        inner, values = self._bound(block, value.scope, arguments, scope, entering, span)
        known = self._heavy.get(self._call_key(block, value, values, entering)) if self._heavy else None
        if known is not None:
            self._foresee(known.layers, known.steps, span)
            if known.places is not None:
                self._steps += known.steps
                return tuple(entering[place] for place in known.places)
        nodes, steps = len(self.nodes), self._steps
        outer, depth = self._frame, self._depth
        call = _call_text(block, values)
        merge = self._merge_of(block, inner)
        if merge is None:
            numbers = tuple((p.name, n) for p in block.parameters if isinstance(n := values[p.name], int | float))
            named = zip(block.tensors or (), entering, strict=False)
            tensors = tuple((n.name, port) for n, port in named if port and n.name != tree.UNNAMED)
            usual = frozenset(p.name for p in block.parameters if p.default and _is_default(p.default, values[p.name]))
            self._frame = Frame(
                "block", block.name.name, outer, call, label, arguments=numbers, tensors=tensors, defaulted=usual
            )
        self._calls.append((call, span))
        try:
            if merge is not None:
                return self._call(merge, inner, entering or None, label)
            if isinstance(block.body, tree.Chain):
                result: Tensors | None = self._chain(block.body, inner, entering or None)
            else:
                result = self._statements(block.body, inner, entering or None)
        finally:
            self._frame = outer
            self._calls.pop()
            self._depth = depth
        if result is None:
            message = f"the block `{block.name.name}` has no chain"
            self.found.error("missing-chain", message, block.name.span, hint="its last chain is its value")
            raise Poisoned
        if self._steps - steps > _MANY and all(isinstance(v, int | float | str | OpValue) for v in values.values()):
            layers = len(self.nodes) - nodes
            idle = not layers and all(port in entering for port in result)
            places = tuple(map(entering.index, result)) if idle else None
            key = self._call_key(block, value, values, entering)
            self._heavy[key] = _Heavy(layers, self._steps - steps, places)
            self._kept.append(value.scope)
        return result

    def _bound(
        self,
        block: tree.Block,
        home: Scope,
        arguments: Sequence[tree.Argument],
        scope: Scope,
        entering: Tensors,
        span: Span,
    ) -> tuple[Scope, dict[str, Value]]:
        """The scope of a call's inside, and the values of its parameters; `home` is where the block is defined."""
        name = block.name.name
        given = self._parameters.given(name, block.parameters, arguments, scope, block.name.span)
        inner = Scope(home, True)
        if block.tensors is not None:
            self._name_tensors(block, inner, entering, span)
        else:
            inner.labels["in"] = entering
        inner.entering = tuple(SizeValue(self._shape(port)) for port in entering)
        return inner, self._parameters.complete(name, block.parameters, given, span, inner, block.name.span)

    def _call_key(
        self, block: tree.Block, value: BlockValue, values: Mapping[str, Value], entering: Tensors
    ) -> tuple[object, ...]:
        """What decides what a call makes, where no chain and no list is given."""
        given = tuple((type(part), None if isinstance(part, tuple) else part) for part in values.values())
        return (id(block), id(value.scope), given, *self._shapes(entering))

    def _merge_of(self, block: tree.Block, inner: Scope) -> tree.Call | None:
        """The op of a block that does nothing but merge its arguments, as `residual<body, shortcut=id> = add<body |
        shortcut>`.

        Such a block is a name for the merge: the layers of its branches belong to the block in whose text they stand.
        """
        plain = block.body.plain if isinstance(block.body, tree.Chain) else None
        if not isinstance(plain, tree.Call) or plain.angles is None or plain.tensors is not None:
            return None
        own = {parameter.name for parameter in block.parameters}
        named = all(isinstance(a.value.plain, tree.Name) and a.value.plain.name in own for a in plain.angles)
        return plain if named and isinstance(self.names.find(plain.name.name, inner), OpValue) else None

    def _name_tensors(self, block: tree.Block, inner: Scope, entering: Tensors, span: Span) -> None:
        assert block.tensors is not None
        wanted, got = len(block.tensors), len(entering)
        if wanted != got and None not in entering:
            self.found.error(
                "arity",
                f"`{block.name.name}` takes {counted(wanted, 'tensor')}, and {got} {'enters' if got == 1 else 'enter'}",
                span,
                notes=[Note("it is defined here", block.name.span)],
                hint="start with several, (@a, @b) -> …, or call it with them: " + f"{block.name.name}(@a, @b)",
            )
            raise Poisoned
        for index, name in enumerate(block.tensors):
            if name.name == tree.UNNAMED:
                continue
            port = entering[index] if wanted == got else None
            inner.labels[name.name] = (port,)
            inner.variables[name.name] = SizeValue(self._shape(port))

    def _shared(self, value: ShareValue, unit: tree.Name, entering: Tensors, label: str | None) -> Tensors:
        """Use a shared instance: the first use makes its weights, every further one reads them."""
        share = value.share
        key = (id(share), id(value.scope))
        start = len(self.nodes)
        self._step(unit.span)
        if len(self._calls) >= limits.CALL_DEPTH:
            self._too_deep(unit.span)
        outer = self._frame
        self._frame = Frame("block", share.name.name, outer, call=share.name.name, label=label)
        inner = Scope(value.scope, True, entering=tuple(SizeValue(self._shape(port)) for port in entering))
        inner.labels["in"] = entering
        self._calls.append((share.name.name, unit.span))
        depth = self._depth
        try:
            tensors = self._chain(share.chain, inner, entering)
        finally:
            self._frame = outer
            self._calls.pop()
            self._depth = depth
        made = range(start, len(self.nodes))
        first = self._first_uses.setdefault(key, made)
        if first != made and None not in tensors:
            self._share_weights(share, first, made, unit.span)
        return tensors


def _call_text(block: tree.Block, values: Mapping[str, Value]) -> str:
    """`bottleneck<64, s=2>`, with the values that a call gives or leaves."""
    shown = [show(values[p.name]) if not p.default else f"{p.name}={show(values[p.name])}" for p in block.parameters]
    return f"{block.name.name}<{', '.join(shown)}>" if shown else block.name.name


def _is_default(default: tree.Chain, value: Value) -> bool:
    """Whether a value is what its default says; one that is computed differs from call to call."""
    return show(value) == " ".join(default.span.text.split())
