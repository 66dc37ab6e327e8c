"""What `archdsl verify` is to look at: tables with their networks, and files with claims.

In: the arguments of the command line, told apart by their endings. Out: documents that were read, each table with the
networks it is about. Judging them is left to `archdsl.verifying`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from archdsl import limits
from archdsl.diagnostics import ArchError, Collector, nearest
from archdsl.verify.acknowledged import SUFFIX
from archdsl.verify.reading.documents import SUFFIXES, read_tables
from archdsl.verify.reading.places import cell_span
from archdsl.verify.table import Table
from archdsl.zoo import PREFIX, in_zoo, split_target

__all__ = ["Document", "Gathered", "Listed", "Target", "gather"]

_NETWORK: Final = ".arch"
_USAGE: Final = "archdsl verify net.arch table.csv, or archdsl verify FOLDER"
_DIRECTIVE: Final = re.compile(rb"archdsl[ \t]+network[ \t]*:", re.I)
_DIRECTIVE_TEXT: Final = "archdsl network:"


@dataclass(frozen=True, slots=True)
class Target:
    """A file with networks, and which of them is meant; None for what fits."""

    path: Path
    variant: str | None = None

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
            networks += [target] if target is not None else []
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
    if not made.documents and not made.claims and not found.failed:
        found.error("nothing-to-verify", "there is no table and no claim in what was named", hint=_USAGE)
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
        known = ", ".join([_NETWORK, *SUFFIXES])
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
    try:
        if table is None or in_zoo(written):
            path, variant = split_target(written)
            return Target(Path(path), variant)
        path, variant = split_target(str(Path(table.path).parent / written))
        return Target(Path(os.path.normpath(path)), variant)
    except ArchError as error:
        for diagnostic in error.diagnostics:
            place = _directive_place(table)
            found.add(diagnostic if place is None else replace(diagnostic, span=place))
        return None


class _Gathering:
    """The documents and claims, each once, in the order in which they were named."""

    def __init__(self, found: Collector) -> None:
        self._found = found
        self.documents: dict[Path, Document] = {}
        self.claims: dict[tuple[Path, str | None], Target] = {}
        self.passed: list[Path] = []

    def named(self, path: Path, networks: Sequence[Target]) -> None:
        """A document that was named: all its tables."""
        listed = [
            Listed(table, tuple(networks) if networks else self._directed(table))
            for table in read_tables(path, self._found)
        ]
        self._add(path, listed, outright=True)

    def beside(self, network: Target) -> None:
        """The tables in the folder of a network that name it, and its claims."""
        self.claims.setdefault((_real(network.path), network.variant), network)
        if not network.path.is_file():
            return  # whoever opens it says what is wrong
        for path in sorted(network.path.parent.iterdir()):
            if path.is_file() and _is_table(path) and _directs(path):
                listed = [one for table in self._read(path) for one in self._about(table, network)]
                if listed:
                    self._add(path, listed, outright=True)

    def _about(self, table: Table, network: Target) -> Iterator[Listed]:
        """The table against the network, where its directive names that or leaves the variant open."""
        for target in self._directed(table):
            if _real(target.path) == _real(network.path) and (
                None in (target.variant, network.variant) or target.variant == network.variant
            ):
                if network.variant is None:
                    yield Listed(table, self._directed(table))
                else:
                    yield Listed(table, (network,))
                return

    def folder(self, folder: Path) -> None:
        """Everything in a folder: documents whose directive names a network, and all claims."""
        for path in _walk(folder):
            if path.suffix == _NETWORK:
                self.claims.setdefault((_real(path), None), Target(path))
            elif _is_table(path):
                if not _directs(path):
                    self.passed.append(path)
                    continue
                listed = [Listed(table, self._directed(table)) for table in self._read(path)]
                directed = [one for one in listed if one.table.directives.network]
                if directed:
                    self._add(path, directed, outright=False)
                elif not self._found.failed:
                    self.passed.append(path)

    def _read(self, path: Path) -> list[Table]:
        return read_tables(path, self._found)

    def _directed(self, table: Table) -> tuple[Target, ...]:
        """The networks that the table's own line names; several are separated by commas."""
        written = [text.strip() for text in table.directives.network.split(",")]
        found = [_target(text, table, self._found) for text in written if text]
        return tuple(target for target in found if target is not None)

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


def _walk(folder: Path) -> Iterator[Path]:
    """The files in a folder and the folders in it, in order; hidden ones are left out, and links to folders."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                yield Path(place) / name


def _directs(path: Path) -> bool:
    """Whether a document has a line that names a network; one that cannot be read is left to its reader."""
    try:
        with path.open("rb") as file:
            return _DIRECTIVE.search(file.read(limits.FILE_BYTES + 1)) is not None
    except OSError:
        return True


def _directive_place(table: Table | None) -> object:
    return None
