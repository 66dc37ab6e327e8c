"""What `archdsl verify` is to look at: tables with their networks, and files with claims.

In: the arguments of the command line, told apart by their endings. Out: documents that were read, each table with the
networks it is about. Judging them is left to `archdsl.verifying`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from archdsl import limits
from archdsl.diagnostics import ArchError, Collector, Span, nearest
from archdsl.verify.acknowledged import SUFFIX
from archdsl.verify.reading.documents import SUFFIXES, read_tables
from archdsl.verify.reading.places import cell_span
from archdsl.verify.table import Table
from archdsl.walking import NETWORK, walk
from archdsl.zoo import PREFIX, in_zoo, split_target

__all__ = ["Document", "Gathered", "Listed", "Target", "gather"]

_USAGE: Final = "archdsl verify net.arch table.csv, or archdsl verify FOLDER"
_PROSE: Final = (".md", ".markdown", ".tex", ".html", ".htm", ".txt")
_DIRECTIVE: Final = re.compile(r"archdsl[ \t]+network[ \t]*:", re.I)


@dataclass(frozen=True, slots=True)
class Target:
    """A file with networks, and which of them is meant; None for what fits. `span` is where a table names it."""

    path: Path
    variant: str | None = None
    span: Span | None = field(default=None, compare=False)

    @property
    def shown(self) -> str:
        return f"{self.path.as_posix()}:{self.variant}" if self.variant else self.path.as_posix()


@dataclass(frozen=True, slots=True)
class Listed:
    """A table, and the networks that it is about; without any it is checked against itself."""

    table: Table
    networks: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A file of tables; `outright` if the command line names it, and not only a folder that it is in."""

    path: Path
    tables: tuple[Listed, ...]
    outright: bool


@dataclass(frozen=True, slots=True)
class Gathered:
    """All that there is to do. `claims`: files whose `expect` statements are compared. `passed`: documents of folders
    that name no network.
    """

    documents: tuple[Document, ...]
    claims: tuple[Target, ...]
    passed: tuple[Path, ...]


def gather(arguments: Sequence[str], found: Collector) -> Gathered:
    """Sort the arguments and read the tables.

    `vgg.arch:vgg16 table.csv` is a table against a network, `table.csv` alone one against what its `archdsl network:`
    line names, `vgg.arch` alone the tables beside it that name it and its claims, a folder all of that in it. What
    cannot be read, and a network of which there is nothing to compare, is reported.
    """
    networks: list[Target] = []
    tables: list[Path] = []
    folders: list[Path] = []
    for argument in arguments:
        kind = _kind(argument, found)
        if kind == "network":
            target = _target(argument, None, found)
            if target is None:
                return Gathered((), (), ())  # its tables would be judged without it
            networks.append(target)
        elif kind == "table":
            tables.append(Path(argument))
        elif kind == "folder":
            folders.append(Path(argument))
    made = _Gathering(found)
    for path in tables:
        made.named(path, networks)
    if not tables:
        for network in networks:
            made.beside(network)
    for folder in folders:
        made.folder(folder)
    return Gathered(tuple(made.documents.values()), tuple(made.claims.values()), tuple(made.passed))


def _kind(argument: str, found: Collector) -> Literal["network", "table", "folder", ""]:
    if argument.startswith(PREFIX) or re.search(r"\.arch(:\w*)?$", argument):
        return "network"
    if os.path.isdir(argument):
        return "folder"
    suffix = os.path.splitext(argument)[1].lower()
    if argument.lower().endswith(SUFFIX):
        found.error(
            "nothing-to-verify",
            f"{argument} is a list of known misprints, not a table",
            hint=f"name the table that it is about: {argument[: -len(SUFFIX)]}.csv, perhaps",
        )
        return ""
    if suffix in SUFFIXES:
        return "table"
    if os.path.exists(argument):
        known = ", ".join([NETWORK, *SUFFIXES])
        found.error("unreadable-file", f"{argument} is neither a network nor a table by its name", hint=known)
    else:
        close = nearest(Path(argument).name, _neighbours(Path(argument)))
        hint = f"did you mean `{Path(argument).with_name(close)}`?" if close else _USAGE
        found.error("unreadable-file", f"there is no file or folder {argument}", hint=hint)
    return ""


def _neighbours(path: Path) -> list[str]:
    try:
        return sorted(os.listdir(path.parent))
    except OSError:
        return []


