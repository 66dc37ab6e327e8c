"""The first text of a file of one's own.

In: a name, and perhaps a network of the zoo. Out: a text that checks without mistakes. Writing it is left to the
command line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from archdsl.diagnostics import ArchError, Collector, Diagnostic, Source, Span
from archdsl.syntax import tree
from archdsl.syntax.formatter import format_source
from archdsl.syntax.parser import parse

__all__ = ["copied", "template"]

_TEMPLATE: Final = """\
# {name}: what this network is, where it is from, and where it differs from that.
arch {name}<classes=10> "Author, year"
input 32x32x3

# A block is a piece of network with a name; `w` is a parameter of it.
block unit<w> = conv 3x3+1 w -> bn -> relu

# Layers from top to bottom: 3x3 with a padding of 1 keeps the size, `x2` repeats, `::` states a size and is checked.
unit<32> x2 -> maxpool 2    :: 16x16x32
-> unit<64> x2 -> maxpool 2 :: 8x8x64
-> gap -> fc classes

# What is known of the network, checked by `archdsl check`: 5 layers with weights are on the longest path.
expect depth 5
"""


def template(name: str) -> str:
    """A small network with comments, called `name`.

    Raises `ArchError` for a name that is none.
    """
    return _checked(_TEMPLATE.format(name=name), name)


def copied(name: str, path: Path) -> str:
    """The text of a file with its architecture called `name`; blocks, variants, claims and comments are kept.

    Raises `ArchError` where the file cannot be read, the name is none, or the file uses others, which the copy would
    not find.
    """
    found = Collector()
    try:
        source = Source(str(path), path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path} cannot be read: {_reason(error)}"
        raise ArchError.of("unreadable-file", message, hint="check the path") from None
    file = parse(source, found)
    if found.failed:
        raise ArchError(found.sorted())
    for statement in file.statements:
        if isinstance(statement, tree.Use):
            message = "a copy elsewhere would not find this file"
            raise ArchError.of("unreadable-file", message, statement.span, hint="copy the whole folder instead")
    text = source.text
    for span in sorted(_places(file), key=lambda span: span.start, reverse=True):
        text = text[: span.start] + name + text[span.end :]
    return _checked(text, name)


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else f"byte {error.start} is not UTF-8"


def _places(file: tree.File) -> list[Span]:
    """Where the name of the architecture stands: in its own line, and where variants call it."""
    architecture = next((s for s in file.statements if isinstance(s, tree.Architecture)), None)
    if architecture is None:
        return []
    places = [architecture.name.span]
    for statement in file.statements:
        if isinstance(statement, tree.Variant):
            plain = statement.chain.plain
            called = plain.name if isinstance(plain, tree.Call) else plain
            if isinstance(called, tree.Name) and called.name == architecture.name.name:
                places.append(called.span)
    return places


def _checked(text: str, name: str) -> str:
    """The text in the canonical form, without mistakes."""
    from archdsl.checking import check_workspace
    from archdsl.elaborate import Request, Workspace

    found = Collector()
    laid_out = format_source(Source(f"{name}.arch", text), found)
    if laid_out is None:
        raise ArchError(found.sorted())
    workspace = Workspace.text(laid_out, found, f"{name}.arch")
    checked = check_workspace(workspace, Request(), found)
    unit = workspace.unit
    held = unit.architecture.name.name if unit is not None and unit.architecture is not None else None
    if checked.diagnostics or held != name:
        raise ArchError(checked.diagnostics or [Diagnostic("reserved-name", f"`{name}` cannot be a name")])
    return laid_out
