"""What the names of a text stand for in one run.

In: a name and the scope in which it stands. Out: its value, or `Poisoned` after it has been reported: values of the
scope, then the blocks and values of the file, the ops, the standard blocks. Running what they stand for is left to
the builder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from archdsl import limits
from archdsl.diagnostics import Collector, Span, nearest
from archdsl.elaborate.choices import Site, Unresolved
from archdsl.elaborate.evaluator import Evaluator
from archdsl.elaborate.functions import FUNCTIONS
from archdsl.elaborate.program import Program, Unit
from archdsl.elaborate.values import (
    BlockValue,
    ChainValue,
    Defaults,
    OpValue,
    Poisoned,
    Scope,
    ShareValue,
    Stop,
    Tensors,
    Value,
    WordValue,
)
from archdsl.ops import registry
from archdsl.syntax import tree
from archdsl.syntax.layout import STATEMENT_WORDS

__all__ = ["UNLISTED", "Names", "label_hint", "label_ports", "loop_hint"]

UNLISTED = "`archdsl ops` lists the ops and the standard blocks"
_NEAR = 400
"""Characters behind an unknown name in which a repeat that has it is looked for."""


class Names:
    """The names of one run, with the choices it has made among what the text leaves open."""

    def __init__(self, program: Program, unit: Unit, found: Collector, choices: Mapping[int, tuple[Site, int]]) -> None:
        self.found = found
        self.default_names: set[str] = {default.name.name for default in unit.defaults}
        """Ops of which some `default` sets arguments."""
        self._program = program
        self._unit = unit
        self._choices = choices
        self._scopes: dict[int, tuple[Unit, Scope]] = {}
        self._units: dict[int, Unit] = {}
        self._evaluating: set[int] = set()
        self.evaluator = Evaluator(self)

    def scope_of(self, unit: Unit) -> Scope:
        """The scope of a file's own names in this run."""
        held = self._scopes.get(id(unit))
        if held is None:
            scope = Scope(None, True, defaults=Defaults(unit.defaults))
            self._scopes[id(unit)] = (unit, scope)
            self._units[id(scope)] = unit
            self.default_names.update(default.name.name for default in unit.defaults)
            return scope
        return held[1]

    def own_blocks(self, home: Scope) -> Mapping[str, Sequence[tree.Block]]:
        """The blocks that the file of a scope defines."""
        return self._units[id(home)].blocks

    def lookup(self, name: tree.Name, scope: Scope) -> Value:
        text = name.name
        value = self.find(text, scope)
        if value is None:
            self._unknown(name, scope)
            raise Poisoned
        return value

    def find(self, text: str, scope: Scope) -> Value | None:
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
        if text in ("id", "first"):
            return WordValue(text)
        if self._lost_block(text, unit):
            raise Poisoned
        standard = self._program.standard(text)
        if standard is not None and text in standard.blocks:
            return BlockValue(tuple(standard.blocks[text]), self.scope_of(standard))
        plugin = registry.lookup_plugin(text)
        return OpValue(plugin) if plugin is not None else None

    @staticmethod
    def _lost_block(text: str, unit: Unit) -> bool:
        """Whether a file defines a block that could not be read, for which no standard block of its name may stand."""
        return any(re.match(rf"block\s+{text}\b", span.text) for span in unit.file.broken)

    def _let(self, let: tree.Let, scope: Scope) -> Value:
        if id(let) in self._evaluating:
            raise self.evaluator.fail(
                "cyclic-let",
                f"`{let.name.name}` is defined by itself",
                let.name.span,
                "give one of the values a number",
            )
        if len(self._evaluating) >= limits.CALL_DEPTH:
            self.found.error(
                "limit-depth",
                f"values are defined by values more than {limits.CALL_DEPTH} deep",
                let.name.span,
                hint="compute the first of them before the others: write what others build on first",
            )
            raise Stop
        self._evaluating.add(id(let))
        name = let.name.name
        try:
            value = self.evaluator.argument(let.value, scope)
        except Poisoned:
            scope.variables[name] = None
            raise
        finally:
            self._evaluating.discard(id(let))
        scope.variables[name] = value
        return value

    def check_lets(self, scope: Scope) -> None:
        """Evaluate what no chain has asked for, so that a mistake in it is found as well."""
        for name, let in self._unit.lets.items():
            if name not in scope.variables:
                try:
                    self._let(let, scope)
                except Poisoned:
                    continue

    def is_known(self, name: str, scope: Scope) -> bool:
        try:
            return self.find(name, scope) is not None
        except Poisoned:
            return True

    def is_callable(self, name: str, scope: Scope) -> bool:
        try:
            value = self.find(name, scope)
        except Poisoned:
            return False
        return isinstance(value, OpValue | BlockValue | ShareValue | ChainValue | WordValue)

    def lost(self, word: str) -> bool:
        """Whether a word stands in a statement that could not be read, so that missing it is no second mistake."""
        pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
        files = [unit.file for unit, _ in self._scopes.values()]
        broken = [span for file in files for span in file.broken]
        unread = any(span.start == 0 and span.end == len(span.source.text) for span in broken)
        return unread or any(pattern.search(span.text) for span in broken)

    def _unknown(self, name: tree.Name, scope: Scope) -> None:
        message = f"there is no op, block or value `{name.name}`"
        if self.found.full:
            self.found.error("unknown-name", message, name.span)
            return
        if self.lost(name.name) or any(name.name in unit.refused for unit, _ in self._scopes.values()):
            return
        words = ("id", "first", "choice", "true", "false")
        known = {*words, *FUNCTIONS, *registry.names(), *self._program.standard_names()}
        if name.span.column == 1:
            known.update(STATEMENT_WORDS)  # `imput 32x32x3` reads as a layer with an argument
        at: Scope | None = scope
        while at is not None:
            known.update(at.variables)
            if at.parent is None:
                unit = self._units[id(at)]
                known.update((*unit.lets, *unit.blocks, *unit.shares, *(b for _, u in unit.used for b in u.blocks)))
            at = at.parent
        close = registry.familiar(name.name) or nearest(name.name, sorted(known))
        where = label_ports(name.name, scope)
        if where is not None:
            hint = f"`{name.name}` is a label: write `@{name.name}`"
        else:
            from archdsl.ops.elsewhere import word_hint

            hint = loop_hint(name) or word_hint(name.name, close) or UNLISTED
        self.found.error("unknown-name", message, name.span, hint=hint)

    def unknown_label(self, unit: tree.Reference, scope: Scope) -> None:
        """Report a label that nothing gives, unless the statement that may give it could not be read."""
        message = f"there is no label `@{unit.name}` here"
        if self.found.full:
            self.found.error("unknown-label", message, unit.span)
            return
        if self.lost(f"@{unit.name}"):
            return
        known: set[str] = set()
        at: Scope | None = scope
        while at is not None:
            known.update(at.labels)
            at = None if at.boundary else at.parent
        hint = label_hint(unit.name, known)
        if not nearest(unit.name, known) and unit.name != tree.UNNAMED:
            text, written = unit.span.source.text, re.compile(rf"[^\s(|,<] *@{unit.name}\b")
            if written.search(text, unit.span.end):
                hint = "it is given further down: a chain can only start at what stands above it; or inside a block"
            elif written.search(text, 0, unit.span.start):
                hint = (
                    "it is given inside a block, whose labels are its own, in a repeat of no turns, or in an arm of a "
                    "condition that is not taken; a label of both arms stands behind them: (if a then b else c) @y"
                )
        self.found.error("unknown-label", message, unit.span, hint=hint)

    def defaults_before(self, name: str, span: Span, scope: Scope) -> list[tuple[tree.Default, Scope]]:
        """The `default`s that stand before an op in its file and in the bodies around it, outer ones first."""
        found: list[tuple[tree.Default, Scope]] = []
        at: Scope | None = scope
        while at is not None:
            if at.defaults is not None:
                found[:0] = [(default, at) for default in at.defaults.before(name, span.start)]
            at = at.parent
        return found

    def option(self, unit: tree.Call | tree.Function) -> int:
        taken = self._choices.get(id(unit))
        if taken is None:
            raise Unresolved(unit)
        return taken[1]

    def chosen(self, site: tree.Function, scope: Scope) -> tree.Chain:
        if not site.arguments:
            raise self.evaluator.fail("missing-argument", "`one_of` needs options", site.span, "one_of(128, 256)")
        return site.arguments[self.option(site)].value


def loop_hint(name: tree.Name) -> str:
    """What to write where a name stands in the same statement before the element that is repeated with it."""
    near = name.span.source.text[name.span.end : name.span.end + _NEAR]
    behind = re.split(r"\n(?!\s*(?:->|\||::|x))", near, maxsplit=1)[0]
    if re.search(rf"\bx\((?:{name.name}\b|\([^()]*\b{name.name}\b[^()]*\)) in\b", behind) is None:
        return ""
    return f"a repeat is of the one element before it: put all that has `{name.name}` in parentheses, (a -> b) x(…)"


def label_ports(name: str, scope: Scope) -> Tensors | None:
    """What a label stands for: looked for from a scope up to the file or the instance of the block around it."""
    at = scope
    while True:
        if name in at.labels:
            return at.labels[name]
        if at.boundary or at.parent is None:
            return None
        at = at.parent


def label_hint(name: str, known: Iterable[str]) -> str:
    """What to write in place of a label that is unknown where others are known."""
    if name == tree.UNNAMED:
        return "`@_` stands behind a layer, for a tensor that is thrown away; give it a name there"
    close = nearest(name, sorted(known))
    return f"did you mean `@{close}`?" if close else "a label is written behind a layer: conv 3x3 64 @a"
