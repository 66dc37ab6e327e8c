"""What a text can use: every op, with worked examples, and every standard block, with its text.

In: the registry of ops and the files of `specs/lib`. Out: `OpEntry` and `BlockEntry`. How they are shown is left to the
command line.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass

from archdsl.diagnostics import Collector, Source
from archdsl.elaborate import Request, Workspace
from archdsl.elaborate.parameter_binder import signature
from archdsl.ops import registry
from archdsl.ops.base import Example, Op, Shape, Style
from archdsl.resources import specs_path
from archdsl.syntax import tree
from archdsl.syntax.parser import parse

__all__ = ["BlockEntry", "BlockForm", "OpEntry", "Worked", "blocks", "op", "ops", "worked"]


@dataclass(frozen=True, slots=True)
class Worked:
    """An example as it comes out: sizes, trainable parameters and multiply-accumulates of one input."""

    text: str
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    params: int
    macs: int


@dataclass(frozen=True, slots=True)
class OpEntry:
    """One op: how it is written, one line about it, and the whole of what is said about it."""

    name: str
    style: Style
    signature: str
    summary: str
    doc: str


@dataclass(frozen=True, slots=True)
class BlockForm:
    """One definition of a standard block: the comment above it and its text, as they stand in the file."""

    signature: str
    parameters: tuple[tree.Parameter, ...]
    doc: str
    text: str

    @property
    def summary(self) -> str:
        """The first sentence about it."""
        return _first_sentence(self.doc)


@dataclass(frozen=True, slots=True)
class BlockEntry:
    """One standard block; a second form takes any number of branches."""

    name: str
    file: str
    forms: tuple[BlockForm, ...]

    @property
    def summary(self) -> str:
        """What is said first about its first form."""
        return self.forms[0].summary


# ---------------------------------------------------------------- ops


def ops() -> tuple[OpEntry, ...]:
    """Every op, by name."""
    return tuple(_entry(kind) for kind in registry.all_ops())


def op(name: str) -> OpEntry | None:
    """One op, of this package or of another; None where there is none of that name."""
    kind = registry.lookup(name) or registry.lookup_plugin(name)
    return _entry(kind) if kind is not None else None


def _entry(kind: type[Op]) -> OpEntry:
    doc = inspect.cleandoc(kind.__doc__ or "")
    opening = " ".join(doc.split("\n\n")[0].split())
    head, _, rest = opening.partition(":")
    written = head.strip("` ")
    # A merge is written with its branches, which are no arguments of the op.
    called = written if written.startswith(f"{kind.name}<") else kind.signature()
    return OpEntry(kind.name, kind.style, called, rest.strip() or opening, doc)


def worked(name: str) -> tuple[Worked, ...]:
    """The examples of an op that are right, with what comes out of each.

    >>> worked("conv")[0]
    Worked(text='conv 11x11/4 96', inputs=((227, 227, 3),), outputs=((55, 55, 96),), params=34944, macs=105415200)

    Raises `KeyError` for a name that is no op's.
    """
    kind = registry.lookup(name) or registry.lookup_plugin(name)
    if kind is None:
        raise KeyError(name)
    found = (_work(example) for example in kind.examples if example.output is not None)
    return tuple(entry for entry in found if entry is not None)


def _work(example: Example) -> Worked | None:
    """The example in a network of its own; None where its text needs more around it than inputs."""
    sizes = ["x".join(map(str, shape)) for shape in example.inputs]
    if len(sizes) == 1:
        text = f"input {sizes[0]}\n{example.text}\n"
    else:
        names = [f"t{i}" for i in range(len(sizes))]
        lines = [f"input {name} {size}" for name, size in zip(names, sizes, strict=True)]
        text = "\n".join(lines) + f"\n({', '.join('@' + name for name in names)}) -> {example.text}\n"
    found = Collector()
    network = Workspace.text(text, found).network(Request(), found)
    node = network.graph.nodes[-1] if network is not None else None
    if node is None or node.op is None or len(example.inputs) != len(node.input_shapes):
        return None
    weights = node.op.weights(*node.input_shapes)
    return Worked(
        example.text,
        node.input_shapes,
        node.shapes,
        sum(weight.size for weight in weights if weight.kind == "parameter"),
        node.op.macs(node.input_shapes, node.shapes),
    )


# ---------------------------------------------------------------- standard blocks


def blocks() -> tuple[BlockEntry, ...]:
    """Every standard block, in the order of their files."""
    return tuple(entry for path in sorted((specs_path() / "lib").glob("*.arch")) for entry in _blocks_of(path.name))


def _blocks_of(name: str) -> tuple[BlockEntry, ...]:
    source = Source(name, (specs_path() / "lib" / name).read_text(encoding="utf-8"))
    file = parse(source, Collector())
    forms: dict[str, list[BlockForm]] = {}
    for statement in file.statements:
        if isinstance(statement, tree.Block):
            forms.setdefault(statement.name.name, []).append(_form(statement, source))
    return tuple(BlockEntry(block, name, tuple(found)) for block, found in forms.items())


def _form(block: tree.Block, source: Source) -> BlockForm:
    tensors = f"({', '.join(name.name for name in block.tensors)})" if block.tensors is not None else ""
    called = signature(block.name.name, block.parameters) + tensors
    return BlockForm(called, block.parameters, _comment_above(source, block.span.line), block.span.text)


def _comment_above(source: Source, line: int) -> str:
    """The lines that start with `#` right above a line, without the sign."""
    found: list[str] = []
    while line > 1 and source.line(line - 1).startswith("#"):
        line -= 1
        found.append(source.line(line).removeprefix("#").strip())
    return "\n".join(reversed(found))


def _first_sentence(text: str) -> str:
    flat = " ".join(text.split())
    for end in (index for index, char in enumerate(flat) if char == "."):
        if flat[end + 1 : end + 2] in ("", " ") and not flat[:end].endswith((" al", "e.g", "i.e")):
            return flat[: end + 1]
    return flat
