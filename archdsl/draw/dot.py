"""A picture as DOT text.

In: a plan and a theme. Out: text that any Graphviz lays out, the same for the same plan; for a network in columns also
the text of each column alone, and the whole with its places. Layout is left to `archdsl.draw.render`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from archdsl.draw.columns import Columns
from archdsl.draw.label import SIZE, SMALL, Labels
from archdsl.draw.picture import Box, Edge, Piece, Plan
from archdsl.draw.placing import Places
from archdsl.draw.style import FONT, THEMES, ThemeName
from archdsl.draw.text import sizes

if TYPE_CHECKING:
    import graphviz

__all__ = ["PAD", "Direction", "Scale", "Writer"]

Direction = Literal["down", "right"]

PAD: Final = 7.2
"""Points around the picture."""
_BESIDE: Final = 13.0
"""Points that a title needs beside itself: to the side of its box, and to a line."""
_WEIGHT: Final = "400"
"""How much the longest way through the network is kept straight; Graphviz keeps boxes narrow with 128."""


@dataclass(frozen=True, slots=True)
class Scale:
    """`page`: width and height in points, for which a larger picture is made smaller; `dpi`: dots per inch."""

    page: tuple[float, float] | None = None
    dpi: int | None = None


_AS_IT_IS: Final = Scale()


class Writer:
    """One plan as DOT: one `subgraph cluster_…` a block, one node a piece, a legend of the kinds that occur.

    Names, titles and calls are escaped: `</script>`, `&lt;` and `\\N` show as themselves.
    """

    def __init__(
        self, plan: Plan, columns: Columns, *, theme: ThemeName = "light", direction: Direction = "down"
    ) -> None:
        self.plan = plan
        self.columns = columns
        self.theme = THEMES[theme]
        self.direction = direction
        self.labels = Labels(plan, self.theme, down=direction == "down")
        self.names = {piece.id: _node_name(piece) for piece in plan.pieces()}
        self.rooms: dict[str, float] = {}
        """Points that titles of boxes may be wide, where lines leave less than they would be."""
        self.wide: dict[str, float] = {}
        self.least: dict[str, float] = {}
        """Points that titles are wide with all that, and how wide their boxes are for them at the least."""

    def set_wide(self, name: str, title: float, box: float = 0.0) -> None:
        """Make a box wide, with a title at its right; unless said how wide, for it on both sides of the middle."""
        self.wide[name] = title
        self.least[name] = box or 2 * (title + _BESIDE)

    def whole(self, scale: Scale = _AS_IT_IS) -> str:
        """The network as one text, for one column; several would stand side by side without lines between them."""
        return self._text(None, None, scale)

    def column(self, index: int) -> str:
        """One column alone."""
        return self._text(index, None, _AS_IT_IS)

    def heading(self) -> str:
        """Name, title and legend alone, as the node `heading`."""
        dot = self._graph({})
        dot.node("heading", self.labels.heading())
        return str(dot.source)

    def placed(self, places: Places, scale: Scale = _AS_IT_IS) -> str:
        """The network as one text in which everything has its place."""
        return self._text(None, places, scale)

    # ------------------------------------------------------------ the graph

    def _graph(self, more: dict[str, str]) -> graphviz.Digraph:
        import graphviz

        theme = self.theme
        return graphviz.Digraph(
            "network",
            graph_attr={
                "rankdir": "TB" if self.direction == "down" else "LR",
                "bgcolor": theme.page,
                "fontname": FONT,
                "fontsize": SIZE,
                "fontcolor": theme.text,
                "nodesep": "0.16",
                "ranksep": "0.14",
                "pad": f"{PAD / 72:g}",
                "margin": "0",  # a PDF has half an inch otherwise
                **more,
            },
            node_attr={
                "shape": "plain",
                "fontname": FONT,
                "fontsize": SIZE,
                "fontcolor": theme.ink,
                "color": theme.border,
            },
            edge_attr={
                "fontname": FONT,
                "fontsize": SMALL,
                "fontcolor": theme.text,
                "color": theme.line,
                "arrowsize": "0.6",
            },
        )

    def _text(self, column: int | None, places: Places | None, scale: Scale) -> str:
        more: dict[str, str] = {}
        if column is None and places is None:
            more |= {"label": self.labels.heading(), "labelloc": "t"}
        if places is not None:
            more["bb"] = places.page
        if scale.page is not None:
            more["size"] = f"{scale.page[0] / 72:.4f},{scale.page[1] / 72:.4f}"
        if scale.dpi is not None:
            more["dpi"] = str(scale.dpi)
        dot = self._graph(more)
        _Run(self, column, places).fill(dot)
        return str(dot.source)


class _Run:
    """One text: all columns or one, with places or without."""

    def __init__(self, writer: Writer, column: int | None, places: Places | None) -> None:
        self.writer = writer
        self.column = column
        self.places = places
        self.lone = column is not None
        """Whether edges bear their numbers, for the layout to be read back."""

    def fill(self, dot: graphviz.Digraph) -> None:
        writer, plan = self.writer, self.writer.plan
        of = writer.columns.of
        if self.places is not None:
            self._node(dot, "heading", writer.labels.heading())
        self._box(dot, plan.page, 0)
        for index, leaving in enumerate(plan.exits):
            if self._here(of[leaving.tail]):
                name = f"output {index}"
                self._node(
                    dot,
                    name,
                    writer.labels.exit(leaving),
                    shape="plaintext",
                    fontcolor=writer.theme.text,
                    margin="0.03,0.02",
                    width="0",
                    height="0",
                )
                weight = _WEIGHT if index == 0 else "1"
                self._edge(dot, f"output {index}", writer.names[leaving.tail], name, weight=weight)
        for index, edge in enumerate(plan.edges):
            self._between(dot, index, edge)

    def _here(self, column: int) -> bool:
        return self.column is None or column == self.column

    # ------------------------------------------------------------ boxes and nodes

    def _box(self, dot: graphviz.Digraph, box: Box, level: int) -> None:
        writer, of = self.writer, self.writer.columns.of
        boxes = writer.theme.boxes
        fill = boxes[min(level, len(boxes) - 1)]
        for part in box.parts:
            if isinstance(part, Piece):
                name = writer.names[part.id]
                if not self._here(of[part.id]):
                    continue
                if part.cells:
                    self._node(dot, name, writer.labels.node(part, fill))
                else:
                    self._point(dot, name, "0.04")
                continue
            if not self._here(of[_first(part)]):
                continue
            name = f"cluster_{part.id}"
            with dot.subgraph(name=name) as inner:
                inner.attr(
                    label=writer.labels.title(
                        part.title,
                        part.times,
                        writer.rooms.get(name),
                        writer.least[name] if name in writer.wide else 0.0,
                    ),
                    fontsize=SMALL,
                    labeljust="r",
                    labelloc="t",
                    style="rounded,filled",
                    color=writer.theme.border,
                    fillcolor=fill,
                    margin="6",
                    **(self.places.box(name) if self.places is not None else {}),
                )
                self._box(inner, part, level + 1)

    def _node(self, dot: graphviz.Digraph, name: str, label: str, **more: str) -> None:
        dot.node(name, label, **more, **(self.places.node(name) if self.places is not None else {}))

    def _point(self, dot: graphviz.Digraph, name: str, width: str) -> None:
        self._node(dot, name, "", shape="point", width=width, color=self.writer.theme.line)

    # ------------------------------------------------------------ edges

    def _between(self, dot: graphviz.Digraph, index: int, edge: Edge) -> None:
        writer, of = self.writer, self.writer.columns.of
        tail, head = writer.names[edge.tail], writer.names[edge.head]
        label = f" {sizes(edge.sizes)} " if edge.sizes else None
        if of[edge.tail] == of[edge.head]:
            if self._here(of[edge.tail]):
                straight = (edge.tail, edge.head) in writer.columns.spine
                self._edge(dot, str(index), tail, head, label=label, weight=_WEIGHT if straight else "1")
            return
        # From the foot of its column the line is led beside it to the top of the other one.
        foot, top = f"foot {index}", f"top {index}"
        if self._here(of[edge.tail]):
            self._point(dot, foot, "0.01")
            self._edge(dot, f"{index} foot", tail, foot, label=label, arrowhead="none", weight=_WEIGHT)
        if self._here(of[edge.head]):
            self._point(dot, top, "0.01")
            self._edge(dot, f"{index} top", top, head, weight=_WEIGHT)
        if self.places is not None:
            self._edge(dot, f"{index} turn", foot, top, arrowhead="none")

    def _edge(self, dot: graphviz.Digraph, number: str, tail: str, head: str, **more: str | None) -> None:
        if self.places is not None:
            more |= self.places.edge(number)
        if self.lone:
            more["comment"] = number
        dot.edge(tail, head, **more)


def _first(part: Box | Piece) -> int:
    while isinstance(part, Box):
        part = part.parts[0]
    return part.id


def _node_name(piece: Piece) -> str:
    """The layer's own name where DOT takes it as it is; it is what a browser shows when the mouse rests on the node."""
    return piece.name if re.fullmatch(r"[\w.]+", piece.name, re.ASCII) else f"node {piece.id}"
