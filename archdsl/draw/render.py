"""DOT text as a picture.

In: DOT. Out: SVG, PNG or PDF, laid out by the Graphviz that comes with pygraphviz, or by a `dot` on the PATH. The same
text gives the same bytes on the same machine; the fonts of another one may measure differently.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Final, Literal

__all__ = ["DPI", "Format", "RenderError", "render"]

DPI: Final = 144
"""Dots per inch of a PNG unless asked otherwise: sharp on a screen, 300 for print."""

Format = Literal["svg", "png", "pdf"]


class RenderError(RuntimeError):
    """There is no Graphviz, or it refused or complained."""


def render(dot: str, format: Format, *, dpi: int = DPI) -> bytes:
    """`render(text, "svg")`: the picture as bytes. `dpi` is for PNG; SVG and PDF have the size of the layout in points.

    Raises `RenderError` with what Graphviz said.
    """
    text = re.sub(r"(?m)^(digraph \w+ \{)$", rf"\1\n\tgraph [dpi={dpi}]", dot, count=1) if format == "png" else dot
    try:
        import pygraphviz
    except ImportError:
        made = _by_command(text, format)
    else:
        made = _by_library(pygraphviz, text, format)
    return _undated(made) if format == "pdf" else made


def _by_library(pygraphviz: ModuleType, text: str, format: Format) -> bytes:
    said: list[str] = []
    try:
        with _standard_error(said):
            graph = pygraphviz.AGraph(string=text)
            made = bytes(graph.draw(format=format, prog="dot"))
            graph.close()
    except (ValueError, RuntimeError, OSError, pygraphviz.DotError) as error:
        told = "; ".join([str(error), *_lines("".join(said))])
        raise RenderError(f"Graphviz could not lay the picture out: {told}") from error
    _complain("".join(said))
    return made


def _by_command(text: str, format: Format) -> bytes:
    dot = shutil.which("dot")
    if dot is None:
        raise RenderError("there is no Graphviz: `pip install pygraphviz` brings one, a `dot` on the PATH serves too")
    ran = subprocess.run([dot, f"-T{format}"], input=text.encode(), capture_output=True, check=False)
    said = ran.stderr.decode(errors="replace")
    if ran.returncode:
        raise RenderError(f"`{dot}` could not lay the picture out: {said.strip()}")
    _complain(said)
    return ran.stdout


def _complain(said: str) -> None:
    """What Graphviz says about the text is a fault of ours, and no picture is better than a wrong one."""
    if lines := _lines(said):
        raise RenderError("Graphviz says: " + "\n".join(lines))


def _lines(said: str) -> list[str]:
    """Without what its font library says of the system's own files."""
    return [line for line in said.splitlines() if line.strip() and not line.startswith("Fontconfig")]


@contextmanager
def _standard_error(said: list[str]) -> Iterator[None]:
    """Catch what the C library writes to the process' standard error."""
    with tempfile.TemporaryFile() as caught:
        kept = os.dup(2)
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            caught.seek(0)
            said.append(caught.read().decode(errors="replace"))


def _undated(pdf: bytes) -> bytes:
    """Without the minute it was made in."""
    return re.sub(rb"/CreationDate \(D:[^)]*\)", lambda found: b" " * len(found[0]), pdf)
