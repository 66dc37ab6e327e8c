"""`archdsl draw`: the network as a picture.

In: the file and options of a command line. Out: a file, its format by its name. What the picture shows is left to
`archdsl.draw`, the reading of the text to `archdsl.cli.common`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import click

from archdsl.cli.common import format_of, target_options, writing
from archdsl.draw.dot import Direction
from archdsl.draw.image import FORMATS, STYLES, Misfit, Page, StyleName, Watch, check, image
from archdsl.draw.picture import Count, Figure
from archdsl.draw.plan import Wish
from archdsl.draw.render import DPI, MOST_DOTS, RenderError
from archdsl.draw.style import THEMES, ThemeName

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from archdsl.api import Architecture
    from archdsl.elaborate import Request

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  archdsl draw lenet5.arch
  archdsl draw resnet.arch:resnet50 -o resnet50.pdf --width 88mm
  archdsl draw resnet.arch:resnet50 --depth 1 --show params,macs -o overview.svg
  archdsl draw resnet.arch:resnet50 --depth 1 --expand project --heat macs
  archdsl draw lenet5.arch --style table -o table.svg
  archdsl draw unet.arch --style volumes -o unet.tex
  archdsl draw unet.arch -o unet.html
  archdsl draw unet.arch --watch
  archdsl draw googlenet.arch --theme print --dpi 300 -o googlenet.png
"""

_EDGES: Final = 500
_MANY: Final = 1000
"""Nodes from which on a layout takes seconds."""

_POINTS: Final = {"mm": 72 / 25.4, "cm": 72 / 2.54, "in": 72.0, "pt": 1.0}


def _asked(
    *,
    style: StyleName,
    depth: int | None,
    expand: tuple[str, ...],
    unfold: bool,
    show: str | None,
    heat: Count | None,
    theme: ThemeName,
    direction: Direction,
    width: str | None,
    dpi: int | None,
) -> tuple[Wish, Page]:
    """What the options say of the picture: what it shows, and how it looks. Raises `click.BadParameter`."""
    wish = Wish(depth, frozenset(expand), not unfold, _figures(show), heat)
    return wish, Page(style, theme, direction, _points(width), dpi)


def _watch(path: str, request: Request, output: Path | None, **options: Any) -> None:
    """Serve the page, and write the file anew as well where one is named."""
    from archdsl.cli.watching import Watched, serve
    from archdsl.draw.page import to_error_page, to_page

    wish, shape = _asked(**options)
    format = format_of(output, FORMATS) if output is not None else "html"

    def page(made: Architecture, number: int) -> str:
        check(made.graph, format, wish, shape)
        if output is not None:
            try:
                _write(output, image(made.graph, format, wish, shape))
            except RenderError as error:
                raise click.ClickException(str(error)) from None
        return to_page(made.graph, replace(wish, show=()), theme=shape.theme, live=number)

    serve(Watched(path, request, page, to_error_page))


