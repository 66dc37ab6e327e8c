"""A network as a picture, in one call.

In: a checked graph and what to show of it. Out: the bytes of a file. The steps are `plan`, `dot` and `render`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from archdsl.draw.dot import Direction, to_dot
from archdsl.draw.picture import Figure
from archdsl.draw.plan import make_plan
from archdsl.draw.render import DPI, render
from archdsl.draw.style import ThemeName
from archdsl.graph import Graph

__all__ = ["FORMATS", "ImageFormat", "image"]

ImageFormat = Literal["svg", "png", "pdf", "dot"]
FORMATS: Final[tuple[ImageFormat, ...]] = ("svg", "png", "pdf", "dot")


def image(
    graph: Graph,
    format: ImageFormat = "svg",
    *,
    depth: int | None = None,
    fold: bool = True,
    show: Sequence[Figure] = (),
    theme: ThemeName = "light",
    direction: Direction = "down",
    dpi: int = DPI,
) -> bytes:
    """`Path("resnet50.svg").write_bytes(image(resnet50))`: a page with eight boxes in two columns.

    - `format`: `svg`, `png`, `pdf`, or `dot`, the text that the others are made from.
    - `depth`: levels that are shown; a block at the limit is one node. None opens all.
    - `fold`: like iterations as one box with a count.
    - `show`: numbers in every node, for one example: `params` (trainable), `macs`.
    - `theme`: `light`, `dark`, or `print` for greyscale.
    - `direction`: `down` breaks a long network into columns that fit a page; `right` is one line, however long.
    - `dpi`: dots per inch of a PNG.

    Raises `RenderError` where there is no Graphviz.
    """
    dot = to_dot(make_plan(graph, depth=depth, fold=fold, show=show), theme=theme, direction=direction)
    return dot.encode() if format == "dot" else render(dot, format, dpi=dpi)
