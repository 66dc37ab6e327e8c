"""Tree to checked graph: blocks, repeats, conditions, variants and choices unrolled, every size found on the way.

In: a `Unit` with a variant, settings and choices. Out: nodes and outputs; every mistake is reported, what depends on
it is poisoned (a port that is None), and the rest is checked all the same. Does not check claims or recipes, and
counts nothing.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from archdsl import limits
from archdsl.diagnostics import Collector, Note, Span
from archdsl.elaborate.calls import Calls, Located
from archdsl.elaborate.choices import Site
from archdsl.elaborate.family import Family
from archdsl.elaborate.names import Names
from archdsl.elaborate.program import Program, Unit
from archdsl.elaborate.units import Units
from archdsl.elaborate.values import POISON, Poisoned, Scope, SizeValue, Tensors
from archdsl.graph import Node, Output, Port
from archdsl.ops.base import Shape, show_shape
from archdsl.syntax import tree
from archdsl.syntax.layout import STATEMENT_WORDS

__all__ = ["Builder", "Built"]

_IMAGE_CHANNELS = (1, 3)
_IMAGE = 16
"""The side from which a size that begins with an image's channels is taken for one of PyTorch."""


class Built(NamedTuple):
    """What one elaboration found, right or not."""

    nodes: list[Node]
    outputs: list[Output]
    labels: dict[str, Port]
    tensor_labels: dict[Port, str]