@click.command("draw", epilog=_EXAMPLES)
@target_options(when_watched=_watch)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PATH",
    help=f"Where to; the name decides the format: {', '.join(FORMATS)} [NAME.svg].",
)
@click.option("--style", type=click.Choice(STYLES), default="graph", show_default=True, help="Kind of picture.")
@click.option(
    "--depth",
    type=click.IntRange(min=1),
    metavar="N",
    help="Open blocks N levels deep; as far as they can be read in a paper's column unless given. 99 opens all.",
)
@click.option(
    "--expand", multiple=True, metavar="BLOCK", help="Open blocks of this name at any depth, every iteration of them."
)
@click.option(
    "--unfold", is_flag=True, help="Draw every iteration of a repeat; like ones are one box (× 3) unless given."
)
@click.option("--show", metavar="A,B", help=f"Figures in every node: {', '.join(get_args(Figure))}.")
@click.option("--heat", type=click.Choice(get_args(Count)), help="Colour by a number, not by the kind of layer.")
@click.option("--theme", type=click.Choice(tuple(THEMES)), default="light", show_default=True, help="Colours.")
@click.option(
    "--direction",
    type=click.Choice(get_args(Direction)),
    default="down",
    show_default=True,
    help="Down, in columns that fit a page; or right, in one line.",
)
@click.option(
    "--width",
    metavar="88mm",
    help="A paper's column, in mm, cm, in or pt: the picture is no wider, and its text can be read in it.",
)
@click.option(
    "--dpi",
    type=click.IntRange(36, 1200),
    metavar="N",
    help=f"Dots per inch, for png [{DPI}; fewer where a side would have more than {MOST_DOTS:,} dots].",
)
@click.option(
    "--watch", is_flag=True, help="Serve the html page on localhost; draw it, and the file of -o, anew on every save."
)
def command(architecture: Architecture, output: Path | None, **options: Any) -> None:
    """Draw the network: blocks (graph), a table in every node (table), or feature maps in perspective (volumes).

    Blocks are boxes, like repeats are folded (× 3), sizes stand where they change, and colours say the kind of layer.
    Where all of it would be too small to read in a paper's column, of blocks that are alike the first one is open, and
    where that is still too small, as many as fit, from the first on.
    Volumes open blocks as far as 40 feature maps allow, unless --depth, --expand or --unfold says how far.
    """
    graph = architecture.graph
    path = output or Path(f"{graph.own_name}.svg")
    format = format_of(path, FORMATS)
    wish, page = _asked(**options)
    try:
        with _progress(wish) as watch:
            made = image(graph, format, wish, page, watch=watch)
    except Misfit as error:
        raise click.UsageError(f"--{error.option} {error.reason}") from None
    except RenderError as error:
        raise click.ClickException(str(error)) from None
    _write(path, made)
    click.echo(f"wrote {path}", err=True)
    if format == "mmd" and (edges := made.count(b" -->")) >= _EDGES:
        told = f"the picture has {edges:,} edges, and Mermaid draws fewer than {_EDGES} unless its maxEdges is raised"
        click.echo(f"note: {told}; --depth 1 closes the blocks", err=True)
    if format == "png" and page.dpi is None and max(_dots(made)) >= MOST_DOTS:
        told = f"the picture was made smaller, to {MOST_DOTS:,} dots, and its text with it"
        click.echo(f"note: {told}; --depth 2 closes blocks, svg and pdf can be enlarged", err=True)


def _dots(png: bytes) -> tuple[int, int]:
    """How wide and high it is, which the first chunk of every PNG says."""
    return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])


def _write(path: Path, made: bytes) -> None:
    with writing(path):
        path.write_bytes(made)


@contextmanager
def _progress(wish: Wish) -> Iterator[Watch]:
    """Say of a picture that takes long what else to do, and show how far it is."""
    with ExitStack() as stack:
        bars: list[tuple[Progress, TaskID]] = []

        def watch(nodes: int, steps: int, done: int) -> None:
            if nodes < _MANY:
                return
            if not done:
                instead = "--depth 1 closes the blocks" if wish.fold else "without --unfold, like repeats are one box"
                click.echo(f"laying out {nodes:,} nodes, which takes a while; {instead}", err=True)
                bars.append(_bar(stack, steps))
            bar, task = bars[0]
            bar.update(task, completed=done)

        yield watch


def _bar(stack: ExitStack, steps: int) -> tuple[Progress, TaskID]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.completed:.0f} of {task.total:.0f} columns"), BarColumn(), TimeElapsedColumn())
    bar = stack.enter_context(Progress(*columns, console=Console(stderr=True), transient=True))
    return bar, bar.add_task("", total=steps)


def _figures(text: str | None) -> tuple[Figure, ...]:
    known: tuple[Figure, ...] = get_args(Figure)
    words = [word.strip() for word in text.split(",")] if text is not None else []
    for word in words:
        if word not in known:
            raise click.BadParameter(f"`{word}` is not one of {', '.join(known)}", param_hint="--show")
    return tuple(figure for figure in known if figure in words)


def _points(text: str | None) -> float | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,4}(?:\.\d{1,4})?) ?(mm|cm|in|pt)", text.strip())
    if found is None or not 36 <= (points := float(found[1]) * _POINTS[found[2]]) <= 14400:
        raise click.BadParameter(
            f"`{text}` is not a width from 0.5in to 200in: write 88mm or 3.5in", param_hint="--width"
        )
    return points
