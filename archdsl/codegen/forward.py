"""The body of a class: its layers by attribute, and `forward` line by line.

In: a `Block`. Out: `Body`, the layers to construct and straight-line code in which a plain chain reassigns one variable
and a tensor that is needed later has a name that says what it is. How layers are constructed is left to `classes`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from typing import Final, NamedTuple

from archdsl.codegen.expression import WIDTH, render, transposed, uses_of
from archdsl.codegen.layout import NETWORK, flow
from archdsl.codegen.naming import Scope, attribute
from archdsl.codegen.structure import Block, Leaf, Module, Step
from archdsl.codegen.values import Naming, Statement
from archdsl.graph import Graph, Port
from archdsl.ops.base import show_shape

__all__ = ["Body", "Layer", "Line", "Result", "attributes", "body"]

_LONGEST: Final = 3
"""Calls inside each other: `relu(bn(conv(x)))`."""
_ROOM: Final = WIDTH - 24
"""Characters of the templates and modules of one line."""
_FOLLOWS: Final = frozenset({"normalization", "activation", "dropout"})


class Layer(NamedTuple):
    """An attribute of the class and what is constructed for it."""

    attribute: str
    module: Module


class Line(NamedTuple):
    """A line of `forward`; `training` ones run in training only."""

    text: str
    comment: str = ""
    training: bool = False


class Body(NamedTuple):
    """A class to be, without the constructor expressions; `result` is the expression that `forward` returns.

    `outside` is what it returns where the network is not trained, if that is something else.
    """

    layers: tuple[Layer, ...]
    parameters: tuple[str, ...]
    lines: tuple[Line, ...]
    result: str
    outside: str = ""


class Result(NamedTuple):
    """How the network hands its outputs over: the tuple's class, and for each output its field and when it exists.

    `outside` is the class of the tuple where the network is not trained; empty for one tensor, which is no tuple.
    """

    class_name: str
    fields: tuple[str, ...]
    training: tuple[bool, ...]
    outside: str = ""


def body(
    graph: Graph, block: Block, parameters: Sequence[str], taken: Container[str], result: Result | None = None
) -> Body:
    """The body of one block; `parameters` are the names of its inputs, `taken` those that no tensor can have.

    `result` is given for a network that hands over a tuple.
    """
    layers, called = attributes(block)
    running = [step for use in ("always", "training") for step in block.steps if step.use == use]
    facing = NETWORK if block.network else None
    entering = {
        port: facing or wants for port, wants in zip(block.inputs, block.face.wants, strict=True) if wants is not None
    }
    layouts, turned = flow(running, entering)
    uses = Counter(block.outputs)
    for step in running:
        uses.update(step.inputs)
    statements = _statements(graph, running, turned, called, uses)
    fields = result.fields if result else ()
    names = Naming(block, statements, uses, parameters, taken, fields, graph.tensor_labels).names()
    lines = [_line(graph, statement, names) for statement in statements]
    turns = [block.network and layouts.get(port, NETWORK) != NETWORK for port in block.outputs]
    returned = [
        transposed(names[port]) if turn else names[port] for port, turn in zip(block.outputs, turns, strict=True)
    ]
    if result is not None:
        whole = f"{result.class_name}({', '.join(returned)})"
        kept = [text for text, training in zip(returned, result.training, strict=True) if not training]
        outside = f"{result.outside}({', '.join(kept)})" if result.outside else kept[0]
        return Body(layers, tuple(parameters), tuple(lines), whole, outside if any(result.training) else "")
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
    uses = Counter(step.owner for step in block.steps)
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
                shared = uses[step.owner] > 1 and step.label is None
                name = module.title if shared and isinstance(module, Block) else step.name
                owned[step.owner] = scope.claim(attribute(name))
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
    graph: Graph,
    steps: Sequence[Step],
    turned: Sequence[tuple[bool, ...]],
    attributes: dict[int, str],
    uses: Counter[Port],
) -> list[Statement]:
    """Steps gathered into statements: normalisation and activation stand around the layer that they follow."""
    found: list[Statement] = []
    rooms: list[int] = []
    branches = _branches(steps, uses)
    for step, turn in zip(steps, turned, strict=True):
        template = _template(step)
        module = f"self.{attributes[id(step)]}" if id(step) in attributes else ""
        size = len(template) + len(module)
        last = found[-1] if found else None
        fits = last is not None and rooms[-1] + size <= _ROOM
        if last is not None and fits and _folds(graph, last, step, template, uses, branches):
            last.add(step, template, module, turn)
            rooms[-1] += size
            continue
        made = Statement(step, template, module, turn)
        for port in reversed(step.inputs):
            if not found or rooms[-1] + size > _ROOM or not _inlines(found[-1], step, template, port, uses):
                continue
            made.take(found.pop())
            size += rooms.pop()
        found.append(made)
        rooms.append(size)
    return found


def _template(step: Step) -> str:
    return step.module.torch.call if isinstance(step.module, Leaf) else "{m}({all})"


def _branches(steps: Sequence[Step], uses: Counter[Port]) -> set[Port]:
    """The tensors from which a plain chain leads to a place where several come together."""
    found: set[Port] = set()
    for step in reversed(steps):
        joins = len(set(step.inputs)) > 1 and isinstance(step.module, Leaf)
        if joins or (len(step.outputs) == 1 and step.outputs[0] in found):
            found.update(port for port in step.inputs if uses[port] == 1)
    return found


def _folds(graph: Graph, last: Statement, step: Step, template: str, uses: Counter[Port], branches: set[Port]) -> bool:
    """Whether a step can stand around the statement before it."""
    if step.use != last.steps[-1].use or len(last.steps) >= _LONGEST:
        return False
    if len(step.inputs) != 1 or last.outputs != step.inputs or uses[step.inputs[0]] != 1:
        return False
    if uses_of(template, 0) != 1:
        return False
    op = step.module.node.op if isinstance(step.module, Leaf) else None
    if op is not None and op.style in _FOLLOWS:
        return True
    if op is not None and op.weighted and all(_style(before) in _FOLLOWS for before in last.steps):
        return True
    if last.arguments or len(last.steps) > 1 or not _calls(step) or not _calls(last.steps[0]):
        return False
    entering = last.steps[0].inputs
    same = len(entering) == 1 and graph.shape(entering[0])[:-1] == graph.shape(step.inputs[0])[:-1]
    return same and step.outputs[0] in branches


def _inlines(last: Statement, step: Step, template: str, port: Port, uses: Counter[Port]) -> bool:
    """Whether the statement before a join of two can stand in its place there: a single call."""
    if not isinstance(step.module, Leaf) or step.module.torch.init is not None or len(step.inputs) != 2:
        return False
    if any(_style(around) != "dropout" for around in last.steps[1:]) or last.arguments:
        return False
    if last.outputs != (port,) or uses[port] != 1 or last.steps[0].use != step.use:
        return False
    if last.label is not None or not _calls(last.steps[0]):
        return False
    position = step.inputs.index(port)
    return len(last.inputs) == 1 and "{all}" not in template and uses_of(template, position) == 1


def _calls(step: Step) -> bool:
    """Whether a step is the call of a module that does something of its own."""
    return step.plain and _style(step) not in _FOLLOWS


def _style(step: Step) -> str:
    op = step.module.node.op if isinstance(step.module, Leaf) else None
    return op.style if op is not None else ""


def _line(graph: Graph, statement: Statement, names: Mapping[Port, str]) -> Line:
    targets = ", ".join(names[port] for port in statement.outputs)
    before = graph.shape(statement.inputs[0]) if statement.inputs else None
    sizes = dict.fromkeys(graph.shape(port) for port in statement.outputs)
    comment = " and ".join(map(show_shape, sizes)) if list(sizes) != [before] else ""
    training = statement.steps[0].use == "training"
    return Line(f"{targets} = {_expression(statement, names)}", comment, training)


def _expression(statement: Statement, names: Mapping[Port, str]) -> str:
    """What a statement computes, its arguments being one level deep."""
    values: list[str] = []
    for depth, (step, template, module, turn) in enumerate(statement.calls):
        given = values if depth else [_argument(statement, port, names) for port in step.inputs]
        arguments = [transposed(text) if turns else text for text, turns in zip(given, turn, strict=True)]
        values = [render(template, module, arguments)]
    return values[0]


def _argument(statement: Statement, port: Port, names: Mapping[Port, str]) -> str:
    taken = statement.arguments.get(port)
    return names[port] if taken is None else _expression(taken, names)
