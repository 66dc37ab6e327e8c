"""DOT text as a picture.

In: DOT. Out: SVG, PNG or PDF, laid out by the Graphviz that comes with pygraphviz, or by a `dot` on the PATH. The same
text gives the same bytes on the same machine; the fonts of another one may measure differently.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Final, Literal

from archdsl.draw.placing import Layout, Spot

__all__ = ["DPI", "MOST_DOTS", "Format", "RenderError", "drawn", "lay_out", "render"]

DPI: Final = 144
"""Dots per inch of a PNG unless asked otherwise: sharp on a screen, 300 for print."""

MOST_DOTS: Final = 10_000
"""Dots on a side of a PNG unless asked otherwise; with more, it takes a minute and few programs show it."""

Format = Literal["svg", "png", "pdf"]


class RenderError(RuntimeError):
    """There is no Graphviz, or it refused or complained."""


def render(dot: str, format: Format, *, placed: bool = False) -> bytes:
    """`render(text, "svg")`: the picture as bytes.

    - `placed`: everything in the text has its place already.

    Raises `RenderError` with what Graphviz said.
    """
    made = _run(dot, format, "nop2" if placed else "dot")
    return _undated(made) if format == "pdf" else made


def drawn(dot: str, *, placed: bool = False) -> bytes:
    """What would be drawn, as JSON. Raises `RenderError` with what Graphviz said."""
    return _run(dot, "json", "nop2" if placed else "dot")


def lay_out(dot: str) -> Layout:
    """Where Graphviz puts what a text says; edges are told apart by their `comment`.

    Raises `RenderError` with what Graphviz said.
    """
    found = json.loads(_run(dot, "json0", "dot"))
    objects, edges = found.get("objects", []), found.get("edges", [])
    left, bottom, right, top = map(float, found["bb"].split(","))
    return Layout(
        right - left,
        top - bottom,
        {made["name"]: _spot(made, "pos") for made in objects if "pos" in made},
        {made["name"]: _spot(made, "bb", "lp", "lwidth", "lheight") for made in objects if "bb" in made},
        {made["comment"]: _spot(made, "pos", "lp") for made in edges},
        {made["comment"]: (objects[made["tail"]]["name"], objects[made["head"]]["name"]) for made in edges},
        {made["name"]: (72 * float(made["width"]), 72 * float(made["height"])) for made in objects if "pos" in made},
    )


def _spot(made: dict[str, str], *names: str) -> Spot:
    return Spot({name: made[name] for name in names if name in made})


def _run(text: str, format: str, engine: str) -> bytes:
    try:
        import pygraphviz
    except ImportError as error:
        return _by_command(text, format, engine, error)
    return _by_library(pygraphviz, text, format, engine)


def _by_library(pygraphviz: ModuleType, text: str, format: str, engine: str) -> bytes:
    said: list[str] = []
    try:
        with _standard_error(said):
            graph = pygraphviz.AGraph(string=text)
            made = bytes(graph.draw(format=format, prog=engine))
            graph.close()
    except (ValueError, RuntimeError, OSError, pygraphviz.DotError) as error:
        told = "; ".join([str(error), *_lines("".join(said))])
        raise RenderError(f"Graphviz could not lay the picture out: {told}") from error
    _complain("".join(said))
    return made


def _by_command(text: str, format: str, engine: str, unloaded: ImportError) -> bytes:
    dot = shutil.which("dot")
    if dot is None and isinstance(unloaded, ModuleNotFoundError):
        raise RenderError("there is no Graphviz: `pip install pygraphviz` brings one, a `dot` on the PATH serves too")
    if dot is None:
        # A bare container lacks what the wheel expects of every system: GLib and X11.
        raise RenderError(
            f"the Graphviz that comes with pygraphviz cannot be loaded: {unloaded}; the system's own brings what it "
            "lacks: `apt-get install graphviz`, say"
        )
    ran = subprocess.run([dot, f"-K{engine}", f"-T{format}"], input=text.encode(), capture_output=True, check=False)
    said = ran.stderr.decode(errors="replace")
    if ran.returncode:
        raise RenderError(f"`{dot}` could not lay the picture out: {said.strip()}")
    _complain(said)
    return ran.stdout


def _complain(said: str) -> None:
    """What Graphviz says about the text is a fault of ours, and no picture is better than a wrong one."""
    if "too large for cairo-renderer bitmaps" in said:
        raise RenderError("a png cannot be larger than 32,767 dots on a side: ask for fewer dots per inch, svg or pdf")
    if lines := _lines(said):
        raise RenderError("Graphviz says: " + "\n".join(lines))


def _lines(said: str) -> list[str]:
    """Without what its font library says of the system's own files, and what it says of patience."""
    quiet = ("Fontconfig", "Warning: graph has ")
    return [line for line in said.splitlines() if line.strip() and not line.startswith(quiet)]


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
