"""A checked graph as a file of PyTorch that a person would read, own and edit.

In: an `archdsl.graph.Graph`. Out: the text of a Python file that needs torch and the standard library alone: a
docstring with the facts and the `.arch` text, the layers that PyTorch lacks, a class for each block, the network.
Writing it needs no torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from archdsl.codegen import helpers
from archdsl.codegen.classes import Class, Construction, classes
from archdsl.codegen.expression import WIDTH, free_names, wrap
from archdsl.codegen.forward import Line, Result
from archdsl.codegen.helpers import Helper
from archdsl.codegen.inplace import in_place
from archdsl.codegen.naming import Scope, class_name, field_name, variable
from archdsl.codegen.structure import structure
from archdsl.graph import Graph
from archdsl.ops.base import Torch, show_shape, torch_shape

__all__ = ["network_class", "source"]

_MODULES: Final = {
    "F": "import torch.nn.functional as F",
    "math": "import math",
    "torch": "import torch",
    "NamedTuple": "from typing import NamedTuple",
    "Tensor": "from torch import Tensor",
    "nn": "from torch import nn",
}


def source(graph: Graph, *, flat: bool = False) -> str:
    """The network as the text of a Python file.

    A graph of `conv 11x11/4 96 -> relu` on 227x227x3 gives a class whose constructor has
    `self.conv = nn.Conv2d(3, 96, 11, stride=4)` and whose `forward` takes (N, 3, 227, 227) to (N, 96, 55, 55).

    - `graph`: a checked network.
    - `flat`: one class with every layer in it, instead of a class a block.

    One output is returned as a tensor, several as a named tuple. Outputs that exist in training only come with the
    others in a named tuple while the network is trained; in evaluation the others are returned as if there were no
    more, a single one as a tensor. The same graph gives the same bytes.
    """
    torches = _torches(graph)
    found = _helpers(torches)
    taken = _taken(torches, found)
    name = _network_class(graph, found)
    result = _result(graph, name)
    if result is not None:
        taken = taken | {result.class_name, result.outside}
    network = in_place(structure(graph, flat=flat))
    parameters = _parameters(graph, taken)
    parts = [_class(entry, result) for entry in classes(graph, network, name, parameters, taken, result)]
    if result is not None:
        parts[-1:-1] = _result_classes(result)
    parts = [helper.text for helper in found] + parts
    sections = [_docstring(graph), _imports(parts, found), *parts]
    head, rest = sections[:2], sections[2:]
    return "\n\n".join(head) + "".join(f"\n\n\n{part}" for part in rest) + "\n"


def network_class(graph: Graph) -> str:
    """The name of the network's class, which no layer that is copied into the file has."""
    return _network_class(graph, _helpers(_torches(graph)))


def _network_class(graph: Graph, found: Sequence[Helper]) -> str:
    return Scope(helper.name for helper in found).claim(class_name(graph.own_name))


def _torches(graph: Graph) -> tuple[Torch, ...]:
    return tuple(node.op.torch(node.input_shapes, node.shapes) for node in graph.layers if node.op is not None)


def _helpers(torches: Iterable[Torch]) -> tuple[Helper, ...]:
    return helpers.collect({name for torch in torches for name in torch.helpers})


def _taken(torches: Iterable[Torch], found: Sequence[Helper]) -> frozenset[str]:
    """Names at the top of the file, and those that expressions use."""
    names = {helper.name for helper in found}
    names.update(line.split()[-1].partition(".")[0] for helper in found for line in helper.imports)
    for text in {text for torch in torches for text in (torch.init, torch.call) if text is not None}:
        names |= free_names(text)
    return frozenset(names)


def _parameters(graph: Graph, taken: frozenset[str]) -> list[str]:
    """The arguments of the network's `forward`."""
    if len(graph.inputs) == 1 and graph.inputs[0].label is None:
        return ["x"]
    scope = Scope()
    return [scope.claim(variable(node.label or "input1", taken)) for node in graph.inputs]


def _result(graph: Graph, name: str) -> Result | None:
    if len(graph.outputs) == 1 and not graph.outputs[0].training:
        return None
    scope = Scope()
    fields = tuple(scope.claim(field_name(output.name)) for output in graph.outputs)
    training = tuple(output.training for output in graph.outputs)
    several = any(training) and training.count(False) > 1
    whole = f"{name}TrainingOutput" if several else f"{name}Output"
    return Result(whole, fields, training, f"{name}Output" if several else "")


# ---------------------------------------------------------------- parts of the file