def _target(written: str, table: Table | None, found: Collector) -> Target | None:
    """A network as it is written on the command line, or in a table's directive: relative to the table, then."""
    place = _place(written, table) if table is not None else None
    try:
        if table is None or in_zoo(written):
            path, variant = split_target(written)
            return Target(Path(path), variant, place)
        path, variant = split_target(str(Path(table.path).parent / written))
        return Target(Path(os.path.normpath(path)), variant, place)
    except ArchError as error:
        for diagnostic in error.diagnostics:
            found.add(diagnostic._replace(span=place))
        return None


def _place(written: str, table: Table) -> Span | None:
    """Where a table's document names a network: the last such line above it."""
    if table.source is None:
        return None
    last = table.headers[0].line if table.headers else 1
    for line in range(last, 0, -1):
        if _DIRECTIVE.search(table.source.line(line)):
            return cell_span(table.source, line, written)
    return cell_span(table.source, last, "")


class _Gathering:
    """The documents and claims, each once, in the order in which they were named."""

    def __init__(self, found: Collector) -> None:
        self._found = found
        self.documents: dict[Path, Document] = {}
        self.claims: dict[tuple[Path, str | None], Target] = {}
        self.passed: list[Path] = []

    def named(self, path: Path, networks: Sequence[Target]) -> None:
        """A document that was named: all its tables."""
        listed = []
        for table in read_tables(path, self._found):
            targets = tuple(networks) or self._directed(table)
            if targets is not None:
                listed.append(Listed(table, targets))
        self._add(path, listed, outright=True)

    def beside(self, network: Target) -> None:
        """The tables in the folder of a network that name it, and its claims."""
        self.claims.setdefault((_real(network.path), network.variant), network)
        if not network.path.is_file():
            return  # whoever opens it says what is wrong
        for path in (network.path.parent / name for name in _neighbours(network.path)):
            if path.is_file() and _is_table(path) and _directs(path):
                tables = read_tables(path, self._found)
                listed = [one for table in tables if (one := self._about(table, network)) is not None]
                self._add(path, listed, outright=True)

    def _about(self, table: Table, network: Target) -> Listed | None:
        """The table against the network, where its directive names that or leaves the variant open."""
        targets = self._directed(table) or ()
        for target in targets:
            if _real(target.path) != _real(network.path):
                continue
            if network.variant is None:
                return Listed(table, targets)
            if target.variant in (None, network.variant):
                return Listed(table, (network,))
        return None

    def folder(self, folder: Path) -> None:
        """Everything in a folder: documents whose directive names a network, and all claims."""
        for path in walk(folder, self._unreadable):
            if not path.is_file():
                continue  # a pipe, a link that leads nowhere
            if path.suffix == NETWORK:
                self.claims.setdefault((_real(path), None), Target(path))
            elif _is_table(path):
                self._picked(path)

    def _unreadable(self, error: OSError) -> None:
        self._found.error(
            "unreadable-file",
            f"cannot read the folder {error.filename}: {error.strerror}",
            hint="check its permissions",
        )

    def _picked(self, path: Path) -> None:
        if not _directs(path):
            self.passed.append(path)
            return
        inner = Collector()
        tables = read_tables(path, inner)
        named = [table for table in tables if table.directives.network]
        if not tables and path.suffix.lower() in _PROSE and all(one.id == "table-empty" for one in inner):
            self.passed.append(path)  # it speaks of such lines, and has no table
            return
        for diagnostic in inner:
            self._found.add(diagnostic)
        if tables and not named:
            self.passed.append(path)
        targets = [(table, self._directed(table)) for table in named]
        self._add(path, [Listed(table, found) for table, found in targets if found is not None], outright=False)

    def _directed(self, table: Table) -> tuple[Target, ...] | None:
        """The networks that the table's own line names, several separated by commas; None after reporting that one of
        them is none.
        """
        written = [text.strip() for text in table.directives.network.split(",") if text.strip()]
        found = [target for text in written if (target := _target(text, table, self._found)) is not None]
        return tuple(found) if len(found) == len(written) else None

    def _add(self, path: Path, listed: Iterable[Listed], *, outright: bool) -> None:
        tables = tuple(listed)
        known = self.documents.get(_real(path))
        if known is not None:
            seen = {one.table.number for one in known.tables}
            tables = (*known.tables, *(one for one in tables if one.table.number not in seen))
            outright = outright or known.outright
        if tables:
            self.documents[_real(path)] = Document(path, tables, outright)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _is_table(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.lower().endswith(SUFFIX)


def _directs(path: Path) -> bool:
    """Whether a document has a line that names a network; one that cannot be read is left to its reader."""
    try:
        with path.open("rb") as file:
            return _DIRECTIVE.search(file.read(limits.FILE_BYTES + 1).decode("utf-8", "replace")) is not None
    except OSError:
        return True
