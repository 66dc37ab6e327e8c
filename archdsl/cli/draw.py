"""`archdsl draw`: the network as a picture.

In: the file and options of a command line. Out: a file, its format by its name. What the picture shows is left to
`archdsl.draw`, the reading of the text to `archdsl.cli.common`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from archdsl.cli.common import target_options
from archdsl.draw.dot import Direction
from archdsl.draw.image import FORMATS, ImageFormat, image
from archdsl.draw.picture import Figure
from archdsl.draw.render import DPI, RenderError
from archdsl.draw.style import THEMES, ThemeName

if TYPE_CHECKING:
    from archdsl.api import Architecture

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  archdsl draw lenet5.arch
  archdsl draw resnet.arch:resnet50 -o resnet50.pdf
  archdsl draw resnet.arch:resnet50 --depth 1 --show params,macs -o overview.svg
  archdsl draw googlenet.arch --theme print --dpi 300 -o googlenet.png
"""


@click.command("draw", epilog=_EXAMPLES)
@target_options
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="PATH",
    help=f"Where to; the name decides the format: {', '.join(FORMATS)} [NAME.svg].",
)
@click.option(
    "--depth", type=click.IntRange(min=1), metavar="N", help="Open blocks N levels deep; all the way unless given."
)
@click.option(
    "--unfold", is_flag=True, help="Draw every iteration of a repeat; like ones are one box (× 3) unless given."
)
@click.option("--show", metavar="A,B", help=f"Numbers in every node: {', '.join(get_args(Figure))}.")
@click.option("--theme", type=click.Choice(tuple(THEMES)), default="light", show_default=True, help="Colours.")
@click.option(
    "--direction",
    type=click.Choice(get_args(Direction)),
    default="down",
    show_default=True,
    help="Down, in columns that fit a page; or right, in one line.",
)
@click.option("--dpi", type=click.IntRange(36, 1200), metavar="N", help=f"Dots per inch, for png [{DPI}].")
def command(
    architecture: Architecture,
    output: Path | None,
    depth: int | None,
    unfold: bool,
    show: str | None,
    theme: ThemeName,
    direction: Direction,
    dpi: int | None,
) -> None:
    """Draw the network: blocks as boxes, like repeats folded, sizes where they change."""
    graph = architecture.graph
    path = output or Path(f"{graph.variant or graph.name}.svg")
    format = _format(path)
    if dpi is not None and format != "png":
        raise click.UsageError(f"--dpi does not go with {format}: only a png is made of dots")
    try:
        made = image(
            graph,
            format,
            depth=depth,
            fold=not unfold,
            show=_figures(show),
            theme=theme,
            direction=direction,
            dpi=DPI if dpi is None else dpi,
        )
    except RenderError as error:
        raise click.ClickException(str(error)) from None
    try:
        path.write_bytes(made)
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror}") from None
    click.echo(f"wrote {path}", err=True)


def _format(path: Path) -> ImageFormat:
    suffix = path.suffix.removeprefix(".").lower()
    for known in FORMATS:
        if suffix == known:
            return known
    endings = ", ".join(f".{known}" for known in FORMATS)
    raise click.BadParameter(f"`{path.name}` does not end in one of {endings}", param_hint="-o")


def _figures(text: str | None) -> tuple[Figure, ...]:
    known: tuple[Figure, ...] = get_args(Figure)
    words = [word.strip() for word in text.split(",")] if text is not None else []
    for word in words:
        if word not in known:
            raise click.BadParameter(f"`{word}` is not one of {', '.join(known)}", param_hint="--show")
    return tuple(figure for figure in known if figure in words)
