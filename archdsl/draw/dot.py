"""A picture as DOT text.

In: a plan and a theme. Out: text that any Graphviz lays out, the same for the same plan. Layout is left to
`archdsl.draw.render`.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final, Literal, get_args

from archdsl.draw.columns import arrange, estimated_width
from archdsl.draw.picture import Box, Cell, Edge, Exit, Figure, Piece, Plan
from archdsl.draw.style import FONT, THEMES, Theme, ThemeName
from archdsl.draw.text import quantity, size, sizes, typeset
from archdsl.ops.base import Style

if TYPE_CHECKING:
    import graphviz

__all__ = ["Direction", "to_dot"]

Direction = Literal["down", "right"]

_UNITS: Final[dict[Figure, str]] = {"params": "params", "macs": "MACs"}
_SIZE: Final = "10.5"
_SMALL: Final = "8.25"
_LARGE: Final = "13.5"
"""Whole pixels at the 96 dots per inch at which Graphviz measures: at others it rounds every letter, and text that is
shown with the font's own widths runs over its box."""
_CHIPS: Final = 4
_WEIGHT: Final = "400"
"""How much the longest way through the network is kept straight; Graphviz keeps boxes narrow with 128."""
_TITLE_LETTER: Final = 5.0
_SKIP: Final = 22.0
"""Points: a letter of a box's title, the room that a shortcut takes on the right of a box."""
_LONG: Final = 24
"""Characters of an argument, the rest is cut: a connection table has hundreds."""


def to_dot(plan: Plan, *, theme: ThemeName = "light", direction: Direction = "down") -> str:
    """The picture as DOT: one `subgraph cluster_…` a block, one node a piece, a legend of the kinds that occur.

    Names, titles and calls are escaped: `</script>`, `&lt;` and `\\N` show as themselves.
    """
    return _Writer(plan, THEMES[theme], direction).text()


