"""A network as a picture, in one call.

In: a checked graph and what to show of it. Out: the bytes of a file. The steps are `plan`, `dot` and `render`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from archdsl.draw.columns import arrange
from archdsl.draw.dot import Direction, Writer
from archdsl.draw.picture import Plan
from archdsl.draw.placing import Turn, side_by_side
from archdsl.draw.plan import ALL, Wish, make_plan
from archdsl.draw.render import DPI, lay_out, render
from archdsl.draw.style import ThemeName
from archdsl.graph import Graph

__all__ = ["FORMATS", "STYLES", "ImageFormat", "Page", "StyleName", "draw_plan", "image"]

StyleName = Literal["graph", "table"]
STYLES: Final[tuple[StyleName, ...]] = ("graph", "table")
ImageFormat = Literal["svg", "png", "pdf", "dot"]
FORMATS: Final[tuple[ImageFormat, ...]] = ("svg", "png", "pdf", "dot")


@dataclass(frozen=True, slots=True)
class Page:
    """How a picture looks.

    - `theme`: `light`, `dark`, or `print` for greyscale.
    - `direction`: `down` breaks a long network into columns that fit a page; `right` is one line, however long.
    - `width`: of the paper's column in points, which a wider picture is made smaller for; None for its own size.
    - `dpi`: dots per inch of a PNG.
    """

    theme: ThemeName = "light"
    direction: Direction = "down"
    width: float | None = None
    dpi: int = DPI


_PLAIN: Final = Page()


def image(graph: Graph, format: ImageFormat = "svg", wish: Wish = ALL, page: Page = _PLAIN) -> bytes:
    """`Path("resnet50.svg").write_bytes(image(resnet50))`: a page with eight boxes in two columns.

    - `format`: `svg`, `png`, `pdf`, or `dot`, the text that the others are made from.
    - `wish`: what is shown; `page`: how it looks.

    Raises `RenderError` where there is no Graphviz.
    """
    return draw_plan(make_plan(graph, wish), format, page)


def draw_plan(plan: Plan, format: ImageFormat, page: Page) -> bytes:
    """The same for a plan."""
    columns = arrange(plan, break_up=page.direction == "down", width=page.width)
    writer = Writer(plan, columns, theme=page.theme, direction=page.direction)
    dpi = page.dpi if format == "png" else None
    if format == "dot":
        return writer.whole(width=page.width).encode()
    if columns.count == 1:
        return render(writer.whole(width=page.width, dpi=dpi), format)
    turns = [
        Turn(str(index), columns.of[edge.tail], columns.of[edge.head])
        for index, edge in enumerate(plan.edges)
        if columns.of[edge.tail] != columns.of[edge.head]
    ]
    laid_out = [lay_out(writer.column(index)) for index in range(columns.count)]
    places = side_by_side(lay_out(writer.heading()), laid_out, turns)
    return render(writer.placed(places, width=page.width, dpi=dpi), format, placed=True)