class Builder(Units):
    """One elaboration of one file under one assignment of its choices."""

    def __init__(self, program: Program, unit: Unit, found: Collector, choices: Mapping[int, tuple[Site, int]]) -> None:
        name = unit.architecture.name.name if unit.architecture else "network"
        calls: Calls = []
        super().__init__(name, Names(program, unit, Located(found, calls), choices), calls)
        self._unit = unit
        self._family = Family(unit, self._parameters, self.found)

    def build(
        self,
        variant: str | None,
        settings: Mapping[str, tree.Chain],
        inputs: Mapping[str | None, Shape],
        *,
        stated: bool,
    ) -> Built | None:
        """Unroll the file; `stated`: compare the sizes that it states. None where the parameters of the architecture
        cannot be bound.
        """
        scope = self.names.scope_of(self._unit)
        with self._deep_recursion():
            try:
                scope.variables.update(self._family.parameters(variant, settings, scope))
            except Poisoned:
                return None
            self._compares_sizes = stated
            current = self._inputs(scope, inputs)
            if self._lost_first_chain():
                current = POISON
            for default in self._unit.defaults:
                self._check_default(default, scope)
            result = self._statements(self._unit.chains, scope, current)
            outputs = self._outputs(scope, result)
            self.names.check_lets(scope)
        labels = {name: ports[0] for name, ports in scope.labels.items() if len(ports) == 1 and ports[0] is not None}
        return Built(self.nodes, outputs, labels, self.tensor_labels)

    def _inputs(self, scope: Scope, overrides: Mapping[str | None, Shape]) -> Tensors:
        statements = self._unit.inputs
        if not statements and self.names.lost("input"):
            return POISON
        if not statements:
            place = self._unit.architecture.span if self._unit.architecture else Span(self._unit.file.source, 0, 0)
            self.found.error("missing-input", "the network has no `input`", place, hint="input 224x224x3")
            return POISON
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
                if shape is not None:
                    self._order(shape, statement)
            port: Port | None = None
            if shape is not None:
                port = self._append(None, (), (), (shape,), name, statement.span)
            ports.append(port)
            if name is not None:
                scope.labels[name] = (port,)
                scope.variables.setdefault(name, SizeValue(shape))
        for name in left:
            self.found.error(
                "unknown-name",
                f"there is no input `{name}`" if name else "there are several inputs: say which",
                statements[0].span,
                hint=f"the inputs are {', '.join(s.name.name for s in statements if s.name)}"
                if any(s.name for s in statements)
                else "this network's input has no name: --input 64x64x3",
            )
        scope.labels["in"] = tuple(ports)
        scope.entering = tuple(SizeValue(self._shape(port)) for port in ports)
        return tuple(ports)

    def _order(self, shape: Shape, statement: tree.Input) -> None:
        """Warn of a size as PyTorch writes it: 3x224x224 would be 224 channels of three rows."""
        if len(shape) == 3 and shape[0] in _IMAGE_CHANNELS and shape[1] == shape[2] >= _IMAGE:
            usual = show_shape((shape[1], shape[2], shape[0]))
            self.found.warning(
                "channels-first",
                f"{show_shape(shape)} is {shape[0]} {'row' if shape[0] == 1 else 'rows'} of {shape[1]} positions with "
                f"{shape[2]} channels",
                statement.size.span,
                hint=f"channels come last here: input {usual}",
            )

    def _outputs(self, scope: Scope, result: Tensors | None) -> list[Output]:
        """Those of the last chain first, unless each of its tensors has a name of its own as an output."""
        made: list[Output] = []
        if result is None and self._unit.file.broken:
            result = POISON
        if result is None:
            place = self._unit.architecture.span if self._unit.architecture else Span(self._unit.file.source, 0, 0)
            self.found.error(
                "missing-chain",
                "the file has no chain, so there is no network",
                place,
                hint="conv 3x3+1 64 -> relu -> …",
            )
        else:
            made += _numbered("output", result, training=False)
        last = len(made)
        seen: dict[str, Span] = {}
        for statement in self._unit.outputs:
            name = statement.name.name
            try:
                if statement.condition is not None and not self._evaluator.condition(statement.condition, scope):
                    continue
            except Poisoned:
                continue
            if name in seen or name in {output.name for output in made}:
                self.found.error(
                    "duplicate-name",
                    f"the output `{name}` is defined twice",
                    statement.name.span,
                    notes=[Note("it was defined first here", seen[name])] if name in seen else [],
                    hint="the last chain of the file is the output `output`" if name not in seen else "rename one",
                )
                continue
            seen[name] = statement.name.span
            training = statement.modifier is not None
            if statement.modifier is not None and statement.modifier.name != "training":
                self.found.error(
                    "unknown-name",
                    f"an output is not `{statement.modifier.name}`",
                    statement.modifier.span,
                    hint=f"output {name} training = … exists in training only",
                )
            new = _numbered(name, self._chain(statement.chain, scope, None), training=training)
            taken = {output.name for output in made}
            doubled = next((output.name for output in new if output.name in taken), None)
            if doubled is not None:
                self.found.error(
                    "duplicate-name",
                    f"the output `{doubled}` is defined twice",
                    statement.span,
                    hint=f"`{name}` is {len(new)} tensors, the outputs {new[0].name} to {new[-1].name}: rename one",
                )
                continue
            made += new
        named = {output.port for output in made[last:] if not output.training}
        return made[last:] if {output.port for output in made[:last]} <= named else made

    def _lost_first_chain(self) -> bool:
        """Whether the chain that starts at the input may be one that could not be read."""
        first = self._unit.chains[0].span.start if self._unit.chains else 0
        words = (re.match(r"\w*", span.text) for span in self._unit.file.broken if span.start < first)
        return any(word is not None and word[0] not in STATEMENT_WORDS for word in words)

    @contextmanager
    def _deep_recursion(self) -> Iterator[None]:
        """Room for `CALL_DEPTH` blocks inside blocks, each of which is a dozen Python calls."""
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(max(before, limits.CALL_DEPTH * 120))
        try:
            yield
        except RecursionError:
            # Definitions of values in definitions of values, each of them deep in brackets.
            architecture = self._unit.architecture
            self._too_deep(architecture.span if architecture else Span(self._unit.file.source, 0, 0))
        finally:
            sys.setrecursionlimit(before)


def _numbered(name: str, tensors: Tensors, *, training: bool) -> list[Output]:
    """One output, or of several tensors as many: heat1, heat2, …"""
    names = [name] if len(tensors) == 1 else [f"{name}{i + 1}" for i in range(len(tensors))]
    return [Output(each, port, training) for each, port in zip(names, tensors, strict=True) if port is not None]
