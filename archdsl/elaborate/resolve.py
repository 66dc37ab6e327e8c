"""Names that mean nothing, wherever they stand.

In: a parsed file. Out: errors about unknown names, labels and arguments in all of its text: also in blocks that
nothing uses and in branches of conditions that no variant takes, which unrolling never sees. Evaluates nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from archdsl.diagnostics import Collector, nearest
from archdsl.elaborate.functions import FUNCTIONS
from archdsl.elaborate.names import UNLISTED, label_hint, loop_hint
from archdsl.elaborate.program import RESERVED, Program, Unit
from archdsl.ops import registry
from archdsl.ops.base import Op
from archdsl.syntax import tree

__all__ = ["resolve"]

Names = frozenset[str]


def resolve(unit: Unit, program: Program, found: Collector) -> None:
    """Look up every name of a file."""
    _Resolver(unit, program, found).run()


class _Resolver:
    def __init__(self, unit: Unit, program: Program, found: Collector) -> None:
        self._unit = unit
        self._found = found
        parameters = unit.architecture.parameters if unit.architecture else ()
        self._file: Names = frozenset(
            (
                *unit.lets,
                *unit.blocks,
                *unit.shares,
                *(name for _, used in unit.used for name in used.blocks),
                *(parameter.name for parameter in parameters),
                *(statement.name.name for statement in unit.inputs if statement.name),
            )
        )
        self._language: Names = frozenset((*registry.names(), *program.standard_names(), *RESERVED))
        files = (unit.file, *(used.file for _, used in unit.used))
        self._broken = "\n".join(span.text for file in files for span in file.broken)

    def run(self) -> None:
        unit = self._unit
        labels = _labels([*unit.chains, *unit.outputs]) | {"in"}
        labels |= {statement.name.name for statement in unit.inputs if statement.name}
        for forms in unit.blocks.values():
            for block in forms:
                self._block(block, self._file)
        for let in unit.lets.values():
            self._chain(let.value, self._file, labels)
        for share in unit.shares.values():
            self._chain(share.chain, self._file, _labels([share.chain]) | {"in"})
        for chain in [*(s.chain for s in unit.chains), *(s.chain for s in unit.outputs)]:
            self._chain(chain, self._file, labels)
        for output in unit.outputs:
            if output.condition is not None:
                self._expression(output.condition, self._file, labels)
        if unit.architecture is not None:
            self._parameters(unit.architecture.parameters, self._file, frozenset())

    def _parameters(self, parameters: Iterable[tree.Parameter], names: Names, labels: Names) -> None:
        for parameter in parameters:
            if parameter.default is not None:
                self._chain(parameter.default, names, labels)

    def _block(self, block: tree.Block, outer: Names) -> None:
        tensors = {name.name for name in block.tensors or () if name.name != tree.UNNAMED}
        names = outer | {parameter.name for parameter in block.parameters} | tensors
        if isinstance(block.body, tree.Chain):
            labels = _labels([block.body]) | tensors | {"in"}
            self._parameters(block.parameters, names, labels)
            self._chain(block.body, names, labels)
            return
        local = [s for s in block.body if isinstance(s, tree.Let | tree.Share | tree.Block)]
        names |= {statement.name.name for statement in local}
        labels = _labels([s for s in block.body if not isinstance(s, tree.Block)]) | tensors | {"in"}
        self._parameters(block.parameters, names, labels)
        for statement in block.body:
            match statement:
                case tree.ChainStatement(chain=chain) | tree.Share(chain=chain):
                    self._chain(chain, names, labels)
                case tree.Let(value=value):
                    self._chain(value, names, labels)
                case tree.Return(chains=chains):
                    for chain in chains:
                        self._chain(chain, names, labels)
                case tree.Block():
                    self._block(statement, names)
                case _:
                    continue

    # ------------------------------------------------------------ chains and expressions

    def _chain(self, chain: tree.Chain, names: Names, labels: Names) -> None:
        for element in chain.elements:
            inner = names
            for suffix in reversed(element.suffixes):
                if isinstance(suffix, tree.Repeat):
                    self._expression(suffix.over, inner, labels)
                    inner |= {name.name for name in suffix.names}
                elif isinstance(suffix, tree.Assertion):
                    self._expression(suffix.size, inner, labels)
            if isinstance(element.unit, tree.Conditional):
                self._expression(element.unit.condition, inner, labels)
                self._chain(element.unit.then, inner, labels)
                self._chain(element.unit.otherwise, inner, labels)
            else:
                self._expression(element.unit, inner, labels)

    def _expression(self, at: tree.Expression | tree.Geometry, names: Names, labels: Names) -> None:
        match at:
            case tree.Name():
                self._name(at, names, labels)
            case tree.Reference(name=name):
                self._label(at, name, labels)
            case tree.Group(chain=chain):
                self._chain(chain, names, labels)
            case tree.Items(items=items):
                for item in items:
                    self._chain(item, names, labels)
            case tree.Unary(operand=operand):
                self._expression(operand, names, labels)
            case tree.Binary(left=left, right=right):
                self._expression(left, names, labels)
                self._expression(right, names, labels)
            case tree.Attribute(base=base):
                self._expression(base, names, labels)
            case tree.Index(base=base, index=index):
                self._expression(base, names, labels)
                self._expression(index, names, labels)
            case tree.Slice(base=base, first=first, behind=behind):
                for part in (base, first, behind):
                    if part is not None:
                        self._expression(part, names, labels)
            case tree.Geometry(kernel=kernel, stride=stride, padding=padding):
                for part in (kernel, stride, padding):
                    if part is not None:
                        self._expression(part, names, labels)
            case tree.Function(name=name, arguments=arguments):
                if name.name not in FUNCTIONS:
                    self._name(name, names, labels)
                for argument in arguments:
                    self._chain(argument.value, names, labels)
            case tree.Call():
                self._call(at, names, labels)
            case _:
                return

    def _call(self, call: tree.Call, names: Names, labels: Names) -> None:
        self._name(call.name, names, labels)
        kind = registry.lookup(call.name.name) if call.name.name not in names else None
        for argument in call.angles or ():
            self._chain(argument.value, names, labels)
        for chain in call.tensors or ():
            self._chain(chain, names, labels)
        # Behind the brackets of a block stand the arguments of the merge around it, which unrolling reads.
        bare = 0
        for operand in call.operands if call.angles is None else ():
            flag = kind is not None and operand.key is None and self._is_flag(kind, operand.value)
            places = sum(arg.kind in ("window", "positional") for arg in kind.arguments.values()) if kind else 0
            self._operand(kind, operand, names, labels, placed=bare < places)
            bare += operand.key is None and not flag

    @staticmethod
    def _is_flag(kind: type[Op], value: object) -> bool:
        arg = kind.arguments.get(value.name) if isinstance(value, tree.Name) else None
        return arg is not None and arg.kind == "flag"

    def _operand(
        self, kind: type[Op] | None, operand: tree.Operand, names: Names, labels: Names, *, placed: bool
    ) -> None:
        """Look into one argument of an op; `placed` where the op has a place left for a bare value."""
        value = operand.value
        if kind is not None and operand.key is not None and operand.key.name not in kind.arguments:
            close = nearest(operand.key.name, kind.arguments)
            hint = f"did you mean `{close}`? " if close else ""
            self._found.error(
                "unknown-argument",
                f"`{kind.name}` has no argument `{operand.key.name}`",
                operand.key.span,
                hint=f"{hint}its signature is {kind.signature()}",
            )
            if isinstance(value, tree.Name):
                return  # a word of the argument that was meant, perhaps
        if isinstance(value, tree.Name) and kind is not None:
            words = {word for arg in kind.arguments.values() for word in getattr(arg.read, "words", ())}
            if self._is_flag(kind, value) or value.name in words:
                return
            if operand.key is None and not placed:
                return  # a mistyped flag, perhaps: binding says so
        self._expression(value, names, labels)

    def _lost(self, word: str) -> bool:
        """Whether a word stands in a statement that could not be read, so that missing it is no second mistake."""
        return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", self._broken) is not None

    def _name(self, name: tree.Name, names: Names, labels: Names) -> None:
        if name.name in names or name.name in self._language or name.name in FUNCTIONS:
            return
        if self._found.full or self._lost(name.name):
            return
        known = sorted(names | self._language | {"true", "false"})
        close = registry.familiar(name.name) or nearest(name.name, known)
        if name.name in labels:
            hint = f"`{name.name}` is a label: write `@{name.name}`"
        else:
            from archdsl.ops.elsewhere import word_hint

            hint = loop_hint(name) or word_hint(name.name, close) or UNLISTED
        self._found.error("unknown-name", f"there is no op, block or value `{name.name}`", name.span, hint=hint)

    def _label(self, at: tree.Reference, name: str, labels: Names) -> None:
        if name not in labels and not self._found.full and not self._lost(f"@{name}"):
            hint = label_hint(name, labels)
            self._found.error("unknown-label", f"there is no label `@{name}` here", at.span, hint=hint)


def _labels(roots: object) -> Names:
    """Every label written below some nodes."""
    return frozenset(
        node.name for node in tree.walk(roots) if isinstance(node, tree.Label) and node.name != tree.UNNAMED
    )
