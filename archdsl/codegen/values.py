"""Names for the tensors of a `forward`.

In: statements in order, with what they read and make. Out: a variable for every tensor, such that none is overwritten
while something later reads it. A plain chain keeps one name, a labelled tensor that lives on has its label, branches
are named for the place where they come together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence

from archdsl.codegen.naming import variable
from archdsl.codegen.postdominators import immediate_postdominators
from archdsl.codegen.structure import Block, Leaf, Step
from archdsl.graph import Port

__all__ = ["Naming", "Statement"]


class Statement:
    """One line of `forward`: a step, those that stand around it, and those that stand among its arguments."""

    def __init__(self, step: Step, template: str, module: str, turn: tuple[bool, ...]) -> None:
        self.calls = [(step, template, module, turn)]
        self.arguments: dict[Port, Statement] = {}

    def add(self, step: Step, template: str, module: str, turn: tuple[bool, ...]) -> None:
        """Put one more call around the others."""
        self.calls.append((step, template, module, turn))

    def take(self, argument: Statement) -> None:
        """Write another statement in place of what it makes."""
        self.arguments[argument.outputs[0]] = argument

    @property
    def steps(self) -> list[Step]:
        """From the innermost call outwards."""
        return [call[0] for call in self.calls]

    @property
    def inputs(self) -> tuple[Port, ...]:
        """What it reads."""
        found: list[Port] = []
        for port in self.calls[0][0].inputs:
            found += self.arguments[port].inputs if port in self.arguments else (port,)
        return tuple(found)

    @property
    def outputs(self) -> tuple[Port, ...]:
        """What it makes."""
        return self.calls[-1][0].outputs

    @property
    def label(self) -> str | None:
        """The label of what it makes."""
        return self.calls[-1][0].label


class Naming:
    """The variables of one block; `fields` names the results of a network that hands over a tuple.

    `labels` are those of tensors that leave one place together.
    """

    def __init__(
        self,
        block: Block,
        statements: Sequence[Statement],
        uses: Counter[Port],
        parameters: Sequence[str],
        taken: Container[str],
        fields: Sequence[str],
        labels: Mapping[Port, str],
    ) -> None:
        self._labels = labels
        self._block = block
        self._statements = statements
        self._uses = uses
        self._parameters = parameters
        self._taken = taken
        self._maker = {port: i for i, statement in enumerate(statements) for port in statement.outputs}
        self._readers: dict[Port, list[int]] = {}
        for index, statement in enumerate(statements):
            for port in dict.fromkeys(statement.inputs):
                self._readers.setdefault(port, []).append(index)
        end = len(statements)
        self._last = {port: readers[-1] for port, readers in self._readers.items()}
        self._last.update(dict.fromkeys(block.outputs, end))
        self._results = self._name_results(fields)
        joins = [
            [reader for port in statement.outputs for reader in self._readers.get(port, ())]
            + [end for port in statement.outputs if port in self._results]
            for statement in statements
        ]
        self._joins = immediate_postdominators(joins)
        self._wishes: dict[Port, str] = {}
        self._flows: dict[Port, str] = {}

    def _name_results(self, fields: Sequence[str]) -> dict[Port, str]:
        outputs = self._block.outputs
        if len(outputs) == 1 and not fields:
            return {outputs[0]: "x"}
        names = list(fields) or [f"y{number}" for number in range(1, len(outputs) + 1)]
        found: dict[Port, str] = {}
        for position, (port, name) in enumerate(zip(outputs, names, strict=True)):
            maker = self._statements[self._maker[port]] if port in self._maker else None
            label = self._labels.get(port) or (maker.label if maker is not None else None)
            wish = variable(label if label and not fields else name, self._taken)
            found.setdefault(port, "x" if fields and position == 0 else wish)
        return found

    def names(self) -> dict[Port, str]:
        """The variable of every tensor."""
        for statement in reversed(self._statements):
            for position, port in enumerate(statement.outputs):
                self._wishes[port] = self._wish(statement, position, port)
        of = dict(zip(self._block.inputs, self._parameters, strict=True))
        holder = {name: port for port, name in of.items()}
        for index, statement in enumerate(self._statements):
            for position, port in enumerate(statement.outputs):
                name = self._free(port, index, holder, statement, position)
                of[port] = name
                holder[name] = port
        return of

    def _free(self, port: Port, index: int, holder: dict[str, Port], statement: Statement, position: int) -> str:
        """The wished name, or the first like it that holds nothing which is still read."""
        if port not in self._last:
            return "_"
        wish = self._wishes[port]
        candidates = [wish]
        if wish in ("x", "y"):
            candidates.append(self._own_name(statement, position))
        stem = candidates[-1].rstrip("_")
        number = 1
        while True:
            for name in candidates:
                held = holder.get(name)
                if held is None or (self._last.get(held, -1) <= index and held not in statement.outputs):
                    return name
            number += 1
            candidates = [f"{stem}{number}"]

    def _wish(self, statement: Statement, position: int, port: Port) -> str:
        """What a tensor would best be called, all later ones having been asked."""
        self._flows[port] = flow = self._flow(statement, position, port)
        readers = self._readers.get(port, [])
        lives_on = self._uses[port] > 1 or (bool(readers) and readers[0] != self._maker[port] + 1)
        if port in self._results or port not in self._last:
            return flow
        label = self._labels.get(port) or (statement.label if position == 0 and lives_on else None)
        return flow if label is None else self._variable(label)

    def _flow(self, statement: Statement, position: int, port: Port) -> str:
        """What the chain is called in which a tensor stands."""
        if port in self._results:
            return self._results[port]
        readers = self._readers.get(port, [])
        if not readers:
            return "_"
        index = self._maker[port]
        if len(statement.outputs) > 1 and (self._uses[port] > 1 or readers[0] != index + 1):
            return self._own_name(statement, position)
        if self._uses[port] == 1:
            return self._onward(statement, position, port, readers[0])
        join = self._joins[index]
        return self._first_flow(self._statements[join]) if join < len(self._statements) else "x"

    def _first_flow(self, statement: Statement) -> str:
        flow = self._flows[statement.outputs[0]]
        return "x" if flow == "_" or len(statement.outputs) > 1 else flow

    def _onward(self, statement: Statement, position: int, port: Port, reader: int) -> str:
        """The name of a tensor that is read once: that of what is made from it, or of a branch."""
        joined = self._statements[reader]
        inputs = list(dict.fromkeys(joined.inputs))
        if len(inputs) == 1:
            return self._first_flow(joined)
        branches = [
            other for other in inputs if self._uses[other] == 1 and other in self._maker and other not in self._labels
        ]
        called = all(other in self._maker and self._is_call(self._statements[self._maker[other]]) for other in inputs)
        if len(statement.outputs) > 1 or (called and len(inputs) == 2):
            return self._own_name(statement, position)
        if len(branches) == 1:
            flow = self._first_flow(joined)
            return flow if all(self._is_named(other, flow) for other in inputs if other != port) else "y"
        return f"branch{joined.inputs.index(port) + 1}"

    def _is_named(self, port: Port, flow: str) -> bool:
        """Whether a tensor has a name of the text, and another one than the chain."""
        if port in self._block.inputs:
            return self._parameters[self._block.inputs.index(port)] != flow
        return port in self._labels or bool(self._statements[self._maker[port]].label)

    def _is_call(self, statement: Statement) -> bool:
        """Whether a statement is all of a branch, and the call of a block."""
        continues = any(self._uses[port] == 1 and port in self._maker for port in statement.inputs)
        return not continues and len(statement.steps) == 1 and not isinstance(statement.steps[0].module, Leaf)

    def _own_name(self, statement: Statement, position: int) -> str:
        step = statement.steps[-1]
        stateless = isinstance(step.module, Leaf) and step.module.stateless and step.label is None
        name = step.module.node.kind if stateless and isinstance(step.module, Leaf) else step.name
        several = len(statement.outputs) > 1
        return variable(f"{name}_{position + 1}" if several else name, self._taken)

    def _variable(self, label: str) -> str:
        """A label as a variable; one named as the chain is has that name where the chain leaves it free."""
        return label if label == "x" else variable(label, self._taken)