class _Writer:
    """One run over one plan."""

    def __init__(self, plan: Plan, theme: Theme, direction: Direction) -> None:
        self.plan = plan
        self.theme = theme
        self.direction = direction
        self.names = {piece.id: _node_name(piece) for piece in plan.pieces()}
        self.readers = Counter(edge.tail for edge in plan.edges)
        self.columns = arrange(plan, page=direction == "down")

    def text(self) -> str:
        import graphviz

        theme = self.theme
        dot = graphviz.Digraph(
            "network",
            graph_attr={
                # The older ranking takes an edge into a box as a wish, and columns need it as a rule.
                "newrank": "true",
                "rankdir": "TB" if self.direction == "down" else "LR",
                "bgcolor": theme.page,
                "fontname": FONT,
                "fontsize": _SIZE,
                "fontcolor": theme.text,
                "label": self._heading(),
                "labelloc": "t",
                "nodesep": "0.2",
                "ranksep": "0.14",
                "pad": "0.1",
            },
            node_attr={
                "shape": "plain",
                "fontname": FONT,
                "fontsize": _SIZE,
                "fontcolor": theme.ink,
                "color": theme.border,
            },
            edge_attr={
                "fontname": FONT,
                "fontsize": _SMALL,
                "fontcolor": theme.text,
                "color": theme.line,
                "arrowsize": "0.6",
            },
        )
        self._fill(dot, self.plan.page, 0)
        for index, leaving in enumerate(self.plan.exits):
            self._exit(dot, index, leaving)
        tops = [self.names[piece.id] for piece in self.plan.pieces() if piece.cells][:1]
        for edge in self.plan.edges:
            tail, head = self.columns.of[edge.tail], self.columns.of[edge.head]
            if tail == head:
                self._edge(dot, edge)
            elif tail + 1 == head:
                tops.append(self._turn(dot, edge, head))
            else:
                dot.edge(self.names[edge.tail], self.names[edge.head], label=_label(edge), constraint="false")
        if len(tops) > 1:
            with dot.subgraph() as level:
                level.attr(rank="same")
                for name in tops:
                    level.node(name)
        return str(dot.source)

    # ------------------------------------------------------------ boxes and nodes

    def _fill(self, dot: graphviz.Digraph, box: Box, level: int) -> None:
        fill = self._box_fill(level)
        for part in box.parts:
            if isinstance(part, Piece) and not part.cells:
                dot.node(self.names[part.id], label="", shape="point", width="0.04", color=self.theme.line)
            elif isinstance(part, Piece):
                dot.node(self.names[part.id], self._node(part, fill))
            else:
                with dot.subgraph(name=f"cluster_{part.id}") as inner:
                    inner.attr(
                        label=f"<{self._box_title(part)}>",
                        fontsize=_SMALL,
                        labeljust="r",
                        labelloc="t",
                        style="rounded,filled",
                        color=self.theme.border,
                        fillcolor=fill,
                        margin="6",
                    )
                    self._fill(inner, part, level + 1)

    def _box_fill(self, level: int) -> str:
        return self.theme.boxes[min(level, len(self.theme.boxes) - 1)]

    def _box_title(self, box: Box) -> str:
        """In two lines where one would reach from the right to the middle, where the edge enters."""
        name, opening, arguments = box.title.partition("<")
        widths = [estimated_width(part) for part in box.parts if isinstance(part, Piece)]
        forks = [self.readers[part.id] for part in box.parts if isinstance(part, Piece) and not part.cells]
        if max(forks, default=0) > 2:
            return self._title(box.title, box.times)  # wide enough, with so many branches side by side
        beside = _SKIP if forks else 0.0
        long = (len(box.title) + 4 * (box.times > 1)) * _TITLE_LETTER > max(widths, default=0.0) / 2 + beside
        if not (opening and long and len(widths) == len(box.parts)):
            return self._title(box.title, box.times)
        end = '<BR ALIGN="RIGHT"/>'
        return f"{self._title(name, box.times)}{end}{_escape(typeset(opening + arguments))}{end}"

    def _title(self, title: str, times: int) -> str:
        count = f"<B>× {times}</B>" if times > 1 else ""
        return "  ".join(filter(None, (_escape(typeset(title)), count)))

    def _node(self, piece: Piece, fill: str) -> str:
        """The layers beside each other where the network runs down, under each other where it runs to the right."""
        cells = list(map(self._cell, piece.cells))
        down = self.direction == "down"
        caption = ""
        if piece.caption:
            span = len(cells) if down else 1
            title = f'<FONT COLOR="{self.theme.text}" POINT-SIZE="{_SMALL}">{self._title(piece.caption, 1)}</FONT>'
            caption = f'<TR><TD COLSPAN="{span}" ALIGN="LEFT" BGCOLOR="{fill}">{title}</TD></TR>'
        if piece.times > 1:
            count = f'<FONT COLOR="{self.theme.text}">{self._title("", piece.times)}</FONT>'
            cells.append(f'<TD BORDER="0">{count}</TD>')
        rows = f"<TR>{''.join(cells)}</TR>" if down else "".join(f"<TR>{cell}</TR>" for cell in cells)
        return self._table(caption + rows)

    def _table(self, rows: str) -> str:
        return (
            f'<<TABLE BORDER="0" CELLBORDER="1" CELLSPACING="0" CELLPADDING="3" COLOR="{self.theme.border}">'
            f"{rows}</TABLE>>"
        )

    def _cell(self, cell: Cell) -> str:
        text = _call(cell.text)
        if cell.label is not None:
            text = f"<B>{_escape(cell.label)}</B>  {text}"
        lines = [text]
        if cell.shared is not None:
            lines.append(_small(f"weights of {_escape(cell.shared)}"))
        lines += [_small(f"{quantity(value)} {_UNITS[figure]}") for figure, value in cell.figures]
        fill = self.theme.closed if cell.style is None else self.theme.fills[cell.style]
        return f'<TD BGCOLOR="{fill}">{"<BR/>".join(lines)}</TD>'

    # ------------------------------------------------------------ edges

    def _exit(self, dot: graphviz.Digraph, index: int, leaving: Exit) -> None:
        output = leaving.output
        lines = [f"<B>{_escape(output.name)}</B>  {size(leaving.shape)}"]
        if output.training:
            lines.append(_small("in training only"))
        name = f"output {index}"
        text = "<BR/>".join(lines)
        dot.node(
            name, f"<{text}>", shape="plaintext", fontcolor=self.theme.text, margin="0.03,0.02", width="0", height="0"
        )
        dot.edge(self.names[leaving.tail], name, weight=_WEIGHT if index == 0 else "1")

    def _edge(self, dot: graphviz.Digraph, edge: Edge) -> None:
        straight = (edge.tail, edge.head) in self.columns.spine
        dot.edge(self.names[edge.tail], self.names[edge.head], label=_label(edge), weight=_WEIGHT if straight else "1")

    def _turn(self, dot: graphviz.Digraph, edge: Edge, column: int) -> str:
        """Lead an edge from the foot of a column up beside it and into the head of the next one."""
        top, foot = f"top {column}", f"foot {column}"
        for name in (top, foot):
            dot.node(name, label="", shape="point", width="0.01", color=self.theme.line)
        dot.edge(self.names[edge.tail], foot, label=_label(edge), arrowhead="none", headport="w")
        dot.edge(top, foot, arrowhead="none", weight="100")
        dot.edge(top, self.names[edge.head], tailport="e")
        return top

    # ------------------------------------------------------------ heading and legend

    def _heading(self) -> str:
        name = f'<FONT POINT-SIZE="{_LARGE}"><B>{_escape(self.plan.name)}</B></FONT>'
        lines = [f"<TR><TD>{name}</TD></TR>"]
        if self.plan.title:
            lines.append(f'<TR><TD><FONT COLOR="{self.theme.faint}">{_escape(self.plan.title)}</FONT></TD></TR>')
        chips = self._legend()
        # Rows of like length, short enough for the narrowest networks.
        rows = -(-len(chips) // _CHIPS)
        per_row = -(-len(chips) // rows) if rows else 0
        for row in range(rows):
            cells = "".join(chips[row * per_row : (row + 1) * per_row])
            lines.append(
                f'<TR><TD><TABLE BORDER="0" CELLSPACING="2" CELLPADDING="2"><TR>{cells}</TR></TABLE></TD></TR>'
            )
        return f'<<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="1">{"".join(lines)}</TABLE>>'

    def _legend(self) -> list[str]:
        used = {cell.style for piece in self.plan.pieces() for cell in piece.cells}
        return [
            f'<TD BORDER="1" COLOR="{self.theme.border}" BGCOLOR="{self.theme.fills[style]}">'
            f'<FONT COLOR="{self.theme.ink}" POINT-SIZE="{_SMALL}">{style}</FONT></TD>'
            for style in get_args(Style)
            if style in used and style != "input"
        ]


# ---------------------------------------------------------------- text


def _node_name(piece: Piece) -> str:
    """The layer's own name where DOT takes it as it is; it is what a browser shows when the mouse rests on the node."""
    return piece.name if re.fullmatch(r"[\w.]+", piece.name, re.ASCII) else f"node {piece.id}"


def _escape(text: str) -> str:
    """Text for an HTML-like label. Graphviz replaces `\\N` and the like even there, so a backslash is written twice."""
    found = "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)
    for char, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("\\", "\\\\")):
        found = found.replace(char, written)
    return found


def _call(call: str) -> str:
    """A call with its named arguments in small print."""
    words: list[str] = []
    depth = 0
    for word in typeset(call).split(" "):
        if depth:
            words[-1] += f" {word}"
        else:
            words.append(word)
        depth += word.count("[") - word.count("]")
    shown = [word if len(word) <= _LONG else word[:_LONG] + "…" for word in words]
    return " ".join(_small(_escape(word)) if "=" in word else _escape(word) for word in shown)


def _label(edge: Edge) -> str | None:
    return f" {sizes(edge.sizes)} " if edge.sizes else None


def _small(text: str) -> str:
    return f'<FONT POINT-SIZE="{_SMALL}">{text}</FONT>'
