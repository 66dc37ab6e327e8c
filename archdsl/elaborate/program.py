"""Files and what they define.

In: a path or a text. Out: `Unit`s, each a parsed file with its names sorted out, linked by `use` and to the standard
blocks of `specs/lib`. What the names do is left to the builder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from archdsl import limits
from archdsl.diagnostics import Collector, Note, Source, Span
from archdsl.ops import registry
from archdsl.resources import specs_path
from archdsl.syntax import tree
from archdsl.syntax.parser import parse

__all__ = ["Program", "Unit"]

_ROOT_MARKS = (".git", "pyproject.toml", ".archroot")
RESERVED = frozenset({"id", "first", "choice", "one_of", "in", "x"})


@dataclass(eq=False)
class Unit:
    """One file: its statements by kind."""

    path: Path | None
    file: tree.File
    architecture: tree.Architecture | None = None
    inputs: list[tree.Input] = field(default_factory=list)
    blocks: dict[str, list[tree.Block]] = field(default_factory=dict)
    shares: dict[str, tree.Share] = field(default_factory=dict)
    lets: dict[str, tree.Let] = field(default_factory=dict)
    variants: dict[str, tree.Variant] = field(default_factory=dict)
    defaults: list[tree.Default] = field(default_factory=list)
    chains: list[tree.ChainStatement] = field(default_factory=list)
    outputs: list[tree.OutputStatement] = field(default_factory=list)
    expects: list[tree.Expect] = field(default_factory=list)
    train: tree.Train | None = None
    refused: set[str] = field(default_factory=set)
    """Names that the file may not define, and does: using them is no second mistake."""
    used: list[tuple[tree.Use, Unit]] = field(default_factory=list)
    standard: bool = False


class Program:
    """The files of one run; each is read and parsed once."""

    def __init__(self, found: Collector) -> None:
        self.found = found
        self._units: dict[Path, Unit] = {}
        self._reading: list[tuple[Path, Span | None]] = []
        self._root: Path | None = None
        self._bytes = 0

    # ------------------------------------------------------------ reading

    def read(self, path: Path) -> Unit | None:
        """The file at a path; None where it cannot be read, which is reported."""
        try:
            resolved = path.resolve()
            if not resolved.exists():
                resolved = path.absolute()  # a pipe by its number, `/dev/fd/63`, has a name that is no path
        except (OSError, RuntimeError, ValueError) as error:  # a link to itself, a name too long, characters of no path
            reason = getattr(error, "strerror", None) or "it leads nowhere"
            self.found.error("unreadable-file", f"{path} cannot be read: {reason}", hint="check the path")
            return None
        self._root = self._root or _project_root(resolved)
        return self._read(resolved, str(path), None)

    def read_text(self, text: str, shown: str = "<text>", path: Path | None = None) -> Unit:
        """A text without a file, or in place of the one at `path`; `use` in it is relative to there, or to the current
        folder.
        """
        place = path.resolve() if path is not None else None
        self._root = self._root or (_project_root(place) if place is not None else Path.cwd().resolve())
        return self._link(Source(shown, text), place)

    def _read(self, path: Path, shown: str, span: Span | None) -> Unit | None:
        if path in self._units:
            return self._units[path]
        if len(self._units) >= limits.TOTAL_FILES:
            self.found.error(
                "limit-files", f"more than {limits.TOTAL_FILES} files are used", span, hint="join some of them"
            )
            return None
        if len(self._reading) >= limits.NESTING:
            self.found.error(
                "limit-files",
                f"files use each other more than {limits.NESTING} deep",
                span,
                hint="let one file use the others, one after the other",
            )
            return None
        text = self._text(path, shown, span)
        if text is None:
            return None
        self._reading.append((path, span))
        unit = self._link(Source(shown, text), path)
        self._reading.pop()
        self._units[path] = unit
        return unit

    def _text(self, path: Path, shown: str, span: Span | None) -> str | None:
        """The text of a file; None after reporting why it cannot be had."""
        try:
            if span is not None and not path.is_dir() and not path.is_file():
                # A pipe would be waited for, a device never ends. On the command line a pipe is `<(…)`, and meant.
                path.stat()
                self.found.error("unreadable-file", f"{shown} is not a file", span, hint="check the path")
                return None
            with path.open("rb") as file:
                read = file.read(limits.FILE_BYTES + 1)
            self._bytes += len(read)
            if self._bytes > limits.FILE_BYTES:
                several = f"the files up to {shown} have" if self._reading or self._units else f"{shown} has"
                self.found.error(
                    "limit-file",
                    f"{several} more than {limits.FILE_BYTES:,} bytes",
                    span,
                    hint="write repeated parts as blocks and repeats",
                )
                return None
            return read.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        except OSError as error:
            reason = error.strerror or type(error).__name__
            self.found.error("unreadable-file", f"{shown} cannot be read: {reason}", span, hint="check the path")
        except UnicodeDecodeError as error:
            self.found.error(
                "unreadable-file", f"{shown} is not UTF-8 text: byte {error.start}", span, hint="save it as UTF-8"
            )
        return None

    # ------------------------------------------------------------ names of a file

    def _link(self, source: Source, path: Path | None) -> Unit:
        file = parse(source, self.found)
        unit = Unit(path, file)
        for statement in file.statements:
            self._sort(unit, statement)
        return unit

    def _sort(self, unit: Unit, statement: tree.Statement) -> None:
        match statement:
            case tree.Architecture():
                if unit.architecture is not None:
                    self._twice("`arch`", statement.span, unit.architecture.span)
                else:
                    unit.architecture = statement
                    self._parameters(statement.parameters)
            case tree.Input():
                if statement.name is not None and statement.name.name == tree.UNNAMED:
                    self._reserved(tree.UNNAMED, statement.name.span)
                unit.inputs.append(statement)
            case tree.Block():
                self._block(unit, statement)
            case tree.Let():
                if self._free(unit, statement.name):
                    unit.lets[statement.name.name] = statement
            case tree.Share():
                if self._free(unit, statement.name):
                    unit.shares[statement.name.name] = statement
            case tree.Variant():
                for name in (statement.name, *statement.aliases):
                    before = unit.variants.get(name.name)
                    if before is not None:
                        self._twice(f"the variant `{name.name}`", name.span, before.name.span)
                    else:
                        unit.variants[name.name] = statement
            case tree.Default():
                unit.defaults.append(statement)
            case tree.ChainStatement():
                unit.chains.append(statement)
            case tree.OutputStatement():
                unit.outputs.append(statement)
            case tree.Expect():
                unit.expects.append(statement)
            case tree.Train():
                if unit.train is not None:
                    self._twice("`train`", statement.span, unit.train.span)
                else:
                    unit.train = statement
            case tree.Use():
                self._use(unit, statement)
            case tree.Return():
                self.found.error(
                    "misplaced-statement",
                    "`return` stands in the body of a block",
                    statement.span,
                    hint="the last chain of a file is its output; further ones are `output name = …`",
                )

    def _parameters(self, parameters: tuple[tree.Parameter, ...]) -> None:
        seen: dict[str, tree.Parameter] = {}
        for parameter in parameters:
            if parameter.name in seen:
                self._twice(f"the parameter `{parameter.name}`", parameter.span, seen[parameter.name].span)
            if parameter.name in RESERVED:
                self._reserved(parameter.name, parameter.span)
            seen[parameter.name] = parameter

    def _reserved(self, name: str, span: Span) -> None:
        self.found.error("reserved-name", f"`{name}` is a word of the language", span, hint="choose another name")

    def _block(self, unit: Unit, block: tree.Block) -> None:
        self._parameters(block.parameters)
        seen = {parameter.name: parameter.span for parameter in block.parameters}
        for tensor in block.tensors or ():
            if tensor.name == tree.UNNAMED:
                continue
            if tensor.name in seen:
                self._twice(f"`{tensor.name}`", tensor.span, seen[tensor.name])
            if tensor.name in RESERVED:
                self._reserved(tensor.name, tensor.span)
            seen[tensor.name] = tensor.span
        name = block.name.name
        forms = unit.blocks.get(name)
        star = any(parameter.star for parameter in block.parameters)
        if forms is not None and all(any(p.star for p in form.parameters) != star for form in forms):
            forms.append(block)  # one form for values, one for any number of branches
        elif self._free(unit, block.name):
            unit.blocks[name] = [block]

    def _free(self, unit: Unit, name: tree.Name) -> bool:
        """Whether a file may define a name; it may hide a standard block, and nothing else."""
        if name.name in RESERVED:
            self._reserved(name.name, name.span)
            unit.refused.add(name.name)
            return False
        if registry.lookup(name.name) is not None:
            self.found.error(
                "duplicate-name", f"`{name.name}` is an op of the language", name.span, hint="choose another name"
            )
            return False
        holders = (unit.blocks.get(name.name, [None])[0], unit.shares.get(name.name), unit.lets.get(name.name))
        for holder in holders:
            if holder is not None:
                self._twice(f"`{name.name}`", name.span, holder.name.span)
                return False
        return True

    def _twice(self, what: str, span: Span, before: Span) -> None:
        self.found.error(
            "duplicate-name",
            f"{what} is defined twice",
            span,
            notes=[Note("it was defined first here", before)],
            hint="rename or remove one of them",
        )

    # ------------------------------------------------------------ other files

    def _use(self, unit: Unit, use: tree.Use) -> None:
        written = use.path.value
        folder = unit.path.parent if unit.path is not None else Path.cwd()
        if "\0" in written or not written:
            self.found.error("unreadable-file", "this is not a path", use.path.span, hint='use "lib/blocks.arch"')
            return
        try:
            target = (folder / written).resolve()
        except (RuntimeError, ValueError):  # a link that leads to itself; characters that no path has
            self.found.error("unreadable-file", "this path leads nowhere", use.path.span, hint='use "lib/blocks.arch"')
            return
        root = self._root or folder
        if not target.is_relative_to(root):
            self.found.error(
                "outside-project",
                "`use` reaches outside the project",
                use.path.span,
                notes=[Note(f"the project's root is {root}: the nearest folder above with {', '.join(_ROOT_MARKS)}")],
                hint="copy the file into the project, or mark its root with an empty file .archroot",
            )
            return
        for position, (path, _) in enumerate(self._reading):
            if path == target:
                steps = [path.name for path, _ in self._reading[position:]] + [target.name]
                self.found.error(
                    "cyclic-use",
                    f"`use` goes in a circle: {' -> '.join(steps)}",
                    use.path.span,
                    hint="move what both need into a third file",
                )
                return
        source = unit.file.source.path
        beside = Path(source).parent / written if unit.path is not None else Path(written)
        read = self._read(target, str(beside), use.path.span)
        if read is not None:
            unit.used.append((use, read))

    # ------------------------------------------------------------ the standard blocks

    def standard(self, name: str) -> Unit | None:
        """The file of `specs/lib` that defines a block of that name, or None."""
        path = self.standard_names().get(name)
        if path is None:
            return None
        unit = self._read(path, f"<standard>/{path.name}", None)
        if unit is not None:
            unit.standard = True
        return unit

    def standard_names(self) -> dict[str, Path]:
        """The standard blocks and their files; found without parsing them."""
        return _standard_index()


@cache
def _standard_index() -> dict[str, Path]:
    index: dict[str, Path] = {}
    for path in sorted((specs_path() / "lib").glob("*.arch")):
        for name in re.findall(r"^block\s+(\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            index[name] = path.resolve()
    return index


def _project_root(path: Path) -> Path:
    """The nearest folder above a file that is marked as a project's root, or the file's own folder."""
    for folder in path.parents:
        if any((folder / mark).exists() for mark in _ROOT_MARKS):
            return folder
    return path.parent
