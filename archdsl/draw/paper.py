"""A sheet as PNG or PDF, by way of Graphviz.

In: a sheet. Out: bytes. Areas and lines are the background of an otherwise empty graph, texts are its nodes, so that
nothing beside Graphviz is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from archdsl.draw.label import escape
from archdsl.draw.render import render
from archdsl.draw.sheet import Label, Line, Point, Polygon, Sheet
from archdsl.draw.style import FONT

__all__ = ["to_paper"]


def to_paper(
    sheet: Sheet, format: Literal["png", "pdf"], *, width: float | None = None, dpi: int | None = None
) -> bytes:
    """The sheet in points; made smaller where it is wider than `width`. `dpi` is for PNG.

    Raises `RenderError` where there is no Graphviz.
    """
    import graphviz

    shapes = [shape for shape in sheet.shapes if not isinstance(shape, Label)]
    more = {} if width is None else {"size": f"{width / 72:.4f},1000"}
    more |= {} if dpi is None else {"dpi": str(dpi)}
    dot = graphviz.Graph(
        "sheet",
        graph_attr={
            "bb": f"0,0,{sheet.width:g},{sheet.height:g}",
            "bgcolor": sheet.fill,
            "pad": "0",
            "margin": "0",
            **more,
        },
        node_attr={"shape": "none", "margin": "0", "width": "0", "height": "0", "fontname": FONT},
    )
    # One string in many pieces: Graphviz reads none that is longer than 16,384 letters.
    drawn = " +\n\t\t".join(f'"{_drawn(shape, sheet)} "' for shape in shapes)
    dot.body.append(f"\tgraph [_background={drawn}]\n")
    for x, y in ((0.0, 0.0), (sheet.width, sheet.height)):
        dot.node(f"corner {x:g}", "", shape="point", style="invis", width="0.001", height="0.001", pos=f"{x:g},{y:g}")
    for index, label in enumerate(shape for shape in sheet.shapes if isinstance(shape, Label)):
        text = escape(label.text)
        # The middle of a line of text lies a third of its size above the line that its letters stand on.
        dot.node(
            f"text {index}",
            f"<<B>{text}</B>>" if label.bold else f"<{text}>",
            fontsize=f"{label.size:g}",
            fontcolor=label.fill,
            pos=f"{label.x:.2f},{sheet.height - label.y + label.size / 3:.2f}",
        )
    return render(str(dot.source), format, placed=True)


def _drawn(shape: Polygon | Line, sheet: Sheet) -> str:
    """One shape in the words of xdot: colours with the number of their letters, points with their number."""
    width = f"setlinewidth({sheet.stroke(shape):.2f})"
    head = f"S {len(width)} -{width} c 7 -{shape.stroke}"
    points = _points(shape.points, sheet.height)
    if isinstance(shape, Line):
        return f"{head} {'B' if shape.curved else 'L'} {len(shape.points)} {points}"
    if shape.fill is None:
        return f"{head} p {len(shape.points)} {points}"
    return f"{head} C 7 -{shape.fill} P {len(shape.points)} {points}"


def _points(points: Sequence[Point], height: float) -> str:
    return " ".join(f"{x:.2f} {height - y:.2f}" for x, y in points)
