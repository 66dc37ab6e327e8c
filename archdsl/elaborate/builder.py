"""Tree to checked graph: blocks, repeats, conditions, variants and choices unrolled, every size found on the way.

In: a `Unit` with a variant, settings and choices. Out: nodes and outputs; every mistake is reported, what depends on it is
poisoned (a port that is None), and the rest is checked all the same. Does not check claims or recipes, and counts nothing.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from archdsl import limits
from archdsl.diagnostics import Collector, Diagnostic, Note, Span, nearest
from archdsl.elaborate.binder import Binder
from archdsl.elaborate.blame import Branch, explain_mismatch
from archdsl.elaborate.choices import Site, Unresolved
from archdsl.elaborate.evaluator import FUNCTIONS, Evaluator
from archdsl.elaborate.program import Program, Unit
from archdsl.elaborate.values import (
    BlockValue,
    ChainValue,
    OpValue,
    Poisoned,
    Scope,
    ShareValue,
    SizeValue,
    Value,
    describe,
    show,
)
from archdsl.graph import Frame, Node, Output, Port
from archdsl.ops import registry
from archdsl.ops.base import Op, OpError, Shape, show_shape
from archdsl.syntax import tree
from archdsl.syntax.layout import STATEMENT_WORDS

__all__ = ["Builder", "Built", "Stop"]

Tensors = tuple[Port | None, ...]
"""What a chain carries; a port is None where a mistake keeps its size from being known."""

_POISON: Tensors = (None,)
_LITERALS = (tree.Number, tree.Dims, tree.Truth, tree.String)


class Stop(Exception):
    """A limit was reached and has been reported; the run ends."""


@dataclass(frozen=True)
class Built:
    """What one elaboration found, right or not."""

    nodes: list[Node]
    outputs: list[Output]
    labels: dict[str, Port]


class _Located(Collector):
    """Adds to every diagnostic the call in which it was found."""

    def __init__(self, found: Collector, calls: list[tuple[str, Span]]) -> None:
        super().__init__()
        self._inner = found
        self._calls = calls

    def add(self, diagnostic: Diagnostic) -> None:
        notes = diagnostic.notes
        if self._calls and len(notes) < 3:
            own = diagnostic.span.source if diagnostic.span else None
            text, span = self._calls[-1]
            # A mistake inside a standard block is of no use without the place in the user's own file that led there.
            outside = next((call for call in reversed(self._calls) if call[1].source is not own), None)
            if own is not None and own.path.startswith("<standard>") and outside is not None:
                text, span = outside
            if span != diagnostic.span and all(span != note.span for note in notes):
                notes = (*notes, Note(f"in `{text}`, called here", span))
        self._inner.add(replace(diagnostic, notes=notes))


class Builder:
    """One elaboration of one file under one assignment of its choices."""

    def __init__(self, program: Program, unit: Unit, found: Collector, choices: Mapping[int, tuple[Site, int]]) -> None:
        self._calls: list[tuple[str, Span]] = []
        self.found: Collector = _Located(found, self._calls)
        self._program = program
        self._unit = unit
        self._choices = choices
        self._evaluator = Evaluator(self)
        self._binder = Binder(self._evaluator, self.found)
        self._scopes: dict[int, tuple[Unit, Scope]] = {}
        self._units: dict[int, Unit] = {}
        self._evaluating: set[int] = set()
        self.nodes: list[Node] = []
        self._frame = Frame("network", unit.architecture.name.name if unit.architecture else "network")
        self._sites = 0
        self._steps = 0
        self._depth = 0
        self._constant_ops: dict[int, Op] = {}
        self._lifted: dict[int, tree.Call] = {}
        self._sized: dict[tuple[int, tuple[Shape, ...]], tuple[Shape, ...]] = {}
        self._first_uses: dict[tuple[int, int], range] = {}
        self._default_names: set[str] = {default.name.name for default in unit.defaults}
        self._kept: list[object] = []
        self._named: dict[int, tree.Name] = {}
        self._units_handlers: dict[type, Callable[[Any, Scope, Tensors | None, str | None], Tensors]] = {
            tree.Name: self._name,
            tree.Index: self._element_of_list,
            tree.Call: self._call,
            tree.Group: self._group,
            tree.Reference: self._reference_in_chain,
            tree.Items: self._several,
            tree.Function: self._tensor_call,
            tree.Conditional: self._conditional,
        }

    # ------------------------------------------------------------ the whole

    def build(
        self, variant: str | None, settings: Mapping[str, tree.Chain], inputs: Mapping[str | None, Shape]
    ) -> Built | None:
        """Unroll the file. None where the parameters of the architecture cannot be bound."""
        scope = self.scope_of(self._unit)
        with _deep_recursion():
            try:
                scope.variables.update(self._architecture(variant, settings, scope))
            except Poisoned:
                return None
            current = self._inputs(scope, inputs)
            if self._lost_first_chain():
                current = _POISON
            for default in self._unit.defaults:
                self._check_default(default, scope)
            result = self._statements(self._unit.chains, scope, current)
            outputs = self._outputs(scope, result)
            self._check_lets(scope)
        labels = {name: ports[0] for name, ports in scope.labels.items() if len(ports) == 1 and ports[0] is not None}
        return Built(self.nodes, outputs, labels)

    def scope_of(self, unit: Unit) -> Scope:
        """The scope of a file's own names in this run."""
        held = self._scopes.get(id(unit))
        if held is None:
            scope = Scope(None, True)
            self._scopes[id(unit)] = (unit, scope)
            self._units[id(scope)] = unit
            self._default_names.update(default.name.name for default in unit.defaults)
            return scope
        return held[1]

    def _architecture(
        self, variant: str | None, settings: Mapping[str, tree.Chain], scope: Scope
    ) -> dict[str, Value]:
        architecture = self._unit.architecture
        if architecture is None:
            for name, chain in settings.items():
                self.found.error(
                    "unknown-argument", f"there is no parameter `{name}` to set", chain.span,
                    hint=f"the file has no `arch name<{name}=…>`",
                )
            if settings:
                raise Poisoned
            return {}
        name = architecture.name.name
        values = self._variant_values(variant, scope) if variant is not None else {}
        arguments = [
            tree.Argument(chain.span, tree.Name(chain.span, key), chain) for key, chain in settings.items()
        ]
        values |= self._binder.given(name, architecture.parameters, arguments, scope, architecture.span)
        missing = [p.name for p in architecture.parameters if p.default is None and p.name not in values]
        if missing and variant is None and self._unit.variants:
            known = ", ".join(self._unit.variants)
            self.found.error(
                "missing-argument",
                f"`{name}` needs {' and '.join(f'`{m}`' for m in missing)}: name a variant",
                architecture.span,
                hint=f"{self._unit.file.source.path}:{next(iter(self._unit.variants))} names one; there are {known}",
            )
            raise Poisoned
        return self._binder.complete(name, architecture.parameters, values, None, scope, architecture.span)

    def _variant_values(self, name: str, scope: Scope, seen: tuple[str, ...] = ()) -> dict[str, Value]:
        architecture = self._unit.architecture
        variant = self._unit.variants[name]
        plain = variant.chain.plain
        called = plain if isinstance(plain, tree.Name) else plain.name if isinstance(plain, tree.Call) else None
        if architecture is None or called is None or (isinstance(plain, tree.Call) and (plain.operands or plain.tensors)):
            own = architecture.name.name if architecture else "name"
            self.found.error(
                "bad-variant", "a variant gives the parameters of the file's architecture", variant.chain.span,
                hint=f"variant {name} = {own}<…>" if architecture else "the file needs an `arch name<…>` first",
            )
            raise Poisoned
        arguments = plain.angles or () if isinstance(plain, tree.Call) else ()
        base: dict[str, Value] = {}
        if called.name != architecture.name.name:
            if called.name not in self._unit.variants or called.name in (*seen, name):
                circle = called.name in (*seen, name)
                close = nearest(called.name, [architecture.name.name, *self._unit.variants])
                self.found.error(
                    "bad-variant",
                    f"the variant `{called.name}` goes in a circle" if circle
                    else f"`{called.name}` is neither this file's architecture nor one of its variants",
                    called.span,
                    hint=f"did you mean `{close}`?" if close else f"write {architecture.name.name}<…>",
                )
                raise Poisoned
            base = self._variant_values(called.name, scope, (*seen, name))
        given = self._binder.given(called.name, architecture.parameters, arguments, scope, architecture.span)
        return base | given

    def _inputs(self, scope: Scope, overrides: Mapping[str | None, Shape]) -> Tensors:
        statements = self._unit.inputs
        if not statements and self._lost("input"):
            return _POISON
        if not statements:
            place = self._unit.architecture.span if self._unit.architecture else Span(self._unit.file.source, 0, 0)
            self.found.error("missing-input", "the network has no `input`", place, hint="input 224x224x3")
            return _POISON
        left = dict(overrides)
        ports: list[Port | None] = []
        for statement in statements:
            name = statement.name.name if statement.name else None
            if len(statements) > 1 and (name is None or name in scope.labels):
                self.found.error(
                    "duplicate-name", "several inputs need a name each", statement.span, hint="input left 28x28x1"
                )
                ports.append(None)
                continue
            shape = left.pop(name, None)
            if shape is None and name is not None and len(statements) == 1:
                shape = left.pop(None, None)
            if shape is None:
                shape = self._size(statement.size, scope)
            port: Port | None = None
            if shape is not None:
                port = self._append(None, (), (), (shape,), name, statement.span)
            ports.append(port)
            if name is not None:
                scope.labels[name] = (port,)
                scope.variables.setdefault(name, SizeValue(shape))
        for name in left:
            self.found.error(
                "unknown-name", f"there is no input `{name}`" if name else "there are several inputs: say which",
                statements[0].span, hint=f"the inputs are {', '.join(s.name.name for s in statements if s.name)}",
            )
        scope.labels["in"] = tuple(ports)
        scope.entering = tuple(SizeValue(self._shape(port)) for port in ports)
        return tuple(ports)

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
                    "bad-argument", f"a size is made of whole numbers above zero, and this is {show(value)}",
                    expression.span, hint="224x224x3, or [r, r, 3] where it is computed",
                )
                return None
            sizes.append(part)
        if not 1 <= len(sizes) <= 4:
            self.found.error(
                "rank-mismatch", f"a size has one to four numbers, and this has {len(sizes)}", expression.span,
                hint="HxWxC is an image, LxC a sequence, DxHxWxC a volume, C a vector",
            )
            return None
        if prod(sizes) > limits.ELEMENTS:
            self.found.error("limit-size", "a tensor of more than 2^53 values", expression.span, hint="is the size right?")
            return None
        return tuple(sizes)

    def _outputs(self, scope: Scope, result: Tensors | None) -> list[Output]:
        made: list[Output] = []
        if result is None and self._unit.file.broken:
            result = _POISON
        if result is None:
            place = self._unit.architecture.span if self._unit.architecture else Span(self._unit.file.source, 0, 0)
            self.found.error(
                "missing-chain", "the file has no chain, so there is no network", place, hint="conv 3x3+1 64 -> relu -> …"
            )
        else:
            names = ["output"] if len(result) == 1 else [f"output{i + 1}" for i in range(len(result))]
            made += [Output(name, port) for name, port in zip(names, result, strict=True) if port is not None]
        seen: dict[str, Span] = {}
        for statement in self._unit.outputs:
            name = statement.name.name
            if name in seen or name in {output.name for output in made}:
                self.found.error(
                    "duplicate-name", f"the output `{name}` is defined twice", statement.name.span,
                    notes=[Note("it was defined first here", seen[name])] if name in seen else [],
                    hint="the last chain of the file is the output `output`" if name not in seen else "rename one",
                )
                continue
            seen[name] = statement.name.span
            training = statement.modifier is not None
            if statement.modifier is not None and statement.modifier.name != "training":
                self.found.error(
                    "unknown-name", f"an output is not `{statement.modifier.name}`", statement.modifier.span,
                    hint=f"output {name} training = … exists in training only",
                )
            tensors = self._chain(statement.chain, scope, None)
            if len(tensors) != 1:
                self.found.error("arity", f"an output is one tensor, and this is {len(tensors)}", statement.chain.span)
            elif tensors[0] is not None:
                made.append(Output(name, tensors[0], training))
        return made

    def _check_lets(self, scope: Scope) -> None:
        """Evaluate what no chain has asked for, so that a mistake in it is found as well."""
        for name, let in self._unit.lets.items():
            if name not in scope.variables:
                try:
                    self._let(let, scope)
                except Poisoned:
                    continue

    # ------------------------------------------------------------ names

    def lookup(self, name: tree.Name, scope: Scope) -> Value:
        text = name.name
        value = self._find(text, scope)
        if value is None:
            self._unknown(name, scope)
            raise Poisoned
        return value

    def _find(self, text: str, scope: Scope) -> Value | None:
        """The value of a name; None where there is none. Raises `Poisoned` where it is wrong."""
        at: Scope | None = scope
        file = scope
        while at is not None:
            if text in at.variables:
                value = at.variables[text]
                if value is None:
                    raise Poisoned
                return value
            file, at = at, at.parent
        value = self._define(text, file)
        if value is not None:
            file.variables[text] = value
        return value

    def _define(self, text: str, file: Scope) -> Value | None:
        unit = self._units[id(file)]
        if text in unit.lets:
            return self._let(unit.lets[text], file)
        if text in unit.blocks:
            return BlockValue(tuple(unit.blocks[text]), file)
        if text in unit.shares:
            return ShareValue(unit.shares[text], file)
        for _, used in unit.used:
            if text in used.blocks:
                return BlockValue(tuple(used.blocks[text]), self.scope_of(used))
        op = registry.lookup(text)
        if op is not None:
            return OpValue(op)
        standard = self._program.standard(text)
        if standard is not None and text in standard.blocks:
            return BlockValue(tuple(standard.blocks[text]), self.scope_of(standard))
        plugin = registry.lookup_plugin(text)
        return OpValue(plugin) if plugin is not None else None

    def _let(self, let: tree.Let, scope: Scope) -> Value:
        if id(let) in self._evaluating:
            raise self._evaluator.fail("cyclic-let", f"`{let.name.name}` is defined by itself", let.name.span, "give one of the values a number")
        self._evaluating.add(id(let))
        name = let.name.name
        try:
            value = self._evaluator.argument(let.value, scope)
        except Poisoned:
            scope.variables[name] = None
            raise
        finally:
            self._evaluating.discard(id(let))
        scope.variables[name] = value
        return value

    def is_known(self, name: str, scope: Scope) -> bool:
        try:
            return self._find(name, scope) is not None
        except Poisoned:
            return True

    def is_callable(self, name: str, scope: Scope) -> bool:
        try:
            value = self._find(name, scope)
        except Poisoned:
            return False
        return isinstance(value, OpValue | BlockValue | ShareValue | ChainValue)

    def _lost(self, word: str) -> bool:
        """Whether a word stands in a statement that could not be read, so that missing it is no second mistake."""
        pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
        files = [unit.file for unit, _ in self._scopes.values()]
        return any(pattern.search(span.text) for file in files for span in file.broken)

    def _lost_first_chain(self) -> bool:
        """Whether the chain that starts at the input may be one that could not be read."""
        first = self._unit.chains[0].span.start if self._unit.chains else 0
        words = (re.match(r"\w*", span.text) for span in self._unit.file.broken if span.start < first)
        return any(word is not None and word[0] not in STATEMENT_WORDS for word in words)

    def _unknown(self, name: tree.Name, scope: Scope) -> None:
        if self._lost(name.name) or any(name.name in unit.refused for unit, _ in self._scopes.values()):
            return
        known = {"id", "first", "choice", *FUNCTIONS, *registry.names(), *self._program.standard_names()}
        at: Scope | None = scope
        while at is not None:
            known.update(at.variables)
            if at.parent is None:
                unit = self._units[id(at)]
                known.update((*unit.lets, *unit.blocks, *unit.shares, *(b for _, u in unit.used for b in u.blocks)))
            at = at.parent
        close = nearest(name.name, sorted(known))
        where = self._label_ports(name.name, scope)
        if where is not None:
            hint = f"`{name.name}` is a label: write `@{name.name}`"
        elif close:
            hint = f"did you mean `{close}`?"
        else:
            hint = "`archdsl ops` lists the ops and the standard blocks"
        self.found.error("unknown-name", f"there is no op, block or value `{name.name}`", name.span, hint=hint)

    def _label_ports(self, name: str, scope: Scope) -> Tensors | None:
        at = scope
        while True:
            if name in at.labels:
                return at.labels[name]
            if at.boundary or at.parent is None:
                return None
            at = at.parent

    # ------------------------------------------------------------ statements of a body

    def _statements(self, statements: Sequence[tree.Statement], scope: Scope, current: Tensors) -> Tensors | None:
        """Run a body; the value of its last chain, or of `return`; None where it has no chain."""
        result: Tensors | None = None
        started = False
        returned: tree.Return | None = None
        for statement in statements:
            if returned is not None:
                self.found.error(
                    "misplaced-statement", "nothing can stand behind `return`", statement.span,
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
                    scope.defaults.append(statement)
                    self._default_names.add(statement.name.name)
                    self._check_default(statement, scope)
                case tree.Share():
                    self._local(statement.name, scope)
                    scope.variables[statement.name.name] = ShareValue(statement, scope)
                case tree.Block():
                    self._local(statement.name, scope)
                    scope.variables[statement.name.name] = BlockValue((statement,), scope)
                case tree.Return(chains=chains):
                    ports: list[Port | None] = []
                    for chain in chains:
                        ports += self._chain(chain, scope, None if started else current)
                    result, returned = tuple(ports), statement
                case _:
                    word = statement.span.text.split(maxsplit=1)[0]
                    self.found.error(
                        "misplaced-statement", f"`{word}` stands at the top of a file, not in a block", statement.span,
                        hint="a block holds chains, let, share, default, block and return",
                    )
        return result

    def _check_default(self, default: tree.Default, scope: Scope) -> None:
        """Find what is wrong with a `default`, whether an op follows it or not."""
        name = default.name.name
        kind = registry.lookup(name) or registry.lookup_plugin(name)
        if kind is not None:
            self._binder.check_default(kind, default, scope)
            return
        close = nearest(name, registry.names())
        self.found.error(
            "unknown-name", f"there is no op `{name}` to set arguments of", default.name.span,
            hint=f"did you mean `{close}`?" if close else "a block has defaults of its own: block unit<c, s=1> = …",
        )

    def _local(self, name: tree.Name, scope: Scope) -> None:
        if name.name in scope.variables or registry.lookup(name.name) is not None:
            what = "is an op of the language" if name.name not in scope.variables else "is defined twice"
            self.found.error("duplicate-name", f"`{name.name}` {what}", name.span, hint="choose another name")

    # ------------------------------------------------------------ chains

    def _chain(self, chain: tree.Chain, scope: Scope, current: Tensors | None) -> Tensors:
        """What leaves a chain that `current` enters; None enters a chain that must start at a label."""
        self._depth += 1
        if self._depth > limits.CALL_DEPTH * 8:
            self._too_deep(chain.span)
        for index, element in enumerate(chain.elements):
            if isinstance(element.unit, tree.Reference) and index > 0:
                self.found.error(
                    "misplaced-reference", f"`@{element.unit.name}` cannot stand behind an arrow", element.unit.span,
                    hint="a reference starts a chain or a branch; to label a layer, write it without an arrow: relu @a",
                )
                current = _POISON
                continue
            try:
                current = self._element(element.unit, element.suffixes, scope, current)
            except Poisoned:
                current = _POISON
        self._depth -= 1
        assert current is not None
        return current

    def _named_chain(self, chain: tree.Chain, scope: Scope, current: Tensors | None, label: str | None) -> Tensors:
        """What leaves a chain that stands for one element; the label behind it names its layer if it has but one."""
        only = chain.elements[0]
        if label is None or len(chain.elements) > 1 or only.suffixes:
            return self._chain(chain, scope, current)
        return self._unit_of(only.unit, scope, current, label)

    def _too_deep(self, span: Span) -> None:
        self.found.error(
            "limit-depth",
            f"blocks are nested more than {limits.CALL_DEPTH} deep when the network is unrolled",
            span,
            hint="a recursive block needs a condition that ends it: if n == 1 then … else …",
        )
        raise Stop

    def _element(
        self, unit: tree.Expression | tree.Conditional, suffixes: Sequence[tree.Suffix], scope: Scope, current: Tensors | None
    ) -> Tensors:
        if not suffixes:
            return self._unit_of(unit, scope, current, None)
        last = next((i for i in range(len(suffixes) - 1, -1, -1) if isinstance(suffixes[i], tree.Repeat)), -1)
        behind = suffixes[last + 1 :]
        labels = [suffix for suffix in behind if isinstance(suffix, tree.Label)]
        label = labels[0].name if labels else None
        repeat = suffixes[last] if last >= 0 else None
        try:
            if isinstance(repeat, tree.Repeat):
                tensors = self._repeat(unit, suffixes[:last], repeat, scope, current, label)
            else:
                tensors = self._unit_of(unit, scope, current, label)
        except Poisoned:
            tensors = _POISON
        for suffix in behind:
            if isinstance(suffix, tree.Assertion):
                tensors = self._assert(suffix, scope, tensors)
        if labels:
            self._label(labels, scope, tensors)
        return tensors

    def _unit_of(
        self, unit: tree.Expression | tree.Conditional, scope: Scope, current: Tensors | None, label: str | None
    ) -> Tensors:
        handler = self._units_handlers.get(type(unit))
        if handler is None:
            text = " ".join(unit.span.text.split())
            self.found.error("not-a-layer", f"`{text[:40]}` is not a layer", unit.span, hint="a chain is made of layers and blocks")
            raise Poisoned
        return handler(unit, scope, current, label)

    def _entering(self, current: Tensors | None, span: Span) -> Tensors:
        if current is None:
            self.found.error(
                "no-input",
                "nothing enters here: only the first chain of a file or block starts at its input",
                span,
                hint="start the chain at a label: @name -> …, or @in -> … for the input itself",
            )
            return _POISON
        return current

    def _label(self, labels: Sequence[tree.Label], scope: Scope, tensors: Tensors) -> None:
        if len(labels) != len(tensors) and None not in tensors:
            self.found.error(
                "arity",
                f"{len(tensors)} tensor{'s leave' if len(tensors) > 1 else ' leaves'} here, and there "
                f"{'are' if len(labels) > 1 else 'is'} {len(labels)} label{'s' if len(labels) > 1 else ''}",
                labels[0].span.to(labels[-1].span),
                hint="one label a tensor: split 2 @a @b",
            )
            tensors = _POISON
        for index, label in enumerate(labels):
            before = scope.written_labels.get(label.name)
            if before is label:
                self.found.error(
                    "duplicate-label",
                    f"the label `@{label.name}` is given twice: the chain in which it stands is used several times",
                    label.span,
                    hint="make the chain a block, whose labels are its own",
                )
            elif before is not None or label.name in scope.labels:
                self.found.error(
                    "duplicate-label",
                    f"the label `@{label.name}` is given twice",
                    label.span,
                    notes=[Note("it was given here", before.span)] if before else [Note("it is an input")],
                    hint="rename one of them",
                )
            scope.written_labels[label.name] = label
            scope.labels[label.name] = (tensors[index],) if len(tensors) == len(labels) else _POISON

    def _assert(self, assertion: tree.Assertion, scope: Scope, tensors: Tensors) -> Tensors:
        """Compare with a size that is written; go on from the written one, so that one mistake is reported once."""
        size = self._size(assertion.size, scope)
        if size is None:
            return tensors
        if len(tensors) != 1:
            self.found.error("arity", f"{len(tensors)} tensors leave here, and one size is written", assertion.span)
            return tensors
        shape = self._shape(tensors[0])
        if shape == size:
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

    # ------------------------------------------------------------ kinds of element

    def _name(self, unit: tree.Name, scope: Scope, current: Tensors | None, label: str | None) -> Tensors:
        if unit.name == "id":
            return self._entering(current, unit.span)
        if unit.name == "first":
            return self._entering(current, unit.span)[:1]
        return self._apply(self.lookup(unit, scope), unit, scope, current, label)

    def _element_of_list(self, unit: tree.Index, scope: Scope, current: Tensors | None, label: str | None) -> Tensors:
        """`units[0]` as a layer."""
        value = self._evaluator.evaluate(unit, scope)
        name = self._named.get(id(unit))
        if name is None:
            name = self._named[id(unit)] = tree.Name(unit.span, " ".join(unit.span.text.split()))
            self._kept.append(unit)
        return self._apply(value, name, scope, current, label)

    def _apply(self, value: Value, unit: tree.Name, scope: Scope, current: Tensors | None, label: str | None) -> Tensors:
        """Run a thing that is named without arguments."""
        if isinstance(value, OpValue):
            return self._op(value.op, (), unit, scope, self._entering(current, unit.span), label)
        if isinstance(value, BlockValue):
            return self._block(value, unit.name, (), False, scope, self._entering(current, unit.span), label, unit.span)
        if isinstance(value, ShareValue):
            return self._shared(value, unit, self._entering(current, unit.span), label)
        if isinstance(value, ChainValue):
            return self._named_chain(value.chain, value.scope, current, label)
        self.found.error(
            "not-a-layer", f"`{unit.name}` is {describe(value)}, {show(value)}, and not a layer", unit.span,
            hint="a chain is made of layers and blocks",
        )
        raise Poisoned

    def _call(self, unit: tree.Call, scope: Scope, current: Tensors | None, label: str | None) -> Tensors:
        name = unit.name
        if name.name == "choice" and unit.angles:
            return self._choice(unit, scope, current, label)
        if name.name in ("id", "first", "choice"):
            self.found.error(
                "unknown-argument", f"`{name.name}` takes no arguments like these", unit.span,
                hint="choice<a | b>" if name.name == "choice" else f"write `{name.name}` alone",
            )
            raise Poisoned
        value = self.lookup(name, scope)
        if isinstance(value, OpValue):
            return self._op_call(value.op, unit, scope, current, label)
        if not isinstance(value, BlockValue):
            self.found.error(
                "unknown-argument" if isinstance(value, ShareValue | ChainValue) else "not-a-layer",
                f"`{name.name}` is {describe(value)}, which takes no arguments", unit.span,
            )
            raise Poisoned
        if unit.operands:
            shown = " ".join(unit.operands[0].span.text.split())
            self.found.error(
                "unknown-argument", f"`{name.name}` is a block, whose arguments stand in angle brackets", unit.operands[0].span,
                hint=f"write `{name.name}<{shown}>`; {Binder.signature(name.name, value.forms[0].parameters)}",
            )
            raise Poisoned
        if unit.tensors is not None:
            entering = self._tensors(unit.tensors, scope, current)
        else:
            entering = self._entering(current, unit.span)
        return self._block(value, name.name, unit.angles or (), unit.piped, scope, entering, label, unit.span)

    def _tensors(self, chains: Sequence[tree.Chain], scope: Scope, current: Tensors | None) -> Tensors:
        ports: list[Port | None] = []
        for chain in chains:
            ports += self._chain(chain, scope, current)
        return tuple(ports)

    def _tensor_call(self, unit: tree.Function, scope: Scope, current: Tensors | None, label: str | None) -> Tensors:
        """`cell(@h, @p)`: a block, or an op, with the tensors that enter it."""
        name = unit.name
        if name.name == "one_of":
            chain = self.chosen(unit, scope)
            return self._chain(chain, scope, current)
        value = self.lookup(name, scope) if name.name not in FUNCTIONS or self.is_callable(name.name, scope) else 0
        chains = [argument.value for argument in unit.arguments if argument.key is None and not argument.star]
        values = [c for c in chains if isinstance(c.plain, _LITERALS)]
        if values or len(chains) != len(unit.arguments) or not isinstance(value, OpValue | BlockValue):
            inside = ", ".join(" ".join(a.span.text.split()) for a in unit.arguments)
            how = f"`{name.name}<{inside}>`" if isinstance(value, BlockValue) else f"`{name.name} {inside}`"
            self.found.error(
                "not-a-layer", f"`{name.name}(…)` is a call with tensors, or a function of numbers", unit.span,
                hint=f"tensors are chains: {name.name}(@a, @b); arguments are written {how}",
            )
            raise Poisoned
        entering = self._tensors(chains, scope, current)
        if isinstance(value, OpValue):
            return self._op(value.op, (), unit, scope, entering, label)
        return self._block(value, name.name, (), False, scope, entering, label, unit.span)

    def _group(self, unit: tree.Group, scope: Scope, current: Tensors | None, label: str | None) -> Tensors:
        return self._named_chain(unit.chain, scope, current, label)

    def _several(self, unit: tree.Items, scope: Scope, current: Tensors | None, label: str | None) -> Tensors:
        if not unit.parenthesised:
            self.found.error("not-a-layer", "a list is not a layer", unit.span, hint="several tensors are (@a, @b)")
            raise Poisoned
        return self._tensors(unit.items, scope, current)

    def _reference_in_chain(
        self, unit: tree.Reference, scope: Scope, current: Tensors | None, label: str | None
    ) -> Tensors:
        ports = self._label_ports(unit.name, scope)
        if ports is not None:
            return ports
        if self._lost(f"@{unit.name}"):
            raise Poisoned
        known: set[str] = set()
        at: Scope | None = scope
        while at is not None:
            known.update(at.labels)
            at = None if at.boundary else at.parent
        close = nearest(unit.name, sorted(known))
        later = f"@{unit.name}" in unit.span.source.text[unit.span.end :]
        hint = f"did you mean `@{close}`?" if close else "a label is written behind a layer: conv 3x3 64 @a"
        if later and not close:
            hint = "it is given further down: a chain can only start at what stands above it; or inside a block or repeat"
        self.found.error("unknown-label", f"there is no label `@{unit.name}` here", unit.span, hint=hint)
        raise Poisoned

    def _conditional(
        self, unit: tree.Conditional, scope: Scope, current: Tensors | None, label: str | None
    ) -> Tensors:
        taken = unit.then if self._evaluator.condition(unit.condition, scope) else unit.otherwise
        return self._chain(taken, scope, current)

    # ------------------------------------------------------------ choices

    def _option(self, unit: tree.Call | tree.Function) -> int:
        taken = self._choices.get(id(unit))
        if taken is None:
            raise Unresolved(unit)
        return taken[1]

    def _choice(self, unit: tree.Call, scope: Scope, current: Tensors | None, label: str | None) -> Tensors:
        assert unit.angles is not None
        return self._named_chain(unit.angles[self._option(unit)].value, scope, current, label)

    def chosen(self, site: tree.Function, scope: Scope) -> tree.Chain:
        if not site.arguments:
            raise self._evaluator.fail("missing-argument", "`one_of` needs options", site.span, "one_of(128, 256)")
        return site.arguments[self._option(site)].value

    # ------------------------------------------------------------ repeats

    def _repeat(
        self,
        unit: tree.Expression | tree.Conditional,
        inner: Sequence[tree.Suffix],
        repeat: tree.Repeat,
        scope: Scope,
        current: Tensors | None,
        label: str | None,
    ) -> Tensors:
        turns = self._turns(repeat, scope)
        tensors = self._entering(current, unit.span)
        self._sites += 1
        site, outer = self._sites, self._frame
        name = self._word(unit, scope)
        for index, variables in enumerate(turns):
            self._step(repeat.span)
            self._frame = Frame("repeat", name, outer, label=label, index=index, count=len(turns), site=site)
            tensors = self._element(unit, inner, Scope(scope, False, variables=variables), tensors)
        self._frame = outer
        return tensors

    def _word(self, unit: object, scope: Scope) -> str:
        """What a repeated thing is called in the names of its layers."""
        name = unit if isinstance(unit, tree.Name) else unit.name if isinstance(unit, tree.Call) else None
        if name is None:
            return "group"
        try:
            value = self._find(name.name, scope)
        except Poisoned:
            return name.name
        return value.name if isinstance(value, BlockValue) else name.name

    def _turns(self, repeat: tree.Repeat, scope: Scope) -> Sequence[dict[str, Value | None]]:
        """The loop's variables in each turn."""
        if not repeat.names:
            count = self._evaluator.whole(repeat.over, scope, "the number of repeats")
            self._few(count, repeat.span)
            return [{} for _ in range(count)]
        over = self._evaluator.evaluate(repeat.over, scope)
        if isinstance(over, float) and over.is_integer():
            over = int(over)
        if isinstance(over, int) and not isinstance(over, bool) and over >= 0:
            self._few(over, repeat.span)
            items: Sequence[Value] = range(over)
        elif isinstance(over, tuple):
            items = over
        else:
            raise self._evaluator.fail(
                "bad-type", f"a loop goes over a list or a count, and this is {describe(over)}: {show(over)}",
                repeat.over.span, "x(i in 12), x(w in [64, 128])",
            )
        if len(repeat.names) == 1:
            return [{repeat.names[0].name: item} for item in items]
        turns: list[dict[str, Value | None]] = []
        for index, item in enumerate(items):
            if not isinstance(item, tuple) or len(item) != len(repeat.names):
                raise self._evaluator.fail(
                    "arity",
                    f"the loop names {len(repeat.names)} values, and element [{index}] is {show(item)}",
                    repeat.span,
                    "every element needs as many values as there are names",
                )
            turns.append({name.name: part for name, part in zip(repeat.names, item, strict=True)})
        return turns

    def _few(self, count: int, span: Span) -> None:
        if count > limits.REPEATS:
            self.found.error(
                "limit-repeats", f"{count:,} repeats; {limits.REPEATS:,} are allowed", span, hint="is the number right?"
            )
            raise Stop

    def _step(self, span: Span) -> None:
        self._steps += 1
        if self._steps > limits.STEPS:
            self.found.error(
                "limit-steps", f"unrolling takes more than {limits.STEPS:,} calls and repeats", span,
                hint="look for repeats inside repeats, or a block that calls itself twice",
            )
            raise Stop

    # ------------------------------------------------------------ blocks

    def _block(
        self,
        value: BlockValue,
        word: str,
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
        name = block.name.name
        self._step(span)
        if len(self._calls) >= limits.CALL_DEPTH:
            self._too_deep(span)
        values = self._binder.block(name, block.parameters, arguments, scope, span, value.scope, block.name.span)
        inner = Scope(value.scope, True, variables=dict(values))
        if block.tensors is not None:
            self._name_tensors(block, inner, entering, span)
        else:
            inner.labels["in"] = entering
        inner.entering = tuple(SizeValue(self._shape(port)) for port in entering)
        shown = ", ".join(show(values[p.name]) if not p.default else f"{p.name}={show(values[p.name])}" for p in block.parameters)
        call = f"{name}<{shown}>" if block.parameters else name
        outer = self._frame
        merge = self._merge_of(block, inner)
        if merge is None:
            self._frame = Frame("block", name, outer, call=call, label=label)
        self._calls.append((call, span))
        depth = self._depth
        try:
            if merge is not None:
                return self._call(merge, inner, entering, label)
            if isinstance(block.body, tree.Chain):
                return self._chain(block.body, inner, entering)
            result = self._statements(block.body, inner, entering)
        finally:
            self._frame = outer
            self._calls.pop()
            self._depth = depth
        if result is None:
            self.found.error("missing-chain", f"the block `{name}` has no chain", block.name.span, hint="its last chain is its value")
            raise Poisoned
        return result

    def _merge_of(self, block: tree.Block, inner: Scope) -> tree.Call | None:
        """The op of a block that does nothing but merge its arguments, as `residual<body, shortcut=id> = add<body | shortcut>`.

        Such a block is a name for the merge: the layers of its branches belong to the block in whose text they stand.
        """
        plain = block.body.plain if isinstance(block.body, tree.Chain) else None
        if not isinstance(plain, tree.Call) or plain.angles is None or plain.tensors is not None:
            return None
        own = {parameter.name for parameter in block.parameters}
        named = all(isinstance(a.value.plain, tree.Name) and a.value.plain.name in own for a in plain.angles)
        return plain if named and isinstance(self._find(plain.name.name, inner), OpValue) else None

    def _name_tensors(self, block: tree.Block, inner: Scope, entering: Tensors, span: Span) -> None:
        assert block.tensors is not None
        wanted, got = len(block.tensors), len(entering)
        if wanted != got and None not in entering:
            self.found.error(
                "arity",
                f"`{block.name.name}` takes {wanted} tensor{'' if wanted == 1 else 's'}, and {got} enter{'s' if got == 1 else ''}",
                span,
                notes=[Note("it is defined here", block.name.span)],
                hint="start with several, (@a, @b) -> …, or call it with them: " + f"{block.name.name}(@a, @b)",
            )
            raise Poisoned
        for index, name in enumerate(block.tensors):
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
                        Note(f"first it was entered by {show_shape(old.input_shapes[0])}, here by {show_shape(new.input_shapes[0])}"),
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
            "share-mismatch", f"`{share.name.name}` comes out as other layers here than at its first use", span,
            notes=[Note("it is defined here", share.name.span)],
            hint="a condition in it depends on the size that enters; give it tensors of one size",
        )

    # ------------------------------------------------------------ ops

    def _op_call(self, kind: type[Op], unit: tree.Call, scope: Scope, current: Tensors | None, label: str | None) -> Tensors:
        if unit.tensors is not None:
            return self._op(kind, unit.operands, unit, scope, self._tensors(unit.tensors, scope, current), label)
        if unit.angles is None:
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
            for chain, home in self._branch_chains(argument, scope):
                plain = chain.plain
                if isinstance(plain, _LITERALS):
                    shown = " ".join(unit.span.text.split())
                    self.found.error(
                        "unknown-argument", f"the brackets of `{kind.name}` hold branches", argument.span,
                        hint=f"an op takes its arguments after a space: {kind.signature()}; not {shown[:40]}",
                    )
                    raise Poisoned
                start = len(self.nodes)
                tensors = self._chain(chain, home, current)
                if len(tensors) != 1:
                    self.found.error("arity", f"a branch gives one tensor, and this gives {len(tensors)}", chain.span)
                    failed = True
                branches.append(Branch(chain.span, start, len(self.nodes)))
                ports += tensors[:1]
        if failed:
            raise Poisoned
        return self._op(kind, tuple(operands), unit, scope, tuple(ports), label, branches)

    def _branch_chains(self, argument: tree.Argument, scope: Scope) -> Iterator[tuple[tree.Chain, Scope]]:
        if not argument.star:
            yield argument.value, scope
            return
        values = self._evaluator.argument(argument.value, scope)
        if not isinstance(values, tuple):
            raise self._evaluator.fail("bad-type", f"`*` stands before a list, and this is {describe(values)}", argument.span)
        for value in values:
            if isinstance(value, ChainValue):
                yield value.chain, value.scope
            elif isinstance(value, OpValue | BlockValue | ShareValue):
                # A branch that is a bare name: run it under a name of its own, in a scope that knows it.
                home = Scope(scope, False, variables={"branch": value})
                name = tree.Name(argument.span, "branch")
                self._kept.append(name)
                yield tree.Chain(argument.span, (tree.Element(argument.span, name),)), home
            else:
                raise self._evaluator.fail("not-a-layer", f"a branch is a chain, and this is {show(value)}", argument.span)

    def _lift(self, unit: tree.Call, scope: Scope) -> tree.Call:
        """Give `mean<a | b drop=0.15>` its `drop`: a block takes no arguments behind its brackets, so they are the op's."""
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
                value = self._find(inner.name.name, scope)
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
        defaults = self._defaults(kind.name, unit.span, scope) if kind.name in self._default_names else []
        made = self._binder.op(kind, operands, scope, unit.span, defaults)
        written = [*operands, *(operand for default, _ in defaults for operand in default.operands)]
        if all(_is_constant(operand, kind) for operand in written) and all(home.parent is None for _, home in defaults):
            self._constant_ops[id(unit)] = made
        return made

    def _defaults(self, name: str, span: Span, scope: Scope) -> list[tuple[tree.Default, Scope]]:
        """The `default`s that stand before an op in its file and in the bodies around it, outer ones first."""
        found: list[tuple[tree.Default, Scope]] = []
        at: Scope | None = scope
        while at is not None:
            held = self._units[id(at)].defaults if at.parent is None else at.defaults
            found[:0] = [(d, at) for d in held if d.name.name == name and d.span.start < span.start]
            at = at.parent
        return found

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
        op = self._bind(kind, operands, unit, scope)
        ports: list[Port] = []
        for port in inputs:
            if port is None:
                return _POISON
            ports.append(port)
        nodes = self.nodes
        shapes = tuple([nodes[port.node].shapes[port.index] for port in ports])
        if op.arity is not None and len(ports) != op.arity:
            self.found.error(
                "arity",
                f"`{op.name}` takes {op.arity} tensor{'' if op.arity == 1 else 's'}, and {len(ports)} enter{'s' if len(ports) == 1 else ''}",
                unit.span,
                hint=f"give it branches: {op.name}<a | b>" if op.arity > 1 else "pick one: `first`, or a label",
            )
            return _POISON
        key = (id(op), shapes)
        leaving = self._sized.get(key)
        if leaving is None:
            try:
                shape = op.shape(*shapes)
            except OpError as error:
                self._refused(error, op, unit, ports, branches)
                return _POISON
            leaving = _as_several(shape)
            if not self._sound(op, leaving, unit.span):
                return _POISON
            self._sized[key] = leaving
        first = self._append(op, tuple(ports), shapes, leaving, label, unit.span)
        return (first,) if len(leaving) == 1 else tuple(Port(first.node, i) for i in range(len(leaving)))

    def _sound(self, op: Op, shapes: Sequence[Shape], span: Span) -> bool:
        for shape in shapes:
            if any(size < 1 for size in shape):
                self.found.error(
                    "zero-size", f"`{op.name}` would leave {show_shape(shape)}: nothing", span,
                    hint="the input is too small for this layer",
                )
                return False
            if prod(shape) > limits.ELEMENTS:
                self.found.error("limit-size", f"`{op.name}` would leave more than 2^53 values", span, hint="is the count right?")
                return False
        return True

    def _refused(self, error: OpError, op: Op, unit: Any, ports: list[Port], branches: Sequence[Branch]) -> None:
        if error.id == "shape-mismatch" and len(ports) > 1:
            self.found.add(explain_mismatch(error, op, unit.span, self.nodes, ports, branches, self._calls))
            return
        shapes = ", ".join(show_shape(self.nodes[port.node].shapes[port.index]) for port in ports)
        source = self.nodes[ports[0].node]
        what = "the input of the network" if source.op is None else f"`{source.call}`"
        self.found.error(
            error.id, error.message, unit.span, label=f"gets {shapes}",
            notes=[Note(f"{shapes} comes from {what}", source.span)] if len(ports) == 1 else [],
            hint=error.hint,
        )

    # ------------------------------------------------------------ nodes

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
            self.found.error(
                "limit-nodes", f"the network has more than {limits.NODES:,} layers", span,
                hint="look for repeats inside repeats, or a block that calls itself twice",
            )
            raise Stop
        self.nodes.append(Node(key, op, inputs, input_shapes, shapes, self._frame, label, span))
        return Port(key)

    def _shape(self, port: Port | None) -> Shape | None:
        return None if port is None else self.nodes[port.node].shapes[port.index]


def _as_several(shape: Shape | tuple[Shape, ...]) -> tuple[Shape, ...]:
    """What an op's shape rule gives, as one size for each output."""
    several = tuple(part for part in shape if isinstance(part, tuple))
    return several or (tuple(part for part in shape if isinstance(part, int)),)


def _is_constant(operand: tree.Operand, kind: type[Op]) -> bool:
    """Whether an operand means the same wherever its op is used: a literal, or a flag."""
    value = operand.value
    if isinstance(value, tree.Name) and operand.key is None:
        arg = kind.arguments.get(value.name)
        return arg is not None and arg.kind == "flag"
    if isinstance(value, tree.Geometry):
        parts = (value.kernel, value.stride, value.padding)
        return all(part is None or isinstance(part, _LITERALS) for part in parts)
    return isinstance(value, _LITERALS)


@contextmanager
def _deep_recursion() -> Iterator[None]:
    """Room for `CALL_DEPTH` blocks inside blocks, each of which is a dozen Python calls."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, limits.CALL_DEPTH * 120))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