def _docstring(graph: Graph) -> str:
    """What the network is, in text from which nothing can break out."""
    title = f": {graph.title}" if graph.title else ""
    variant = f" ({graph.variant})" if graph.variant and graph.variant != graph.name else ""
    weights = [
        weight
        for node in graph.layers
        if node.op is not None and node.shared is None
        for weight in node.op.weights(*node.input_shapes)
    ]
    count = sum(weight.size for weight in weights if weight.kind == "parameter")
    lines = [f"{graph.name}{variant}{title}".rstrip(".") + ".", ""]
    for node in graph.inputs:
        label = f" {node.label}" if node.label else ""
        lines.append(f"Input{label}: {show_shape(node.shape)}, a tensor {_tensor(node.shape)}.")
    always = [output for output in graph.outputs if not output.training]
    for output in always:
        shape = graph.shape(output.port)
        which = f" {output.name}" if len(always) > 1 else ""
        lines.append(f"Output{which}: {show_shape(shape)}, a tensor {_tensor(shape)}.")
    beside = [f"{out.name} {show_shape(graph.shape(out.port))}" for out in graph.outputs if out.training]
    if beside:
        lines.append(f"In training also: {', '.join(beside)}.")
    lines.append(f"{count:,} trainable parameters.")
    text = [line.rstrip() for line in graph.source_text.expandtabs(4).split("\n")]
    while text and not text[0]:
        text.pop(0)
    while text and not text[-1]:
        text.pop()
    if text:
        lines += ["", "Written by archdsl from:", "", *(f"    {line}" if line else "" for line in text)]
    return '"""' + "\n".join(_quoted(line) for line in lines) + '\n"""'


def _tensor(shape: tuple[int, ...]) -> str:
    return f"({', '.join(['N', *map(str, torch_shape(shape))])})"


def _quoted(text: str) -> str:
    """Text for inside a docstring: no quotes that end it, no escapes, no characters that hide what follows them."""
    text = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    number = ord(char)
    if 0xD800 <= number < 0xE000:
        # Half of a character: Python 3.13 compiles no docstring that holds one, so that its name is shown.
        return f"\\\\u{number:04x}"
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}" if number < 65536 else f"\\U{number:08x}"


def _imports(parts: Sequence[str], found: Sequence[Helper]) -> str:
    """What the parts need, the standard library first, one line for each module."""
    wanted = {line for helper in found for line in helper.imports}
    bodies = "\n".join(re.sub(r"#.*", "", part) for part in parts)
    wanted.update(line for name, line in _MODULES.items() if re.search(rf"(?<![\w.]){name}(?!\w)", bodies))
    plain = sorted(line for line in wanted if line.startswith("import "))
    groups: dict[str, set[str]] = {}
    for line in wanted:
        if line.startswith("from "):
            module, _, names = line.removeprefix("from ").partition(" import ")
            groups.setdefault(module, set()).add(names)
    joined = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(groups.items())]
    lines = [*plain, *joined]
    standard = [line for line in lines if not line.split()[1].startswith("torch")]
    return "\n\n".join(
        "\n".join(section) for section in (standard, [line for line in lines if line not in standard]) if section
    )


def _result_classes(result: Result) -> list[str]:
    kept = [name for name, training in zip(result.fields, result.training, strict=True) if not training]
    classes = {result.class_name: result.fields, **({result.outside: kept} if result.outside else {})}
    return [
        "\n".join([f"class {name}(NamedTuple):", *(f"    {field}: Tensor" for field in fields)])
        for name, fields in classes.items()
    ]


def _class(entry: Class, result: Result | None) -> str:
    lines = [f"class {entry.name}(nn.Module):"]
    signature = ", ".join(["self", *map(str, entry.parameters)])
    lines += wrap(f"def __init__({signature}) -> None:", 4)
    lines.append("        super().__init__()")
    for construction in entry.constructions:
        lines += _construction(construction)
    lines.append("")
    arguments = ", ".join(["self", *(f"{name}: Tensor" for name in entry.first.body.parameters)])
    lines += wrap(f"def forward({arguments}) -> {_returns(entry, result)}:", 4)
    body = entry.first.body
    for line in entry.lines:
        if not line.training:
            lines += _code(line)
    if body.outside:
        lines += ["        if not self.training:", *wrap(f"return {body.outside}", 12)]
    for line in entry.lines:
        if line.training:
            lines += _code(line)
    if body.result:
        lines += wrap(f"return {body.result}", 8)
    return "\n".join(lines)


def _construction(made: Construction) -> list[str]:
    target = f"self.{made.attribute} ="
    if not made.condition:
        return wrap(f"{target} {made.text}", 8)
    line = f"{made.text} if {made.condition} else nn.Identity()"
    if len(target) + len(line) + 9 <= WIDTH:
        return [f"        {target} {line}"]
    inner = [" " * 12 + line]
    if len(inner[0]) > WIDTH:
        inner = [*wrap(made.text, 12), f"            if {made.condition}", "            else nn.Identity()"]
    return [f"        {target} (", *inner, "        )"]


def _returns(entry: Class, result: Result | None) -> str:
    block = entry.first.block
    if result is not None and block.network:
        outside = (result.outside or "Tensor") if any(result.training) else ""
        return f"{result.class_name} | {outside}" if outside else result.class_name
    return "Tensor" if len(block.outputs) == 1 else f"tuple[{', '.join(['Tensor'] * len(block.outputs))}]"


def _code(line: Line) -> list[str]:
    """A line of `forward` with the size behind it, where there is room for it."""
    lines = wrap(line.text, 8)
    if line.comment and len(lines) == 1 and len(lines[0]) + len(line.comment) + 4 <= WIDTH:
        lines[0] += f"  # {line.comment}"
    return lines
