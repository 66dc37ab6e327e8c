"""A network as a picture, in one call.

In: a checked graph and what to show of it. Out: the bytes of a file. What is shown is decided in `plan` and `strip`;
`dot`, `volumes` and `mermaid` write it, and `render` lays it out.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from archdsl.diagnostics import nearest
from archdsl.draw.columns import PAGE, arrange
from archdsl.draw.dot import Direction, Scale, Writer
from archdsl.draw.layout import Watch, laid, legible
from archdsl.draw.plan import ALL, Wish
from archdsl.draw.render import DPI, MOST_DOTS, drawn, render
from archdsl.draw.sheet import Sheet
from archdsl.draw.style import THEMES, ThemeName
from archdsl.graph import Graph

__all__ = ["FORMATS", "STYLES", "ImageFormat", "Misfit", "Page", "StyleName", "Watch", "check", "image"]

StyleName = Literal["graph", "table", "volumes"]
STYLES: Final[tuple[StyleName, ...]] = get_args(StyleName)
ImageFormat = Literal["svg", "png", "pdf", "dot", "tex", "mmd", "html"]
FORMATS: Final[tuple[ImageFormat, ...]] = get_args(ImageFormat)


class Misfit(ValueError):
    """Two wishes that do not go together: the name of one, and the rest of the sentence."""

    def __init__(self, option: str, reason: str) -> None:
        super().__init__(f"{option} {reason}")
        self.option = option
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Page:
    """How a picture looks.

    - `style`: `graph`: blocks as boxes; `table`: the same with a table in every node; `volumes`: feature maps in
      perspective.
    - `theme`: `light`, `dark`, or `print` for greyscale.
    - `direction`: `down` breaks a long network into columns that fit a page; `right` is one line, however long.
    - `width`: of the paper's column in points, which a wider picture is made smaller for; None for its own size, which
      can be made as small as a column of 88 mm. Where text could not be read then, blocks are closed if the wish says
      nothing of depth; volumes have larger text.
    - `dpi`: dots per inch of a PNG, None for 144, or fewer where a side would have more than 10,000 dots.
    """

    style: StyleName = "graph"
    theme: ThemeName = "light"
    direction: Direction = "down"
    width: float | None = None
    dpi: int | None = None


_PLAIN: Final = Page()


def image(
    graph: Graph,
    format: ImageFormat = "svg",
    wish: Wish = ALL,
    page: Page = _PLAIN,
    *,
    watch: Watch = lambda nodes, steps, done: None,
) -> bytes:
    """`Path("resnet50.svg").write_bytes(image(resnet50))`: four stages, the first of them open, in a paper's column.

    - `format`: `svg`, `png`, `pdf`; `tex`, a document for pdflatex; `dot` and `mmd`, text for Graphviz and Mermaid;
      `html`, a page to explore.
    - `wish`: what is shown; `page`: how it looks; `watch`: is told how far the layout is.

    Raises `RenderError` where there is no Graphviz, and `Misfit` for wishes that do not go together.
    """
    check(graph, format, wish, page)
    if format == "html":
        from archdsl.draw.page import to_page

        return to_page(graph, wish, theme=page.theme).encode()
    if page.style == "volumes":
        return _volumes(graph, format, wish, page)
    wish = wish if page.style == "graph" else replace(wish, table=True)
    if format == "mmd":
        from archdsl.draw.mermaid import to_mermaid

        return to_mermaid(legible(graph, wish, width=None), theme=page.theme, direction=page.direction).encode()
    return _graph(graph, wish, format, page, watch)


def check(graph: Graph, format: ImageFormat, wish: Wish, page: Page) -> None:
    """Raises `Misfit` for wishes that do not go together, and for a block that the network has not."""
    volumes = page.style == "volumes"
    for wrong, option, reason in (
        (page.dpi is not None and format != "png", "dpi", f"does not go with {format}: only a png is made of dots"),
        (page.width is not None and format == "mmd", "width", "does not go with mmd: Mermaid lays it out"),
        (wish.heat is not None and format == "mmd", "heat", "does not go with mmd: its colours say the kind of layer"),
        (page.width is not None and format == "html", "width", "does not go with html: the reader zooms"),
        (page.style != "graph" and format == "html", "style", f"{page.style} does not go with html: it is a graph"),
        (bool(wish.show) and format == "html", "show", "does not go with html: it shows all of them"),
        (page.direction != "down" and format == "html", "direction", "does not go with html: it goes down"),
        (
            volumes and format in ("dot", "mmd"),
            "style",
            f"volumes does not go with {format}: it is svg, png, pdf or tex",
        ),
        (volumes and bool(wish.show), "show", "does not go with volumes: their labels are the layer and its size"),
        (volumes and wish.heat is not None, "heat", "does not go with volumes: their colours say the kind of layer"),
        (volumes and page.direction != "down", "direction", "does not go with volumes: they stand from left to right"),
    ):
        if wrong:
            raise Misfit(option, reason)
    if wish.expand:
        _check_blocks(graph, wish.expand)


def _check_blocks(graph: Graph, names: Set[str]) -> None:
    frames = {frame for node in graph.nodes for frame in node.frame.path() if frame.kind == "block"}
    known = sorted({frame.name for frame in frames} | {frame.label for frame in frames if frame.label is not None})
    for name in sorted(names):
        if name not in known:
            close = nearest(name, known)
            told = f"; did you mean `{close}`?" if close else f": its blocks are {', '.join(known) or 'none'}"
            raise Misfit("expand", f"`{name}`: the network has no such block{told}")


# ---------------------------------------------------------------- blocks and tables


def _graph(
    graph: Graph, wish: Wish, format: Literal["svg", "png", "pdf", "dot", "tex"], page: Page, watch: Watch
) -> bytes:
    scale = _scale(format, page)
    if format == "dot":
        # Graphviz cannot be told to lead an edge around a column, so a text for it is one long one.
        plan = legible(graph, wish, width=page.width)
        columns = arrange(plan, break_up=False)
        return Writer(plan, columns, theme=page.theme, direction=page.direction).whole(scale).encode()
    found = laid(graph, wish, theme=page.theme, direction=page.direction, width=page.width, watch=watch)
    text = found.writer.placed(found.places, scale)
    if format != "tex":
        return render(text, format, placed=True)
    from archdsl.draw.traced import trace

    return _tex(trace(drawn(text, placed=True), found.writer.plan.name, THEMES[page.theme].page), page)


def _scale(format: ImageFormat, page: Page) -> Scale:
    sides = (page.width, PAGE[1]) if page.width is not None and format != "tex" else None
    if format != "png":
        return Scale(sides)
    most = MOST_DOTS / DPI * 72
    return Scale(sides or ((most, most) if page.dpi is None else None), page.dpi or DPI)


# ---------------------------------------------------------------- volumes


def _volumes(graph: Graph, format: ImageFormat, wish: Wish, page: Page) -> bytes:
    from archdsl.draw.strip import make_strip
    from archdsl.draw.volumes import to_sheet

    sheet = to_sheet(make_strip(graph, wish), theme=page.theme, width=page.width)
    if format == "tex":
        return _tex(sheet, page)
    if format == "svg":
        from archdsl.draw.svg import to_svg

        return to_svg(sheet, width=page.width)
    from archdsl.draw.paper import to_paper

    assert format in ("png", "pdf")
    return to_paper(sheet, format, width=page.width, dpi=(page.dpi or DPI) if format == "png" else None)


def _tex(sheet: Sheet, page: Page) -> bytes:
    from archdsl.draw.tikz import to_tikz

    return to_tikz(sheet, width=page.width).encode()
