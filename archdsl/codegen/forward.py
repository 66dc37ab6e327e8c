"""The body of a class: its layers by attribute, and `forward` line by line.

In: a `Block`. Out: `Body`, the layers to construct and straight-line code in which a plain chain reassigns one variable
and a tensor that is needed later has a name that says what it is. How layers are constructed is left to `classes`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Final

from archdsl.codegen.expression import WIDTH, render, transposed, uses_of
from archdsl.codegen.layout import NETWORK, flow
from archdsl.codegen.naming import Scope, attribute
from archdsl.codegen.structure import Block, Leaf, Module, Step
from archdsl.codegen.values import Statement, name_values
from archdsl.graph import Graph, Port
from archdsl.ops.base import show_shape

__all__ = ["Body", "Layer", "Line", "Result", "attributes", "body"]

_LONGEST: Final = 3
"""Calls inside each other: `relu(bn(conv(x)))`."""
_FOLLOWS: Final = frozenset({"normalization", "activation", "dropout"})


@dataclass(frozen=True, slots=True)
class Layer:
    """An attribute of the class and what is constructed for it."""

    attribute: str
    module: Module


@dataclass(frozen=True, slots=True)
class Line:
    """A line of `forward`; `training` ones run in training only."""

    text: str
    comment: str = ""
    training: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """A class to be, without the constructor expressions; `result` is the expression that `forward` returns."""

    layers: tuple[Layer, ...]
    parameters: tuple[str, ...]
    lines: tuple[Line, ...]
    result: str


@dataclass(frozen=True, slots=True)
class Result:
    """How the network hands its outputs over: the tuple's class, and for each output its field and when it exists."""

    class_name: str
    fields: tuple[str, ...]
    training: tuple[bool, ...]


def body(
    graph: Graph, block: Block, parameters: Sequence[str], taken: Container[str], result: Result | None = None
) -> Body:
    """The body of one block; `parameters` are the names of its inputs, `taken` those that no tensor can have.

    `result` is given for a network that hands over a tuple.
    """
    layers, called = attributes(block)
    running = [step for step in block.steps if step.use != "never"]
    outside = NETWORK if block.network else None
    entering = {
        port: outside or wants for port, wants in zip(block.inputs, block.face.wants, strict=True) if wants is not None
    }
    layouts, turned = flow(running, entering)
    uses = Counter(block.outputs)
    for step in running:
        uses.update(step.inputs)
    statements = _statements(running, turned, called, uses)
    names = name_values(block, statements, uses, parameters, taken, result.fields if result else ())
    lines = [_line(graph, statement, names.of) for statement in statements]
    if names.absent:
        first = next(index for index, line in enumerate(lines) if line.training)
        lines.insert(first, Line(" = ".join([*names.absent, "None"])))
    returned = []
    for position, port in enumerate(block.outputs):
        text = names.of[port]
        if port in layouts and block.network and layouts[port] != NETWORK:
            if text in names.absent:
                turning = Line(f"{text} = {transposed(text)}", training=True)
                lines += [turning] if turning not in lines else []
            else:
                text = transposed(text)
        if result is not None and result.training[position] and names.of[port] not in names.absent:
            text = f"{text} if self.training else None"
        returned.append(text)
    if result is not None:
        return Body(layers, tuple(parameters), tuple(lines), f"{result.class_name}({', '.join(returned)})")
    value = ", ".join(returned)
    if lines and len(returned) == 1 and lines[-1].text.startswith(f"{value} = ") and not lines[-1].training:
        last = lines.pop()
        lines.append(Line("return " + last.text.removeprefix(f"{value} = "), last.comment))
        return Body(layers, tuple(parameters), tuple(lines), "")
    return Body(layers, tuple(parameters), tuple(lines), value)


def attributes(block: Block) -> tuple[tuple[Layer, ...], dict[int, str]]:
    """The attributes of a class, and for each step (by its identity) which one it calls.

    Uses of shared weights have one attribute, and so have equal layers without weights, such as every `nn.ReLU()`.
    """
    scope = Scope()
    owned: dict[int, str] = {}
    found: dict[int, str] = {}
    plain: dict[str, str] = {}
    kinds = _kinds(block)
    layers: list[Layer] = []
    for step in block.steps:
        module = step.module
        stateless = isinstance(module, Leaf) and module.stateless
        if isinstance(module, Leaf) and stateless and step.use != "never" and module.torch.init is not None:
            init = module.torch.init
            if init not in plain:
                name = module.node.kind if len(kinds[module.node.kind]) == 1 else step.name
                plain[init] = scope.claim(attribute(name))
                layers.append(Layer(plain[init], module))
            found[id(step)] = plain[init]
        elif not stateless:
            if step.owner not in owned:
                owned[step.owner] = scope.claim(attribute(step.name))
                layers.append(Layer(owned[step.owner], module))
            found[id(step)] = owned[step.owner]
    return tuple(layers), found


def _kinds(block: Block) -> dict[str, set[str]]:
    """The different constructor expressions of the layers without weights, by op."""
    found: dict[str, set[str]] = {}
    for step in block.steps:
        module = step.module
        if isinstance(module, Leaf) and module.stateless and module.torch.init is not None:
            found.setdefault(module.node.kind, set()).add(module.torch.init)
    return found


def _statements(
    steps: Sequence[Step], turned: Sequence[tuple[bool, ...]], attributes: dict[int, str], uses: Counter[Port]
) -> list[Statement]:
    """Steps gathered into statements: normalisation and activation stand around the layer that they follow."""
    found: list[Statement] = []
    room = 0
    for step, turn in zip(steps, turned, strict=True):
        template = _template(step)
        module = f"self.{attributes[id(step)]}" if id(step) in attributes else ""
        size = len(template) + len(module)
        last = found[-1] if found else None
        if last is not None and room + size <= WIDTH - 24 and _folds(last, step, template, uses):
            last.add(step, template, module, turn)
            room += size
        else:
            found.append(Statement(step, template, module, turn))
            room = size
    return found


def _template(step: Step) -> str:
    return step.module.torch.call if isinstance(step.module, Leaf) else "{m}({all})"


def _folds(last: Statement, step: Step, template: str, uses: Counter[Port]) -> bool:
    """Whether a step can stand around the statement before it."""
    if not isinstance(step.module, Leaf) or step.use != last.steps[-1].use or len(last.steps) >= _LONGEST:
        return False
    if len(step.inputs) != 1 or last.outputs != step.inputs or uses[step.inputs[0]] != 1:
        return False
    if uses_of(template, 0) != 1 or step.module.node.op is None:
        return False
    op = step.module.node.op
    return op.style in _FOLLOWS or (op.weighted and all(_style(before) in _FOLLOWS for before in last.steps))


def _style(step: Step) -> str:
    op = step.module.node.op if isinstance(step.module, Leaf) else None
    return op.style if op is not None else ""


def _line(graph: Graph, statement: Statement, names: dict[Port, str]) -> Line:
    values: list[str] = []
    for depth, (step, template, module, turn) in enumerate(statement.calls):
        given = values if depth else [names[port] for port in step.inputs]
        arguments = [transposed(text) if turns else text for text, turns in zip(given, turn, strict=True)]
        values = [render(template, module, arguments)]
    targets = ", ".join(names[port] for port in statement.outputs)
    before = graph.shape(statement.inputs[0]) if statement.inputs else None
    sizes = dict.fromkeys(graph.shape(port) for port in statement.outputs)
    comment = " and ".join(map(show_shape, sizes)) if list(sizes) != [before] else ""
    return Line(f"{targets} = {values[0]}", comment, statement.training)
