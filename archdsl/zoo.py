"""The networks that come with the package, by name.

In: a name, `resnet50`. Out: the file and the variant. Files are only searched for names; parsing them is left to
`archdsl.elaborate`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from archdsl.diagnostics import ArchError, nearest
from archdsl.resources import specs_path

__all__ = ["PREFIX", "Entry", "Place", "entries", "files", "find", "in_zoo", "split_target"]

PREFIX: Final = "zoo:"
"""What stands before a name of the zoo where a path could stand."""

_ARCHITECTURE: Final = re.compile(r"^arch\s+(\w+)", re.MULTILINE)
_INPUT: Final = re.compile(r"^input\b", re.MULTILINE)
_VARIANT: Final = re.compile(r"^variant\s+(\w+(?:\s*,\s*\w+)*)\s*=", re.MULTILINE)


class Place(NamedTuple):
    """Where a network is written: a file, one of its variants (None for the file's own network), and the line."""

    path: Path
    variant: str | None
    line: int


class Entry(NamedTuple):
    """One file of the zoo: the name of its architecture, and of each variant with the lines they stand in."""

    path: Path
    architecture: Place | None
    name: str
    variants: tuple[tuple[str, Place], ...]

    @property
    def family(self) -> str:
        """The folder: `resnet`."""
        return self.path.parent.name

    @property
    def title(self) -> str:
        """The file in the zoo, without its ending: `resnet/resnet_v1`, or `vgg` for `vgg/vgg`."""
        return self.family if self.family == self.path.stem else f"{self.family}/{self.path.stem}"

    def named(self, name: str) -> Place | None:
        """A variant, or the file's own network under its name, the file's, or the title that stands above its list."""
        for variant, place in self.variants:
            if variant == name:
                return place
        return self.own if name in (self.name, self.path.stem, self.title) else None

    @property
    def own(self) -> Place:
        """The network of the file's own defaults."""
        return self.architecture or Place(self.path, None, 1)


def in_zoo(written: str) -> bool:
    """Whether a text that stands in place of a path names a network of the zoo.

    >>> in_zoo("zoo:resnet50")
    True
    """
    return written.startswith(PREFIX)


def files() -> tuple[Path, ...]:
    """The files of the zoo, family by family; the standard blocks are not among them."""
    return tuple(path for path in sorted(specs_path().glob("*/*.arch")) if path.parent.name != "lib")


def entries(naming: str = "") -> Iterator[Entry]:
    """The same with the names in them, found without parsing; those alone whose path or text has `naming` in it.

    Files of nothing but blocks, which others use, are left out.
    """
    for path in files():
        text = path.read_text(encoding="utf-8")
        if (naming not in text and naming not in f"{path.parent.name}/{path.stem}") or not _INPUT.search(text):
            continue

        def place(match: re.Match[str], variant: str | None, path: Path = path, text: str = text) -> Place:
            return Place(path, variant, text.count("\n", 0, match.start()) + 1)

        architecture = _ARCHITECTURE.search(text)
        yield Entry(
            path,
            place(architecture, None) if architecture else None,
            architecture[1] if architecture else path.stem,
            tuple(
                (name.strip(), place(match, name.strip()))
                for match in _VARIANT.finditer(text)
                for name in match[1].split(",")
            ),
        )


def find(written: str) -> Place:
    """The network of that name: of a variant, an architecture or a file; `resnet_v1:plain34` says which file's.

    >>> find("zoo:resnet50").path.name, find("resnet50").variant
    ('resnet.arch', 'resnet50')

    Raises `ArchError` where no network has the name, or those of several files.
    """
    name = written.removeprefix(PREFIX)
    head, colon, tail = name.partition(":")
    likely = tuple(entry for entry in entries(name) if entry.named(name)) if not colon else ()
    if likely:
        return _only(name, likely, likely)
    known = tuple(entries())
    if not colon:
        return _only(name, known, known)
    holders = [entry for entry in known if head in (entry.name, entry.path.stem)]
    if not holders:
        own = {entry.name for entry in known} | {entry.path.stem for entry in known}
        raise _unknown(f"the zoo has no file `{head}`", head, own)
    return _only(tail, holders, known)


def split_target(target: str) -> tuple[str, str | None]:
    """A path and a variant.

    >>> split_target("resnet.arch:resnet50")
    ('resnet.arch', 'resnet50')

    `zoo:resnet50` is the file of the zoo that has the network of that name. Raises `ArchError` where none has.
    """
    if in_zoo(target):
        place = find(target)
        return str(place.path), place.variant
    path, colon, variant = target.rpartition(":")
    if not colon or os.path.exists(target) or os.sep in variant:  # `Path.exists` raises for a name too long
        return target, None
    return path, variant or None


def _only(name: str, among: tuple[Entry, ...] | list[Entry], known: tuple[Entry, ...]) -> Place:
    found = [place for entry in among if (place := entry.named(name)) is not None]
    if len(found) == 1:
        return found[0]
    if found:
        where = " and ".join(f"{place.path.parent.name}/{place.path.name}" for place in found)
        raise ArchError.of(
            "unknown-network",
            f"`{name}` is the name of several networks of the zoo, in {where}",
            hint=f"name the file as well: zoo:{found[0].path.stem}:{name}",
        )
    names = [n for entry in among for n in (*(v for v, _ in entry.variants), entry.name, entry.path.stem)]
    if len(among) == len(known):
        raise _unknown(f"the zoo has no network `{name}`", name, names)
    raise _unknown(f"{among[0].path.name} of the zoo has no network `{name}`", name, names)


def _unknown(message: str, name: str, known: set[str] | list[str]) -> ArchError:
    names = sorted(set(known))
    spelt = {_plain(one): one for one in names}
    close = spelt.get(_plain(name)) or nearest(name, names) or nearest(name.lower(), names)
    hint = f"did you mean `{close}`?" if close else "`archdsl zoo` lists all"
    return ArchError.of("unknown-network", message, hint=hint)


def _plain(name: str) -> str:
    """`ResNet-50` as `resnet50`."""
    return re.sub(r"[-_ .]", "", name).lower()
