"""Chains and the statements of a body: element after element, and turn after turn of a repeat.

In: chains of the tree and the tensors that enter them. Out: the tensors that leave. What a single element is, a layer
or a block or a choice, is left to `units`, which builds on this; labels and sizes behind it to `suffixes`.
"""

from __future__ import annotations

from collections.abc import Sequence

from archdsl import limits
from archdsl.diagnostics import Diagnostic, Note, Span, counted, nearest
from archdsl.elaborate.call_hints import enter_hint
from archdsl.elaborate.calls import Calls
from archdsl.elaborate.foresight import Foresight
from archdsl.elaborate.names import Names, label_ports
from archdsl.elaborate.op_binder import OpBinder
from archdsl.elaborate.parameter_binder import ParameterBinder
from archdsl.elaborate.suffixes import Suffixes
from archdsl.elaborate.turns import turns
from archdsl.elaborate.values import (
    POISON,
    BlockValue,
    Defaults,
    Poisoned,
    Scope,
    ShareValue,
    Tensors,
)
from archdsl.graph import Frame, Port
from archdsl.ops import registry
from archdsl.ops.base import Shape
from archdsl.syntax import tree

__all__ = ["Chains"]

_QUOTED = 60
"""Characters of an element that a hint repeats."""


class Chains(Suffixes):
    """Runs chains; a subclass runs their elements."""

    def __init__(self, name: str, names: Names, calls: Calls) -> None:
        super().__init__(name, names, calls)
        self._ops = OpBinder(self._evaluator, self.found)
        self._parameters = ParameterBinder(self._evaluator, self.found)
        self._foresight = Foresight(names)
        self._sites = 0
        self._depth = 0

    def _unit_of(
        self, unit: tree.Expression | tree.Conditional, scope: Scope, current: Tensors | None, label: str | None
    ) -> Tensors:
        """What leaves one element, without what stands behind it."""
        raise NotImplementedError  # abstract: `Units` runs elements

    def _statements(
        self, statements: Sequence[tree.Statement], scope: Scope, current: Tensors | None
    ) -> Tensors | None:
        """Run a body; the value of its last chain, or of `return`; None where it has no chain."""
        result: Tensors | None = None
        started = False
        returned: tree.Return | None = None
        for statement in statements:
            if returned is not None:
                self.found.error(
                    "misplaced-statement",
                    "nothing can stand behind `return`",
                    statement.span,
                    notes=[Note("the block ends here", returned.span)],
                )
                break
            match statement:
                case tree.ChainStatement(chain=chain):
                    result = self._chain(chain, scope, None if started else current)
                    started = True
                case tree.Let():
                    self._local(statement.name, scope)
                    try:
                        scope.variables[statement.name.name] = self._evaluator.argument(statement.value, scope)
                    except Poisoned:
                        scope.variables[statement.name.name] = None
                case tree.Default():
                    scope.defaults = scope.defaults or Defaults()
                    scope.defaults.add(statement)
                    self.names.default_names.add(statement.name.name)
                    self._check_default(statement, scope)
                case tree.Share():
                    self._local(statement.name, scope)
                    scope.variables[statement.name.name] = ShareValue(statement, scope)
                case tree.Block():
                    self._local(statement.name, scope)
                    scope.variables[statement.name.name] = BlockValue((statement,), scope)
                case tree.Return(chains=chains):
                    result = self._tensors(chains, scope, None if started else current)
                    returned = statement
                case _:
                    word = statement.span.text.split(maxsplit=1)[0]
                    self.found.error(
                        "misplaced-statement",
                        f"`{word}` stands at the top of a file, not in a block",
                        statement.span,
                        hint="give it on, return @y, @heat, label it where the block is used and write at the top: "
                        "output heat = @heat"
                        if isinstance(statement, tree.OutputStatement)
                        else "a block holds chains, let, share, default, block and return",
                    )
        return result

    def _local(self, name: tree.Name, scope: Scope) -> None:
        if name.name in scope.variables or registry.lookup(name.name) is not None:
            what = "is an op of the language" if name.name not in scope.variables else "is defined twice"
            self.found.error("duplicate-name", f"`{name.name}` {what}", name.span, hint="choose another name")

    def _check_default(self, default: tree.Default, scope: Scope) -> None:
        """Find what is wrong with a `default`, whether an op follows it or not."""
        name = default.name.name
        kind = registry.lookup(name) or registry.lookup_plugin(name)
        if kind is not None:
            self._ops.check_default(kind, default, scope)
            return
        close = registry.familiar(name) or nearest(name, registry.names())
        self.found.error(
            "unknown-name",
            f"there is no op `{name}` to set arguments of",
            default.name.span,
            hint=f"did you mean `{close}`?" if close else "a block has defaults of its own: block unit<c, s=1> = …",
        )

    def _chain(self, chain: tree.Chain, scope: Scope, current: Tensors | None) -> Tensors:
        """What leaves a chain that `current` enters; None enters a chain that must start at a label."""
        self._depth += 1
        if self._depth > limits.CALL_DEPTH * 8:
            self._too_deep(chain.span)
        for index, element in enumerate(chain.elements):
            if index > 0 and (reference := tree.tensors_of(element.unit)) is not None:
                self.found.error(
                    "misplaced-reference",
                    f"`@{reference.name}` cannot stand behind an arrow",
                    element.unit.span,
                    hint="a reference starts a chain or a branch; to label a layer, write it without an arrow: relu @a",
                )
                current = POISON
                continue
            try:
                current = self._element(element.unit, element.suffixes, scope, current)
            except Poisoned:
                current = POISON
        self._depth -= 1
        assert current is not None
        return current

    def _tensors(self, chains: Sequence[tree.Chain], scope: Scope, current: Tensors | None) -> Tensors:
        """What leaves several chains that the same tensors enter, one after the other."""
        ports: list[Port | None] = []
        for chain in chains:
            ports += self._chain(chain, scope, current)
            self._carry(len(ports), chain.span)
        return tuple(ports)

    def _named_chain(self, chain: tree.Chain, scope: Scope, current: Tensors | None, label: str | None) -> Tensors:
        """What leaves a chain that stands for one element; the label behind it names its layer if it has but one."""
        only = chain.elements[0]
        if label is None or len(chain.elements) > 1 or only.suffixes:
            return self._chain(chain, scope, current)
        return self._unit_of(only.unit, scope, current, label)

    def _element(
        self,
        unit: tree.Expression | tree.Conditional,
        suffixes: Sequence[tree.Suffix],
        scope: Scope,
        current: Tensors | None,
    ) -> Tensors:
        if not suffixes:
            return self._unit_of(unit, scope, current, None)
        last = next((i for i in range(len(suffixes) - 1, -1, -1) if isinstance(suffixes[i], tree.Repeat)), -1)
        behind = suffixes[last + 1 :]
        labels = [suffix for suffix in behind if isinstance(suffix, tree.Label)]
        label = next((each.name for each in labels if each.name != tree.UNNAMED), None)
        repeat = suffixes[last] if last >= 0 else None
        if (
            labels
            and last < 0
            and (current is None or isinstance(unit, tree.Reference))
            and self._reads(unit, labels, scope)
        ):
            return POISON
        try:
            if isinstance(repeat, tree.Repeat):
                tensors = self._repeat(unit, suffixes[:last], repeat, scope, current, label)
            else:
                tensors = self._unit_of(unit, scope, current, label)
        except Poisoned:
            tensors = POISON
        for suffix in behind:
            if isinstance(suffix, tree.Assertion):
                tensors = self._assert(suffix, scope, tensors)
        if labels:
            self._label(labels, scope, tensors)
        return tensors

    def _reads(self, unit: tree.Expression | tree.Conditional, labels: Sequence[tree.Label], scope: Scope) -> bool:
        """Report labels that are there already and were meant to be read: `concat @a @m` where nothing enters, and
        `return @a @m`.
        """
        if not all(label_ports(label.name, scope) for label in labels):
            return False
        if isinstance(unit, tree.Reference):
            names = ", ".join(f"@{name}" for name in (unit.name, *(label.name for label in labels)))
            self.found.error(
                "duplicate-label",
                f"a label behind `@{unit.name}` is one more name for it, and `@{labels[0].name}` is another tensor",
                labels[0].span.to(labels[-1].span),
                hint=f"several tensors are parted by commas: {names}",
            )
            return True
        name = unit if isinstance(unit, tree.Name) else unit.name if isinstance(unit, tree.Call) else None
        op = registry.lookup(name.name) if name is not None else None
        if name is None or op is None or (isinstance(unit, tree.Call) and unit.angles):
            return False
        arguments = unit.operands if isinstance(unit, tree.Call) else ()
        written = [" ".join(argument.span.text.split()) for argument in arguments]
        self.found.error(
            "no-input",
            f"a label behind `{name.name}` names what leaves it, and nothing enters here",
            labels[0].span.to(labels[-1].span),
            hint=enter_hint(name.name, op.arity, [f"@{label.name}" for label in labels], written),
        )
        return True

    def _entering(self, current: Tensors | None, span: Span) -> Tensors:
        if current is None:
            self.found.error(
                "no-input",
                "nothing enters here: only the first chain of a file or block starts at its input",
                span,
                hint="to go on with the chain above, begin the line with `->`; else start it at a label, @name -> …, "
                "or at the input itself, @in -> …",
            )
            return POISON
        return current

    def _repeat(
        self,
        unit: tree.Expression | tree.Conditional,
        inner: Sequence[tree.Suffix],
        repeat: tree.Repeat,
        scope: Scope,
        current: Tensors | None,
        label: str | None,
    ) -> Tensors:
        repeated = turns(self._evaluator, repeat, scope)
        if not repeated:
            return self._entering(current, unit.span)
        if len(repeated) > 1:
            self._foresee(len(repeated) * self._foresight.element(unit, inner, scope), 0, repeat.span)
        self._sites += 1
        site, outer = self._sites, self._frame
        name = self._word(unit, scope)
        tensors = current
        scopes: list[Scope] = []
        for index, variables in enumerate(repeated):
            before, nodes, steps = tensors, len(self.nodes), self._steps
            self._step(repeat.span)
            self._frame = Frame("repeat", name, outer, label=label, index=index, count=len(repeated), site=site)
            turn = Scope(scope, False, variables=variables)
            tensors = self._element(unit, inner, turn, tensors)
            if turn.labels:
                scopes.append(turn)
            if before is not None and len(tensors) != len(before) and not index:
                self._uneven[tensors] = _uneven(unit.span, repeat.span, len(before), len(tensors))
            if not variables and before is not None and self._shapes(before) == self._shapes(tensors):
                # A turn that knows no loop variable and changes no size is like all that follow.
                left = len(repeated) - index - 1
                self._foresee(left * (len(self.nodes) - nodes), left * (self._steps - steps), repeat.span)
                if before == tensors and not turn.labels:
                    self._steps += left * (self._steps - steps)
                    break
        self._frame = outer
        self._gather(scopes, scope)
        assert tensors is not None
        return tensors

    def _shapes(self, tensors: Tensors) -> list[Shape | None]:
        return [self._shape(port) for port in tensors]

    def _word(self, unit: object, scope: Scope) -> str:
        """What a repeated thing is called in the names of its layers."""
        name = unit if isinstance(unit, tree.Name) else unit.name if isinstance(unit, tree.Call) else None
        if name is None:
            return "group"
        try:
            value = self.names.find(name.name, scope)
        except Poisoned:
            return name.name
        return value.name if isinstance(value, BlockValue) else name.name


def _uneven(unit: Span, repeat: Span, taken: int, given: int) -> Diagnostic:
    """What is wrong with a repeat whose second turn does not take what the first gives."""
    message = f"a turn takes {counted(taken, 'tensor')} and gives {given}, which the next turn does not take"
    text = unit.text[1:-1] if unit.text.startswith("(") else unit.text
    short = given > 1 == taken and len(text) <= _QUOTED and "\n" not in text
    hint = f"pick one in each turn: ({text} -> first) {repeat.text}" if short else "each turn gives what it takes"
    if given > taken:
        hint += "; what else a turn makes has a label, which behind the repeat is the tensors of all turns"
    return Diagnostic("arity", message, repeat, notes=(Note("this is repeated", unit),), hint=hint)
